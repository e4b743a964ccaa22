package release

import (
	"entente/internal/db"
	"entente/internal/store"
)

// closure finds out what can enter one view in one transaction. An object can
// if its class may go and everything it refers to is in the view or can enter
// with it; so objects that refer to each other in a ring enter together (the
// greatest set that is closed under reference).
//
// What cannot enter waits for an object that bars it, and so does everything
// that was looked at on the way and cannot either. Each of them can only enter
// after, or together with, the object that it waits for, so it is enough to look
// again when that one enters: the last to have been looked at always waits for
// something that enters before it does.
type closure struct {
	e    *Engine
	tx   *db.Tx
	v    *View
	news *arrivals

	staged   map[store.Object][]string // the versions that enter in this transaction
	entering []*store.Submission
	waits    []any // rows of the table waiting that are not written yet: see settle
	// barred are the objects that cannot enter in this transaction, whatever else
	// does. Without it a chain of objects in several versions each would be
	// searched along every path.
	barred map[store.Object]bool
}

func (e *Engine) closure(tx *db.Tx, v *View, news *arrivals) *closure {
	return &closure{e: e, tx: tx, v: v, news: news, staged: map[store.Object][]string{}, barred: map[store.Object]bool{}}
}

// arrivals are the submissions of this transaction, by object.
type arrivals struct {
	by    map[store.Object][]*store.Submission
	fresh map[store.Object]bool // met for the first time, if only as a reference: no earlier submissions

	loaded map[store.Seq]*store.Submission // earlier ones that have been woken
}

// maxClosure bounds one search; a larger group of objects waiting for each
// other waits link by link instead.
const maxClosure = 20_000

// attempt is one search from one submission.
type attempt struct {
	visiting map[store.Object]bool // taken to enter, until the search shows otherwise
	order    []*store.Submission
	capped   bool // the search was given up: what it did not find may be possible
}

// enter lets sub in with all that it needs, if that is possible.
func (c *closure) enter(sub *store.Submission) error {
	a := &attempt{visiting: map[store.Object]bool{}}
	ok, err := c.visit(a, sub)
	if err != nil || !ok {
		return err
	}
	for _, s := range a.order {
		c.entering = append(c.entering, s)
		c.staged[s.Object] = append(c.staged[s.Object], s.Version)
	}
	return nil
}

func (c *closure) visit(a *attempt, sub *store.Submission) (bool, error) {
	a.visiting[sub.Object] = true
	mark := len(a.order)
	a.order = append(a.order, sub)
	targets, err := c.targets(sub)
	if err != nil {
		return false, err
	}
	for _, t := range targets {
		if ok, err := c.bring(a, t); err != nil {
			return false, err
		} else if ok {
			continue
		}
		for _, s := range a.order[mark:] {
			delete(a.visiting, s.Object)
		}
		a.order = a.order[:mark]
		c.waits = append(c.waits, c.v.N, int64(t), int64(sub.Seq))
		return false, nil
	}
	return true, nil
}

// bring tells whether object t is in the view, or lets some submission of it in.
func (c *closure) bring(a *attempt, t store.Object) (bool, error) {
	if a.visiting[t] || c.staged[t] != nil {
		return true, nil
	}
	if c.barred[t] || a.capped {
		return false, nil
	}
	if in, err := c.holds(t); err != nil || in {
		return in, err
	}
	if len(a.visiting) >= maxClosure {
		a.capped = true
		return false, nil
	}
	candidates, err := c.candidates(t)
	if err != nil {
		return false, err
	}
	for _, s := range candidates {
		if ok, err := c.visit(a, s); ok || err != nil {
			return ok, err
		}
	}
	c.barred[t] = !a.capped
	return false, nil
}

// candidates are the submissions of t whose class may go, the latest first.
func (c *closure) candidates(t store.Object) ([]*store.Submission, error) {
	var all []*store.Submission
	if !c.news.fresh[t] {
		err := c.e.store.Previous(c.tx, []store.Object{t}, func(s store.Submission) error {
			all = append(all, &s)
			return nil
		})
		if err != nil {
			return nil, err
		}
	} else {
		all = c.news.by[t]
	}
	var may []*store.Submission
	for i := len(all) - 1; i >= 0; i-- {
		ok, err := c.may(all[i])
		if err != nil {
			return nil, err
		}
		if ok {
			may = append(may, all[i])
		}
	}
	return may, nil
}

// may tells whether a submission may go as far as it alone is concerned.
func (c *closure) may(s *store.Submission) (bool, error) {
	if counts, err := c.e.counts(c.tx, c.v, s); err != nil || !counts {
		return false, err
	}
	verdict, err := c.e.verdict(c.tx, c.v, s.Class)
	return verdict.Allow, err
}

// counts tells whether the state of a submission lets it into a view. One that
// was put aside for somebody else's word still counts before the partner that
// brought it, who could otherwise tell that there is such a word.
func (e *Engine) counts(tx *db.Tx, v *View, s *store.Submission) (bool, error) {
	if s.State != store.Foreign {
		return s.State == store.Active, nil
	}
	src, err := e.store.SourceOf(tx, s.Source)
	return src.Kind == "partner" && src.Name == v.Partner, err
}

func (c *closure) targets(s *store.Submission) ([]store.Object, error) {
	var out []store.Object
	if s.Bytes != nil || s.References != nil { // it came in this transaction, or was woken
		for _, e := range s.References {
			out = append(out, e.Target)
		}
		return out, nil
	}
	err := c.e.store.References(c.tx, s.Body, func(e store.Edge) error {
		out = append(out, e.Target)
		return nil
	})
	return out, err
}

// holds tells whether the view shows some version of an object.
func (c *closure) holds(o store.Object) (bool, error) {
	if c.news.fresh[o] {
		return false, nil
	}
	bits := c.e.bits(c.v)
	if bits.get(o) {
		return true, nil
	}
	in, err := c.e.holds(c.tx, c.v, o)
	if in {
		c.tx.AfterCommit(func() { bits.set(o) })
	}
	return in, err
}

func (e *Engine) holds(tx *db.Tx, v *View, o store.Object) (bool, error) {
	var one int
	return tx.Row("SELECT 1"+shows+" LIMIT 1", []any{v.N, int64(o)}, &one)
}

// shows finds where view $1 shows object $2.
const shows = ` FROM submission s CROSS JOIN place p CROSS JOIN released r WHERE s.object=$2 AND p.seq=s.seq AND ` + inRange

// inRange is true of the one range r of view $1 in which place p is. It costs two
// look-ups, however many ranges a class has been cut into.
const inRange = `r.view=$1 AND r.class=p.class AND p.place<r.place+r.count AND r.place=(
	SELECT max(q.place) FROM released q WHERE q.view=$1 AND q.class=p.class AND q.place<=p.place)`

// number is under which number range r shows place p.
const number = "r.first+p.place-r.place"

func (e *Engine) bits(v *View) *have {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.have[v.N]
	if h == nil || h.withdrawals != v.withdrawals {
		h = &have{withdrawals: v.withdrawals}
		e.have[v.N] = h
	}
	return h
}

func (h *have) get(o store.Object) bool {
	i := int(o >> 6)
	return i < len(h.bits) && h.bits[i]&(1<<(o&63)) != 0
}

func (h *have) set(o store.Object) {
	for int(o>>6) >= len(h.bits) {
		h.bits = append(h.bits, make([]uint64, max(64, len(h.bits)/4))...)
	}
	h.bits[o>>6] |= 1 << (o & 63)
}
