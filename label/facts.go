package label

import (
	"strconv"
	"strings"
)

// Facts is a label as people write it: in an intake profile, in a policy test,
// in JSON. An absent member states nothing; an empty list of a permission
// (purposes, named, consents, designation) allows nothing.
type Facts struct {
	TLP         *int      `json:"tlp,omitempty" toml:"tlp"`
	PAP         *int      `json:"pap,omitempty" toml:"pap"`
	Level       *int      `json:"level,omitempty" toml:"level"`
	Handling    []string  `json:"handling,omitempty" toml:"handling"`
	Caveats     []string  `json:"caveats,omitempty" toml:"caveats"`
	Scheme      string    `json:"scheme,omitempty" toml:"scheme"`
	Source      string    `json:"source,omitempty" toml:"source"`
	Info        *int      `json:"info,omitempty" toml:"info"`
	Content     string    `json:"content,omitempty" toml:"content"`
	Data        *int      `json:"data,omitempty" toml:"data"`
	Subjects    []string  `json:"subjects,omitempty" toml:"subjects"`
	AtRiskFrom  []string  `json:"atRiskFrom,omitempty" toml:"at_risk_from"`
	Designation *[]string `json:"designation,omitempty" toml:"designation"`
	Group       string    `json:"group,omitempty" toml:"group"`
	Basis       string    `json:"basis,omitempty" toml:"basis"`
	Purposes    *[]string `json:"purposes,omitempty" toml:"purposes"`
	Own         *bool     `json:"own,omitempty" toml:"own"`
	Origin      string    `json:"origin,omitempty" toml:"origin"`
	Named       *[]string `json:"named,omitempty" toml:"named"`
	ConsentP    *[]string `json:"consentP,omitempty" toml:"consent_partners"`
	ConsentA    *[]string `json:"consentA,omitempty" toml:"consent_agreements"`
	Taint       string    `json:"taint,omitempty" toml:"taint"`
	Reviewed    *bool     `json:"reviewed,omitempty" toml:"reviewed"`
	State       string    `json:"state,omitempty" toml:"state"`
	Published   *bool     `json:"published,omitempty" toml:"published"`
	Marked      *bool     `json:"marked,omitempty" toml:"marked"`
}

// Label checks every value and returns the label they state. Handling H0
// becomes its purpose limit; H3 without caveats gets the caveat unmapped. The
// values mixed and unknown are results, not statements, and are refused.
func (f Facts) Label() (Label, error) { return f.label(false) }

// label also reads results of joins and of Final when computed is set.
func (f Facts) label(computed bool) (Label, error) {
	l := Label{
		Scheme: f.Scheme, Source: f.Source, Content: f.Content, Group: f.Group, Basis: f.Basis, Origin: f.Origin,
		Own: flagOf(f.Own), Reviewed: flagOf(f.Reviewed), Published: flagOf(f.Published), Marked: flagOf(f.Marked),
		Caveats: SetOf(f.Caveats...), Subjects: SetOf(f.Subjects...), AtRiskFrom: SetOf(f.AtRiskFrom...),
		Designation: limitOf(f.Designation), Purposes: limitOf(f.Purposes), Named: limitOf(f.Named),
		ConsentPartners: limitOf(f.ConsentP), ConsentAgreements: limitOf(f.ConsentA),
	}
	var c checks
	l.TLP = c.ordered("tlp", f.TLP, maxTLP)
	l.PAP = c.ordered("pap", f.PAP, maxPAP)
	l.Level = c.ordered("level", f.Level, maxLevel)
	l.Info = c.ordered("info", f.Info, maxInfo)
	l.Data = c.ordered("data", f.Data, maxData)
	l.Taint = c.named("taint", taintNames, f.Taint)
	l.State = c.named("state", stateNames, f.State)
	c.handling(&l, f.Handling, computed)
	c.words("caveats", l.Caveats, Caveats.Has)
	c.words("subjects", l.Subjects, Subjects.Has)
	c.words("atRiskFrom", l.AtRiskFrom, countryOrAny)
	c.words("designation", l.Designation.words, ValidDesignation)
	c.words("purposes", l.Purposes.words, Purposes.Has)
	c.words("named", l.Named.words, ValidName)
	c.words("consentP", l.ConsentPartners.words, ValidName)
	c.words("consentA", l.ConsentAgreements.words, ValidName)
	c.word("content", l.Content, Contents.Has, computed)
	c.word("group", l.Group, ValidName, computed)
	c.word("basis", l.Basis, Bases.Has, computed)
	c.word("origin", l.Origin, ValidName, computed)
	c.grade(l, computed)
	c.designation(l, computed)
	if c.err != nil {
		return Label{}, c.err
	}
	return l, nil
}

// checks keeps the first error, so that each check is a line.
type checks struct{ err error }

func (c *checks) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *checks) ordered(field string, v *int, most int) Ordered {
	if v == nil {
		return 0
	}
	if *v < 0 || *v > most {
		c.fail(&ValueError{field, strconv.Itoa(*v), "use 0 to " + strconv.Itoa(most)})
		return 0
	}
	return Of(*v)
}

func (c *checks) named(field string, names []string, word string) Ordered {
	if word == "" {
		return 0
	}
	o, err := orderedOf(field, names, word)
	if err != nil {
		c.fail(err)
	}
	return o
}

func (c *checks) handling(l *Label, codes []string, computed bool) {
	for _, code := range codes {
		switch {
		case code == "H0" && !computed:
			l.Purposes = l.Purposes.join(Only(CrimePurposes...))
		case handlingCodes.Has(code):
			l.Handling = l.Handling.union(Set{code})
		default:
			c.fail(&ValueError{"handling", code, "use H0, H1, H2, H3"})
		}
	}
	if !computed && l.Handling.Has("H3") && len(l.Caveats) == 0 {
		l.Caveats = Set{Unmapped}
	}
}

func (c *checks) words(field string, words Set, ok func(string) bool) {
	if err := checkWords(field, words, ok); err != nil {
		c.fail(err)
	}
}

func (c *checks) word(field, v string, ok func(string) bool, computed bool) {
	if v == "" {
		return
	}
	if v == Mixed || v == Unknown {
		if !computed {
			c.fail(&ValueError{field, v, "it is what differing or missing statements give; state the value or leave it out"})
		}
		return
	}
	if !ok(v) {
		c.fail(&ValueError{Field: field, Value: v})
	}
}

func (c *checks) grade(l Label, computed bool) {
	if computed { // a join or Final may pair what no statement would
		c.word("scheme", l.Scheme, schemeKnown, true)
		c.word("source", l.Source, sourceKnown, true)
		return
	}
	if l.Scheme == "" {
		if l.Source != "" || l.Info.Stated() {
			c.fail(&ValueError{"scheme", "", "a source or info grade needs the scheme it is in"})
		}
		return
	}
	if err := CheckGrade(l.Scheme, l.Source, max(l.Info.Value(), 0)); err != nil {
		c.fail(err)
	}
}

func (c *checks) designation(l Label, computed bool) {
	if d := l.Designation.words; !computed && len(d) > 1 && d.Has(None) {
		c.fail(&ValueError{"designation", None, "none stands alone"})
	}
}

func flagOf(b *bool) Flag {
	if b == nil {
		return Unstated
	}
	return Bool(*b)
}

func limitOf(w *[]string) Limit {
	if w == nil {
		return Limit{}
	}
	return Only(*w...)
}

// CheckFinal tells whether l is a final label with every fact in its range and
// vocabulary, however it was made. Policy refuses any other: a guard that looks
// for a word would not find a misspelt one.
func (l *Label) CheckFinal() error {
	var c checks
	for _, o := range [...]struct {
		name string
		v    Ordered
		most int
	}{
		{"tlp", l.TLP, maxTLP}, {"pap", l.PAP, maxPAP}, {"level", l.Level, maxLevel}, {"info", l.Info, maxInfo},
		{"data", l.Data, maxData}, {"taint", l.Taint, len(taintNames) - 1}, {"state", l.State, len(stateNames) - 1},
	} {
		if !o.v.Stated() || o.v.Value() > o.most {
			return &ValueError{o.name, strconv.Itoa(o.v.Value()), "a final label has 0 to " + strconv.Itoa(o.most)}
		}
	}
	for _, f := range [...]Flag{l.Own, l.Reviewed, l.Published, l.Marked} {
		if f != Yes && f != No {
			return &ValueError{"own, reviewed, published, marked", strconv.Itoa(int(f)), "a final label says yes or no"}
		}
	}
	for _, p := range [...]Limit{l.Designation, l.Purposes, l.Named, l.ConsentPartners, l.ConsentAgreements} {
		if !p.stated {
			return &ValueError{"designation, purposes, named, consents", "", "a final label states them"}
		}
	}
	if l.Data.Value() > DataNone && len(l.Subjects) == 0 {
		return &ValueError{"subjects", "", "never empty with personal data"}
	}
	for _, s := range [...]Set{l.Handling, l.Caveats, l.Subjects, l.AtRiskFrom, l.Designation.words, l.Purposes.words,
		l.Named.words, l.ConsentPartners.words, l.ConsentAgreements.words} {
		if !s.sorted() {
			return &ValueError{"sets", "", "they are sorted and without duplicates"}
		}
	}
	c.words("handling", l.Handling, handlingCodes.Has)
	c.words("caveats", l.Caveats, Caveats.Has)
	c.words("subjects", l.Subjects, Subjects.Has)
	c.words("atRiskFrom", l.AtRiskFrom, countryOrAny)
	c.words("designation", l.Designation.words, ValidDesignation)
	c.words("purposes", l.Purposes.words, Purposes.Has)
	c.finalWord("content", l.Content, Contents.Has)
	c.finalWord("scheme", l.Scheme, schemeKnown)
	c.finalWord("source", l.Source, sourceKnown)
	c.finalWord("group", l.Group, ValidName)
	c.finalWord("origin", l.Origin, ValidName)
	if !Bases.Has(l.Basis) {
		c.fail(&ValueError{Field: "basis", Value: l.Basis})
	}
	return c.err
}

func (c *checks) finalWord(field, v string, ok func(string) bool) {
	if v == "" || v != Mixed && v != Unknown && !ok(v) {
		c.fail(&ValueError{Field: field, Value: v})
	}
}

func countryOrAny(s string) bool { return s == Anywhere || ValidCountry(s) }

// sourceKnown accepts none and the letters and digits of all schemes.
func sourceKnown(s string) bool {
	return s == None || len(s) == 1 && strings.Contains("ABCDEFX123", s)
}

func schemeKnown(s string) bool {
	_, ok := schemes[s]
	return ok || s == Ungraded
}
