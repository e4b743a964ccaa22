package policy

import (
	"slices"
	"strings"

	"entente/label"
)

// oracle is the guards once more, in plain Go and written from the release model,
// not from guards.cedar: two descriptions that can disagree.
func oracle(a Agreement, r Request) []string {
	l, p := r.Label, r.Partner
	var out []string
	forbid := func(id string, when bool) {
		if when {
			out = append(out, id)
		}
	}
	n := func(o label.Ordered) int { return o.Value() }
	personal := n(l.Data) > 0
	leaves := r.Action != LeaveQuarantine
	basis, urgency := r.Basis, r.Urgency
	if basis == "" {
		basis = a.TransferBasis
	}
	role := func(w string) bool { return slices.Contains(r.Roles, w) }
	honour := func(w string) bool { return slices.Contains(p.Honours, w) }
	risk := func(w string) bool { return slices.Contains(p.Risks, w) }
	promised := func(w string) bool { return slices.Contains(p.Assurances, w) }
	subject := func(w string) bool { return slices.Contains(l.Subjects, w) }
	from := l.Origin == p.ID
	consent := slices.Contains(l.ConsentPartners.Words(), p.ID) || slices.Contains(l.ConsentAgreements.Words(), a.ID)
	private := slices.Contains([]string{"platform", "bank", "ngo", "research"}, p.Kind)
	words := []string{l.Content, l.Scheme, l.Source, l.Group, l.Origin}

	forbid("suspended", p.Suspended)
	forbid("partner-unknown", p.Kind == "unknown" || p.Regime == "unknown")
	forbid("not-active", l.State >= label.StateExpired)
	forbid("under-review", (l.State == label.StateReviewDue || l.State == label.StateDisputed) && !(p.Kind == "oversight" && r.Purpose == "oversight"))
	forbid("unstated", slices.Contains(words, "unknown"))
	forbid("mixed", slices.Contains(words, "mixed"))
	forbid("unmapped", slices.Contains(l.Caveats, "unmapped"))
	forbid("tlp-red", leaves && n(l.TLP) == 4 && !slices.Contains(l.Named.Words(), p.ID))
	forbid("third-party", leaves && l.Own != label.Yes && (n(l.TLP) > 0 || personal) && !from && !consent && !(l.Published == label.Yes && n(l.TLP) == 0))
	forbid("h2", leaves && slices.Contains(l.Handling, "H2") && l.Own != label.Yes && !from && !consent)
	forbid("h2-onward", leaves && slices.Contains(l.Handling, "H2") && !honour("no-onward"))
	forbid("h1", leaves && slices.Contains(l.Handling, "H1") && !honour("no-court"))
	forbid("caveats", leaves && slices.ContainsFunc(l.Caveats, func(c string) bool { return !honour(c) }))
	forbid("pap-amber", leaves && n(l.PAP) > 1 && !honour("pap-amber") && !honour("pap-red"))
	forbid("pap-red", leaves && n(l.PAP) == 3 && !honour("pap-red"))
	forbid("level", leaves && n(l.Level) > p.Level)
	forbid("plain-carriage", leaves && a.Carriage == Plain && l.Marked != label.Yes)
	forbid("purpose-list", r.Purpose == "")
	forbid("purpose-limitation", !slices.Contains(l.Purposes.Words(), r.Purpose))
	forbid("purpose-agreed", !slices.Contains(a.Purposes, r.Purpose))
	forbid("group-covered", !groupAgreed(a, l))
	forbid("scheme-accepted", !slices.Contains(a.Schemes, l.Scheme))
	forbid("no-basis", personal && l.Basis == "none")
	forbid("no-transfer-instrument", leaves && personal && p.Regime == "none" && !(basis == "art38a" && urgency == "threat-to-life" && r.Approvals > 1))
	forbid("special-category", leaves && n(l.Data) == 2 && !(r.Necessity && r.Approvals > 1 && role("dpo")))
	forbid("victims-witnesses", leaves && (subject("victim") || subject("witness")) && !(r.Approvals > 0 && role("release-officer")))
	kindly := r.Purpose == "prevention-of-attack" || r.Purpose == "victim-support" || r.Purpose == "prevention-programme"
	forbid("minors", leaves && subject("minor") && !(r.Approvals > 1 && role("dpo") && role("release-officer") && kindly))
	forbid("minors-hit", r.Action == AnswerHit && subject("minor"))
	forbid("hit-subjects", r.Action == AnswerHit && slices.ContainsFunc(l.Subjects, func(s string) bool { return s != "listed" && s != "suspect" && s != "convicted" }))
	anywhere := slices.Contains(l.AtRiskFrom, "*")
	forbid("protected", leaves && (anywhere || slices.Contains(l.AtRiskFrom, p.Country)))
	forbid("protected-onward", leaves && slices.ContainsFunc(p.Risks, func(w string) bool {
		cc, named := strings.CutPrefix(w, "onward-disclosure:")
		return w == "onward-disclosure" && len(l.AtRiskFrom) > 0 || named && (anywhere || slices.Contains(l.AtRiskFrom, cc))
	}))
	forbid("onward-disclosure", leaves && personal && risk("onward-disclosure") && !promised("no-onward"))
	d := l.Designation.Words()
	alone := len(d) == 0 || len(d) == 1 && strings.HasPrefix(d[0], "national:")
	forbid("one-states-word", alone && !(r.Approvals > 1 && role("neutrality")))
	supported := slices.ContainsFunc(d, func(w string) bool { return w == "un" || w == "regional" || w == "court" })
	forbid("political-designation", !leaves && risk("political-designation") && !supported)
	forbid("taint-known", l.Taint == label.TaintKnown)
	forbid("taint-possible", l.Taint == label.TaintPossible && r.Purpose != "verification")
	forbid("death-penalty", leaves && personal && risk("death-penalty") && !promised("no-death-penalty"))
	forbid("torture", leaves && personal && risk("torture"))
	ordered := (basis == "removal-order" || basis == "legal-duty") && slices.Contains(l.Named.Words(), p.ID) && n(l.Data) < 2 && r.Approvals > 0
	forbid("private-parties", leaves && personal && private && !ordered)
	forbid("unreviewed", leaves && l.Reviewed != label.Yes)
	forbid("suspected-false", leaves && n(l.Info) >= 5 && r.Purpose != "verification")
	forbid("recall-overdue", leaves && personal && p.RecallOverdue)
	return out
}

func groupAgreed(a Agreement, l label.Label) bool {
	switch l.Group {
	case "mixed", "unknown":
		return false
	case "none":
		return l.Data.Value() == 0 || slices.Contains(a.CoveredGroups, "none")
	}
	return slices.Contains(a.CoveredGroups, l.Group) || slices.Contains(a.CoveredGroups, "*")
}
