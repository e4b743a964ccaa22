package release

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"entente/internal/db"
	"entente/internal/journal"
	"entente/internal/store"
	"entente/label"
	"entente/policy"
	"entente/stix"
)

// The policy of these tests: up to TLP:GREEN for every member, up to TLP:AMBER
// for the police, nothing for who is suspended.
const (
	testGuards = `@id("suspended") @title("t") @cite("c") @text("t") @fix("f") @who("w")
forbid (principal, action, resource) when { principal.suspended };
`
	testRules = `@id("TEST.1") @title("t") @cite("c") @text("t") @oblige("keep-secret")
permit (principal in Agreement::"TEST", action == Action::"Release", resource) when { resource.tlp <= 1 };
@id("TEST.2") @title("t") @cite("c") @text("t")
permit (principal in Agreement::"TEST", action == Action::"Release", resource) when { resource.tlp <= 2 } when { principal.kind == "police" };
@id("TEST.3") @title("t") @cite("c") @text("t")
permit (principal in Agreement::"TEST", action == Action::"LeaveQuarantine", resource) when { resource.tlp <= 2 };
`
	testAgreement = `id = "TEST"
title = "An agreement for tests"
parties = ["alfa", "bravo"]
covered_groups = ["*", "none"]
purposes = ["verification", "exercise", "oversight"]
schemes = ["ungraded"]
obligations = ["be-kind"]
transfer_basis = "none"
intake_profile = "partner-delivery"
carriage = "envelope"
from = 2020-01-01
until = 2029-12-31
`
)

func testPolicy(t testing.TB) *policy.Set {
	t.Helper()
	return testPolicyWith(t, testRules)
}

func testPolicyWith(t testing.TB, rules string) *policy.Set {
	t.Helper()
	files := fstest.MapFS{
		"guards.cedar":          {Data: []byte(testGuards)},
		"agreements/test.cedar": {Data: []byte(rules)},
		"agreements/test.toml":  {Data: []byte(testAgreement)},
	}
	for _, name := range []string{"schema.cedarschema", "profiles/partner-delivery.toml"} {
		text, err := policyFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	set, err := policy.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func policyFile(name string) ([]byte, error) {
	f, err := policy.Shipped().Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, fi.Size())
	_, err = f.Read(b)
	return b, err
}

// bench is an engine on a database of its own, with a clock that stands still
// unless it is moved.
type bench struct {
	*Engine
	t       testing.TB
	db      *db.DB
	set     *policy.Set
	clock   time.Time
	alarms  []string
	random  *rand.ChaCha8
	classes map[string]store.Class
}

// must fails the test on an error; rapid's T and testing's alike.
type fataler interface {
	Fatal(...any)
	Fatalf(string, ...any)
	Helper()
}

func newBench(t testing.TB, set *policy.Set, dir string) *bench {
	t.Helper()
	d, err := db.OpenScratch(context.Background(), filepath.Join(dir, "node.db"))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, db: d, set: set, clock: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), random: rand.NewChaCha8([32]byte{1})}
	b.restart()
	return b
}

// restart makes the engine anew, as a new process would: nothing is remembered.
func (b *bench) restart() {
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	j, err := journal.New("alfa", key, b.random, func() time.Time { return b.clock })
	if err != nil {
		b.t.Fatal(err)
	}
	b.Engine = New(Config{Store: store.New(), Policy: b.set, Journal: j, Random: b.random,
		Now: func() time.Time { return b.clock }, Alarm: func(what string) { b.alarms = append(b.alarms, what) }})
}

func (b *bench) update(t fataler, f func(*db.Tx) error) {
	t.Helper()
	if err := b.db.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) view(t fataler, f func(*db.Tx) error) {
	t.Helper()
	if err := b.db.View(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

var errRollback = errors.New("rolled back on purpose")

func bravo() Party {
	return Party{Partner: policy.Partner{ID: "bravo", Country: "XB", Kind: "ngo", Regime: "gdpr", Level: 1}}
}

func (b *bench) setParty(t fataler, p Party) {
	t.Helper()
	b.update(t, func(tx *db.Tx) error {
		if err := b.SetParty(tx, p); err != nil {
			return err
		}
		return b.RefreshIn(tx)
	})
}

// lab is a final label of a TLP colour, all else harmless. Labels differ in
// origin too, so that one colour makes several classes.
func lab(tlp int, marked bool, origin string) label.Label {
	zero, no := 0, false
	purposes, none := []string{"exercise", "oversight", "verification"}, []string{"none"}
	l, err := label.Facts{TLP: &tlp, PAP: &zero, Level: &zero, Scheme: "ungraded", Source: "none", Info: &zero, Content: "report", Data: &zero,
		Designation: &none, Group: "none", Basis: "public-interest", Purposes: &purposes, Taint: "none", State: "active", Reviewed: &no, Marked: &marked, Origin: origin}.Label()
	if err != nil {
		panic(err)
	}
	return l.Final()
}

// objectID names the objects of these tests, of two types in turn.
func objectID(n int) stix.ID {
	return stix.ID(fmt.Sprintf("%s--00000000-0000-4000-8000-%012d", []string{"report", "tool"}[n%2], n))
}

// arrival is what a test brings.
type arrival struct {
	object  int
	version string
	spec    string // "" is 2.1
	refs    []int
	label   label.Label
	source  int
	state   store.State
}

// add brings arrivals as room intake would, and returns them as stored.
func (b *bench) add(tx *db.Tx, arrivals []arrival) ([]store.Submission, error) {
	var ids []stix.ID
	for _, a := range arrivals {
		ids = append(ids, objectID(a.object))
		for _, r := range a.refs {
			ids = append(ids, objectID(r))
		}
	}
	numbers, freshIDs, err := b.store.Intern(tx, ids)
	if err != nil {
		return nil, err
	}
	bySource := map[int][]store.Submission{}
	for _, a := range arrivals {
		class, err := b.store.Class(tx, a.label.Canonical())
		if err != nil {
			return nil, err
		}
		o := numbers[objectID(a.object)]
		s := store.Submission{Object: o, ID: objectID(a.object), Version: a.version, Spec: a.spec, Class: class, State: a.state,
			Bytes: fmt.Appendf(nil, `{"id":%q,"n":%d}`, objectID(a.object), b.random.Uint64())}
		if s.Spec == "" {
			s.Spec = "2.1"
		}
		met := 0
		err = b.store.Previous(tx, []store.Object{o}, func(store.Submission) error { met++; return nil })
		if err != nil {
			return nil, err
		}
		for _, subs := range bySource {
			for _, other := range subs {
				if other.Object == o {
					met++
				}
			}
		}
		s.New = met == 0
		for _, r := range a.refs {
			if r != a.object {
				s.References = append(s.References, store.Edge{Target: numbers[objectID(r)], Property: "x_ref"})
			}
		}
		bySource[a.source] = append(bySource[a.source], s)
	}
	var all []store.Submission
	for _, source := range slices.Sorted(maps.Keys(bySource)) {
		src := store.Source{Kind: "own", Profile: fmt.Sprint("p", source)}
		if src.N, err = b.store.Source(tx, src); err != nil {
			return nil, err
		}
		subs := bySource[source]
		if err := b.store.Add(tx, src, store.Container{Kind: "test"}, b.clock.UnixMicro(), subs); err != nil {
			return nil, err
		}
		all = append(all, subs...)
	}
	fresh := map[store.Object]bool{}
	for id := range freshIDs {
		fresh[numbers[id]] = true
	}
	var ptrs []*store.Submission
	for i := range all {
		ptrs = append(ptrs, &all[i])
	}
	return all, b.Advance(tx, ptrs, fresh)
}

func (b *bench) arrive(t fataler, arrivals ...arrival) []store.Submission {
	t.Helper()
	var out []store.Submission
	b.update(t, func(tx *db.Tx) (err error) {
		out, err = b.add(tx, arrivals)
		return err
	})
	return out
}

// subscribe subscribes bravo for a purpose.
func (b *bench) subscribe(t fataler, purpose string, plain bool) string {
	t.Helper()
	var collection string
	b.update(t, func(tx *db.Tx) error {
		v, err := b.Subscribe(tx, "bravo", "TEST", purpose, plain)
		if err == nil {
			collection = v.Collection
		}
		return err
	})
	return collection
}

// everything reads all that a view shows.
func (b *bench) everything(tx *db.Tx, v *View) ([]Released, error) {
	page, more, _, err := b.Page(tx, v, Filter{Limit: 10_000, Versions: Versions{All: true}, Specs: []string{"2.0", "2.1"}, Bodies: true})
	if err == nil && more {
		err = errors.New("more than everything")
	}
	return page, err
}

// GoString is how a failing run tells what it brought.
func (a arrival) GoString() string {
	return fmt.Sprintf("{%d %q spec %q refs %v TLP %d marked %v origin %s source %d}", a.object, a.version, a.spec, a.refs, a.label.TLP.Value(), a.label.Marked.Is(), a.label.Origin, a.source)
}
