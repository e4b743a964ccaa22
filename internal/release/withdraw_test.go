package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"entente/internal/db"
	"entente/internal/journal"
	"entente/internal/store"
	"entente/stix"
)

// shows is what the first view shows: object@version by submission, sorted.
func (b *bench) shows(t fataler) (out []string) {
	t.Helper()
	b.view(t, func(tx *db.Tx) error {
		vs, err := b.Views(tx, "bravo")
		if err != nil {
			return err
		}
		all, err := b.everything(tx, vs[0])
		for _, r := range all {
			out = append(out, fmt.Sprintf("%d@%s by %d", numberOf(r.ID), r.Version[:min(4, len(r.Version))], r.Seq))
		}
		return errors.Join(err, b.Check(tx))
	})
	slices.Sort(out)
	return out
}

func (b *bench) expect(t *testing.T, when string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, b.shows(t)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

func (b *bench) withhold(t fataler, s store.Submission, state store.State) {
	t.Helper()
	b.update(t, func(tx *db.Tx) error {
		if err := b.store.SetState(tx, s.Seq, state); err != nil {
			return err
		}
		return b.Withhold(tx, s.Seq)
	})
}

// verify sequences the ledger and compares it with the release log.
func (b *bench) verify(t fataler) error {
	t.Helper()
	if _, err := b.journal.Sequence(context.Background(), b.db); err != nil {
		t.Fatal(err)
	}
	return b.db.View(context.Background(), func(tx *db.Tx) error {
		_, err := b.journal.Verify(tx, func(tx *db.Tx, n journal.Entry, kind string, facts []byte) (map[int][]byte, error) {
			if kind == "release" || kind == "inbox" {
				return b.Said(tx, n, facts)
			}
			return nil, nil
		})
		return err
	})
}

func ready(t *testing.T) *bench {
	b := newBench(t, testPolicy(t), t.TempDir())
	t.Cleanup(func() { b.db.Close() })
	b.setParty(t, bravo())
	b.subscribe(t, "verification", false)
	return b
}

func clear(object int, version string, refs ...int) arrival {
	return arrival{object: object, version: version, refs: refs, label: lab(0, true, "alfa")}
}

func from(source int, a arrival) arrival { a.source = source; return a }

const v0, v1 = "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"

func TestAnotherSubmissionTakesThePlace(t *testing.T) {
	b := ready(t)
	first := b.arrive(t, clear(1, v0), clear(2, v0, 1))
	second := b.arrive(t, from(1, clear(1, v0)))
	b.expect(t, "two brought one version; it is shown once", "1@2020 by 1", "2@2020 by 2")
	b.withhold(t, first[0], store.Withdrawn)
	// What refers to it left with it and came back: its number is new.
	b.expect(t, "the other stands in", "1@2020 by 3", "2@2020 by 2")
	b.withhold(t, second[0], store.Disputed)
	b.expect(t, "none is left, and nothing refers to nothing")
	b.arrive(t, from(2, clear(1, v1)))
	b.expect(t, "what waited came back with a new version", "1@2021 by 4", "2@2020 by 2")
	if err := b.verify(t); err != nil {
		t.Errorf("the ledger after all this: %v", err)
	}
}

// A dependent that leaves may be replaced by another submission of the same
// version that does not refer to what is gone.
func TestAnotherSubmissionOfADependentTakesItsPlace(t *testing.T) {
	b := ready(t)
	one := b.arrive(t, clear(1, v0), clear(2, v0, 1))
	b.arrive(t, from(1, clear(2, v0)))
	b.withhold(t, one[0], store.Withdrawn)
	b.expect(t, "the other submission of the dependent", "2@2020 by 3")
}

func TestCascadeLeavesOtherVersionsAlone(t *testing.T) {
	b := ready(t)
	subs := b.arrive(t, clear(1, v0), clear(1, v1), clear(2, v0, 1), clear(3, v0, 2), clear(4, v0))
	b.withhold(t, subs[0], store.Withdrawn)
	b.expect(t, "another version is still there", "1@2021 by 2", "2@2020 by 3", "3@2020 by 4", "4@2020 by 5")
	b.withhold(t, subs[1], store.Withdrawn)
	b.expect(t, "the chain that hung on it is gone", "4@2020 by 5")
	if err := b.verify(t); err != nil {
		t.Errorf("the ledger after all this: %v", err)
	}
}

// A stricter label takes effect on what has been released already; so does a
// looser one, under which it is released anew.
func TestRelabelledLeaves(t *testing.T) {
	b := ready(t)
	subs := b.arrive(t, clear(1, v0), clear(2, v0, 1))
	relabel := func(tlp int) {
		b.update(t, func(tx *db.Tx) error {
			class, err := b.store.Class(tx, lab(tlp, true, "alfa").Canonical())
			if err != nil {
				return err
			}
			s, _, err := b.store.Submission(tx, subs[0].Seq)
			if err != nil {
				return err
			}
			if err := b.store.Relabel(tx, &s, class); err != nil {
				return err
			}
			return b.Advance(tx, []*store.Submission{&s}, nil)
		})
	}
	relabel(3)
	b.expect(t, "stricter")
	relabel(1)
	b.expect(t, "looser", "1@2020 by 1", "2@2020 by 2")
	relabel(0)
	b.expect(t, "as it was: its old place is taken again", "1@2020 by 1", "2@2020 by 2")
	if err := b.verify(t); err != nil {
		t.Errorf("the ledger after all this: %v", err)
	}
}

// Objects that refer to each other in a ring enter together, in the transaction
// in which the last that bars them arrives.
func TestRingEntersTogether(t *testing.T) {
	b := ready(t)
	const n = 200
	var ring []arrival
	for i := 1; i < n; i++ {
		ring = append(ring, clear(i, v0, i%n+1))
	}
	b.arrive(t, ring...)
	b.expect(t, "one is missing")
	b.arrive(t, clear(n, v0, 1))
	if got := b.shows(t); len(got) != n {
		t.Errorf("%d of %d entered", len(got), n)
	}
}

// Two versions that arrive together are written apart when there is much between
// them; the older one is replaced nevertheless.
func TestVersionsInDifferentActs(t *testing.T) {
	b := ready(t)
	b.arrive(t, clear(maxAct+9, v0)) // so that the class of the others comes first
	older := clear(1, v0)
	older.label = lab(0, true, "bravo")
	all := []arrival{older, clear(1, v1)}
	for i := range maxAct {
		all = append(all, clear(i+2, v0))
	}
	b.arrive(t, all...)
	b.view(t, func(tx *db.Tx) error {
		vs, err := b.Views(tx, "bravo")
		if err != nil {
			return err
		}
		page, _, _, err := b.Page(tx, vs[0], Filter{Limit: 10, Objects: []stix.ID{objectID(1)}})
		if len(page) != 1 || page[0].Version != v1 {
			t.Errorf("shown as latest: %d versions", len(page))
		}
		return err
	})
	if err := b.verify(t); err != nil {
		t.Error(err)
	}
}

// A chain of objects, each in several versions, that ends in nothing is looked
// at once, not along each of 3⁴⁰ paths.
func TestChainOfVersionsIsSearchedOnce(t *testing.T) {
	b := ready(t)
	var chain []arrival
	for i := 1; i <= 40; i++ {
		for _, v := range []string{v0, v1, ""} {
			chain = append(chain, clear(i, v, i+1))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	err := b.db.Update(ctx, func(tx *db.Tx) error {
		_, err := b.add(tx, chain)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.expect(t, "the end is missing")
	b.arrive(t, clear(41, v0))
	if got := b.shows(t); len(got) != 121 {
		t.Errorf("%d of 121 entered", len(got))
	}
}

// What waits is woken through whatever changed on its way, though it was barred
// by something else when it came. Each step's arrivals are one transaction.
func TestWaitersAreWoken(t *testing.T) {
	red := func(object int, version string, refs ...int) arrival {
		a := clear(object, version, refs...)
		a.label = lab(4, true, "alfa")
		return a
	}
	for name, c := range map[string]struct {
		steps [][]arrival
		want  int
	}{
		"a new version without the reference that barred": {[][]arrival{{clear(1, v0, 2), clear(2, v0, 3)}, {clear(2, v1)}}, 2},
		"a version that may go beside one that may not":   {[][]arrival{{red(2, v0)}, {clear(1, v0, 2)}, {clear(2, v1)}}, 2},
		"both ends of a ring are barred":                  {[][]arrival{{clear(1, v0, 2, 8), clear(2, v0, 1, 9)}, {clear(9, v0)}, {clear(8, v0)}}, 4},
		"the way leads on since through a new version": {[][]arrival{
			{clear(3, v0, 4, 5), clear(4, v0, 6), clear(6, v0, 7)}, // 7 is missing
			{clear(6, v1, 1), clear(1, v0, 3), clear(5, v0, 9)},    // a ring 6-1-3-4, barred by 5
			{clear(5, v1)}}, 5}, // not 6@v0 and not 5@v0
	} {
		b := ready(t)
		for _, arrivals := range c.steps {
			b.arrive(t, arrivals...)
		}
		if got := b.shows(t); len(got) != c.want {
			t.Errorf("%s: %v, want %d", name, got, c.want)
		}
	}
}

// Check must find whatever does not fit.
func TestCheckFinds(t *testing.T) {
	for stmt, want := range map[string]string{
		"UPDATE submission SET state=2 WHERE seq=1": "held back",
		"DELETE FROM released WHERE first=1":        "refers to",
		"UPDATE released SET at=1 WHERE first=2":    "out of order",
		"UPDATE released SET count=9 WHERE first=2": "not there",
		"UPDATE view SET next=2":                    "out of order",
		"UPDATE released SET class=(SELECT n FROM class ORDER BY n DESC LIMIT 1), place=1 WHERE first=2": "may not go",
		"UPDATE released SET entry=99 WHERE first=1":                                                     "ledger",
	} {
		b := ready(t)
		b.arrive(t, clear(1, v0))
		b.arrive(t, clear(2, v0, 1))
		strict := clear(3, v0)
		strict.label = lab(4, true, "bravo")
		b.arrive(t, strict)
		b.view(t, b.Check)
		b.update(t, func(tx *db.Tx) error {
			_, err := tx.Exec(stmt)
			return err
		})
		if err := b.db.View(t.Context(), b.Check); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", stmt, err, want)
		}
	}
}

// A view may be read and explained while another transaction writes.
func TestReadersBesideAWriter(t *testing.T) {
	b := ready(t)
	b.arrive(t, clear(1, v0))
	done := make(chan error, 3)
	for range 3 {
		go func() {
			done <- func() error {
				for range 30 {
					err := b.db.View(t.Context(), func(tx *db.Tx) error {
						vs, err := b.Views(tx, "bravo")
						if err != nil {
							return err
						}
						if _, err := b.everything(tx, vs[0]); err != nil {
							return err
						}
						_, _, err = b.Why(tx, objectID(1), "bravo")
						return err
					})
					if err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	for i := range 30 {
		s := b.arrive(t, clear(i+2, v0, 1))
		if i%5 == 0 {
			b.withhold(t, s[0], store.Withdrawn)
		}
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
