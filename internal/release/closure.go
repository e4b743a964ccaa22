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
// What cannot enter is left waiting for the objects that bar it: absent ones,
// or ones of which no submission may go. Nothing can enter before one of those
// that bar it does, so it is enough to look again when that happens.
type closure struct {
	e    *Engine
	tx   *db.Tx
	v    *View
	news *arrivals

	staged   map[store.Object][]string // the versions that enter in this transaction
	entering []*store.Submission
}

// arrivals are the submissions of this transaction, by object.
type arrivals struct {
	by    map[store.Object][]*store.Submission
	fresh map[store.Object]bool // met for the first time, if only as a reference: no earlier submissions
}

// maxClosure bounds one search; a larger group of objects waiting for each
// other waits link by link instead.
const maxClosure = 20_000

// attempt is one search from one submission.
type attempt struct {
	visiting map[store.Object]*store.Submission
	order    []*store.Submission
	barred   []store.Object
}

// enter lets sub in with all that it needs, if that is possible; otherwise it
// returns the objects that bar it.
func (c *closure) enter(sub *store.Submission) (barred []store.Object, err error) {
	a := &attempt{visiting: map[store.Object]*store.Submission{}}
	ok, err := c.visit(a, sub)
	if err != nil || !ok {
		return a.barred, err
	}
	for _, s := range a.order {
		c.entering = append(c.entering, s)
		c.staged[s.Object] = append(c.staged[s.Object], s.Version)
	}
	return nil, nil
}

func (c *closure) visit(a *attempt, sub *store.Submission) (bool, error) {
	a.visiting[sub.Object] = sub
	mark := len(a.order)
	a.order = append(a.order, sub)
	targets, err := c.targets(sub)
	if err != nil {
		return false, err
	}
	for _, t := range targets {
		if a.visiting[t] != nil || c.staged[t] != nil {
			continue
		}
		in, err := c.holds(t)
		if err != nil {
			return false, err
		}
		if in {
			continue
		}
		if ok, err := c.bring(a, t); err != nil || !ok {
			for _, s := range a.order[mark:] {
				delete(a.visiting, s.Object)
			}
			a.order = a.order[:mark]
			return false, err
		}
	}
	return true, nil
}

// bring tries to let some submission of object t in.
func (c *closure) bring(a *attempt, t store.Object) (bool, error) {
	if len(a.visiting) >= maxClosure {
		a.barred = append(a.barred, t)
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
	if len(candidates) == 0 {
		a.barred = append(a.barred, t)
	}
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
	if s.State != store.Active {
		return false, nil
	}
	verdict, err := c.e.verdict(c.tx, c.v, s.Class)
	return verdict.Allow, err
}

func (c *closure) targets(s *store.Submission) ([]store.Object, error) {
	var out []store.Object
	if s.Bytes != nil { // it came in this transaction
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
	var no int64
	in, err := c.tx.Row(shows, []any{c.v.N, int64(o)}, &no)
	if in {
		c.tx.AfterCommit(func() { bits.set(o) })
	}
	return in, err
}

// shows finds the numbers under which view $1 shows object $2.
const shows = `SELECT r.first + p.place - r.place FROM submission s JOIN place p ON p.seq=s.seq
	JOIN released r ON r.view=$1 AND r.class=p.class AND r.place = (
		SELECT max(q.place) FROM released q WHERE q.view=$1 AND q.class=p.class AND q.place<=p.place)
	WHERE s.object=$2 AND p.place < r.place + r.count`

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
