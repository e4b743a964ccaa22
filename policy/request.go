package policy

import (
	"fmt"
	"slices"
	"strings"

	"entente/label"
)

// Action is what is asked for.
type Action string

// The actions. A hit is a transfer: AnswerHit is subject to every guard that a
// release is. LeaveQuarantine concerns what a partner sent; the partner of the
// request is then the sender.
const (
	Release          Action = "Release"
	ReleaseSanitised Action = "ReleaseSanitised"
	AnswerHit        Action = "AnswerHit"
	LeaveQuarantine  Action = "LeaveQuarantine"
)

var actions = []Action{Release, ReleaseSanitised, AnswerHit, LeaveQuarantine}

// Partner is the facts about a partner. A missing Kind or Regime must be given
// as "unknown", which denies.
type Partner struct {
	ID         string   // node name
	Country    string   // ISO 3166-1 alpha-2
	Kind       string   // police intelligence judicial fiu intl hub platform bank ngo research oversight unknown
	Regime     string   // led gdpr national-security adequate safeguards none unknown
	Level      int      // accredited protective level 0..4
	Honours    []string // caveats it is bound and able to honour; pap-amber, pap-red
	Assurances []string // no-death-penalty no-torture no-onward delete-on-request
	Risks      []string // death-penalty torture onward-disclosure[:XX] political-designation

	Suspended     bool
	RecallOverdue bool // it has not answered a recall in time
}

// Request is one question: may objects of this class go to this partner?
type Request struct {
	Partner   Partner
	Agreement string
	// Member says that the agreement is in force and the partner a party today;
	// the fact builder states it, policy has no clock.
	Member bool
	Label  label.Label // final
	Action Action
	// Purpose is one of label.Purposes; "" means none stated and denies.
	Purpose string
	// Basis is the transfer basis; "" takes the agreement's.
	Basis string
	// Urgency is routine (also ""), priority or threat-to-life.
	Urgency string
	// Approvals counts distinct approvers other than the author; Roles are theirs:
	// release-officer dpo head neutrality.
	Approvals int
	Roles     []string
	// Necessity says that strict necessity was stated and recorded.
	Necessity bool
}

// Closed vocabularies of partner and context.
var (
	kinds = label.SetOf("police", "intelligence", "judicial", "fiu", "intl", "hub", "platform", "bank", "ngo",
		"research", "oversight", label.Unknown)
	regimes    = label.SetOf("led", "gdpr", "national-security", "adequate", "safeguards", "none", label.Unknown)
	honours    = label.SetOf(append(without(label.Caveats, label.Unmapped), "pap-amber", "pap-red")...)
	assurances = label.SetOf("no-death-penalty", "no-torture", "no-onward", "delete-on-request")
	risks      = label.SetOf("death-penalty", "torture", onwardRisk, "political-designation")

	transferBases = label.SetOf("none", "domestic", "art36", "art37", "art38a", "art38c", "art38d", "art39", "removal-order", "legal-duty")
	urgencies     = label.SetOf("routine", "priority", "threat-to-life")
	roles         = label.SetOf("release-officer", "dpo", "head", "neutrality")
)

const (
	onwardRisk   = "onward-disclosure"
	maxApprovals = 100
)

func without(s label.Set, word string) (out []string) {
	for _, w := range s {
		if w != word {
			out = append(out, w)
		}
	}
	return out
}

func validRisk(s string) bool {
	if cc, ok := strings.CutPrefix(s, onwardRisk+":"); ok {
		return label.ValidCountry(cc)
	}
	return risks.Has(s)
}

// check refuses a request whose values, the label's apart, are outside their ranges or vocabularies:
// a guard that looks for a word would not find a misspelt one.
func (r *Request) check() error {
	p := &r.Partner
	switch {
	case !label.ValidName(p.ID):
		return fmt.Errorf("partner id %q", p.ID)
	case !label.ValidCountry(p.Country):
		return fmt.Errorf("partner %s: country %q is not two capital letters", p.ID, p.Country)
	case !kinds.Has(p.Kind):
		return fmt.Errorf("partner %s: kind %q is not in the closed list", p.ID, p.Kind)
	case !regimes.Has(p.Regime):
		return fmt.Errorf("partner %s: regime %q is not in the closed list", p.ID, p.Regime)
	case p.Level < 0 || p.Level > 4:
		return fmt.Errorf("partner %s: level %d is not 0 to 4", p.ID, p.Level)
	case r.Purpose != "" && !label.Purposes.Has(r.Purpose):
		return fmt.Errorf("purpose %q is not in the closed list", r.Purpose)
	case r.Basis != "" && !transferBases.Has(r.Basis):
		return fmt.Errorf("basis %q is not in the closed list", r.Basis)
	case r.Urgency != "" && !urgencies.Has(r.Urgency):
		return fmt.Errorf("urgency %q is not in the closed list", r.Urgency)
	case r.Approvals < 0 || r.Approvals > maxApprovals || len(r.Roles) > 0 && r.Approvals == 0:
		return fmt.Errorf("%d approvals with %d roles", r.Approvals, len(r.Roles))
	}
	if !slices.Contains(actions, r.Action) {
		return fmt.Errorf("action %q is none of the four", r.Action)
	}
	for _, v := range [...]struct {
		name  string
		words []string
		ok    func(string) bool
	}{
		{"honours", p.Honours, honours.Has}, {"assurances", p.Assurances, assurances.Has},
		{"risks", p.Risks, validRisk}, {"roles", r.Roles, roles.Has},
	} {
		for _, w := range v.words {
			if !v.ok(w) {
				return fmt.Errorf("partner %s: %s: %q is not in the closed list", p.ID, v.name, w)
			}
		}
	}
	return nil
}
