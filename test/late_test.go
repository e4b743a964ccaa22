package test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"entente/internal/db"
	"entente/internal/node"
	"entente/taxii"
)

// reading is a TAXII client that reads on from where it was.
type reading struct {
	t      *testing.T
	c      *taxii.Client
	in     string
	last   time.Time
	number int
}

// poll asks for what was added after the last date it knows, and wants dates to grow.
func (r *reading) poll() (ids []string) {
	r.t.Helper()
	for rec, err := range r.c.Manifest(r.t.Context(), "/shared/", r.in, taxii.Query{AddedAfter: r.last, Limit: 3, Versions: taxii.VersionMatch{All: true}}) {
		ok(r.t, err)
		if at := rec.DateAdded.Time; !at.After(r.last) || at.Nanosecond()%1000 != 0 {
			r.t.Errorf("%s was added at %v, after %v", rec.ID, at, r.last)
		} else {
			r.last = at
		}
		ids = append(ids, rec.ID)
		r.number++
	}
	return ids
}

// all asks for everything.
func (r *reading) all() (ids []string) {
	r.t.Helper()
	for rec, err := range r.c.Manifest(r.t.Context(), "/shared/", r.in, taxii.Query{Versions: taxii.VersionMatch{All: true}}) {
		ok(r.t, err)
		ids = append(ids, rec.ID)
	}
	return ids
}

// nothing wants the collection to be empty, or not to be there any more.
func (r *reading) nothing() {
	r.t.Helper()
	for rec, err := range r.c.Manifest(r.t.Context(), "/shared/", r.in, taxii.Query{Versions: taxii.VersionMatch{All: true}}) {
		if err == nil {
			r.t.Errorf("%s is still there", rec.ID)
		} else if !errors.Is(err, taxii.ErrUnauthorized) && !errors.Is(err, taxii.ErrNotFound) {
			r.t.Error(err)
		}
	}
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	got = slices.Clone(got)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// dense wants the numbers of a view's log to be 1, 2, 3 … up to its last but for
// what has left, and its dates to grow by a microsecond at least.
func dense(t *testing.T, p *peer, collection string, left int) {
	t.Helper()
	var numbers, dates []int64
	last := int64(0)
	ok(t, p.DB.View(t.Context(), func(tx *db.Tx) error {
		if _, err := tx.Row("SELECT next-1 FROM view WHERE collection=$1", []any{collection}, &last); err != nil {
			return err
		}
		return tx.Rows(`SELECT r.first+p.place-r.place, r.at+p.place-r.place FROM view v JOIN released r ON r.view=v.n
			JOIN place p ON p.class=r.class AND p.place>=r.place AND p.place<r.place+r.count WHERE v.collection=$1 ORDER BY 1`, []any{collection},
			func(scan func(...any) error) error {
				var n, at int64
				defer func() { numbers, dates = append(numbers, n), append(dates, at) }()
				return scan(&n, &at)
			})
	}))
	for i := range numbers {
		if i > 0 && (numbers[i] <= numbers[i-1] || dates[i] <= dates[i-1]) {
			t.Errorf("number %d of %d follows %d of %d", numbers[i], dates[i], numbers[i-1], dates[i-1])
		}
	}
	if int(last)-len(numbers) != left {
		t.Errorf("the last number is %d, %d objects are there, and %d have left", last, len(numbers), left)
	}
}

// laterNode is a node with a clock of the test, and a reader of what goes to sundmark.
func laterNode(t *testing.T, files ...func(dir string)) (*peer, *clock, *reading) {
	t.Helper()
	c := newClock()
	a := newPeer(t, "nordlys", node.World{Now: c.now}, files...)
	a.hold(police("sundmark"))
	in := a.subscribe("sundmark", "NORDLYS", "terrorism-investigation", true)
	return a, c, &reading{t: t, c: a.client("sundmark"), in: in}
}

// What a change releases late reaches a partner that polls from where it was.
func TestLateRelease(t *testing.T) {
	a, c, r := laterNode(t)
	green, passive := marked(tlpGreen, papGreen), marked(tlpGreen, "marking-definition--60f8932b-e51e-4458-b265-a2e8be9a80ab")
	a.bring("own-report", "", "", organisation("first", 1, green), organisation("held", 1, passive), report("on held", 1, []string{idOf("identity", "held")}, green),
		report("waits", 1, []string{idOf("identity", "to come")}, green))
	same(t, "at first", r.poll(), idOf("identity", "first"))
	a.bring("own-report", "", "", organisation("second", 1, green))
	same(t, "without moving the clock", r.poll(), idOf("identity", "second"))
	c.move(time.Minute)
	facts := police("sundmark")
	facts.Honours = []string{"pap-amber"}
	a.hold(facts)
	same(t, "after a change of the partner's facts", r.poll(), idOf("identity", "held"), idOf("report", "on held"))
	c.move(-time.Hour) // a clock that was set back
	a.bring("own-report", "", "", organisation("to come", 1, green))
	same(t, "after what it waited for", r.poll(), idOf("identity", "to come"), idOf("report", "waits"))
	same(t, "nothing new", r.poll())
	same(t, "in all", r.all(), idOf("identity", "first"), idOf("identity", "second"), idOf("identity", "held"), idOf("report", "on held"), idOf("identity", "to come"), idOf("report", "waits"))
	dense(t, a, r.in, 0)
	a.whole()
}

// Suspension empties everything at once; lifting it brings all back, later in the
// log than before, so that the partner gets it again.
func TestSuspension(t *testing.T) {
	a, _, r := laterNode(t)
	b := newPeer(t, "sundmark", node.World{})
	meet(a, b)
	a.hold(police("sundmark"))
	b.hold(police("nordlys"))
	var ids []string
	for _, words := range []string{"one", "two", "three", "four", "five"} {
		a.bring("own-report", "", "", organisation(words, 1, marked(tlpGreen, papGreen)))
		ids = append(ids, idOf("identity", words))
	}
	a.settle()
	same(t, "at first", r.poll(), ids...)
	suspend := func(suspended bool) {
		a.write(func(tx *db.Tx) error {
			if err := a.Partner.Suspend(tx, "sundmark", suspended); err != nil {
				return err
			}
			return a.Release.RefreshIn(tx)
		})
	}
	suspend(true)
	r.nothing()
	if _, err := b.Partner.Sync(t.Context(), "nordlys"); err == nil {
		t.Error("a suspended partner's node is let in")
	}
	a.bring("own-report", "", "", organisation("six", 1, marked(tlpGreen, papGreen)))
	r.nothing()
	suspend(false)
	same(t, "after the suspension", r.poll(), append(ids, idOf("identity", "six"))...)
	dense(t, a, r.in, 5)
	a.settle()
	if got, err := b.Partner.Sync(t.Context(), "nordlys"); err != nil || got.Objects != 6 {
		t.Errorf("after the suspension the node gets %+v, %v", got, err)
	}
	a.whole()
}

// An agreement lets nothing go before its first day and after its last one.
func TestLapse(t *testing.T) {
	a, c, r := laterNode(t, func(dir string) {
		file := filepath.Join(dir, "policy", "agreements", "nordlys.toml")
		text := bytes.Replace(must(os.ReadFile(file))(t), []byte("until = 2031-12-31"), []byte("until = 2026-06-02"), 1)
		text = bytes.Replace(text, []byte("from = 2026-01-01"), []byte("from = 2026-06-01"), 1)
		ok(t, os.WriteFile(file, text, 0o600))
	})
	green := marked(tlpGreen, papGreen)
	a.bring("own-report", "", "", organisation("one", 1, green))
	one := idOf("identity", "one")
	same(t, "on the first day", r.all(), one)
	c.move(36*time.Hour - time.Second) // the last second of the last day
	same(t, "on the last day", r.all(), one)
	c.move(time.Second)
	same(t, "on the day after", r.all())
	if body := newTap(t, a.public, "Bearer "+a.account("raw", "sundmark", ""), nil).ask("GET", "/shared/collections/"+r.in+"/objects/"+one+"/", ""); body.status != 404 {
		t.Errorf("the object by its id: %d %s", body.status, body.body)
	}
	a.bring("own-report", "", "", organisation("two", 1, green))
	same(t, "what came after", r.all())
	c.move(-24 * time.Hour)
	same(t, "a day earlier again", r.all(), one, idOf("identity", "two"))
	c.move(-72 * time.Hour)
	same(t, "before the first day", r.all())
	a.whole()
}

// Whatever comes, leaves and comes back, in whatever order and however often the
// clock is set back, a partner's dates grow and its numbers leave no gap but for
// what has left.
func TestNumbering(t *testing.T) {
	_, rnd := seeded(t)
	a, c, r := laterNode(t)
	facts := police("sundmark")
	left, amber := 0, 0
	granted := false
	for i := range 60 {
		c.move(time.Duration(rnd.IntN(5)-1) * time.Microsecond)
		var batch []string
		for j := range 1 + rnd.IntN(8) {
			words := strings.Join([]string{"n", time.Duration(i*100 + j).String()}, " ")
			switch rnd.IntN(4) {
			case 0:
				batch = append(batch, organisation(words, 1, marked(tlpRed, papGreen)))
			case 1:
				batch = append(batch, organisation(words, 1, marked(tlpGreen, "marking-definition--60f8932b-e51e-4458-b265-a2e8be9a80ab")))
				amber++
			default:
				batch = append(batch, organisation(words, 1, marked(tlpGreen, papGreen)))
			}
		}
		a.bring("own-report", "", "", batch...)
		r.poll()
		if i%15 == 7 { // what is PAP:AMBER comes, or goes
			if granted {
				left += amber
			}
			granted = !granted
			facts.Honours = nil
			if granted {
				facts.Honours = []string{"pap-amber"}
			}
			a.hold(facts)
		}
		r.poll()
		dense(t, a, r.in, left)
	}
	if all := len(r.all()); r.number != all+left {
		t.Errorf("polling brought %d, there are %d and %d have left", r.number, all, left)
	}
	t.Logf("%d objects read, %d have left", r.number, left)
	a.whole()
}
