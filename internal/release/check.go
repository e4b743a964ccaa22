package release

import (
	"fmt"

	"entente/internal/db"
	"entente/internal/store"
)

// Check compares every subscription's log with what it must be: each class in
// it may go, each object in it is as it should be, each reference leads to an
// object that the view shows, and numbers and dates only grow.
func (e *Engine) Check(tx *db.Tx) error {
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
	err := tx.Rows("SELECT s.object,s.state,s.seq "+inView, []any{v.N}, func(scan func(...any) error) error {
		var o store.Object
		var state store.State
		var seq store.Seq
		if err := scan(&o, &state, &seq); err != nil {
			return err
		}
		if state != store.Active {
			return fmt.Errorf("view %s shows submission %d, which is held back (state %d)", v.Collection, seq, state)
		}
		shown[o] = true
		return nil
	})
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
