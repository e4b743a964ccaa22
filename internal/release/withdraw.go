package release

import (
	"encoding/hex"
	"slices"

	"entente/internal/db"
	"entente/internal/journal"
	"entente/internal/store"
)

// Withhold takes a submission out of every view, with what refers to it: it is
// disputed, or whoever brought it took it back. Its state has been set before.
// Where another submission of the same object may go, it takes its place.
func (e *Engine) Withhold(tx *db.Tx, seq store.Seq) error {
	vs, err := e.views(tx, "1=1")
	if err != nil {
		return err
	}
	s, found, err := e.store.Submission(tx, seq)
	if err != nil || !found {
		return err
	}
	for _, v := range vs {
		if stays, err := e.stays(tx, v, &s); err != nil {
			return err
		} else if stays {
			continue
		}
		lost, err := e.withdraw(tx, v, []store.Seq{seq})
		if err != nil {
			return err
		}
		if err := e.forgetWaiting(tx, v, seq); err != nil {
			return err
		}
		if v.Kind != Subscription || v.Stale() { // a stale one is considered before it is used
			continue
		}
		if err := e.advance(tx, v, nil, lost, &arrivals{}); err != nil {
			return err
		}
	}
	return nil
}

// stays tells whether a submission that was put aside for somebody else's word
// stays in a view all the same: in the inbox of the partner that brought it, and
// in its subscriptions unless that word may go there and takes its place.
func (e *Engine) stays(tx *db.Tx, v *View, s *store.Submission) (bool, error) {
	if counts, err := e.counts(tx, v, s); err != nil || !counts {
		return false, err
	}
	if v.Kind != Subscription || v.Stale() {
		return true, nil
	}
	var others []store.Submission
	err := e.store.Previous(tx, []store.Object{s.Object}, func(o store.Submission) error {
		if o.State == store.Active && o.Version == s.Version {
			others = append(others, o)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	c := e.closure(tx, v, &arrivals{})
	for i := range others {
		may, err := c.may(&others[i])
		if may && err == nil {
			may, err = c.visit(&attempt{visiting: map[store.Object]bool{}}, &others[i])
		}
		if err != nil || may {
			return false, err
		}
	}
	return true, nil
}

// withdraw takes submissions out of a view's log, and with them what refers to an
// object that the view then shows in no version. It returns the objects of all
// that left: who calls it sees to it that they are considered again.
func (e *Engine) withdraw(tx *db.Tx, v *View, gone []store.Seq) (lost []store.Object, err error) {
	act := Act{View: v.Collection, Partner: v.Partner, Agreement: v.Agreement, Purpose: v.Purpose}
	var items [][]byte
	for len(gone) > 0 {
		seq := gone[len(gone)-1]
		gone = gone[:len(gone)-1]
		s, found, err := e.store.Submission(tx, seq)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		if s.ID, err = e.store.Identifier(tx, s.Object); err != nil {
			return nil, err
		}
		no, err := e.cut(tx, v, &s)
		if err != nil {
			return nil, err
		}
		if no == 0 {
			continue
		}
		lost = append(lost, s.Object)
		items = append(items, Item{No: no, ID: s.ID, Version: s.Version, SHA: hex.EncodeToString(s.SHA[:])}.Facts())
		rest, err := e.shown(tx, v, s.Object)
		if err != nil {
			return nil, err
		}
		if err := e.unreplace(tx, v, no, rest); err != nil {
			return nil, err
		}
		if len(rest) > 0 || v.Kind != Subscription {
			continue
		}
		dependents, err := e.dependents(tx, v, s.Object)
		if err != nil {
			return nil, err
		}
		gone = append(gone, dependents...)
	}
	if len(items) == 0 {
		return nil, nil
	}
	v.withdrawals++
	if _, err := tx.Exec("UPDATE view SET withdrawals=$1 WHERE n=$2", v.withdrawals, v.N); err != nil {
		return nil, err
	}
	for part := range slices.Chunk(items, maxAct) {
		act.Count = len(part)
		entry, err := e.journal.Note(tx, "withdraw", act, part)
		if err != nil {
			return nil, err
		}
		for i, facts := range part {
			if err := e.journal.Keep(tx, entry, i+1, facts); err != nil {
				return nil, err
			}
		}
	}
	return lost, nil
}

// cut removes one submission from the log, splitting the range that holds it,
// and returns the number it had; 0 if it was not there.
// The ledger is given what the log can then no longer say.
func (e *Engine) cut(tx *db.Tx, v *View, s *store.Submission) (int64, error) {
	var first, count, class, place, at, entry, item, p int64
	var rule string
	found, err := tx.Row(`SELECT r.first,r.count,r.class,r.place,r.at,r.entry,r.item,r.rule,p.place FROM place p CROSS JOIN released r
		WHERE p.seq=$2 AND `+inRange,
		[]any{v.N, int64(s.Seq)}, &first, &count, &class, &place, &at, &entry, &item, &rule, &p)
	if err != nil || !found {
		return 0, err
	}
	if _, err := tx.Exec("DELETE FROM released WHERE view=$1 AND first=$2", v.N, first); err != nil {
		return 0, err
	}
	before := p - place
	was := Item{No: first + before, ID: s.ID, Version: s.Version, SHA: hex.EncodeToString(s.SHA[:]), Rule: rule, At: at + before}
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
	err := tx.Rows(`SELECT s.seq FROM edge g CROSS JOIN submission s CROSS JOIN place p CROSS JOIN released r
		WHERE g.target=$2 AND s.body=g.body AND p.seq=s.seq AND `+inRange, []any{v.N, int64(o)}, func(scan func(...any) error) error {
		var seq store.Seq
		defer func() { out = append(out, seq) }()
		return scan(&seq)
	})
	return out, err
}
