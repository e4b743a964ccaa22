package release

import (
	"context"

	"entente/internal/db"
	"entente/internal/store"
)

// Refresh considers every view whose epoch has changed: because a policy or a
// fact about a partner did, or because an agreement began or lapsed. It is
// called at start, after such a change, and by whoever finds a view stale.
func (e *Engine) Refresh(ctx context.Context, d *db.DB) error {
	stale := false
	check := func(tx *db.Tx) error {
		vs, err := e.views(tx, "kind=$1", Subscription)
		for _, v := range vs {
			stale = stale || v.Stale()
		}
		return err
	}
	if err := d.View(ctx, check); err != nil || !stale {
		return err
	}
	return d.Update(ctx, e.RefreshIn)
}

// RefreshIn is Refresh within a transaction.
func (e *Engine) RefreshIn(tx *db.Tx) error {
	vs, err := e.views(tx, "kind=$1", Subscription)
	if err != nil {
		return err
	}
	for _, v := range vs {
		if !v.Stale() {
			continue
		}
		if err := e.reconsider(tx, v); err != nil {
			return err
		}
	}
	return nil
}

// reconsider brings a view up to its present epoch, class by class. What may no
// longer go leaves the log, and what refers to it with it; what may go now and
// might not before enters at the end, so that a partner who has read on gets it.
// Everything that may go is considered, so that afterwards each submission that
// may go is in the log, waits, or is of a version that the log has already.
func (e *Engine) reconsider(tx *db.Tx, v *View) error {
	v.stored = v.now
	if _, err := tx.Exec("UPDATE view SET epoch=$1 WHERE n=$2", v.now[:], v.N); err != nil {
		return err
	}
	if _, err := tx.Exec("INSERT INTO epoch(hash,at,facts) VALUES ($1,$2,$3) ON CONFLICT DO NOTHING", v.now[:], e.now().UnixMicro(), string(v.facts)); err != nil {
		return err
	}
	known, err := e.knownClasses(tx, v)
	if err != nil {
		return err
	}
	c := e.closure(tx, v, &arrivals{})
	var opened []span
	err = e.store.Classes(tx, func(class store.Class, size int64) error {
		verdict, err := e.verdict(tx, v, class)
		switch {
		case err != nil || size == 0:
			return err
		case !verdict.Allow && known[class]:
			return c.close(class)
		case verdict.Allow:
			opened = append(opened, span{class, size})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range opened {
		if err := c.open(s); err != nil {
			return err
		}
	}
	return c.finish()
}

type span struct {
	class store.Class
	size  int64
}

// knownClasses are those of which the view has anything, in its log or waiting.
func (e *Engine) knownClasses(tx *db.Tx, v *View) (map[store.Class]bool, error) {
	known := map[store.Class]bool{}
	err := tx.Rows("SELECT DISTINCT class FROM released WHERE view=$1 UNION SELECT DISTINCT s.class FROM waiting w JOIN submission s ON s.seq=w.seq WHERE w.view=$1",
		[]any{v.N}, func(scan func(...any) error) error {
			var c store.Class
			defer func() { known[c] = true }()
			return scan(&c)
		})
	return known, err
}

// open considers every submission of a class that may go.
func (c *closure) open(s span) error {
	const step = 1000
	for from := int64(1); from <= s.size; from += step {
		var subs []*store.Submission
		err := c.e.store.Submissions(c.tx, s.class, from, from+step-1, func(sub store.Submission) error {
			subs = append(subs, &sub)
			return nil
		})
		if err != nil {
			return err
		}
		for _, sub := range subs {
			if err := c.consider(sub); err != nil {
				return err
			}
		}
	}
	return nil
}

// close takes a class out of the view.
func (c *closure) close(class store.Class) error {
	_, err := c.tx.Exec("DELETE FROM waiting WHERE view=$1 AND seq IN (SELECT seq FROM submission WHERE class=$2)", c.v.N, int64(class))
	if err != nil {
		return err
	}
	var gone []store.Seq
	err = c.tx.Rows("SELECT p.seq FROM released r JOIN place p ON p.class=r.class AND p.place>=r.place AND p.place<r.place+r.count WHERE r.view=$1 AND r.class=$2",
		[]any{c.v.N, int64(class)}, func(scan func(...any) error) error {
			var seq store.Seq
			defer func() { gone = append(gone, seq) }()
			return scan(&seq)
		})
	if err != nil {
		return err
	}
	_, err = c.e.withdraw(c.tx, c.v, gone) // every class that may go is considered next
	return err
}
