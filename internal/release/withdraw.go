package release

import (
	"encoding/hex"

	"entente/internal/db"
	"entente/internal/journal"
	"entente/internal/store"
)

// Withhold takes a submission out of every view, with what refers to it: it is
// disputed, or whoever brought it took it back.
func (e *Engine) Withhold(tx *db.Tx, seq store.Seq) error {
	vs, err := e.views(tx, "1=1")
	if err != nil {
		return err
	}
	for _, v := range vs {
		if err := e.withdraw(tx, v, []store.Seq{seq}); err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM waiting WHERE view=$1 AND seq=$2", v.N, int64(seq)); err != nil {
			return err
		}
	}
	return nil
}

// withdraw takes submissions out of a view's log. What refers to an object that
// the view then shows in no version goes too, and waits for it.
func (e *Engine) withdraw(tx *db.Tx, v *View, gone []store.Seq) error {
	act := Act{View: v.Collection, Partner: v.Partner, Agreement: v.Agreement, Purpose: v.Purpose}
	var items [][]byte
	for len(gone) > 0 {
		seq := gone[len(gone)-1]
		gone = gone[:len(gone)-1]
		s, found, err := e.store.Submission(tx, seq)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if s.ID, err = e.store.Identifier(tx, s.Object); err != nil {
			return err
		}
		no, err := e.cut(tx, v, &s)
		if err != nil {
			return err
		}
		if no == 0 {
			continue
		}
		items = append(items, Item{No: no, ID: s.ID, Version: s.Version, SHA: hex.EncodeToString(s.SHA[:])}.Facts())
		rest, err := e.shown(tx, v, s.Object)
		if err != nil {
			return err
		}
		if err := e.unreplace(tx, v, no, rest); err != nil {
			return err
		}
		if len(rest) > 0 || v.Kind != Subscription {
			continue
		}
		dependents, err := e.dependents(tx, v, s.Object)
		if err != nil {
			return err
		}
		for _, d := range dependents {
			if err := tx.Insert("INSERT INTO waiting(view,target,seq)", " ON CONFLICT DO NOTHING", 3, []any{v.N, int64(s.Object), int64(d)}); err != nil {
				return err
			}
		}
		gone = append(gone, dependents...)
	}
	if len(items) == 0 {
		return nil
	}
	v.withdrawals++
	if _, err := tx.Exec("UPDATE view SET withdrawals=$1 WHERE n=$2", v.withdrawals, v.N); err != nil {
		return err
	}
	for len(items) > 0 {
		n := min(len(items), maxAct)
		act.Count = n
		entry, err := e.journal.Note(tx, "withdraw", act, items[:n])
		if err != nil {
			return err
		}
		for i, facts := range items[:n] {
			if err := e.journal.Keep(tx, entry, i+1, facts); err != nil {
				return err
			}
		}
		items = items[n:]
	}
	return nil
}

// cut removes one submission from the log, splitting the range that holds it,
// and returns the number it had; 0 if it was not there.
// The ledger is given what the log can then no longer say.
func (e *Engine) cut(tx *db.Tx, v *View, s *store.Submission) (int64, error) {
	var first, count, class, place, at, entry, item, p int64
	var rule string
	found, err := tx.Row(`SELECT r.first,r.count,r.class,r.place,r.at,r.entry,r.item,r.rule,p.place FROM place p
		JOIN released r ON r.view=$1 AND r.class=p.class AND r.place<=p.place AND p.place<r.place+r.count WHERE p.seq=$2`,
		[]any{v.N, int64(s.Seq)}, &first, &count, &class, &place, &at, &entry, &item, &rule, &p)
	if err != nil || !found {
		return 0, err
	}
	if _, err := tx.Exec("DELETE FROM released WHERE view=$1 AND first=$2", v.N, first); err != nil {
		return 0, err
	}
	before := p - place
	was := Item{No: first + before, ID: s.ID, Version: s.Version, SHA: hex.EncodeToString(s.SHA[:]), Rule: rule}
	if err := e.journal.Keep(tx, journal.Entry(entry), int(item+before), was.Facts()); err != nil {
		return 0, err
	}
	after := count - before - 1
	var rows []any
	if before > 0 {
		rows = append(rows, v.N, first, before, class, place, at, entry, item, rule)
	}
	if after > 0 {
		skip := before + 1
		rows = append(rows, v.N, first+skip, after, class, place+skip, at+skip, entry, item+skip, rule)
	}
	return first + before, tx.Insert("INSERT INTO released(view,first,count,class,place,at,entry,item,rule)", "", 9, rows)
}

// unreplace sees to it that the latest of what is left of an object is the one
// shown by default.
func (e *Engine) unreplace(tx *db.Tx, v *View, no int64, rest []shown) error {
	if _, err := tx.Exec("DELETE FROM replaced WHERE view=$1 AND no=$2", v.N, no); err != nil {
		return err
	}
	if len(rest) == 0 {
		return nil
	}
	_, err := tx.Exec("DELETE FROM replaced WHERE view=$1 AND no=$2", v.N, latest(rest).no)
	return err
}

// dependents are the submissions in the log that refer to object o.
func (e *Engine) dependents(tx *db.Tx, v *View, o store.Object) ([]store.Seq, error) {
	var out []store.Seq
	err := tx.Rows(`SELECT s.seq FROM edge g JOIN submission s ON s.body=g.body JOIN place p ON p.seq=s.seq
		JOIN released r ON r.view=$1 AND r.class=p.class AND r.place<=p.place AND p.place<r.place+r.count
		WHERE g.target=$2`, []any{v.N, int64(o)}, func(scan func(...any) error) error {
		var seq store.Seq
		defer func() { out = append(out, seq) }()
		return scan(&seq)
	})
	return out, err
}
