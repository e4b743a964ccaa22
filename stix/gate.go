package stix

import "fmt"

// Parse is the gate: it takes the bytes of exactly one STIX object or refuses
// them with a *[GateError]. It refuses what is not JSON, whatever JSON readers
// are known to read differently, and an object whose identity, version, markings
// or extensions could be misread. It does not apply the rest of the standard;
// that is [Validate]'s part.
//
// The object keeps raw; do not modify it afterwards.
func Parse(raw []byte) (*Object, error) {
	nodes, gerr := scan(raw)
	if gerr != nil {
		return nil, gerr
	}
	o := &Object{doc: doc{raw: raw, text: string(raw), nodes: nodes}}
	o.index()
	g := gate{o: o}
	g.identity()
	g.common()
	g.references()
	if g.err == nil && o.typ == "marking-definition" {
		if _, err := ParseMarking(o); err != nil {
			g.refuse(o.Root(), "", RuleMarking, err.Error())
		}
	}
	if g.err != nil {
		return nil, g.err
	}
	return o, nil
}

// gate collects the first refusal of an object whose JSON is sound.
type gate struct {
	o         *Object
	err       *GateError
	selectors int // of all granular markings so far
}

func (g *gate) refuse(at Value, path, rule, message string) {
	if g.err != nil {
		return
	}
	g.err = &GateError{Path: path, Rule: rule, Message: message}
	if at.Exists() {
		g.err.Offset = int(at.node().off)
	}
}

// want refuses a value that is there but of another kind.
func (g *gate) want(v Value, path string, kind Kind, rule string) bool {
	if v.Exists() && v.Kind() != kind {
		g.refuse(v, path, rule, fmt.Sprintf("must be %s, is %s", kind, v.Kind()))
		return false
	}
	return v.Exists()
}

// identity checks type and id, without which nothing can be said of the object.
func (g *gate) identity() {
	root := g.o.Root()
	for _, name := range [...]string{"type", "id"} {
		v := root.Get(name)
		if !v.Exists() {
			g.refuse(v, name, RuleType, "is required")
		}
		g.want(v, name, String, RuleType)
	}
	if g.err != nil {
		return
	}
	switch id := ID(g.o.id); {
	case g.o.typ == "bundle":
		g.refuse(root.Get("type"), "type", RuleType, "a bundle is a container, not an object; send its objects")
	case !validType(g.o.typ):
		g.refuse(root.Get("type"), "type", RuleType,
			quoteShort(g.o.typ)+" is not a type name: a-z, 0-9 and single hyphens, beginning with a letter, 3 to 250 long")
	case !id.Valid():
		g.refuse(root.Get("id"), "id", RuleIdentifier,
			quoteShort(string(id))+" is not of the form type--UUID with a lower-case RFC 4122 UUID")
	case id.Type() != g.o.typ:
		g.refuse(root.Get("id"), "id", RuleIdentifier, "its type part differs from the property type, "+quoteShort(g.o.typ))
	}
}

// common checks the kinds of the properties that decide about version, origin
// and release.
func (g *gate) common() {
	for name, v := range g.o.Root().Members() {
		switch name {
		case "spec_version", "lang":
			g.want(v, name, String, RuleType)
		case "definition_type":
			if g.o.typ == "marking-definition" {
				g.want(v, name, String, RuleMarking)
			}
		case "definition":
			if g.o.typ == "marking-definition" {
				g.want(v, name, Dictionary, RuleMarking)
			}
		case "created", "modified":
			if g.want(v, name, String, RuleType) {
				if _, err := ParseTime(v.Str()); err != nil {
					g.refuse(v, name, RuleTimestamp, err.Error())
				}
			}
		case "revoked":
			g.want(v, name, Bool, RuleType)
		case "created_by_ref":
			if g.want(v, name, String, RuleType) && !ID(v.Str()).Valid() {
				g.refuse(v, name, RuleIdentifier, quoteShort(v.Str())+" is not an identifier")
			}
		case "object_marking_refs":
			g.want(v, name, Array, RuleMarking)
			i := 0
			for item := range v.Items() {
				g.marking(item, fmt.Sprintf("%s[%d]", name, i))
				i++
			}
		case "granular_markings":
			g.want(v, name, Array, RuleMarking)
			i := 0
			for item := range v.Items() {
				g.granular(item, fmt.Sprintf("%s[%d]", name, i))
				i++
			}
		case "extensions":
			g.want(v, name, Dictionary, RuleType)
			for key, ext := range v.Members() {
				g.want(ext, name+"."+shorten(key), Dictionary, RuleType)
			}
		}
	}
}

func (g *gate) marking(v Value, path string) {
	if v.Kind() != String || ID(v.Str()).Type() != "marking-definition" {
		g.refuse(v, path, RuleMarking, "must be the id of a marking-definition")
	}
}

// granular checks one entry of granular_markings (§7.2.3): selectors, and either
// a marking or a language.
func (g *gate) granular(v Value, path string) {
	if v.Kind() != Dictionary {
		g.refuse(v, path, RuleMarking, "must be an object")
		return
	}
	ref, lang, selectors := v.Get("marking_ref"), v.Get("lang"), v.Get("selectors")
	if ref.Exists() == lang.Exists() {
		g.refuse(v, path, RuleMarking, "must have either marking_ref or lang, and not both")
	}
	if ref.Exists() {
		g.marking(ref, path+".marking_ref")
	}
	g.want(lang, path+".lang", String, RuleMarking)
	if selectors.Kind() != Array || selectors.empty() {
		g.refuse(v, path+".selectors", RuleMarking, "must be a list of at least one selector")
	}
	if g.selectors += selectors.Len(); g.selectors > MaxSelectors {
		g.refuse(v, path+".selectors", RuleMarking, fmt.Sprintf("an object may have at most %d selectors", MaxSelectors))
	}
	i := 0
	for item := range selectors.Items() {
		if !validSelector(item.Str()) {
			g.refuse(item, fmt.Sprintf("%s.selectors[%d]", path, i), RuleMarking, quoteShort(item.Str())+" is not a selector")
		}
		i++
	}
}

// references refuses, wherever it stands, a text in a property named _ref or
// _refs that only some readers would take for an identifier (an upper-case one,
// say): release decides by references and must see every one of them. It marks
// the true ones for those who come after.
func (g *gate) references() {
	d := &g.o.doc
	for k := range d.nodes {
		if d.nodes[k].flags&flagRef == 0 {
			continue
		}
		for at, end := uint32(k+1), d.nodes[k+1].link; at < end; at++ {
			if d.nodes[at].kind != String {
				continue
			}
			s := d.str(at)
			if ID(s).Valid() {
				d.nodes[at].flags |= flagID
			} else if looksLikeID(s) {
				g.refuse(Value{d, at}, d.str(uint32(k)), RuleIdentifier, quoteShort(s)+" is almost, but not, an identifier")
			}
		}
	}
}
