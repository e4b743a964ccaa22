package policy

import (
	"slices"

	"github.com/cedar-policy/cedar-go"
)

// Explanation says in words why a request is granted or refused. It is for the
// releasing node's own people; a partner never sees it, because what is withheld
// is itself information.
type Explanation struct {
	Verdict Verdict
	// Cited is the rule a release rests on; nil when refused.
	Cited *Rule
	// Forbids are the guards that forbid.
	Forbids []Rule
	// Nearest are the agreement's rules that come closest to permitting, those
	// with the fewest failing conditions; empty when one permits.
	Nearest []NearMiss
	// Ways are the smallest sets of changes that were tried and lead to a release.
	// Empty also when nothing that people may do would.
	Ways []Way
}

// NearMiss is a permit with the conditions that failed.
type NearMiss struct {
	Rule    Rule
	Failing []string
}

// Way is a set of changes after which the same request would be granted under
// the rule Permit.
type Way struct {
	Changes []Change
	Permit  string
}

// Change is one thing that would have to be done, and by whom.
type Change struct {
	What, Who string
}

// Explain decides like Decide and says why. It evaluates the request many times
// over; it is for a person who asks, not for the path of a release.
func (s *Set) Explain(r Request) Explanation {
	e := Explanation{Verdict: s.Decide(r)}
	if e.Verdict.Fault != "" {
		return e
	}
	a := s.agreements[r.Agreement]
	w := world(a, &r)
	w.see(a, &r.Partner, &r.Label)
	for _, id := range e.Verdict.Forbids {
		e.Forbids = append(e.Forbids, s.rules[id].Rule)
	}
	if e.Verdict.Allow {
		e.Cited = &s.rules[e.Verdict.Permit].Rule
		return e
	}
	e.Nearest = nearest(a.permits, w, r.Action)
	e.Ways = s.ways(r)
	return e
}

// nearest returns the permits with the fewest failing clauses, none if one holds.
func nearest(permits ruleList, w *entities, action Action) []NearMiss {
	var out []NearMiss
	fewest := -1
	for _, r := range permits {
		var failing []string
		for _, c := range r.clauses {
			if !c.holds(w, action) {
				failing = append(failing, c.text)
			}
		}
		switch n := len(failing); {
		case n == 0:
			return nil
		case fewest < 0 || n < fewest:
			fewest, out = n, []NearMiss{{r.Rule, failing}}
		case n == fewest:
			out = append(out, NearMiss{r.Rule, failing})
		}
	}
	return out
}

func (c *clause) holds(w *entities, action Action) bool {
	one := ruleList{{Rule: Rule{ID: "clause"}, policy: c.policy}}
	decision, diag := cedar.Authorize(one, w, w.request(action))
	return decision == cedar.Allow && len(diag.Errors) == 0
}

// maxWay is the largest number of changes that are tried together.
const maxWay = 3

// ways tries every set of one, then two, then three changes on the real engine
// and returns those of the smallest size that lead to a release: a hint that
// would not work is impossible.
func (s *Set) ways(r Request) []Way {
	var useful []lever
	for _, l := range levers {
		if l.apply(clone(r), s.agreements[r.Agreement]) != nil {
			useful = append(useful, l)
		}
	}
	for size := 1; size <= maxWay; size++ {
		var found []Way
		combinations(len(useful), size, func(pick []int) {
			if way, ok := s.try(r, useful, pick); ok {
				found = append(found, way)
			}
		})
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

func (s *Set) try(r Request, useful []lever, pick []int) (Way, bool) {
	changed := clone(r)
	var way Way
	for _, i := range pick {
		if changed = useful[i].apply(changed, s.agreements[r.Agreement]); changed == nil {
			return way, false
		}
		way.Changes = append(way.Changes, Change{useful[i].what, useful[i].who})
	}
	v := s.Decide(*changed)
	way.Permit = v.Permit
	return way, v.Allow
}

// clone copies what levers change.
func clone(r Request) *Request {
	r.Roles = slices.Clone(r.Roles)
	r.Partner.Honours = slices.Clone(r.Partner.Honours)
	r.Partner.Assurances = slices.Clone(r.Partner.Assurances)
	return &r
}

// combinations calls f with every choice of size numbers below n.
func combinations(n, size int, f func([]int)) {
	pick := make([]int, 0, size)
	var next func(from int)
	next = func(from int) {
		if len(pick) == size {
			f(pick)
			return
		}
		for i := from; i < n; i++ {
			pick = append(pick, i)
			next(i + 1)
			pick = pick[:len(pick)-1]
		}
	}
	next(0)
}
