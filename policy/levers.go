package policy

import (
	"slices"

	"entente/label"
)

// lever is a change that people can bring about. Facts about the world (a risk,
// a grade, who is a minor) are none, and no lever lets an analyst re-label: what
// lowers a label is done by the one whose restriction it is.
type lever struct {
	what, who string
	// apply makes the change, or returns nil when it would change nothing.
	apply func(r *Request, a *agreement) *Request
}

func when(ok bool, r *Request) *Request {
	if ok {
		return r
	}
	return nil
}

// approvalOf adds an approver of a role. No lever adds one who has approved.
func approvalOf(role, what, who string) lever {
	return lever{what, who, func(r *Request, _ *agreement) *Request {
		if slices.Contains(r.Roles, role) || r.Approvals >= maxApprovals {
			return nil
		}
		r.Approvals++
		r.Roles = append(r.Roles, role)
		return r
	}}
}

func assuranceOf(word, what, who string) lever {
	return lever{what, who, func(r *Request, _ *agreement) *Request {
		if slices.Contains(r.Partner.Assurances, word) {
			return nil
		}
		r.Partner.Assurances = append(r.Partner.Assurances, word)
		return r
	}}
}

func purposeOf(p string) lever {
	return lever{"ask for the purpose " + p + ", if it is the true one", "person who asks", func(r *Request, a *agreement) *Request {
		if r.Purpose == p || !a.Purposes.Has(p) {
			return nil
		}
		r.Purpose = p
		return r
	}}
}

var levers = makeLevers()

func makeLevers() []lever {
	out := []lever{
		approvalOf("release-officer", "approval of a release officer", "release officer"),
		approvalOf("dpo", "approval of the data-protection officer", "data-protection officer"),
		approvalOf("head", "approval of the head of the centre", "head of the centre"),
		{"neutrality review by two people, with reasons", "neutrality reviewers", func(r *Request, _ *agreement) *Request {
			if slices.Contains(r.Roles, "neutrality") || r.Approvals+2 > maxApprovals {
				return nil
			}
			r.Approvals += 2
			r.Roles = append(r.Roles, "neutrality")
			return r
		}},
		{"statement of strict necessity, recorded", "analyst, with the data-protection officer", func(r *Request, _ *agreement) *Request {
			if r.Necessity {
				return nil
			}
			r.Necessity = true
			return r
		}},
		{"the originator's consent", "liaison officer with the originator", func(r *Request, _ *agreement) *Request {
			if r.Label.Own.Is() || r.Label.ConsentPartners.Has(r.Partner.ID) {
				return nil
			}
			r.Label.ConsentPartners = label.Only(append(slices.Clone(r.Label.ConsentPartners.Words()), r.Partner.ID)...)
			return r
		}},
		{"the originator names the recipient", "originator", func(r *Request, _ *agreement) *Request {
			if r.Label.Named.Has(r.Partner.ID) {
				return nil
			}
			r.Label.Named = label.Only(append(slices.Clone(r.Label.Named.Words()), r.Partner.ID)...)
			return r
		}},
		{"the originator lowers TLP to GREEN", "originator", func(r *Request, _ *agreement) *Request {
			if r.Label.TLP.AtMost(label.TLPGreen) {
				return nil
			}
			r.Label.TLP = label.Of(label.TLPGreen)
			return r
		}},
		{"the partner accepts the caveats", "partner desk", func(r *Request, _ *agreement) *Request {
			before := len(r.Partner.Honours)
			for _, c := range append([]string{"no-court", "no-onward", "pap-red"}, r.Label.Caveats...) {
				if honours.Has(c) && !slices.Contains(r.Partner.Honours, c) {
					r.Partner.Honours = append(r.Partner.Honours, c)
				}
			}
			return when(len(r.Partner.Honours) > before, r)
		}},
		{"review by a person", "analyst other than the author", func(r *Request, _ *agreement) *Request {
			if r.Label.Reviewed.Is() {
				return nil
			}
			r.Label.Reviewed = label.Yes
			return r
		}},
		{"completed retention review", "record owner", func(r *Request, _ *agreement) *Request {
			if r.Label.State != label.StateReviewDue {
				return nil
			}
			r.Label.State = label.StateActive
			return r
		}},
		{"a recorded legal basis", "data-protection officer", func(r *Request, _ *agreement) *Request {
			if r.Label.Basis != label.None {
				return nil
			}
			r.Label.Basis = "police-task"
			return r
		}},
		{"a sanitised copy without personal data", "analyst and release officer", func(r *Request, _ *agreement) *Request {
			if r.Label.Data.AtMost(label.DataNone) || r.Action != Release {
				return nil
			}
			r.Action, r.Label.Data, r.Label.Subjects, r.Label.AtRiskFrom = ReleaseSanitised, label.Of(label.DataNone), nil, nil
			if r.Label.Content == "person" {
				return nil // what is about a person is nothing without it
			}
			return r
		}},
		{"answer hit or no hit instead", "liaison officer", func(r *Request, _ *agreement) *Request {
			if r.Action != Release {
				return nil
			}
			r.Action = AnswerHit
			return r
		}},
		{"the partner answers the recall", "partner desk", func(r *Request, _ *agreement) *Request {
			if !r.Partner.RecallOverdue {
				return nil
			}
			r.Partner.RecallOverdue = false
			return r
		}},
		{"a threat to life, recorded, under art. 38(1)(a)", "head of the centre", func(r *Request, _ *agreement) *Request {
			if r.Urgency == "threat-to-life" && r.Basis == "art38a" {
				return nil
			}
			r.Urgency, r.Basis = "threat-to-life", "art38a"
			return r
		}},
		{"delivery in an envelope, or markings on the object itself", "author of the object", func(r *Request, _ *agreement) *Request {
			if r.Label.Marked.Is() {
				return nil
			}
			r.Label.Marked = label.Yes
			return r
		}},
		assuranceOf("no-death-penalty", "an assurance against the death penalty", "ministry of justice"),
		assuranceOf("no-onward", "an assurance against onward disclosure", "head of the centre"),
		assuranceOf("delete-on-request", "an assurance to delete on request", "legal adviser"),
	}
	for _, p := range label.Purposes {
		out = append(out, purposeOf(p))
	}
	return out
}
