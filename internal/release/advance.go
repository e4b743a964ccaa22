package release

import (
	"bytes"
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
	for _, all := range news.by {
		for _, s := range all {
			s.New = s.New && len(all) == 1 // one of several versions is replaced
		}
	}
	vs, err := e.views(tx, "kind=$1", Subscription)
	if err != nil {
		return err
	}
	for _, v := range vs {
		lost, err := e.relabelled(tx, v, subs)
		if err != nil {
			return err
		}
		if v.Stale() {
			// Everything there is is looked at, the new ones included.
			err = e.reconsider(tx, v)
		} else {
			err = e.advance(tx, v, subs, lost, news)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// advance considers submissions, and all there are of the objects of which the
// view has just lost one: another may take its place.
func (e *Engine) advance(tx *db.Tx, v *View, subs []*store.Submission, lost []store.Object, news *arrivals) error {
	c := e.closure(tx, v, news)
	var others []*store.Submission
	err := e.store.Previous(tx, lost, func(s store.Submission) error {
		others = append(others, &s)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(others, func(a, b *store.Submission) int { return cmp.Compare(a.State, b.State) }) // what is put aside comes last
	for _, s := range slices.Concat(subs, others) {
		if err := c.consider(s); err != nil {
			return err
		}
	}
	return c.finish()
}

// relabelled takes out of the view what it shows under a label that a submission
// no longer has, and returns the objects that it has lost by that.
func (e *Engine) relabelled(tx *db.Tx, v *View, subs []*store.Submission) ([]store.Object, error) {
	var gone []store.Seq
	for _, s := range subs {
		if s.Bytes != nil { // it came in this transaction
			continue
		}
		if err := e.forgetWaiting(tx, v, s.Seq); err != nil {
			return nil, err
		}
		var one int
		old, err := tx.Row("SELECT 1 FROM place p CROSS JOIN released r WHERE p.seq=$2 AND p.class<>$3 AND "+inRange,
			[]any{v.N, int64(s.Seq), int64(s.Class)}, &one)
		if err != nil {
			return nil, err
		}
		if old {
			gone = append(gone, s.Seq)
		}
	}
	return e.withdraw(tx, v, gone)
}

func (e *Engine) forgetWaiting(tx *db.Tx, v *View, seq store.Seq) error {
	_, err := tx.Exec("DELETE FROM waiting WHERE view=$1 AND seq=$2", v.N, int64(seq))
	return err
}

// consider lets s in or has it wait, if its class may go.
func (c *closure) consider(s *store.Submission) error {
	if may, err := c.may(s); err != nil || !may {
		return err
	}
	if done, err := c.already(s); err != nil || done {
		return err
	}
	return c.enter(s)
}

// already tells whether the view shows this version of the object, or is about to.
func (c *closure) already(s *store.Submission) (bool, error) {
	for _, version := range c.staged[s.Object] {
		if version == s.Version {
			return true, nil
		}
	}
	if s.New || c.news.fresh[s.Object] {
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
	spec    string
	seq     store.Seq
}

func (e *Engine) shown(tx *db.Tx, v *View, o store.Object) (out []shown, err error) {
	err = tx.Rows("SELECT "+number+", s.version, s.spec, s.seq"+shows, []any{v.N, int64(o)}, func(scan func(...any) error) error {
		var s shown
		defer func() { out = append(out, s) }()
		return scan(&s.no, &s.version, &s.spec, &s.seq)
	})
	return out, err
}

// finish writes what enters to the release log, then looks again at what waited
// for it, until nothing more can enter.
func (c *closure) finish() error {
	for len(c.entering) > 0 {
		batch := c.entering
		c.entering = nil
		if err := c.order(batch); err != nil {
			return err
		}
		for part := range slices.Chunk(batch, maxAct) {
			if err := c.e.write(c.tx, c.v, "release", part); err != nil {
				return err
			}
		}
		if err := c.settle(); err != nil {
			return err
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
	return c.settle()
}

// settle writes down what waits.
func (c *closure) settle() error {
	err := c.tx.Insert("INSERT INTO waiting(view,target,seq)", " ON CONFLICT DO NOTHING", 3, c.waits)
	c.waits = c.waits[:0]
	return err
}

// order sorts what enters by label, so that the log keeps it as few ranges. By
// the label itself and not by the number of its class, which tells what was met
// first and may have been met in something that is withheld. All of it enters in
// one commit, so none of it is earlier than the rest.
func (c *closure) order(subs []*store.Submission) error {
	facts := map[store.Class][]byte{}
	for _, s := range subs {
		if facts[s.Class] != nil {
			continue
		}
		var err error
		if facts[s.Class], err = c.e.store.Facts(c.tx, s.Class); err != nil {
			return err
		}
	}
	slices.SortFunc(subs, func(a, b *store.Submission) int {
		if a.Class == b.Class {
			return cmp.Compare(a.Place, b.Place)
		}
		return bytes.Compare(facts[a.Class], facts[b.Class])
	})
	return nil
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
	err = db.In(seqs, func(list string, args []any) error {
		for i, a := range args {
			args[i] = int64(a.(store.Seq))
		}
		_, err := c.tx.Exec("DELETE FROM waiting WHERE seq IN "+list+" AND view=$"+strconv.Itoa(len(args)+1), append(args, c.v.N)...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c.load(seqs)
}

// load returns submissions by their numbers. What one view has loaded the others
// need not: much the same waits in all of them.
func (c *closure) load(seqs []store.Seq) ([]*store.Submission, error) {
	var missing []store.Seq
	for _, seq := range seqs {
		if c.news.loaded[seq] == nil {
			missing = append(missing, seq)
		}
	}
	loaded, err := c.e.store.Numbered(c.tx, missing)
	if err != nil {
		return nil, err
	}
	if c.news.loaded == nil {
		c.news.loaded = map[store.Seq]*store.Submission{}
	}
	for _, s := range loaded {
		c.news.loaded[s.Seq] = s
	}
	var out []*store.Submission
	for _, seq := range seqs {
		if s := c.news.loaded[seq]; s != nil {
			out = append(out, s)
		}
	}
	return out, nil
}
