package stix

import "fmt"

// Marking is what a marking-definition says, in terms this program can compare.
// A nil pointer or empty value says nothing.
type Marking struct {
	ID        ID
	TLP       *int      // 0 CLEAR (WHITE in TLP 1), 1 GREEN, 2 AMBER, 3 AMBER+STRICT, 4 RED
	PAP       *int      // 0 CLEAR (WHITE), 1 GREEN, 2 AMBER, 3 RED
	Statement string    // free text, for people
	Handling  *Handling // our handling extension
	// Unknown is set when the definition holds a restriction we cannot read: an
	// extension or definition_type of someone else, or nothing readable at all.
	Unknown bool
}

// ParseMarking reads a marking-definition (§7.2.1). It fails if the definition
// contradicts its fixed id, or if a part we know is malformed or out of range:
// a restriction that cannot be read must never be taken for none.
func ParseMarking(o *Object) (Marking, error) {
	if o.typ != "marking-definition" {
		return Marking{}, fmt.Errorf("%s is not a marking-definition", o.ID())
	}
	m := Marking{ID: o.ID()}
	if err := m.definition(o.Root()); err != nil {
		return Marking{}, err
	}
	for key, ext := range o.Root().Get("extensions").Members() {
		if err := m.extension(key, ext); err != nil {
			return Marking{}, err
		}
	}
	if m.TLP == nil && m.PAP == nil && m.Handling == nil && m.Statement == "" {
		m.Unknown = true
	}
	if w, ok := wellKnownMarkings[m.ID]; ok {
		fixed := w.marking(m.ID)
		if m.Unknown || m.Handling != nil || !sameStep(m.TLP, fixed.TLP) || !sameStep(m.PAP, fixed.PAP) {
			return Marking{}, fmt.Errorf("this id belongs to %s, but the definition says something else", w.name)
		}
	}
	return m, nil
}

// definition reads the deprecated pair definition_type and definition.
func (m *Marking) definition(root Value) error {
	typ, def := root.Get("definition_type"), root.Get("definition")
	if typ.Exists() != def.Exists() {
		return fmt.Errorf("definition_type and definition must stand together")
	}
	switch typ.Str() {
	case "":
		m.Unknown = typ.Exists()
	case "tlp":
		return m.setTLP("definition.tlp", def.Get("tlp"), tlp1Colours)
	case "statement":
		s := def.Get("statement")
		if s.Kind() != String {
			return fmt.Errorf("definition.statement must be a string")
		}
		m.Statement = s.Str()
	default:
		m.Unknown = true
	}
	return nil
}

func (m *Marking) extension(key string, ext Value) error {
	switch key {
	case extTLP2:
		return m.setTLP("tlp_2_0", ext.Get("tlp_2_0"), tlp2Colours)
	case extPAP:
		pap, ok := papColours[ext.Get("pap").Str()]
		if !ok {
			return fmt.Errorf("pap must be clear, white, green, amber or red")
		}
		m.PAP = &pap
	case string(HandlingExtension):
		h, err := parseHandling(ext)
		if err != nil {
			return err
		}
		m.Handling = h
	default:
		m.Unknown = true
	}
	return nil
}

// setTLP takes a colour; a definition that names two takes the stricter.
func (m *Marking) setTLP(where string, v Value, colours map[string]int) error {
	tlp, ok := colours[v.Str()]
	if !ok {
		return fmt.Errorf("%s must be a colour of the Traffic Light Protocol in lower case", where)
	}
	if m.TLP == nil || *m.TLP < tlp {
		m.TLP = &tlp
	}
	return nil
}

func sameStep(a, b *int) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}
