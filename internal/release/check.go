package release

import (
	"cmp"
	"fmt"

	"entente/internal/db"
	"entente/internal/journal"
	"entente/internal/store"
)

// Check compares every view's log with what it must be: numbers and dates only
// grow; and of a subscription, each class in it may go, each object in it is as it
// should be, and each reference leads to an object that the view shows.
func (e *Engine) Check(tx *db.Tx) error {
	if err := e.CheckRows(tx); err != nil {
		return err
	}
	views, err := e.Views(tx, "")
	if err != nil {
		return err
	}
	for _, v := range views {
		if err := e.checkOrder(tx, v); err != nil {
			return err
		}
		if v.Kind != Subscription || v.Stale() {
			continue
		}
		if err := e.checkVerdicts(tx, v); err != nil {
			return err
		}
		if err := e.checkClosed(tx, v); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) checkOrder(tx *db.Tx, v *View) error {
	next, last := int64(1), int64(0)
	return tx.Rows("SELECT first,count,at FROM released WHERE view=$1 ORDER BY first", []any{v.N}, func(scan func(...any) error) error {
		var first, count, at int64
		if err := scan(&first, &count, &at); err != nil {
			return err
		}
		if first < next || count < 1 || at <= last || first+count > v.next {
			return fmt.Errorf("view %s: the log is out of order at number %d", v.Collection, first)
		}
		next, last = first+count, at+count-1
		return nil
	})
}

// CheckRows looks for rows of any log for which no entry of the ledger stands, or
// which are about submissions that are not there.
func (e *Engine) CheckRows(tx *db.Tx) error {
	var entries []journal.Entry
	err := tx.Rows("SELECT DISTINCT entry FROM released", nil, func(scan func(...any) error) error {
		var n journal.Entry
		defer func() { entries = append(entries, n) }()
		return scan(&n)
	})
	if err != nil {
		return err
	}
	for _, n := range entries {
		kind, err := journal.Kind(tx, n)
		if err != nil {
			return err
		}
		if kind != "release" && kind != "inbox" {
			return fmt.Errorf("a view shows something on the strength of ledger entry %d, which is no release", n)
		}
	}
	var view, first int64
	hole, err := tx.Row(`SELECT r.view,r.first FROM released r
		WHERE r.count<>(SELECT count(*) FROM place p WHERE p.class=r.class AND p.place>=r.place AND p.place<r.place+r.count) LIMIT 1`, nil, &view, &first)
	if err == nil && hole {
		err = fmt.Errorf("view %d shows something under number %d and after that is not there", view, first)
	}
	return err
}

func (e *Engine) checkVerdicts(tx *db.Tx, v *View) error {
	var classes []store.Class
	err := tx.Rows("SELECT DISTINCT class FROM released WHERE view=$1", []any{v.N}, func(scan func(...any) error) error {
		var c store.Class
		defer func() { classes = append(classes, c) }()
		return scan(&c)
	})
	if err != nil {
		return err
	}
	for _, c := range classes {
		verdict, err := e.verdict(tx, v, c)
		if err != nil {
			return err
		}
		if !verdict.Allow {
			return fmt.Errorf("view %s shows objects of class %d, which may not go to %s", v.Collection, c, v.Partner)
		}
	}
	return nil
}

func (e *Engine) checkClosed(tx *db.Tx, v *View) error {
	shown := map[store.Object]bool{}
	const inView = `FROM released r CROSS JOIN place p CROSS JOIN submission s WHERE r.view=$1 AND p.class=r.class
		AND p.place>=r.place AND p.place<r.place+r.count AND s.seq=p.seq`
	var aside []store.Submission
	err := tx.Rows("SELECT s.object,s.state,s.seq,s.source "+inView, []any{v.N}, func(scan func(...any) error) error {
		var s store.Submission
		if err := scan(&s.Object, &s.State, &s.Seq, &s.Source); err != nil {
			return err
		}
		if s.State != store.Active {
			aside = append(aside, s)
		}
		shown[s.Object] = true
		return nil
	})
	for _, s := range aside {
		if counts, err := e.counts(tx, v, &s); err != nil || !counts {
			return cmp.Or(err, fmt.Errorf("view %s shows submission %d, which is held back (state %d)", v.Collection, s.Seq, s.State))
		}
	}
	if err != nil {
		return err
	}
	q := "SELECT DISTINCT g.target FROM released r CROSS JOIN place p CROSS JOIN submission s CROSS JOIN edge g" +
		inView[len("FROM released r CROSS JOIN place p CROSS JOIN submission s"):] + " AND g.body=s.body"
	return tx.Rows(q, []any{v.N}, func(scan func(...any) error) error {
		var o store.Object
		if err := scan(&o); err != nil {
			return err
		}
		if !shown[o] {
			return fmt.Errorf("view %s shows something that refers to object %d, which it does not show", v.Collection, o)
		}
		return nil
	})
}
