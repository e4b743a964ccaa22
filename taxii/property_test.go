package taxii

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

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

// TestBindingTellsApart: two different questions never have one binding.
func TestBindingTellsApart(t *testing.T) {
	str := rapid.SampledFrom([]string{"", "a", "ab", "b", "a,b"})
	list := rapid.SliceOfNDistinct(str, 0, 3, rapid.ID[string])
	type question struct {
		caller, root, coll string
		ep                 endpoint
		q                  Query
	}
	draw := rapid.Custom(func(t *rapid.T) question {
		return question{str.Draw(t, "caller"), str.Draw(t, "root"), str.Draw(t, "coll"), endpoint(rapid.IntRange(1, 4).Draw(t, "ep")),
			Query{Object: str.Draw(t, "object"), IDs: list.Draw(t, "ids"), Types: list.Draw(t, "types"), SpecVersions: list.Draw(t, "spec"),
				Versions: VersionMatch{Last: rapid.Bool().Draw(t, "last"), All: rapid.Bool().Draw(t, "all"), Exact: list.Draw(t, "exact")}}}
	})
	same := func(a, b []string) bool {
		return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		if rapid.Bool().Draw(t, "near") { // differ in one field at most
			b = a
			b.q.Types = list.Draw(t, "types2")
		}
		equal := a.caller == b.caller && a.root == b.root && a.coll == b.coll && a.ep == b.ep && a.q.Object == b.q.Object &&
			same(a.q.IDs, b.q.IDs) && same(a.q.Types, b.q.Types) && same(a.q.SpecVersions, b.q.SpecVersions) &&
			a.q.Versions.Last == b.q.Versions.Last && a.q.Versions.All == b.q.Versions.All && same(a.q.Versions.Exact, b.q.Versions.Exact)
		x := binding(a.caller, a.root, a.coll, a.ep, a.q)
		if (x == binding(b.caller, b.root, b.coll, b.ep, b.q)) != equal {
			t.Fatalf("%+v\n%+v", a, b)
		}
	})
}
