package label

import "slices"

// Label is the facts of a release decision about one submission. The zero Label
// states nothing. Field order follows the table in docs and Canonical.
type Label struct {
	TLP   Ordered // 0 CLEAR 1 GREEN 2 AMBER 3 AMBER+STRICT 4 RED (FIRST TLP 2.0)
	PAP   Ordered // 0 CLEAR 1 GREEN 2 AMBER 3 RED: what a recipient may do
	Level Ordered // protective level 0..4

	Handling Set // H1 H2 H3 (Europol handling codes)
	Caveats  Set // see Caveats

	Scheme string  // grading scheme, original, never converted
	Source string  // reliability of the source in that scheme
	Info   Ordered // accuracy of the information in that scheme, 0..6

	Content    string  // see Contents
	Data       Ordered // 0 none, 1 personal, 2 special category
	Subjects   Set     // see Subjects; never empty in a final label with data
	AtRiskFrom Set     // countries from which a person is at risk, or Anywhere

	Designation Limit  // whose lists an assertion rests on; fewer is stricter
	Group       string // the listed group, or none
	Basis       string // legal basis of our holding, see Bases
	Purposes    Limit  // purposes it was collected for, see Purposes

	Own    Flag   // this node is the originator
	Origin string // node that brought it, or this node

	Named             Limit // recipients its originator named
	ConsentPartners   Limit // partners its originator consents to
	ConsentAgreements Limit // agreements its originator consents to

	Taint     Ordered // TaintNone, TaintPossible, TaintKnown
	Reviewed  Flag    // a person confirmed it
	State     Ordered // StateActive .. StateRecalled
	Published Flag    // lawfully made public by its source
	Marked    Flag    // the object's own bytes say at least as much
}

// Join puts together what two sources state about the same object. The result
// is at least as strict as each of them. Commutative, associative, idempotent;
// the zero Label is the identity.
func Join(a, b Label) Label {
	return Label{
		TLP:               max(a.TLP, b.TLP),
		PAP:               max(a.PAP, b.PAP),
		Level:             max(a.Level, b.Level),
		Handling:          a.Handling.union(b.Handling),
		Caveats:           a.Caveats.union(b.Caveats),
		Scheme:            joinWord(a.Scheme, b.Scheme, Mixed),
		Source:            joinWord(a.Source, b.Source, Mixed),
		Info:              max(a.Info, b.Info),
		Content:           joinWord(a.Content, b.Content, Mixed),
		Data:              max(a.Data, b.Data),
		Subjects:          a.Subjects.union(b.Subjects),
		AtRiskFrom:        a.AtRiskFrom.union(b.AtRiskFrom),
		Designation:       a.Designation.join(b.Designation),
		Group:             joinWord(a.Group, b.Group, Mixed),
		Basis:             joinWord(a.Basis, b.Basis, None),
		Purposes:          a.Purposes.join(b.Purposes),
		Own:               max(a.Own, b.Own),
		Origin:            joinWord(a.Origin, b.Origin, Mixed),
		Named:             a.Named.join(b.Named),
		ConsentPartners:   a.ConsentPartners.join(b.ConsentPartners),
		ConsentAgreements: a.ConsentAgreements.join(b.ConsentAgreements),
		Taint:             max(a.Taint, b.Taint),
		Reviewed:          max(a.Reviewed, b.Reviewed),
		State:             max(a.State, b.State),
		Published:         max(a.Published, b.Published),
		Marked:            max(a.Marked, b.Marked),
	}
}

// joinWord is the join of a fact that can only be equal or different: nothing,
// then the values side by side, then one value above all of them.
func joinWord(a, b, top string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return top
}

// Strictest values of the flat facts when nobody stated them.
func finalWord(s, top string) string {
	if s == "" {
		return top
	}
	return s
}

func finalOrdered(o Ordered, strictest int) Ordered {
	if o.Stated() {
		return o
	}
	return Of(strictest)
}

func finalFlag(f Flag) Flag {
	if f == Unstated {
		return No
	}
	return f
}

// Final returns the label with every unstated fact at its most restrictive
// value. H3 without caveats gets the caveat unmapped; personal data without
// subjects gets the subject unknown; a protected person at risk from no stated
// country is at risk anywhere. Final is idempotent.
func (l Label) Final() Label {
	l.TLP = finalOrdered(l.TLP, maxTLP)
	l.PAP = finalOrdered(l.PAP, maxPAP)
	l.Level = finalOrdered(l.Level, maxLevel)
	l.Scheme = finalWord(l.Scheme, Unknown)
	l.Source = finalWord(l.Source, Unknown)
	l.Info = finalOrdered(l.Info, maxInfo)
	l.Content = finalWord(l.Content, Unknown)
	l.Data = finalOrdered(l.Data, maxData)
	l.Designation = l.Designation.final()
	l.Group = finalWord(l.Group, Unknown)
	l.Basis = finalWord(l.Basis, None)
	l.Purposes = l.Purposes.final()
	l.Own = finalFlag(l.Own)
	l.Origin = finalWord(l.Origin, Unknown)
	l.Named = l.Named.final()
	l.ConsentPartners = l.ConsentPartners.final()
	l.ConsentAgreements = l.ConsentAgreements.final()
	l.Taint = finalOrdered(l.Taint, TaintKnown.Value())
	l.Reviewed = finalFlag(l.Reviewed)
	l.State = finalOrdered(l.State, StateRecalled.Value())
	l.Published = finalFlag(l.Published)
	l.Marked = finalFlag(l.Marked)
	if l.Handling.Has("H3") && len(l.Caveats) == 0 {
		l.Caveats = Set{Unmapped}
	}
	if l.Data.Value() > DataNone && len(l.Subjects) == 0 {
		l.Subjects = Set{Unknown}
	}
	if l.Subjects.Has("protected") && len(l.AtRiskFrom) == 0 {
		l.AtRiskFrom = Set{Anywhere}
	}
	return l
}

// Equal reports whether two labels state the same.
func (l Label) Equal(m Label) bool {
	return l.TLP == m.TLP && l.PAP == m.PAP && l.Level == m.Level &&
		slices.Equal(l.Handling, m.Handling) && slices.Equal(l.Caveats, m.Caveats) &&
		l.Scheme == m.Scheme && l.Source == m.Source && l.Info == m.Info &&
		l.Content == m.Content && l.Data == m.Data &&
		slices.Equal(l.Subjects, m.Subjects) && slices.Equal(l.AtRiskFrom, m.AtRiskFrom) &&
		l.Designation.equal(m.Designation) && l.Group == m.Group && l.Basis == m.Basis &&
		l.Purposes.equal(m.Purposes) && l.Own == m.Own && l.Origin == m.Origin &&
		l.Named.equal(m.Named) && l.ConsentPartners.equal(m.ConsentPartners) &&
		l.ConsentAgreements.equal(m.ConsentAgreements) && l.Taint == m.Taint &&
		l.Reviewed == m.Reviewed && l.State == m.State &&
		l.Published == m.Published && l.Marked == m.Marked
}

// AtLeast reports whether l is at least as strict as m in every fact: joining m
// would add nothing.
func (l Label) AtLeast(m Label) bool { return Join(l, m).Equal(l) }

// Unreadable is what a restriction states that this node cannot read: an
// unknown marking, a reference to a marking that is missing. Nobody is named,
// no purpose is allowed, nobody can honour its caveat.
func Unreadable() Label {
	return Label{
		TLP: Of(maxTLP), PAP: Of(maxPAP), Level: Of(maxLevel),
		Handling: handlingCodes, Caveats: Caveats,
		Purposes: Only(), Named: Only(), ConsentPartners: Only(), ConsentAgreements: Only(),
	}
}

// OneStatesWord reports whether the assertion about a person or group rests on
// a single state's list, or on nothing that two sources agree about. A label
// that says explicitly that it rests on no list ("none") does not.
func (l Label) OneStatesWord() bool {
	d := l.Designation.Words()
	switch len(d) {
	case 0:
		return true
	case 1:
		return len(d[0]) > len("national:") && d[0][:len("national:")] == "national:"
	}
	return false
}
