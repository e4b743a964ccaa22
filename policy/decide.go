package policy

import (
	"fmt"
	"slices"

	"github.com/cedar-policy/cedar-go"

	"entente/label"
)

// Verdict is the answer to a request.
type Verdict struct {
	Allow bool
	// Permit is the one agreement rule that a release cites: the first in the
	// agreement's file whose conditions hold. "" unless Allow.
	Permit string
	// Forbids are all guards that forbid, in the order of guards.cedar.
	Forbids []string
	// Obligations travel with the release: the agreement's and the rule's, sorted.
	Obligations []string
	// Fault says that the request was malformed or a policy failed to evaluate.
	// Allow is false then, and an operator must be alarmed.
	Fault string
}

// Decide evaluates the guards and the rules of the request's agreement. It never
// fails open: an unknown agreement, a malformed request and an evaluation error
// deny. Safe for concurrent use; some tens of microseconds.
func (s *Set) Decide(r Request) Verdict {
	return s.DecideEach(r, []label.Label{r.Label})[0]
}

// DecideEach decides the same request for many classes: labels take the place of
// r.Label, the verdicts are in their order. It states partner and context only
// once, which is what filling the memo of a subscription needs.
func (s *Set) DecideEach(r Request, labels []label.Label) []Verdict {
	out := make([]Verdict, len(labels))
	a, ok := s.agreements[r.Agreement]
	fault := fmt.Sprintf("there is no agreement %q in this policy set", r.Agreement)
	if ok {
		fault = faultOf(r.check())
	}
	if fault != "" {
		for i := range out {
			out[i].Fault = fault
		}
		return out
	}
	w := world(a, &r)
	for i := range labels {
		if out[i].Fault = faultOf(labels[i].CheckFinal()); out[i].Fault == "" {
			w.see(a, &r.Partner, &labels[i])
			out[i] = s.evaluate(a, w, r.Action)
		}
	}
	return out
}

func faultOf(err error) string {
	if err == nil {
		return ""
	}
	return "malformed request: " + err.Error()
}

func (s *Set) evaluate(a *agreement, w *entities, action Action) Verdict {
	decision, diag := cedar.Authorize(a.slices[action], w, w.request(action))
	if len(diag.Errors) > 0 {
		return Verdict{Fault: "policy " + string(diag.Errors[0].PolicyID) + ": " + diag.Errors[0].Message}
	}
	if decision != cedar.Allow {
		var v Verdict
		for _, reason := range diag.Reasons {
			v.Forbids = append(v.Forbids, string(reason.PolicyID))
		}
		return v
	}
	cited := s.rules[string(diag.Reasons[0].PolicyID)]
	obligations := slices.Concat(a.Obligations, cited.Obligations)
	return Verdict{Allow: true, Permit: cited.ID, Obligations: label.SetOf(obligations...)}
}

// entities are the three things a decision knows: partner, agreement, label.
type entities struct {
	partner, agreement, resource cedar.Entity
	context                      cedar.Record
}

var labelUID = cedar.NewEntityUID("Label", "class")

// Get implements the engine's entity store. The order follows the frequency of
// questions; the engine asks for the label about a hundred times per decision.
func (w *entities) Get(uid cedar.EntityUID) (cedar.Entity, bool) {
	switch uid {
	case w.resource.UID:
		return w.resource, true
	case w.partner.UID:
		return w.partner, true
	case w.agreement.UID:
		return w.agreement, true
	}
	return cedar.Entity{}, false
}

func (w *entities) request(action Action) cedar.Request {
	return cedar.Request{
		Principal: w.partner.UID, Resource: labelUID, Context: w.context,
		Action: cedar.NewEntityUID("Action", cedar.String(action)),
	}
}

// world states the partner and the context of a checked request for the engine.
func world(a *agreement, r *Request) *entities {
	p := &r.Partner
	w := &entities{}
	w.agreement.UID = cedar.NewEntityUID("Agreement", cedar.String(a.ID))
	w.partner.UID = cedar.NewEntityUID("Partner", cedar.String(p.ID))
	if r.Member {
		w.partner.Parents = cedar.NewEntityUIDSet(w.agreement.UID)
	}
	w.partner.Attributes = cedar.NewRecord(cedar.RecordMap{
		"country": cedar.String(p.Country), "kind": cedar.String(p.Kind), "regime": cedar.String(p.Regime),
		"level": cedar.Long(p.Level), "honours": wordSet(p.Honours), "assurances": wordSet(p.Assurances),
		"risks": wordSet(p.Risks), "suspended": cedar.Boolean(p.Suspended), "recallOverdue": cedar.Boolean(p.RecallOverdue),
	})
	w.context = cedar.NewRecord(cedar.RecordMap{
		"purpose": cedar.String(r.Purpose), "basis": cedar.String(first(r.Basis, a.TransferBasis)),
		"urgency": cedar.String(first(r.Urgency, "routine")), "approvals": cedar.Long(r.Approvals),
		"roles": wordSet(r.Roles), "necessity": cedar.Boolean(r.Necessity),
		"purposeAgreed": cedar.Boolean(a.Purposes.Has(r.Purpose)), "plain": cedar.Boolean(a.Carriage == Plain),
	})
	return w
}

// see puts a label before the partner.
func (w *entities) see(a *agreement, p *Partner, l *label.Label) {
	w.resource.UID = labelUID
	w.resource.Attributes = cedar.NewRecord(labelFacts(a, p, l))
}

// labelFacts states the label as it looks for one partner under one agreement.
func labelFacts(a *agreement, p *Partner, l *label.Label) cedar.RecordMap {
	here, onward := atRisk(p, l.AtRiskFrom)
	return cedar.RecordMap{
		"tlp": long(l.TLP), "pap": long(l.PAP), "level": long(l.Level), "info": long(l.Info), "data": long(l.Data),
		"handling": wordSet(l.Handling), "caveats": wordSet(l.Caveats), "subjects": wordSet(l.Subjects),
		"designation": wordSet(l.Designation.Words()), "purposes": wordSet(l.Purposes.Words()),
		"scheme": cedar.String(l.Scheme), "source": cedar.String(l.Source), "content": cedar.String(l.Content),
		"group": cedar.String(l.Group), "basis": cedar.String(l.Basis),
		"taint": cedar.String(label.TaintName(l.Taint)), "state": cedar.String(label.StateName(l.State)),
		"own": yes(l.Own), "reviewed": yes(l.Reviewed), "published": yes(l.Published), "marked": yes(l.Marked),
		"named":          cedar.Boolean(l.Named.Has(p.ID)),
		"consented":      cedar.Boolean(l.ConsentPartners.Has(p.ID) || l.ConsentAgreements.Has(a.ID)),
		"fromPartner":    cedar.Boolean(l.Origin == p.ID),
		"atRiskHere":     cedar.Boolean(here),
		"atRiskOnward":   cedar.Boolean(onward),
		"oneStatesWord":  cedar.Boolean(l.OneStatesWord()),
		"groupCovered":   cedar.Boolean(a.covers(l)),
		"schemeAccepted": cedar.Boolean(a.Schemes.Has(l.Scheme)),
		"mixed":          cedar.Boolean(anyIs(label.Mixed, l)),
		"unstated":       cedar.Boolean(anyIs(label.Unknown, l)),
	}
}

// atRisk tells whether someone in the object is at risk from the partner's
// country, or from one to which the partner may pass it on.
func atRisk(p *Partner, from label.Set) (here, onward bool) {
	if len(from) == 0 {
		return false, false
	}
	anywhere := from.Has(label.Anywhere)
	for _, risk := range p.Risks {
		switch {
		case risk == onwardRisk:
			onward = true
		case len(risk) == len(onwardRisk)+3 && risk[:len(onwardRisk)] == onwardRisk:
			onward = onward || anywhere || from.Has(risk[len(onwardRisk)+1:])
		}
	}
	return anywhere || from.Has(p.Country), onward
}

func anyIs(word string, l *label.Label) bool {
	return l.Content == word || l.Scheme == word || l.Source == word || l.Group == word || l.Origin == word
}

func long(o label.Ordered) cedar.Long { return cedar.Long(o.Value()) }
func yes(f label.Flag) cedar.Boolean  { return cedar.Boolean(f.Is()) }
func first(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}

func wordSet(words []string) cedar.Set {
	if len(words) == 0 {
		return cedar.Set{}
	}
	values := make([]cedar.Value, len(words))
	for i, w := range words {
		values[i] = cedar.String(w)
	}
	return cedar.NewSet(values...)
}
