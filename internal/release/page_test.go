package release

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"entente/internal/db"
	"entente/internal/store"
	"entente/stix"
)

// naive applies a filter to everything that a view shows, as TAXII 2.1 §3.4 says.
func naive(all []Released, f Filter) (out []Released) {
	byObject := map[stix.ID][]Released{}
	for _, r := range all {
		byObject[r.ID] = append(byObject[r.ID], r)
	}
	for _, r := range all {
		if r.No > f.After && r.At > f.AddedAfter && f.wants(r, byObject[r.ID]) {
			out = append(out, r)
		}
	}
	return out
}

func (f Filter) wants(r Released, of []Released) bool {
	if len(f.Objects) > 0 && !slices.Contains(f.Objects, r.ID) || len(f.Types) > 0 && !slices.Contains(f.Types, r.Type) {
		return false
	}
	specs := f.Specs
	if len(specs) == 0 {
		newest := slices.MaxFunc(of, func(a, b Released) int { return cmp.Compare(a.Spec, b.Spec) })
		specs = []string{newest.Spec}
	}
	of = slices.DeleteFunc(slices.Clone(of), func(x Released) bool { return !slices.Contains(specs, x.Spec) })
	if !slices.ContainsFunc(of, func(x Released) bool { return x.No == r.No }) {
		return false
	}
	age := func(a, b Released) int {
		return cmp.Or(stix.CompareVersions(a.Version, b.Version), cmp.Compare(a.No, b.No))
	}
	v := f.Versions
	switch {
	case v.All,
		v.First && slices.MinFunc(of, age).No == r.No,
		(v.Last || !v.First && len(v.Exact) == 0) && slices.MaxFunc(of, age).No == r.No:
		return true
	}
	return slices.ContainsFunc(v.Exact, func(x string) bool { return stix.CompareVersions(x, r.Version) == 0 })
}

// fill makes a view of many versions whose log has been cut here and there.
func (b *bench) fill(t fataler) {
	b.setParty(t, bravo())
	b.subscribe(t, "verification", false)
	rng := b.random
	pick := func(n int) int { return int(rng.Uint64() % uint64(n)) }
	var subs []store.Submission
	for batch := range 12 {
		b.clock = b.clock.Add(time.Duration(pick(3)) * time.Second)
		var arrivals []arrival
		for range 10 {
			arrivals = append(arrivals, arrival{object: 1 + pick(25), version: versions[pick(len(versions))],
				spec: []string{"2.1", "2.1", "2.0"}[pick(3)], label: lab(pick(2), true, "alfa"), source: batch})
		}
		subs = append(subs, b.arrive(t, arrivals...)...)
	}
	for range 20 {
		s := subs[pick(len(subs))]
		b.update(t, func(tx *db.Tx) error {
			if err := b.store.SetState(tx, s.Seq, store.Withdrawn); err != nil {
				return err
			}
			return b.Withhold(tx, s.Seq)
		})
	}
}

func drawFilter(t *rapid.T, all []Released) Filter {
	some := func(name string) *rapid.Generator[Released] { return rapid.SampledFrom(all) }
	f := Filter{Limit: rapid.IntRange(1, 12).Draw(t, "limit"), Bodies: rapid.Bool().Draw(t, "bodies")}
	if rapid.Bool().Draw(t, "after?") {
		f.After = int64(rapid.IntRange(0, int(all[len(all)-1].No)+3).Draw(t, "after"))
	}
	if rapid.Bool().Draw(t, "added?") {
		f.AddedAfter = some("added").Draw(t, "added").At + int64(rapid.IntRange(-1, 1).Draw(t, "off"))
	}
	if rapid.Bool().Draw(t, "ids?") {
		for range rapid.IntRange(1, 3).Draw(t, "ids") {
			f.Objects = append(f.Objects, some("id").Draw(t, "id").ID)
		}
	}
	f.Types = rapid.SampledFrom([][]string{nil, nil, {"report"}, {"report", "tool"}, {"tool"}}).Draw(t, "types")
	f.Specs = rapid.SampledFrom([][]string{nil, nil, {"2.0"}, {"2.1"}, {"2.0", "2.1"}, {"9.9"}}).Draw(t, "specs")
	f.Versions = Versions{All: rapid.Bool().Draw(t, "all"), First: rapid.Bool().Draw(t, "first"), Last: rapid.Bool().Draw(t, "last")}
	if rapid.Bool().Draw(t, "exact?") {
		f.Versions.Exact = []string{some("exact").Draw(t, "exact").Version}
	}
	return f
}

// Pages of any length under any filter, one after the other, give what a naive
// filter over everything gives, and their bytes are those that came.
func TestPageEqualsNaiveFilter(t *testing.T) {
	b := newBench(t, testPolicy(t), t.TempDir())
	b.fill(t)
	var all []Released
	var views []*View
	b.view(t, func(tx *db.Tx) (err error) {
		if views, err = b.Views(tx, "bravo"); err == nil {
			all, err = b.everything(tx, views[0])
		}
		return err
	})
	if len(all) < 30 {
		t.Fatalf("only %d objects to page through", len(all))
	}
	rapid.Check(t, func(t *rapid.T) {
		f := drawFilter(t, all)
		want, got := naive(all, f), []Released(nil)
		b.view(t, func(tx *db.Tx) error {
			for more, q := true, f; more; {
				page, again, next, err := b.Page(tx, views[0], q)
				if err != nil {
					return err
				}
				if len(page) > f.Limit || next < q.After || again && next == q.After {
					t.Fatalf("%d objects of %d, next %d after %d, more %v", len(page), f.Limit, next, q.After, again)
				}
				got, more, q.After, q.AddedAfter = append(got, page...), again, next, f.AddedAfter
			}
			return nil
		})
		if diff := gocmp.Diff(numbers(want), numbers(got)); diff != "" {
			t.Fatalf("%+v (-want +got):\n%s", f, diff)
		}
		for i, r := range got {
			if f.Bodies && string(r.Bytes.b) != string(want[i].Bytes.b) || !f.Bodies && r.Bytes.Len() != 0 {
				t.Fatalf("number %d: %q, want %q", r.No, r.Bytes.b, want[i].Bytes.b)
			}
		}
	})
}

// Of a view that is stale nothing is shown, however it came to be.
func TestStaleViewShowsNothing(t *testing.T) {
	b := newBench(t, testPolicy(t), t.TempDir())
	b.fill(t)
	stale := func(want bool) {
		t.Helper()
		b.view(t, func(tx *db.Tx) error {
			vs, err := b.Views(tx, "bravo")
			if err != nil {
				return err
			}
			page, _, _, err := b.Page(tx, vs[0], Filter{Limit: 5, After: 3})
			if want != errors.Is(err, ErrStale) || want && len(page) > 0 {
				t.Errorf("stale %v, want %v; a page of %d: %v", vs[0].Stale(), want, len(page), err)
			}
			return nil
		})
	}
	stale(false)
	p := bravo()
	p.Suspended = true
	b.update(t, func(tx *db.Tx) error { return b.SetParty(tx, p) })
	stale(true)
	if err := b.Refresh(t.Context(), b.db); err != nil {
		t.Fatal(err)
	}
	stale(false)
	b.clock = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) // the agreement has lapsed
	stale(true)
	if err := b.Refresh(t.Context(), b.db); err != nil {
		t.Fatal(err)
	}
	b.view(t, func(tx *db.Tx) error {
		vs, err := b.Views(tx, "bravo")
		if err != nil {
			return err
		}
		if all, err := b.everything(tx, vs[0]); err != nil || len(all) > 0 {
			t.Errorf("%d objects after the agreement lapsed: %v", len(all), err)
		}
		return nil
	})
}

// plan is how the database would answer a query.
func plan(t *testing.T, tx *db.Tx, query string, args []any) string {
	t.Helper()
	var out []string
	err := tx.Rows("EXPLAIN QUERY PLAN "+query, args, func(scan func(...any) error) error {
		var id, parent, x int
		var what string
		defer func() { out = append(out, what) }()
		return scan(&id, &parent, &x, &what)
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return strings.Join(out, "\n")
}

// What a page costs does not depend on how long the log is: every table is
// searched by an index, and nothing is sorted but the versions of objects that
// were asked for by name.
func TestPlansDoNotGrowWithTheLog(t *testing.T) {
	b := newBench(t, testPolicy(t), t.TempDir())
	b.fill(t)
	b.view(t, func(tx *db.Tx) error {
		v := &View{N: 1}
		for name, f := range map[string]Filter{
			"everything": {}, "bodies": {Bodies: true}, "types": {Types: []string{"a", "b"}}, "specs": {Specs: []string{"2.1"}},
			"all": {Versions: Versions{All: true}}, "objects": {Objects: []stix.ID{"a", "b"}, Bodies: true},
		} {
			q, args := query(v, f, 0, 0, 10)
			got := plan(t, tx, q, args)
			if strings.Contains(got, "SCAN") || strings.Contains(got, "TEMP B-TREE") && len(f.Objects) == 0 {
				t.Errorf("%s:\n%s", name, got)
			}
		}
		for name, q := range map[string]string{
			"shown":    "SELECT 1" + shows,
			"in range": "SELECT 1 FROM place p CROSS JOIN released r WHERE p.seq=$2 AND " + inRange,
			"waiting":  "SELECT seq FROM waiting WHERE view=$1 AND target=$2",
			"forget":   "DELETE FROM waiting WHERE view=$1 AND seq=$2",
			"entry":    "SELECT 1 FROM released WHERE entry=$1 AND view=$2",
			"date":     "SELECT first FROM released WHERE view=$1 AND at<=$2 ORDER BY at DESC LIMIT 1",
			"start":    "SELECT first FROM released WHERE view=$1 AND first<=$2 ORDER BY first DESC LIMIT 1",
		} {
			got := plan(t, tx, q, []any{1, 1})
			if strings.Contains(got, "SCAN") || strings.Contains(got, "TEMP B-TREE") {
				t.Errorf("%s:\n%s", name, got)
			}
		}
		return nil
	})
}

// A page of a view asks for no more rows than it needs, wherever in the log.
func TestPageOfACutLog(t *testing.T) {
	b := newBench(t, testPolicy(t), t.TempDir())
	b.setParty(t, bravo())
	b.subscribe(t, "verification", false)
	var arrivals []arrival
	for i := range 9 {
		arrivals = append(arrivals, arrival{object: i + 1, version: versions[0], label: lab(0, true, "alfa")})
	}
	subs := b.arrive(t, arrivals...)
	for _, cut := range []int{4, 0, 8, 5} { // in the middle, at both ends, beside a hole
		b.update(t, func(tx *db.Tx) error {
			if err := b.store.SetState(tx, subs[cut].Seq, store.Withdrawn); err != nil {
				return err
			}
			return b.Withhold(tx, subs[cut].Seq)
		})
	}
	b.view(t, func(tx *db.Tx) error {
		var ranges []string
		err := tx.Rows("SELECT first,count,place,at-(SELECT max(last) FROM view)+9,item FROM released ORDER BY first", nil, func(scan func(...any) error) error {
			var first, count, place, at, item int
			err := scan(&first, &count, &place, &at, &item)
			ranges = append(ranges, fmt.Sprintf("%d+%d place %d at %d item %d", first, count, place, at, item))
			return err
		})
		if err != nil {
			return err
		}
		want := []string{"2+3 place 2 at 2 item 2", "7+2 place 7 at 7 item 7"}
		if diff := gocmp.Diff(want, ranges); diff != "" {
			t.Errorf("what is left of the range (-want +got):\n%s", diff)
		}
		vs, err := b.Views(tx, "bravo")
		if err != nil {
			return err
		}
		for after, want := range map[int64][]int64{0: {2, 3}, 2: {3, 4}, 3: {4, 7}, 4: {7, 8}, 6: {7, 8}, 7: {8}, 9: {}} {
			page, _, _, err := b.Page(tx, vs[0], Filter{After: after, Limit: 2})
			if err != nil {
				return err
			}
			if diff := gocmp.Diff(want, numbers(page)); diff != "" {
				t.Errorf("after %d (-want +got):\n%s", after, diff)
			}
		}
		return b.Check(tx)
	})
}
