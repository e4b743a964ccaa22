package release

import (
	"entente/internal/db"
	"entente/internal/store"
	"entente/label"
	"entente/policy"
)

// Welcome decides whether what a partner brought may leave quarantine: our own
// rules, with the partner that sent it as the one they are about. With no
// agreement named, any that the partner is party to will do; with no purpose
// named, any that the label and the agreement have in common.
func (e *Engine) Welcome(tx *db.Tx, partner, agreement, purpose string, l label.Label) (verdict policy.Verdict, err error) {
	party, known, err := e.Party(tx, partner)
	if err != nil || !known {
		return policy.Verdict{Forbids: []string{"partner-unknown"}}, err
	}
	party.ID = partner
	for _, a := range e.Policy().Agreements() {
		if agreement != "" && a.ID != agreement || !a.Party(partner) || !a.InForce(e.now()) {
			continue
		}
		verdict = e.Policy().Decide(policy.Request{Partner: party.Partner, Agreement: a.ID, Member: true, Label: l,
			Action: policy.LeaveQuarantine, Purpose: common(purpose, a.Purposes, l)})
		if verdict.Fault != "" {
			e.alarm("policy could not be evaluated for what " + partner + " brought: " + verdict.Fault)
			verdict.Allow = false
		}
		if verdict.Allow {
			return verdict, nil
		}
	}
	return verdict, nil
}

// common picks a purpose under which something is brought.
func common(stated string, agreed []string, l label.Label) string {
	if stated != "" {
		return stated
	}
	for _, p := range agreed {
		if l.Purposes.Has(p) {
			return p
		}
	}
	return "verification" // which the label does not allow, and the verdict will say so
}

// Travelling returns the facts about a class that go with its objects to
// another node: all but those that concern only this node or other partners.
func (e *Engine) Travelling(tx *db.Tx, c store.Class) (label.Label, error) {
	l, err := e.label(tx, c)
	if err != nil {
		return l, err
	}
	none := label.Limit{}
	l.Own, l.Origin, l.Marked = label.Unstated, "", label.Unstated
	l.Named, l.ConsentPartners, l.ConsentAgreements = none, none, none
	return l, nil
}
