package taxii

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// newTestClient makes a client that never really sleeps.
func newTestClient(t testing.TB, server string, opts ...Option) *Client {
	t.Helper()
	c, err := NewClient(server, opts...)
	if err != nil {
		t.Fatal(err)
	}
	c.sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return c
}

// TestClientAgainstHandler: both halves of the package understand each other.
func TestClientAgainstHandler(t *testing.T) {
	b, h := world(t)
	srv := httptest.NewServer(h)
	defer srv.Close()
	ctx := t.Context()
	c := newTestClient(t, srv.URL, WithBasic("anna", "a"))

	d, err := c.Discover(ctx)
	if err != nil || d.Default != "/api1/" || len(d.APIRoots) != 3 {
		t.Fatal(d, err)
	}
	root, err := c.Root(ctx, d.Default)
	if err != nil || root.MaxContentLength != 20000 {
		t.Fatal(root, err)
	}
	colls, err := c.Collections(ctx, srv.URL+"/api1") // absolute, without slash
	if err != nil || len(colls) != 4 || colls[0].ID != collA || !colls[0].CanRead {
		t.Fatal(colls, err)
	}
	if col, err := c.Collection(ctx, d.Default, "all"); err != nil || col.ID != collA {
		t.Fatal(col, err)
	}
	var got []string
	for raw, err := range c.Objects(ctx, "/api1/", collA, Query{Limit: 2, Versions: VersionMatch{All: true}}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(raw))
	}
	var want []string
	for i, r := range b.find(collA).records {
		if i != 5 { // the older specification version
			want = append(want, string(r.raw))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("objects:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	n := 0
	for m, err := range c.Manifest(ctx, "/api1/", collA, Query{Limit: 2, Types: []string{"indicator", "tool"}}) {
		if n++; err != nil || m.ID == "" || m.DateAdded.IsZero() || m.MediaType != STIXMediaType {
			t.Fatal(m, err)
		}
	}
	if n != 2 {
		t.Errorf("%d manifest records", n)
	}
	var versions []string
	for v, err := range c.Versions(ctx, "/api1/", collA, objID("indicator", 1), Query{Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, v)
	}
	if fmt.Sprint(versions) != "[2020-01-01T00:00:01.5Z 2020-01-01T00:00:02.5Z 2020-01-01T00:00:03.5Z]" {
		t.Errorf("versions %v", versions)
	}
	sts, err := c.Add(ctx, "/api1/", collA, []json.RawMessage{obj("note", 70, 1), obj("note", 71, 1)})
	if err != nil || len(sts) != 1 || sts[0].SuccessCount != 2 {
		t.Fatal(sts, err)
	}
	if st, err := c.Await(ctx, "/api1/", Status{ID: sts[0].ID, Status: StatusPending}); err != nil || st.Status != StatusComplete {
		t.Error(st, err)
	}
	if err := c.Delete(ctx, "/api1/", collA, objID("note", 70), Query{Versions: VersionMatch{All: true}}); err != nil {
		t.Error(err)
	}
	if err := c.Delete(ctx, "/api1/", collA, objID("note", 70), Query{}); !errors.Is(err, ErrNotFound) {
		t.Error("deleted twice: ", err)
	}
	for _, err := range c.Objects(ctx, "/api1/", collIn, Query{}) {
		if !errors.Is(err, ErrForbidden) {
			t.Error("write-only collection: ", err)
		}
	}
	if _, err := newTestClient(t, srv.URL, WithBasic("anna", "wrong")).Discover(ctx); !errors.Is(err, ErrUnauthorized) {
		t.Error(err)
	}
}

// feed is an invented server of numbered objects with a list of faults. Object n
// has the date n/Same seconds after the start.
type feed struct {
	n           int                 // objects
	same        int                 // how many share one date; 0: one
	page        int                 // most per page
	more        func(cut bool) bool // nil: honest
	noNext      bool
	alwaysNext  bool
	ignoreNext  bool
	inclusive   bool // added_after includes its instant
	refuseLimit int  // 400 above this
	obeysLimit  bool // else page is what it gives
	emptyAt     int  // empty pages with more before this object
	emptyFor    int  // so many times
	nextDiesAt  int  // 400 once for a next at or after this object
	noHeaders   bool
	requests    int
	limits      []string
}

func (f *feed) date(i int) time.Time {
	return time.Date(2026, 1, 1, 0, 0, i/max(f.same, 1)+1, 0, time.UTC)
}

func (f *feed) object(i int) string { return fmt.Sprintf(`{ "id":"x--%d" }`, i) }

func (f *feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.requests++
	q := r.URL.Query()
	f.limits = append(f.limits, q.Get("limit"))
	w.Header().Set("Content-Type", "application/taxii+json; version=2.1; charset=utf-8")
	size := f.page
	var limit int
	fmt.Sscan(q.Get("limit"), &limit)
	if f.refuseLimit > 0 && limit > f.refuseLimit {
		w.WriteHeader(400)
		return
	}
	if f.obeysLimit && limit > 0 {
		size = limit
	}
	at := 0
	if after, err := time.Parse(time.RFC3339Nano, q.Get("added_after")); err == nil {
		for at < f.n && (f.date(at).Before(after) || !f.inclusive && f.date(at).Equal(after)) {
			at++
		}
	}
	if next := q.Get("next"); next != "" && !f.ignoreNext {
		fmt.Sscanf(next, "n%d", &at)
		if f.nextDiesAt > 0 && at >= f.nextDiesAt {
			f.nextDiesAt = 0
			w.WriteHeader(400)
			return
		}
	}
	end := min(at+size, f.n)
	if f.emptyFor > 0 && at == f.emptyAt {
		f.emptyFor, end = f.emptyFor-1, at
	}
	var items []string
	for i := at; i < end; i++ {
		items = append(items, f.object(i))
	}
	cut := end < f.n
	e := map[string]any{}
	if f.more != nil {
		e["more"] = f.more(cut)
	} else if cut {
		e["more"] = true
	}
	if (cut || f.alwaysNext) && !f.noNext {
		e["next"] = fmt.Sprintf("n%d", end)
	}
	head, _ := json.Marshal(e)
	if len(items) > 0 && !f.noHeaders {
		w.Header().Set("X-TAXII-Date-Added-First", NewTime(f.date(at)).String())
		w.Header().Set("X-TAXII-Date-Added-Last", NewTime(f.date(end-1)).String())
	}
	body := `{"objects":[` + strings.Join(items, ",\n") + `],` + strings.TrimPrefix(string(head), "{")
	if string(head) == "{}" {
		body = `{"objects":[` + strings.Join(items, ",\n") + `]}`
	}
	fmt.Fprint(w, body)
}

func yes(bool) bool { return true }
func no(bool) bool  { return false }

// TestClientPagingFaults: every fault in paging that real servers have, one by
// one. What can be had is delivered once and in order; what cannot ends in an error.
func TestClientPagingFaults(t *testing.T) {
	for _, c := range []struct {
		name string
		feed feed
		q    Query
		err  error // nil: everything arrives
		got  int   // with err: how much arrives before it
		most int   // requests
	}{
		{name: "honest", feed: feed{n: 25, page: 10}, most: 3},
		{name: "empty collection", feed: feed{page: 10}, most: 1},
		{name: "empty collection that says more", feed: feed{page: 10, more: yes}, err: ErrLoop, most: 1},
		{name: "next without more", feed: feed{n: 25, page: 10, more: no}, most: 3},
		{name: "next always, more never", feed: feed{n: 25, page: 10, more: no, alwaysNext: true}, most: 4},
		{name: "next always, refused at the end", feed: feed{n: 25, page: 10, more: no, alwaysNext: true, nextDiesAt: 25}, most: 4},
		{name: "next always, leading to the same page", feed: feed{n: 5, page: 10, more: no, alwaysNext: true, ignoreNext: true}, most: 2},
		{name: "next and more always", feed: feed{n: 25, page: 10, more: yes, alwaysNext: true}, err: ErrLoop, got: 25, most: 8},
		{name: "next ignored: the same page for ever", feed: feed{n: 25, page: 10, ignoreNext: true}, err: ErrLoop, got: 10, most: 2},
		{name: "more without next", feed: feed{n: 25, page: 10, noNext: true}, most: 6},
		{name: "more without next or dates", feed: feed{n: 25, page: 10, noNext: true, noHeaders: true}, err: ErrLoop, got: 10, most: 1},
		{name: "more without next, always", feed: feed{n: 25, page: 10, noNext: true, more: yes}, most: 8},
		{name: "13 objects of one date, no next", feed: feed{n: 20, same: 13, page: 10, noNext: true, obeysLimit: true}, q: Query{Limit: 10}, most: 10},
		{name: "one date across a page end, no next", feed: feed{n: 24, same: 4, page: 10, noNext: true}, most: 6},
		{name: "all of one date, no next", feed: feed{n: 100, same: 1000, page: 10, noNext: true, obeysLimit: true}, q: Query{Limit: 10}, most: 12},
		{name: "one date, no next, deaf to limit", feed: feed{n: 100, same: 1000, page: 10, noNext: true}, err: ErrLoop, got: 10, most: 4},
		{name: "added_after inclusive, no next", feed: feed{n: 25, page: 10, noNext: true, inclusive: true}, most: 6},
		{name: "added_after inclusive, more always, no next", feed: feed{n: 25, page: 10, noNext: true, inclusive: true, more: yes}, most: 10},
		{name: "an empty page with more in the middle", feed: feed{n: 25, page: 10, emptyAt: 10, emptyFor: 1}, most: 4},
		{name: "an empty page with more at the start", feed: feed{n: 25, page: 10, emptyAt: 0, emptyFor: 1}, most: 4},
		{name: "empty pages with more for ever", feed: feed{n: 25, page: 10, emptyAt: 10, emptyFor: 1 << 30}, err: ErrLoop, got: 10, most: 6},
		{name: "an empty page with more and no next", feed: feed{n: 25, page: 10, emptyAt: 11, emptyFor: 1, noNext: true}, most: 9},
		{name: "limit above what is allowed", feed: feed{n: 300, page: 1000, refuseLimit: 500, obeysLimit: true}, q: Query{Limit: 4000}, most: 5},
		{name: "more on a page than asked for", feed: feed{n: 25, page: 10}, q: Query{Limit: 3}, most: 3},
		{name: "a cursor that runs out", feed: feed{n: 55, page: 10, nextDiesAt: 30}, most: 9},
		{name: "a cursor that runs out, all of one date", feed: feed{n: 30, page: 10, same: 100, nextDiesAt: 20}, most: 7},
		{name: "a cursor that runs out among equal dates", feed: feed{n: 55, page: 10, same: 7, nextDiesAt: 30}, most: 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := c.feed
			srv := httptest.NewServer(&f)
			defer srv.Close()
			var got []string
			var err error
			for raw, e := range newTestClient(t, srv.URL).Objects(t.Context(), "/api1/", "c", c.q) {
				if err = e; e == nil {
					got = append(got, string(raw))
				}
			}
			if !errors.Is(err, c.err) {
				t.Errorf("error %v, want %v", err, c.err)
			}
			n := f.n
			if c.err != nil {
				n = c.got
			}
			var want []string
			for i := range n {
				want = append(want, f.object(i))
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %d %v\nwant %d", len(got), got, len(want))
			}
			if f.requests > c.most {
				t.Errorf("%d requests, at most %d: limits %v", f.requests, c.most, f.limits)
			}
		})
	}
}

// TestClientPagingProperty: without next, any grouping of dates arrives whole
// and once, as long as the server obeys limit.
func TestClientPagingProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := feed{n: rapid.IntRange(0, 60).Draw(t, "n"), same: rapid.IntRange(1, 30).Draw(t, "same"), page: rapid.IntRange(1, 20).Draw(t, "page"),
			noNext: rapid.Bool().Draw(t, "noNext"), inclusive: rapid.Bool().Draw(t, "inclusive"), obeysLimit: true}
		srv := httptest.NewServer(&f)
		defer srv.Close()
		c, _ := NewClient(srv.URL)
		n := 0
		for raw, err := range c.Objects(context.Background(), "/r/", "c", Query{Limit: rapid.IntRange(0, 9).Draw(t, "limit")}) {
			if err != nil || string(raw) != f.object(n) {
				t.Fatalf("object %d: %s %v", n, raw, err)
			}
			n++
		}
		if n != f.n {
			t.Fatalf("%d of %d", n, f.n)
		}
	})
}

// TestClientEndless: empty pages that lead on for ever are given up.
func TestClientEndless(t *testing.T) {
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		fmt.Fprintf(w, `{"more":true,"next":"n%d"}`, n)
	}))
	defer srv.Close()
	var last error
	for _, last = range newTestClient(t, srv.URL).Objects(t.Context(), "/r/", "c", Query{}) {
	}
	if !errors.Is(last, ErrLoop) || n > maxStale+1 {
		t.Errorf("%v after %d requests", last, n)
	}
}

// TestClientScroll: a server whose next stays the same while the pages change
// (a scroll id) is read to the end.
func TestClientScroll(t *testing.T) {
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("Content-Type", MediaType)
		if n > 5 {
			fmt.Fprint(w, `{"next":"scroll"}`)
			return
		}
		fmt.Fprintf(w, `{"more":%v,"next":"scroll","objects":[{"n":%d}]}`, n < 5, n)
	}))
	defer srv.Close()
	got := 0
	for _, err := range newTestClient(t, srv.URL).Objects(t.Context(), "/r/", "c", Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		got++
	}
	if got != 5 {
		t.Errorf("%d objects", got)
	}
}
