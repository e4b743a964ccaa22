package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"entente/internal/db"
	"entente/stix"
)

func open(t *testing.T) *db.DB {
	t.Helper()
	d, err := db.OpenScratch(t.Context(), filepath.Join(t.TempDir(), "node.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func update(t *testing.T, d *db.DB, f func(*db.Tx) error) {
	t.Helper()
	if err := d.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, d *db.DB, f func(*db.Tx) error) {
	t.Helper()
	if err := d.View(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

func id(n int) stix.ID { return stix.ID(fmt.Sprintf("report--00000000-0000-4000-8000-%012d", n)) }

var errRollback = errors.New("rolled back on purpose")

// Identifiers keep their numbers, for ever and for every process; what a
// transaction that was rolled back gave out counts for nothing.
func TestIntern(t *testing.T) {
	d, s := open(t), New()
	intern := func(s *Store, want map[stix.ID]bool, ids ...stix.ID) (numbers map[stix.ID]Object) {
		t.Helper()
		update(t, d, func(tx *db.Tx) (err error) {
			var fresh map[stix.ID]bool
			numbers, fresh, err = s.Intern(tx, ids)
			if diff := cmp.Diff(want, fresh); diff != "" {
				t.Errorf("fresh (-want +got):\n%s", diff)
			}
			return err
		})
		return numbers
	}
	err := d.Update(t.Context(), func(tx *db.Tx) error {
		if _, _, err := s.Intern(tx, []stix.ID{id(9), id(8)}); err != nil {
			return err
		}
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		t.Fatal(err)
	}
	first := intern(s, map[stix.ID]bool{id(1): true, id(2): true}, id(1), id(2), id(1))
	second := intern(s, map[stix.ID]bool{id(3): true}, id(2), id(3), id(1))
	again := intern(New(), map[stix.ID]bool{}, id(1), id(2), id(3))
	if len(first) != 2 || first[id(1)] != again[id(1)] || first[id(2)] != second[id(2)] || second[id(3)] != again[id(3)] || again[id(1)] == again[id(2)] {
		t.Errorf("%v, %v, %v", first, second, again)
	}
	var many []stix.ID
	for i := range 3000 {
		many = append(many, id(100+i))
	}
	if got := intern(s, map[stix.ID]bool{}, nil...); len(got) != 0 {
		t.Errorf("nothing interned: %v", got)
	}
	update(t, d, func(tx *db.Tx) error {
		numbers, fresh, err := s.Intern(tx, many)
		if len(numbers) != 3000 || len(fresh) != 3000 {
			t.Errorf("%d numbers, %d fresh", len(numbers), len(fresh))
		}
		return err
	})
	view(t, d, func(tx *db.Tx) error {
		for _, s := range []*Store{s, New()} {
			if n, err := s.Lookup(tx, id(9)); n != 0 || err != nil {
				t.Errorf("a number of a rolled-back transaction: %d, %v", n, err)
			}
			n, err := s.Lookup(tx, id(3))
			if err != nil || n != again[id(3)] {
				t.Errorf("looked up as %d: %v", n, err)
			}
			if got, err := s.Identifier(tx, n); got != id(3) || err != nil {
				t.Errorf("number %d is %s: %v", n, got, err)
			}
		}
		return nil
	})
}

// A class is one label; what was given out in a transaction that was rolled back
// is not remembered, since the number is given again.
func TestClass(t *testing.T) {
	d, s := open(t), New()
	d.Update(t.Context(), func(tx *db.Tx) error {
		c, err := s.Class(tx, []byte(`{"a":1}`))
		if err != nil {
			t.Error(err)
		}
		if _, err := s.Facts(tx, c); err != nil {
			t.Error(err)
		}
		return errRollback
	})
	var a, b Class
	update(t, d, func(tx *db.Tx) (err error) {
		b, err = s.Class(tx, []byte(`{"b":1}`))
		return err
	})
	update(t, d, func(tx *db.Tx) (err error) {
		a, err = s.Class(tx, []byte(`{"a":1}`))
		return err
	})
	view(t, d, func(tx *db.Tx) error {
		for _, s := range []*Store{s, New()} {
			for c, want := range map[Class]string{a: `{"a":1}`, b: `{"b":1}`} {
				if got, err := s.Facts(tx, c); string(got) != want || err != nil {
					t.Errorf("class %d says %s, want %s: %v", c, got, want, err)
				}
			}
			if _, err := s.Facts(tx, 99); err == nil {
				t.Error("a class that is not there has facts")
			}
		}
		return nil
	})
	if len(s.facts) != 2 {
		t.Errorf("%d facts are remembered", len(s.facts))
	}
}

// add keeps n submissions of class c.
func add(t *testing.T, d *db.DB, s *Store, c Class, n int) (subs []Submission) {
	t.Helper()
	update(t, d, func(tx *db.Tx) error {
		src := Source{Kind: "own", Profile: "p"}
		var err error
		if src.N, err = s.Source(tx, src); err != nil {
			return err
		}
		for i := range n {
			raw := fmt.Appendf(nil, `{"n":%d}`, i)
			numbers, _, err := s.Intern(tx, []stix.ID{id(i), id(i + 1)})
			if err != nil {
				return err
			}
			subs = append(subs, Submission{Object: numbers[id(i)], Version: "v", Spec: "2.1", Bytes: raw, SHA: sha256.Sum256(raw), Class: c,
				References: []Edge{{numbers[id(i+1)], "x_ref"}, {numbers[id(i+1)], "x_ref"}}})
		}
		return s.Add(tx, src, Container{Kind: "file", Ref: "x"}, 7, subs)
	})
	return subs
}

func class(t *testing.T, d *db.DB, s *Store, facts string) (c Class) {
	t.Helper()
	update(t, d, func(tx *db.Tx) (err error) {
		c, err = s.Class(tx, []byte(facts))
		return err
	})
	return c
}

// Numbers and places are dense and in commit order, and everything comes back.
func TestAdd(t *testing.T) {
	d, s := open(t), New()
	a, b := class(t, d, s, "{}"), class(t, d, s, `{"b":1}`)
	first := add(t, d, s, a, 3)
	d.Update(t.Context(), func(tx *db.Tx) error {
		s.Add(tx, Source{N: 1}, Container{}, 7, []Submission{{Object: 1, Class: a, Bytes: []byte("{}")}})
		return errRollback
	})
	second := append(add(t, d, s, b, 2), add(t, d, s, a, 2)...)
	var got []string
	for _, x := range append(first, second...) {
		got = append(got, fmt.Sprintf("%d: %d/%d", x.Seq, x.Class, x.Place))
	}
	if diff := cmp.Diff([]string{"1: 1/1", "2: 1/2", "3: 1/3", "4: 2/1", "5: 2/2", "6: 1/4", "7: 1/5"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	view(t, d, func(tx *db.Tx) error {
		x, found, err := s.Submission(tx, 2)
		if err != nil || !found || x.Place != 2 || x.At != 7 || x.SHA != first[1].SHA || x.Object != first[1].Object {
			t.Errorf("%+v, %v", x, err)
		}
		if raw, err := s.Bytes(tx, x.Body); string(raw) != `{"n":1}` || err != nil {
			t.Errorf("%s, %v", raw, err)
		}
		if _, err := s.Bytes(tx, 99); err == nil {
			t.Error("bytes of nothing")
		}
		edges := 0
		if err := s.References(tx, x.Body, func(e Edge) error { edges++; return nil }); err != nil || edges != 1 {
			t.Errorf("%d references: %v", edges, err)
		}
		var seqs []Seq
		err = s.Submissions(tx, a, 2, 4, func(x Submission) error { seqs = append(seqs, x.Seq); return nil })
		if diff := cmp.Diff([]Seq{2, 3, 6}, seqs); diff != "" || err != nil {
			t.Errorf("places 2 to 4: %v\n%s", err, diff)
		}
		seqs = nil
		err = s.Previous(tx, []Object{first[0].Object, first[1].Object}, func(x Submission) error { seqs = append(seqs, x.Seq); return nil })
		if diff := cmp.Diff([]Seq{1, 2, 4, 5, 6, 7}, seqs); diff != "" || err != nil {
			t.Errorf("of two objects: %v\n%s", err, diff)
		}
		if src, err := s.SourceOf(tx, 1); err != nil || src.Profile != "p" {
			t.Errorf("source %+v, %v", src, err)
		}
		if _, err := s.SourceOf(tx, 99); err == nil {
			t.Error("a source that is not there")
		}
		if n, err := s.Count(tx); n != 7 || err != nil {
			t.Errorf("%d submissions, %v", n, err)
		}
		return nil
	})
	err := d.Update(t.Context(), func(tx *db.Tx) error {
		return s.Add(tx, Source{N: 1}, Container{}, 7, []Submission{{Object: 1, Bytes: []byte("{}")}})
	})
	if err == nil {
		t.Error("something without a class was kept")
	}
}

// A submission that is labelled anew has a place in its new class, and its old
// one again when it comes back; only one counts.
func TestRelabel(t *testing.T) {
	d, s := open(t), New()
	a, b := class(t, d, s, "{}"), class(t, d, s, `{"b":1}`)
	add(t, d, s, a, 2)
	relabel := func(c Class, place int64) {
		t.Helper()
		update(t, d, func(tx *db.Tx) error {
			x, _, err := s.Submission(tx, 2)
			if err != nil {
				return err
			}
			if err := s.Relabel(tx, &x, c); err != nil {
				return err
			}
			now, found, err := s.Submission(tx, 2)
			if !found || now.Class != c || now.Place != place || x.Class != c || x.Place != place {
				t.Errorf("in class %d at %d, said to be in %d at %d", now.Class, now.Place, x.Class, x.Place)
			}
			return err
		})
	}
	relabel(a, 2)
	relabel(b, 1)
	relabel(a, 2)
	relabel(b, 1)
	view(t, d, func(tx *db.Tx) error {
		var of []Seq
		err := s.Submissions(tx, a, 1, 9, func(x Submission) error { of = append(of, x.Seq); return nil })
		if diff := cmp.Diff([]Seq{1}, of); diff != "" {
			t.Errorf("still in its old class\n%s", diff)
		}
		sizes := map[Class]int64{}
		if err := s.Classes(tx, func(c Class, size int64) error { sizes[c] = size; return nil }); err != nil {
			return err
		}
		if diff := cmp.Diff(map[Class]int64{a: 2, b: 1}, sizes); diff != "" {
			t.Errorf("sizes\n%s", diff)
		}
		return err
	})
}

// The head is what was set last; what waits for a definition is told once.
func TestHeadsAndWaiting(t *testing.T) {
	d, s := open(t), New()
	a := class(t, d, s, "{}")
	subs := add(t, d, s, a, 2)
	update(t, d, func(tx *db.Tx) error {
		if seq, _, err := s.Head(tx, subs[0].Object); seq != 0 || err != nil {
			t.Errorf("a head of %d: %v", seq, err)
		}
		if err := s.Advance(tx, subs[0].Object, subs[0].Seq); err != nil {
			return err
		}
		if seq, version, err := s.Head(tx, subs[0].Object); seq != 1 || version != "v" || err != nil {
			t.Errorf("head %d %s: %v", seq, version, err)
		}
		_, err := tx.Exec("INSERT INTO unresolved(marking,seq) VALUES (77,1),(77,2),(78,1)")
		return err
	})
	for _, step := range []struct {
		by   Source
		want []Seq
	}{
		{Source{Kind: "partner", Name: "bravo"}, nil},
		{Source{Kind: "own"}, []Seq{1, 2}},
		{Source{Kind: "own"}, nil},
	} {
		update(t, d, func(tx *db.Tx) error {
			got, err := s.Resolve(tx, 77, step.by)
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", step.by, diff)
			}
			return err
		})
	}
}

func TestSourceNames(t *testing.T) {
	for profile, want := range map[string][2]string{"TEST/open": {"TEST", "open"}, "/open": {"", "open"}} {
		s := Source{Profile: profile}
		if got := [2]string{s.Agreement(), s.ProfileName()}; got != want {
			t.Errorf("%q: %v, want %v", profile, got, want)
		}
	}
	if got := (Source{Kind: "own", Profile: "open"}).ProfileName(); got != "open" {
		t.Errorf("own: %q", got)
	}
}

// The rows of one object, one body or one class are found by an index.
func TestPlans(t *testing.T) {
	d := open(t)
	view(t, d, func(tx *db.Tx) error {
		for _, q := range []string{
			"SELECT " + columns + " FROM submission s JOIN place p ON p.seq=s.seq AND p.class=s.class WHERE s.object IN ($1,$2)",
			"SELECT " + columns + " FROM place p JOIN submission s ON s.seq=p.seq AND s.class=p.class WHERE p.class=$1 AND p.place BETWEEN $2 AND $3",
			"SELECT " + columns + " FROM submission s JOIN place p ON p.seq=s.seq AND p.class=s.class WHERE s.state=$1 AND s.state<>0 ORDER BY s.seq LIMIT 10",
			"SELECT u.seq FROM unresolved u JOIN submission s ON s.seq=u.seq JOIN source o ON o.n=s.source WHERE u.marking=$1",
			"SELECT target,property FROM edge WHERE body=$1",
		} {
			err := tx.Rows("EXPLAIN QUERY PLAN "+q, []any{1, 1, 1}[:max(1, countParams(q))], func(scan func(...any) error) error {
				var a, b, c int
				var what string
				err := scan(&a, &b, &c, &what)
				if len(what) > 4 && what[:4] == "SCAN" {
					t.Errorf("%s: %s", q, what)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func countParams(q string) (n int) {
	for _, c := range q {
		if c == '$' {
			n++
		}
	}
	return n
}
