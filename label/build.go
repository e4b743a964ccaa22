package label

import (
	"time"

	"entente/stix"
)

// Input is what Build needs to know about one submission of one object.
type Input struct {
	Object *stix.Object
	// Own holds the markings that object_marking_refs and granular_markings refer
	// to, resolved. A marking on a part counts for the whole object: until parts
	// can be taken out, the strictest of them decides.
	Own []stix.Marking
	// Unresolved holds the references for which no marking was found.
	Unresolved []stix.ID
	// Container is what the container's own markings and envelope state; nil
	// when it came in none. Not final: see Stated.
	Container *Label
	// Profile is the intake profile of the source. Without one, every fact that
	// nobody states takes its most restrictive value.
	Profile *Profile
	// Origin is the node that brought it: a partner or this node.
	Origin string
	// IsOwn says that this node is the originator.
	IsOwn bool
	// Now decides who is a minor; the label has to be built again when a person
	// comes of age.
	Now time.Time
}

// Finding is something a person should know about how a label came about. It
// never holds the value that was found.
type Finding struct {
	Path string // property path, or the id of a marking
	Kind string // one of the kinds below
	Why  string // the error, where there was one
}

// Kinds of findings.
const (
	UnreadableMarking = "unreadable marking"
	MissingMarking    = "missing marking"
	FoundPerson       = "person"
	FoundAccount      = "account"
	FoundEmail        = "e-mail address"
	FoundPhone        = "telephone number"
	FoundBirth        = "date of birth"
	FoundDocument     = "identity document or number"
	FoundSpecial      = "special category"
	FoundMinor        = "minor"
	BadListing        = "unreadable listing"
)

// Build returns the final label of a submission and what was found on the way.
// It is a pure function and never fails: what cannot be read makes the label
// stricter. Findings are capped at 100.
func Build(in Input) (Label, []Finding) {
	own, found := Stated(in.Own, in.Unresolved)
	l := own
	if in.Container != nil {
		l = Join(l, *in.Container)
	}
	profile := in.Profile
	if profile == nil {
		profile = &noProfile
	}
	scan := tripwire{public: profile.publicFields}
	scan.run(in.Object)
	found = append(found, scan.found...)
	person, minor, bad := listingFacts(in.Object, in.Now)
	found = append(found, bad...)
	l = Join(withDefaults(Join(l, person), &profile.Default), profile.Always)
	if namesRecipients(in.Object) {
		l = Join(l, Label{TLP: Of(TLPRed), Named: Only()})
	}
	if scan.data > DataNone { // finding nothing does not state that there is nothing
		l.Data = max(l.Data, Of(scan.data))
	}
	l = l.withSubjects(profile.Default.Subjects, minor)
	l.Content = contentOf(in.Object, profile, &scan)
	l.Own, l.Origin = Bool(in.IsOwn), finalWord(in.Origin, Unknown)
	// Only a profile can say that something is public. STIX's own "revoked" is no
	// state of ours: the version that withdraws an object has to reach its holders.
	l.Published = profile.Always.Published
	l = l.Final()
	l.Marked = Bool(carries(own, l))
	if len(found) > maxFindings {
		found = found[:maxFindings]
	}
	return l, found
}

// namesRecipients reports whether o is a marking definition that lists
// recipients or consents. Such lists never travel, so for nobody is it released,
// nor what cites it, until a copy can be made without them.
func namesRecipients(o *stix.Object) bool {
	if o.Type() != "marking-definition" {
		return false
	}
	m, err := stix.ParseMarking(o)
	h := m.Handling
	return err != nil || h != nil && (h.Named != nil || h.ConsentPartners != nil || h.ConsentAgreements != nil)
}

// withSubjects says whose data it is where nobody did, and who is a minor.
func (l Label) withSubjects(otherwise Set, minor bool) Label {
	if len(l.Subjects) > 0 {
		l.Data = max(l.Data, Of(DataPersonal))
	} else if l.Data.Value() > DataNone {
		if l.Subjects = otherwise; len(otherwise) == 0 {
			l.Subjects = Set{Unknown}
		}
	}
	if minor {
		l.Data = max(l.Data, Of(DataPersonal))
		l.Subjects = l.Subjects.union(Set{"minor"})
	}
	return l
}

const maxFindings = 100

var noProfile Profile

// withDefaults fills the facts that l does not state. Default subjects wait
// until there is personal data to which they could apply.
func withDefaults(l Label, d *Label) Label {
	pickOrdered := func(o *Ordered, d Ordered) {
		if !o.Stated() {
			*o = d
		}
	}
	pickWord := func(s *string, d string) {
		if *s == "" {
			*s = d
		}
	}
	pickSet := func(s *Set, d Set) {
		if len(*s) == 0 {
			*s = d
		}
	}
	pickLimit := func(p *Limit, d Limit) {
		if !p.stated {
			*p = d
		}
	}
	pickOrdered(&l.TLP, d.TLP)
	pickOrdered(&l.PAP, d.PAP)
	pickOrdered(&l.Level, d.Level)
	pickSet(&l.Handling, d.Handling)
	pickSet(&l.Caveats, d.Caveats)
	if l.Scheme == "" {
		l.Scheme, l.Source, l.Info = d.Scheme, d.Source, d.Info
		if d.Scheme == Ungraded {
			l.Source, l.Info = None, Of(0)
		}
	}
	pickOrdered(&l.Data, d.Data)
	pickSet(&l.AtRiskFrom, d.AtRiskFrom)
	pickLimit(&l.Designation, d.Designation)
	pickWord(&l.Group, d.Group)
	pickWord(&l.Basis, d.Basis)
	pickLimit(&l.Purposes, d.Purposes)
	pickLimit(&l.Named, d.Named)
	pickLimit(&l.ConsentPartners, d.ConsentPartners)
	pickLimit(&l.ConsentAgreements, d.ConsentAgreements)
	pickOrdered(&l.Taint, d.Taint)
	if l.Reviewed == Unstated {
		l.Reviewed = d.Reviewed
	}
	pickOrdered(&l.State, d.State)
	return l
}

// contentOf decides by the profile's table, except that a person is a person
// whatever the table says about identities.
func contentOf(o *stix.Object, p *Profile, scan *tripwire) string {
	if scan.individual {
		return "person"
	}
	return finalWord(p.ContentOf(o.Type()), Unknown)
}

// carries reports whether the object's own markings say at least what the label
// says about handling: the part that a reader of the bare bytes must know.
func carries(own, l Label) bool {
	return l.TLP.Value() <= max(own.TLP.Value(), 0) &&
		l.PAP.Value() <= max(own.PAP.Value(), 0) &&
		l.Level.Value() <= max(own.Level.Value(), 0) &&
		own.Handling.HasAll(l.Handling) && own.Caveats.HasAll(l.Caveats)
}
