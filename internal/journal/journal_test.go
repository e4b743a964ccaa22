package journal

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"entente/internal/db"
	"entente/ledger"
)

var clock = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func newJournal(t *testing.T, seed byte) *Journal {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	j, err := New("alfa", key, rand.NewChaCha8([32]byte{seed}), func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func openDB(t *testing.T, path string) *db.DB {
	t.Helper()
	d, err := db.OpenScratch(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// act is what these tests note: its items are said again from its name alone.
type act struct {
	Name  string `json:"name"`
	Items int    `json:"items"`
}

func (a act) said() (items [][]byte) {
	for i := range a.Items {
		items = append(items, fmt.Appendf(nil, "%s item %d", a.Name, i+1))
	}
	return items
}

func enter(t *testing.T, j *Journal, d *db.DB, acts ...act) (entries []Entry) {
	t.Helper()
	err := d.Update(t.Context(), func(tx *db.Tx) error {
		for _, a := range acts {
			n, err := j.Note(tx, "test", a, a.said())
			if err != nil {
				return err
			}
			entries = append(entries, n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func sequence(t *testing.T, j *Journal, d *db.DB, want int) {
	t.Helper()
	n, err := j.Sequence(t.Context(), d)
	if err != nil || n != want {
		t.Fatalf("sequenced %d entries, want %d: %v", n, want, err)
	}
}

// said says the items of the acts that were noted.
func said(acts ...act) Said {
	return func(_ *db.Tx, _ Entry, kind string, facts []byte) (map[int][]byte, error) {
		out := map[int][]byte{}
		for _, a := range acts {
			if strings.Contains(string(facts), `"`+a.Name+`"`) {
				for i, f := range a.said() {
					out[i+1] = f
				}
			}
		}
		return out, nil
	}
}

func verify(t *testing.T, j *Journal, d *db.DB, s Said) (rep ledger.Report, err error) {
	t.Helper()
	err = d.View(t.Context(), func(tx *db.Tx) error {
		rep, err = j.Verify(tx, s)
		return err
	})
	return rep, err
}

// What is noted can be proved once it has been sequenced, and not before.
func TestNoteSequenceProve(t *testing.T) {
	j, d := newJournal(t, 1), openDB(t, filepath.Join(t.TempDir(), "node.db"))
	acts := []act{{"a", 0}, {"b", 3}, {"c", 1}}
	entries := enter(t, j, d, acts[:2]...)
	d.View(t.Context(), func(tx *db.Tx) error {
		if _, err := j.Prove(tx, entries[1], 1, 3, nil); err == nil {
			t.Error("proved what has not been sequenced")
		}
		if done, err := j.Sequenced(tx, entries[1]); done || err != nil {
			t.Errorf("sequenced already: %v", err)
		}
		if size, signed, err := j.Checkpoint(tx); size != 0 || len(signed) != 0 || err != nil {
			t.Errorf("a checkpoint of an empty log: %d %q %v", size, signed, err)
		}
		return nil
	})
	sequence(t, j, d, 2)
	sequence(t, j, d, 0)
	entries = append(entries, enter(t, j, d, acts[2])...)
	sequence(t, j, d, 1)
	err := d.View(t.Context(), func(tx *db.Tx) error {
		size, signed, err := j.Checkpoint(tx)
		if err != nil || size != 2 {
			t.Fatalf("checkpoint of %d leaves: %v", size, err)
		}
		for i, a := range acts {
			rec, err := j.Prove(tx, entries[i], 1, a.Items, signed)
			if err != nil {
				t.Fatal(err)
			}
			proof, err := ledger.ParseProof(rec.Proof)
			if err != nil {
				t.Fatal(err)
			}
			at, err := proof.Verify(rec.Vector.Root(), j.Verifier())
			if err != nil || at.Size != 2 {
				t.Errorf("%s: proof of a log of %d: %v", a.Name, at.Size, err)
			}
			for k, facts := range append([][]byte{rec.Common}, a.said()...) {
				if err := rec.Vector.Check(k, ledger.Opening{Key: rec.Keys[k], Facts: facts}); err != nil {
					t.Errorf("%s: %v", a.Name, err)
				}
			}
			if _, err := j.Prove(tx, entries[i], 1, a.Items+1, signed); err == nil {
				t.Errorf("%s: proved an item too many", a.Name)
			}
			if _, err := j.Prove(tx, entries[i], 0, a.Items, signed); err == nil {
				t.Errorf("%s: item 0 was asked for as an item", a.Name)
			}
		}
		for before := range int64(3) {
			raw, err := j.Consistency(tx, before, 2)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ledger.ParseConsistencyProof(raw); err != nil {
				t.Errorf("from %d: %v", before, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := verify(t, j, d, said(acts...))
	if err != nil || rep.Leaves != 2 || rep.Entries != 3 || rep.Opened != rep.Items || rep.Items != 7 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// What is rolled back leaves nothing behind.
func TestRollbackLeavesNothing(t *testing.T) {
	j, d := newJournal(t, 1), openDB(t, filepath.Join(t.TempDir(), "node.db"))
	no := errors.New("no")
	err := d.Update(t.Context(), func(tx *db.Tx) error {
		if _, err := j.Note(tx, "test", act{"a", 2}, act{"a", 2}.said()); err != nil {
			return err
		}
		return no
	})
	if !errors.Is(err, no) {
		t.Fatal(err)
	}
	sequence(t, j, d, 0)
	if rep, err := verify(t, j, d, said()); err == nil && rep.Entries != 0 {
		t.Errorf("%+v", rep)
	}
}

// Several processes may note and sequence on one database.
func TestConcurrentSequencers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	j := newJournal(t, 1)
	first := openDB(t, path)
	second, k := openDB(t, path), newJournal(t, 2)
	var acts []act
	var wg sync.WaitGroup
	const each = 20
	for p, on := range map[string]struct {
		j *Journal
		d *db.DB
	}{"p": {j, first}, "q": {k, second}} {
		for i := range each {
			acts = append(acts, act{fmt.Sprint(p, i), 1})
		}
		wg.Go(func() {
			for i := range each {
				a := act{fmt.Sprint(p, i), 1}
				err := on.d.Update(context.Background(), func(tx *db.Tx) error {
					_, err := on.j.Note(tx, "test", a, a.said())
					return err
				})
				if err == nil {
					_, err = on.j.Sequence(context.Background(), on.d)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	rep, err := verify(t, j, first, said(acts...))
	if err != nil || rep.Entries != 2*each || rep.Opened != rep.Items {
		t.Errorf("%+v, %v", rep, err)
	}
}

// column is one value of the ledger's tables.
type column struct{ table, name string }

var errRollback = errors.New("rolled back on purpose")

// Each value in each row of the ledger's tables is altered in turn. All must be
// noticed, but for the clock readings beside entries and checkpoints, which
// nothing is committed to (a leaf says the hour), and an entry's own number,
// under which other rooms cite it (package node's test has those).
func TestVerifyNoticesEveryAlteration(t *testing.T) {
	j, d := newJournal(t, 1), openDB(t, filepath.Join(t.TempDir(), "node.db"))
	acts := []act{{"a", 0}, {"b", 2}, {"c", 1}}
	enter(t, j, d, acts[:2]...)
	sequence(t, j, d, 2)
	enter(t, j, d, acts[2])
	sequence(t, j, d, 1)
	gone := act{"d", 1} // its room cannot say it again
	n := enter(t, j, d, gone)[0]
	if err := d.Update(t.Context(), func(tx *db.Tx) error { return j.Keep(tx, n, 1, gone.said()[0]) }); err != nil {
		t.Fatal(err)
	}
	sequence(t, j, d, 1)
	if _, err := verify(t, j, d, said(acts...)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []column{
		{"ledger_entry", "kind"}, {"ledger_entry", "facts"}, {"ledger_entry", "vector"}, {"ledger_entry", "keys"}, {"ledger_entry", "batch"}, {"ledger_entry", "slot"},
		{"ledger_item", "entry"}, {"ledger_item", "item"}, {"ledger_item", "facts"},
		{"ledger_batch", "n"}, {"ledger_batch", "filler"}, {"ledger_batch", "leaf"},
		{"ledger_hash", "n"}, {"ledger_hash", "hash"},
		{"ledger_checkpoint", "size"}, {"ledger_checkpoint", "note"},
	} {
		alterations(t, d, c, func(tx *db.Tx) error {
			_, err := j.Verify(tx, said(acts...))
			return err
		})
	}
	for _, stmt := range []string{
		"DELETE FROM ledger_entry WHERE n=1", "DELETE FROM ledger_batch WHERE n=1", "DELETE FROM ledger_hash WHERE n=1", "DELETE FROM ledger_item",
		"DELETE FROM ledger_checkpoint WHERE size=3",
		"UPDATE ledger_entry SET keys=zeroblob(length(keys)) WHERE n=2",
		"INSERT INTO ledger_item(entry,item,facts) VALUES (2,1,'another story')", "INSERT INTO ledger_item(entry,item,facts) VALUES (2,9,'one more')",
		"INSERT INTO ledger_entry SELECT 99,at,kind,facts,vector,keys,batch,slot+1 FROM ledger_entry WHERE n=1",
	} {
		alter(t, d, stmt, nil, func(tx *db.Tx) error {
			_, err := j.Verify(tx, said(acts...))
			return err
		})
	}
}

// keys are the columns by which rows are told apart.
var keys = map[string]string{"ledger_entry": "n", "ledger_item": "entry", "ledger_batch": "n", "ledger_hash": "n", "ledger_checkpoint": "size"}

// alterations changes a column row by row, byte by byte at the ends and in the
// middle, and demands that check notices each change.
func alterations(t *testing.T, d *db.DB, c column, check func(*db.Tx) error) {
	t.Helper()
	values := map[int64]any{}
	err := d.View(t.Context(), func(tx *db.Tx) error {
		return tx.Rows(fmt.Sprintf("SELECT %s,%s FROM %s", keys[c.table], c.name, c.table), nil, func(scan func(...any) error) error {
			var key int64
			var value any
			defer func() { values[key] = value }()
			return scan(&key, &value)
		})
	})
	if err != nil || len(values) == 0 {
		t.Fatalf("%v: %d rows, %v", c, len(values), err)
	}
	for key, value := range values {
		for _, changed := range changes(value) {
			alter(t, d, fmt.Sprintf("UPDATE %s SET %s=$1 WHERE %s=$2", c.table, c.name, keys[c.table]), []any{changed, key}, check)
		}
	}
}

func changes(value any) (out []any) {
	flip := func(b []byte) {
		for _, at := range []int{0, len(b) / 2, len(b) - 1} {
			c := append([]byte(nil), b...)
			c[at] ^= 1
			out = append(out, c)
		}
	}
	switch v := value.(type) {
	case int64:
		return []any{v + 1, v + 1000, -v - 1000}
	case string:
		flip([]byte(v))
		for i := range out {
			out[i] = string(out[i].([]byte))
		}
	case []byte:
		flip(v)
	}
	return out
}

func alter(t *testing.T, d *db.DB, stmt string, args []any, check func(*db.Tx) error) {
	t.Helper()
	err := d.Update(t.Context(), func(tx *db.Tx) error {
		n, err := tx.Exec(stmt, args...)
		if err != nil {
			return errRollback // the database itself does not allow it
		}
		if n != 1 {
			t.Errorf("%s: %d rows", stmt, n)
		}
		if err := check(tx); err == nil {
			t.Errorf("%s %.60q: not noticed", stmt, args)
		}
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		t.Fatal(err)
	}
}

func TestLatestAndKind(t *testing.T) {
	j, d := newJournal(t, 1), openDB(t, filepath.Join(t.TempDir(), "node.db"))
	enter(t, j, d, act{"a", 0}, act{"b", 2})
	sequence(t, j, d, 2)
	enter(t, j, d, act{"c", 1})
	d.View(t.Context(), func(tx *db.Tx) error {
		got, err := Latest(tx, 2)
		if err != nil || len(got) != 2 || string(got[0].Facts) != `{"name":"b","items":2}` || got[0].Leaf != 0 || got[0].Items != 2 || got[1].Leaf != -1 || !got[1].At.Equal(clock) {
			t.Errorf("%+v, %v", got, err)
		}
		for n, want := range map[Entry]string{1: "test", 99: ""} {
			if kind, err := Kind(tx, n); kind != want || err != nil {
				t.Errorf("entry %d is a %q, want %q: %v", n, kind, want, err)
			}
		}
		return nil
	})
}

func TestNoteRefuses(t *testing.T) {
	j, d := newJournal(t, 1), openDB(t, filepath.Join(t.TempDir(), "node.db"))
	for name, f := range map[string]func(tx *db.Tx) error{
		"no kind":    func(tx *db.Tx) error { _, err := j.Note(tx, "", nil, nil); return err },
		"a bad kind": func(tx *db.Tx) error { _, err := j.Note(tx, "Not A Kind", nil, nil); return err },
		"not JSON":   func(tx *db.Tx) error { _, err := j.Note(tx, "test", func() {}, nil); return err },
		"too many items": func(tx *db.Tx) error {
			_, err := j.Note(tx, "test", nil, make([][]byte, ledger.MaxItems+1))
			return err
		},
		"no randomness": func(tx *db.Tx) error {
			k := *j
			k.random = strings.NewReader("short")
			_, err := k.Note(tx, "test", nil, nil)
			return err
		},
	} {
		if err := d.Update(t.Context(), f); err == nil {
			t.Errorf("%s: was noted", name)
		}
	}
	sequence(t, j, d, 0)
}
