package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"entente/internal/db"
	"entente/internal/store"
	"entente/label"
	"entente/stix"
)

// model is what the release logs must come to, told naively.
type model struct {
	subs  []*modelSub
	party Party
	seen  map[string]map[int64]store.Seq // by collection: what each number ever stood for
	top   map[string]int64
}

type modelSub struct {
	arrival
	seq store.Seq
}

type shownVersion struct {
	Object  int
	Version string
}

func (m *model) may(s *modelSub, plain bool) bool {
	if s.state != store.Active || m.party.Suspended || plain && !s.label.Marked.Is() {
		return false
	}
	most := 1
	if m.party.Kind == "police" {
		most = 2
	}
	return s.label.TLP.Value() <= most
}

// closed computes the greatest set of objects that is closed under reference:
// it begins with everything and drops what has no submission that may stay.
func (m *model) closed(plain bool) map[int]bool {
	in := map[int]bool{}
	for _, s := range m.subs {
		in[s.object] = true
	}
	for changed := true; changed; {
		changed = false
		for o := range maps.Clone(in) {
			if !slices.ContainsFunc(m.subs, func(s *modelSub) bool { return s.object == o && m.stays(s, plain, in) }) {
				delete(in, o)
				changed = true
			}
		}
	}
	return in
}

func (m *model) stays(s *modelSub, plain bool, in map[int]bool) bool {
	if !m.may(s, plain) {
		return false
	}
	for _, r := range s.refs {
		if r != s.object && !in[r] {
			return false
		}
	}
	return true
}

// want is the versions that a view shows, and by which submissions it might.
func (m *model) want(plain bool) map[shownVersion][]store.Seq {
	in, out := m.closed(plain), map[shownVersion][]store.Seq{}
	for _, s := range m.subs {
		if m.stays(s, plain, in) {
			k := shownVersion{s.object, s.version}
			out[k] = append(out[k], s.seq)
		}
	}
	return out
}

var versions = []string{"2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z", "2021-01-01T00:00:00.000Z", "2022-01-01T00:00:00Z", ""}

const modelObjects = 7

func drawArrival(t *rapid.T) arrival {
	return arrival{
		object:  rapid.IntRange(1, modelObjects).Draw(t, "object"),
		version: rapid.SampledFrom(versions).Draw(t, "version"),
		spec:    rapid.SampledFrom([]string{"2.1", "2.1", "2.0"}).Draw(t, "spec"),
		refs:    rapid.SliceOfNDistinct(rapid.IntRange(1, modelObjects), 0, 3, rapid.ID[int]).Draw(t, "refs"),
		label:   drawLabel(t),
		source:  rapid.IntRange(1, 2).Draw(t, "source"),
	}
}

func drawLabel(t *rapid.T) label.Label {
	// Mostly what may go, so that something happens.
	tlp := rapid.SampledFrom([]int{0, 1, 1, 2, 3}).Draw(t, "tlp")
	return lab(tlp, rapid.IntRange(0, 3).Draw(t, "unmarked") > 0, rapid.SampledFrom([]string{"alfa", "bravo"}).Draw(t, "origin"))
}

// TestReleaseMatchesModel drives an engine through random arrivals, changes of
// facts, disputes, relabelling, restarts and rolled-back transactions, and
// compares every view after every step with the model and with a view that is
// made from scratch.
func TestReleaseMatchesModel(t *testing.T) {
	set, root := testPolicy(t), t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(root, "run")
		if err != nil {
			rt.Fatal(err)
		}
		b := newBench(t, set, dir)
		defer func() { b.db.Close(); os.RemoveAll(dir) }()
		m := &model{party: bravo(), seen: map[string]map[int64]store.Seq{}, top: map[string]int64{}}
		b.setParty(rt, m.party)
		b.subscribe(rt, "verification", false)
		b.subscribe(rt, "verification", true)
		rt.Repeat(map[string]func(*rapid.T){
			"":         func(t *rapid.T) { b.compare(t, m) },
			"arrive":   func(t *rapid.T) { b.stepArrive(t, m) },
			"arrive2":  func(t *rapid.T) { b.stepArrive(t, m) },
			"party":    func(t *rapid.T) { b.stepParty(t, m) },
			"withhold": func(t *rapid.T) { b.stepWithhold(t, m) },
			"relabel":  func(t *rapid.T) { b.stepRelabel(t, m) },
			"restart":  func(*rapid.T) { b.restart() },
			"rollback": func(t *rapid.T) { b.stepRollback(t) },
		})
	})
}

func (b *bench) stepArrive(t *rapid.T, m *model) {
	arrivals := rapid.SliceOfN(rapid.Custom(drawArrival), 1, 5).Draw(t, "arrivals")
	slices.SortStableFunc(arrivals, func(x, y arrival) int { return x.source - y.source })
	for i, s := range b.arrive(t, arrivals...) {
		m.subs = append(m.subs, &modelSub{arrivals[i], s.Seq})
	}
}

func (b *bench) stepParty(t *rapid.T, m *model) {
	m.party.Kind = rapid.SampledFrom([]string{"police", "ngo"}).Draw(t, "kind")
	m.party.Suspended = rapid.IntRange(0, 4).Draw(t, "suspended") == 0
	if rapid.Bool().Draw(t, "lazily") { // the next arrival finds the view stale
		b.update(t, func(tx *db.Tx) error { return b.SetParty(tx, m.party) })
		b.stepArrive(t, m)
		return
	}
	b.setParty(t, m.party)
}

// drawSub draws a submission. With none to draw from, rapid is told to take
// another action instead; the test goes on.
func drawSub(t *rapid.T, m *model) *modelSub {
	if len(m.subs) == 0 {
		t.Skip("nothing there yet")
	}
	return rapid.SampledFrom(m.subs).Draw(t, "submission")
}

func (b *bench) stepWithhold(t *rapid.T, m *model) {
	s := drawSub(t, m)
	s.state = rapid.SampledFrom([]store.State{store.Withdrawn, store.Disputed, store.Foreign}).Draw(t, "state")
	b.update(t, func(tx *db.Tx) error {
		if err := b.store.SetState(tx, s.seq, s.state); err != nil {
			return err
		}
		return b.Withhold(tx, s.seq)
	})
}

func (b *bench) stepRelabel(t *rapid.T, m *model) {
	s := drawSub(t, m)
	s.label = drawLabel(t)
	b.update(t, func(tx *db.Tx) error {
		class, err := b.store.Class(tx, s.label.Canonical())
		if err != nil {
			return err
		}
		sub, _, err := b.store.Submission(tx, s.seq)
		if err != nil {
			return err
		}
		if err := b.store.Relabel(tx, &sub, class); err != nil {
			return err
		}
		return b.Advance(tx, []*store.Submission{&sub}, nil)
	})
}

// stepRollback does something that the engine must forget again.
func (b *bench) stepRollback(t *rapid.T) {
	arrivals := rapid.SliceOfN(rapid.Custom(drawArrival), 1, 5).Draw(t, "arrivals")
	err := b.db.Update(context.Background(), func(tx *db.Tx) error {
		subs, err := b.add(tx, arrivals)
		if err != nil {
			return err
		}
		if err := b.Withhold(tx, subs[0].Seq); err != nil {
			return err
		}
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		t.Fatal(err)
	}
}

func (b *bench) compare(t *rapid.T, m *model) {
	if len(b.alarms) > 0 {
		t.Fatal(b.alarms)
	}
	b.view(t, func(tx *db.Tx) error {
		views, err := b.Views(tx, "bravo")
		if err != nil {
			return err
		}
		for _, v := range views {
			all, err := b.everything(tx, v)
			if err != nil {
				return err
			}
			plain := v.Carriage == CarriagePlain
			m.compareSet(t, all, m.want(plain))
			m.compareNumbers(t, v, all)
			b.compareLatest(t, tx, v, all)
			b.compareWaiting(t, tx, v, m, all)
		}
		return b.Check(tx)
	})
	err := b.db.Update(context.Background(), func(tx *db.Tx) error {
		v, err := b.Subscribe(tx, "bravo", "TEST", "exercise", false)
		if err != nil {
			return err
		}
		all, err := b.everything(tx, v)
		if err != nil {
			return err
		}
		m.compareSet(t, all, m.want(false))
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		t.Fatal(err)
	}
}

func (m *model) compareSet(t *rapid.T, all []Released, want map[shownVersion][]store.Seq) {
	got := map[shownVersion]bool{}
	for _, r := range all {
		k := shownVersion{numberOf(r.ID), r.Version}
		if got[k] {
			t.Fatalf("%v is shown twice", k)
		}
		got[k] = true
		if !slices.Contains(want[k], r.Seq) {
			t.Fatalf("%v is shown by submission %d; it may be by %v", k, r.Seq, want[k])
		}
		i := slices.IndexFunc(m.subs, func(s *modelSub) bool { return s.seq == r.Seq })
		if l := m.subs[i].label; (r.Rule == "TEST.1") != (l.TLP.Value() <= 1) {
			t.Fatalf("%v, TLP %d, is said to rest on %s", k, l.TLP.Value(), r.Rule)
		}
	}
	for k := range want {
		if !got[k] {
			t.Fatalf("%v may go and is not shown", k)
		}
	}
}

func numberOf(id stix.ID) (n int) {
	fmt.Sscanf(string(id)[len(id)-12:], "%d", &n)
	return n
}

// compareNumbers: numbers and dates grow, and a number never stands for two things.
func (m *model) compareNumbers(t *rapid.T, v *View, all []Released) {
	if m.seen[v.Collection] == nil {
		m.seen[v.Collection] = map[int64]store.Seq{}
	}
	seen, top := m.seen[v.Collection], m.top[v.Collection]
	var no, at int64
	for _, r := range all {
		if r.No <= no || r.At <= at {
			t.Fatalf("number %d at %d follows %d at %d", r.No, r.At, no, at)
		}
		no, at = r.No, r.At
		switch was, ok := seen[r.No]; {
		case ok && was != r.Seq:
			t.Fatalf("number %d was submission %d and is %d", r.No, was, r.Seq)
		case !ok && r.No <= top:
			t.Fatalf("number %d is new, but %d had been given", r.No, top)
		}
		seen[r.No] = r.Seq
	}
	if v.Last() < top {
		t.Fatalf("the view went back from %d to %d", top, v.Last())
	}
	m.top[v.Collection] = v.Last()
}

// compareLatest: without a filter on versions, the newest version of each object
// in the newest specification that it has, once.
func (b *bench) compareLatest(t *rapid.T, tx *db.Tx, v *View, all []Released) {
	page, _, _, err := b.Page(tx, v, Filter{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	want := naive(all, Filter{})
	if diff := cmp.Diff(numbers(want), numbers(page)); diff != "" {
		t.Fatalf("latest versions (-want +got):\n%s", diff)
	}
}

func numbers(rs []Released) []int64 {
	out := []int64{}
	for _, r := range rs {
		out = append(out, r.No)
	}
	return out
}

// compareWaiting: what may go and is not shown, in any submission of that
// version, waits for something that it refers to and that is not shown.
func (b *bench) compareWaiting(t *rapid.T, tx *db.Tx, v *View, m *model, all []Released) {
	waits := map[store.Seq]int{}
	err := tx.Rows("SELECT seq,target FROM waiting WHERE view=$1", []any{v.N}, func(scan func(...any) error) error {
		var seq store.Seq
		var target store.Object
		defer func() { waits[seq]++ }()
		return scan(&seq, &target)
	})
	if err != nil {
		t.Fatal(err)
	}
	shown := map[shownVersion]bool{}
	for _, r := range all {
		shown[shownVersion{numberOf(r.ID), r.Version}] = true
	}
	for _, s := range m.subs {
		if m.may(s, v.Carriage == CarriagePlain) && !shown[shownVersion{s.object, s.version}] && waits[s.seq] == 0 {
			t.Fatalf("submission %d may go, is not shown and waits for nothing", s.seq)
		}
	}
}
