package label

import (
	"entente/stix"
)

// FromMarking returns what one marking states. A marking with an unknown part
// states everything it says and [Unreadable] besides. A statement marking is
// text for people and states no fact. The error names a value outside its
// vocabulary; the label is then Unreadable, so that ignoring the error is safe.
func FromMarking(m stix.Marking) (Label, error) {
	var l Label
	if m.TLP != nil || m.PAP != nil || m.Handling != nil {
		f := Facts{TLP: m.TLP, PAP: m.PAP}
		if m.Handling != nil {
			f.handling(m.Handling)
		}
		var err error
		if l, err = f.Label(); err != nil {
			return Unreadable(), err
		}
	}
	if m.Unknown {
		l = Join(l, Unreadable())
	}
	return l, nil
}

// handling copies our extension. Its lists are never empty when stated, so a
// nil list states nothing.
func (f *Facts) handling(h *stix.Handling) {
	f.Handling, f.Caveats, f.Level = h.Codes, h.Caveats, h.Level
	if g := h.Grade; g != nil {
		f.Scheme, f.Source, f.Info = g.Scheme, g.Source, &g.Info
	}
	f.Basis, f.Group, f.Taint, f.State, f.Reviewed = h.LegalBasis, h.Group, h.Taint, h.State, h.Reviewed
	f.Subjects, f.AtRiskFrom = h.Subjects, h.AtRiskFrom
	f.Purposes, f.Designation = permission(h.Purposes), permission(h.Designation)
	f.Named, f.ConsentP, f.ConsentA = permission(h.Named), permission(h.ConsentPartners), permission(h.ConsentAgreements)
}

func permission(words []string) *[]string {
	if words == nil {
		return nil
	}
	return &words
}

// Stated joins what the markings of one object or container state; what cannot
// be read, and every reference in unresolved, gives Unreadable and a finding.
// The result is not final: it is what a container passes on to its parts.
func Stated(markings []stix.Marking, unresolved []stix.ID) (Label, []Finding) {
	var l Label
	var found []Finding
	for _, m := range markings {
		one, err := FromMarking(m)
		l = Join(l, one)
		switch {
		case err != nil:
			found = append(found, Finding{Path: string(m.ID), Kind: UnreadableMarking, Why: err.Error()})
		case m.Unknown:
			found = append(found, Finding{Path: string(m.ID), Kind: UnreadableMarking})
		}
	}
	for _, id := range unresolved {
		l = Join(l, Unreadable())
		found = append(found, Finding{Path: string(id), Kind: MissingMarking})
	}
	return l, found
}
