package release

import (
	"cmp"
	"slices"
	"strconv"

	"entente/internal/db"
	"entente/internal/store"
)

// Advance lets what has just come in, or has just been labelled anew, enter
// every view that it may enter, and with it whatever waited for it. fresh says
// which objects the database had not met before.
func (e *Engine) Advance(tx *db.Tx, subs []*store.Submission, fresh map[store.Object]bool) error {
	news := &arrivals{by: map[store.Object][]*store.Submission{}, fresh: fresh}
	for _, s := range subs {
		news.by[s.Object] = append(news.by[s.Object], s)
	}
	vs, err := e.views(tx, "kind=$1", Subscription)
	if err != nil {
		return err
	}
	for _, v := range vs {
		if v.Stale() {
			// Everything there is is looked at, the new ones included.
			err = e.reconsider(tx, v)
		} else {
			err = e.advance(tx, v, subs, news)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) advance(tx *db.Tx, v *View, subs []*store.Submission, news *arrivals) error {
	c := &closure{e: e, tx: tx, v: v, news: news, staged: map[store.Object][]string{}}
	for _, s := range subs {
		if err := c.consider(s); err != nil {
			return err
		}
	}
	return c.finish()
}

// consider lets s in or has it wait, if its class may go.
func (c *closure) consider(s *store.Submission) error {
	if may, err := c.may(s); err != nil || !may {
		return err
	}
	if done, err := c.already(s); err != nil || done {
		return err
	}
	barred, err := c.enter(s)
	if err != nil {
		return err
	}
	var rows []any
	for _, t := range barred {
		rows = append(rows, c.v.N, int64(t), int64(s.Seq))
	}
	return c.tx.Insert("INSERT INTO waiting(view,target,seq)", " ON CONFLICT DO NOTHING", 3, rows)
}

// already tells whether the view shows this version of the object, or is about to.
func (c *closure) already(s *store.Submission) (bool, error) {
	for _, version := range c.staged[s.Object] {
		if version == s.Version {
			return true, nil
		}
	}
	if c.news.fresh[s.Object] {
		return false, nil
	}
	shown, err := c.e.shown(c.tx, c.v, s.Object)
	for _, other := range shown {
		if other.version == s.Version {
			return true, err
		}
	}
	return false, err
}

// shown is one version of an object as a view shows it.
type shown struct {
	no      int64
	version string
	seq     store.Seq
}

func (e *Engine) shown(tx *db.Tx, v *View, o store.Object) (out []shown, err error) {
	q := "SELECT r.first + p.place - r.place, s.version, s.seq" + shows[len("SELECT r.first + p.place - r.place"):]
	err = tx.Rows(q, []any{v.N, int64(o)}, func(scan func(...any) error) error {
		var s shown
		defer func() { out = append(out, s) }()
		return scan(&s.no, &s.version, &s.seq)
	})
	return out, err
}

// finish writes what enters to the release log, then looks again at what waited
// for it, until nothing more can enter.
func (c *closure) finish() error {
	for len(c.entering) > 0 {
		batch := c.entering
		c.entering = nil
		for part := range slices.Chunk(order(batch), maxAct) {
			if err := c.e.write(c.tx, c.v, "release", part); err != nil {
				return err
			}
		}
		woken, err := c.wake(batch)
		if err != nil {
			return err
		}
		for _, s := range woken {
			if err := c.consider(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// order sorts what enters by class, so that the log keeps it as few ranges.
// All of it enters in one commit, so none of it is earlier than the rest.
func order(subs []*store.Submission) []*store.Submission {
	slices.SortFunc(subs, func(a, b *store.Submission) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Place, b.Place))
	})
	return subs
}

// wake returns the submissions that wait for one of subs and may still go.
func (c *closure) wake(subs []*store.Submission) ([]*store.Submission, error) {
	var one int
	if some, err := c.tx.Row("SELECT 1 FROM waiting WHERE view=$1 LIMIT 1", []any{c.v.N}, &one); err != nil || !some {
		return nil, err
	}
	var targets []int64
	for _, s := range subs {
		targets = append(targets, int64(s.Object))
	}
	seen := map[store.Seq]bool{}
	var seqs []store.Seq
	err := db.In(targets, func(list string, args []any) error {
		q := "SELECT seq FROM waiting WHERE target IN " + list + " AND view=$" + strconv.Itoa(len(args)+1)
		return c.tx.Rows(q, append(args, c.v.N), func(scan func(...any) error) error {
			var seq store.Seq
			if err := scan(&seq); err != nil {
				return err
			}
			if !seen[seq] {
				seen[seq] = true
				seqs = append(seqs, seq)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	var woken []*store.Submission
	for _, seq := range seqs {
		if _, err := c.tx.Exec("DELETE FROM waiting WHERE view=$1 AND seq=$2", c.v.N, int64(seq)); err != nil {
			return nil, err
		}
		s, found, err := c.e.store.Submission(c.tx, seq)
		if err != nil {
			return nil, err
		}
		if found {
			woken = append(woken, &s)
		}
	}
	return woken, nil
}
