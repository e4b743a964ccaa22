package taxii

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestPagingLosesNothing: whoever pages through a growing collection, by next or
// by added_after, with whatever limits and filter, gets every record that was
// there at the start and matches, each once, in order, and nothing that does not
// match; what is appended meanwhile comes later and once.
func TestPagingLosesNothing(t *testing.T) {
	types := []string{"indicator", "malware", "tool"}
	rapid.Check(t, func(t *rapid.T) {
		b := newMemory()
		b.find(collA).maxPage = rapid.IntRange(1, 7).Draw(t, "max")
		h := Handler(Config{}, b)
		n := 0
		grow := func(label string, most int) {
			for range rapid.IntRange(0, most).Draw(t, label) {
				n++
				b.put(collA, obj(rapid.SampledFrom(types).Draw(t, "type"), n, 1))
			}
		}
		grow("start", 40)
		filter := url.Values{"match[version]": {"all"}}
		want := types
		if rapid.Bool().Draw(t, "filtered") {
			want = types[:rapid.IntRange(1, 2).Draw(t, "types")]
			filter.Set("match[type]", want[0])
			if len(want) == 2 {
				filter.Set("match[type]", want[0]+","+want[1])
			}
		}
		endpoint := rapid.SampledFrom([]string{objectsA, manifestA}).Draw(t, "endpoint")
		byDate := rapid.Bool().Draw(t, "byDate")

		var got []string
		q := url.Values{}
		for pages := 0; ; pages++ {
			if pages > 500 {
				t.Fatal("does not end")
			}
			v := url.Values{}
			for k, x := range filter {
				v[k] = x
			}
			for k, x := range q {
				v[k] = x
			}
			limit := rapid.IntRange(0, 9).Draw(t, "limit")
			if limit > 0 {
				v.Set("limit", fmt.Sprint(limit))
			}
			w := do(h, "anna", http.MethodGet, endpoint+"?"+v.Encode(), "", nil)
			if w.Code != 200 {
				t.Fatalf("%s: %d %s", v.Encode(), w.Code, w.Body)
			}
			var e struct {
				More    bool
				Next    string
				Objects []struct{ ID string }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			if limit > 0 && len(e.Objects) > limit {
				t.Fatalf("%d objects for limit %d", len(e.Objects), limit)
			}
			for _, o := range e.Objects {
				got = append(got, o.ID)
			}
			if !e.More {
				break
			}
			if byDate {
				q.Set("added_after", w.Header().Get("X-TAXII-Date-Added-Last"))
			} else {
				q.Set("next", e.Next)
			}
			if pages < 20 {
				grow("meanwhile", 3)
			}
		}
		var all []string
		for _, r := range b.find(collA).records {
			if slices.Contains(want, r.Type) {
				all = append(all, r.ID)
			}
		}
		if !slices.Equal(got, all) {
			t.Fatalf("got %d %v\nwant %d %v", len(got), got, len(all), all)
		}
	})
}

// TestBindingTellsApart: questions that differ in anything but limit and the
// order of a list never have one binding.
func TestBindingTellsApart(t *testing.T) {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	type question struct {
		caller, root, coll string
		ep                 endpoint
		q                  Query
	}
	questions := []question{
		{"a", "/r/", "c", epObjects, Query{}},
		{"b", "/r/", "c", epObjects, Query{}},
		{"a", "/s/", "c", epObjects, Query{}},
		{"a", "/r/", "d", epObjects, Query{}},
		{"a/r/", "", "c", epObjects, Query{}},
		{"a", "/r/c", "", epObjects, Query{}},
		{"a", "/r/", "c", epManifest, Query{}},
		{"a", "/r/", "c", epObject, Query{Object: "x"}},
		{"a", "/r/", "c", epObject, Query{Object: "y"}},
		{"a", "/r/", "c", epObjects, Query{AddedAfter: day}},
		{"a", "/r/", "c", epObjects, Query{AddedAfter: day.Add(time.Second)}},
		{"a", "/r/", "c", epObjects, Query{AddedAfter: day.Add(time.Nanosecond)}},
		{"a", "/r/", "c", epObjects, Query{AddedAfter: time.Unix(0, 0)}},
	}
	for _, list := range [][]string{{"a"}, {"b"}, {"ab"}, {"a", "b"}, {"a,b"}, {""}} {
		for _, q := range []Query{{IDs: list}, {Types: list}, {SpecVersions: list}, {Versions: VersionMatch{Exact: list}}, {IDs: list, Types: list}} {
			questions = append(questions, question{"a", "/r/", "c", epObjects, q})
		}
	}
	for i := range 8 {
		m := VersionMatch{Last: i&1 > 0, First: i&2 > 0, All: i&4 > 0}
		questions = append(questions, question{"a", "/r/", "e", epObjects, Query{Versions: m}})
	}
	questions = append(questions, question{"a", "/r/", "c", epObjects, Query{IDs: []string{"a"}, Types: []string{"b"}}})
	seen := map[[32]byte]question{}
	for _, x := range questions {
		id := binding(x.caller, x.root, x.coll, x.ep, x.q)
		if y, there := seen[id]; there {
			t.Errorf("one binding for\n%+v\n%+v", x, y)
		}
		seen[id] = x
	}
	a := binding("a", "/r/", "c", epObjects, Query{IDs: []string{"a", "b"}, Limit: 1})
	if b := binding("a", "/r/", "c", epObjects, Query{IDs: []string{"b", "a"}, Limit: 2, After: 9}); a != b {
		t.Error("limit or order changes the binding")
	}
}
