package taxii

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// memory is the backend of the tests: everything in slices, no cleverness, so
// that what it answers can be checked by reading it.
type memory struct {
	mu       sync.Mutex
	server   Server
	users    map[string]string // name → password
	colls    map[string][]*memColl
	statuses map[string]map[string]Status // user → id → status
	now      time.Time
	onAdd    func(error) // told how Add's reading of the body ended
}

type memColl struct {
	Collection
	rights  map[string]string // user → "r", "w", "rw", "" (listed without rights); absent: not listed
	maxPage int
	records []*memRecord
}

type memRecord struct {
	Record
	raw    rawBody
	gone   bool
	hidden map[string]bool
}

type rawBody []byte

func (b rawBody) Len() int { return len(b) }
func (b rawBody) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(b)
	return int64(n), err
}

type memCaller string

func (c memCaller) CursorKey() string { return string(c) }

const (
	collA    = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
	collIn   = "52892447-4d7e-4f70-b94d-d7f22742ff63" // write only
	collRO   = "0e2c3d11-6b1f-4d7f-9a36-3f1b2f9a7c55" // read only
	collNone = "64993447-4d7e-4f70-b94d-d7f33742ee63" // listed, no rights
	collHid  = "7f3c1f0a-2b5c-4a8e-8f60-0d3f6f7b9c11" // not listed for anna
	statusID = "2d086da7-4bdc-4f91-900e-d77486753710"
)

func newMemory() *memory {
	b := &memory{
		server: Server{
			Title: "Test server", Description: "invented", Contact: "nobody", Default: "/api1/",
			Roots: []Root{
				{Path: "/api1/", Title: "One", Description: "first", MaxContentLength: 20_000},
				{Path: "/taxii2/deep/", Title: "Deep"},
				{Path: "/api1/inner/", Title: "Inner"},
			},
		},
		users:    map[string]string{"anna": "a", "bert": "b"},
		statuses: map[string]map[string]Status{},
		now:      time.Date(2026, 2, 27, 10, 0, 0, 0, time.UTC),
	}
	both := func(rights string) map[string]string { return map[string]string{"anna": rights, "bert": rights} }
	b.colls = map[string][]*memColl{"/api1/": {
		{Collection: Collection{ID: collA, Title: "All", Alias: "all"}, rights: both("rw"), maxPage: 100},
		{Collection: Collection{ID: collIn, Title: "Inbox"}, rights: both("w")},
		{Collection: Collection{ID: collRO, Title: "Read"}, rights: both("r"), maxPage: 3},
		{Collection: Collection{ID: collNone, Title: "Neither"}, rights: both("")},
		{Collection: Collection{ID: collHid, Title: "Bert's", Alias: "berts"}, rights: map[string]string{"bert": "rw"}},
	}}
	return b
}

// obj makes an object's bytes with an odd layout that re-encoding would destroy.
func obj(typ string, n, version int) []byte {
	return fmt.Appendf(nil, `{ "type":"%s",  "id":"%s","spec_version":"2.1","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:0%d.5Z","x":1.0e0,"name":"\u00e9 < & é %d"}`,
		typ, objID(typ, n), version, n)
}

func objID(typ string, n int) string { return fmt.Sprintf("%s--00000000-0000-4000-8000-%012d", typ, n) }

// put appends one object to a collection, one microsecond after the last.
func (b *memory) put(coll string, raw []byte) *memRecord {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.append(b.find(coll), raw)
}

func (b *memory) find(coll string) *memColl {
	for _, list := range b.colls {
		for _, c := range list {
			if c.ID == coll {
				return c
			}
		}
	}
	return nil
}

func (b *memory) append(c *memColl, raw []byte) *memRecord {
	var o struct{ ID, Type, Modified, Created, Spec string }
	var m map[string]any
	_ = json.Unmarshal(raw, &m)
	str := func(k string) string { s, _ := m[k].(string); return s }
	o.ID, o.Type, o.Modified, o.Created, o.Spec = str("id"), str("type"), str("modified"), str("created"), str("spec_version")
	b.now = b.now.Add(time.Microsecond)
	r := &memRecord{raw: raw, Record: Record{
		Position: int64(len(c.records) + 1), ID: o.ID, Type: o.Type, SpecVersion: cmp.Or(o.Spec, "2.0"),
		Version: cmp.Or(o.Modified, o.Created, NewTime(b.now).String()), DateAdded: b.now,
	}}
	c.records = append(c.records, r)
	return r
}

func (b *memory) Caller(r *http.Request) (Caller, error) {
	user, password, ok := r.BasicAuth()
	if !ok || b.users[user] != password || password == "" {
		return nil, ErrUnauthorized
	}
	return memCaller(user), nil
}

func (b *memory) Server(context.Context, Caller) (Server, error) { return b.server, nil }

func (b *memory) Collections(_ context.Context, c Caller, root string) ([]Collection, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Collection
	for _, m := range b.colls[root] {
		rights, listed := m.rights[c.CursorKey()]
		if !listed {
			continue
		}
		col := m.Collection
		col.CanRead, col.CanWrite = strings.Contains(rights, "r"), strings.Contains(rights, "w")
		out = append(out, col)
	}
	return out, nil
}

func (b *memory) visible(c Caller, coll string) []*memRecord {
	var out []*memRecord
	for _, r := range b.find(coll).records {
		if !r.gone && !r.hidden[c.CursorKey()] {
			out = append(out, r)
		}
	}
	return out
}

func keep(list []*memRecord, want []string, of func(*memRecord) string) []*memRecord {
	if want == nil {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(r *memRecord) bool { return !slices.Contains(want, of(r)) })
}

// matching applies every filter but position, date and limit.
func matching(list []*memRecord, q Query) []*memRecord {
	if q.Object != "" {
		list = keep(list, []string{q.Object}, func(r *memRecord) string { return r.ID })
	}
	list = keep(list, q.IDs, func(r *memRecord) string { return r.ID })
	list = keep(list, q.Types, func(r *memRecord) string { return r.Type })
	spec := map[string]string{}
	for _, r := range list {
		spec[r.ID] = max(spec[r.ID], r.SpecVersion)
	}
	if q.SpecVersions != nil {
		list = keep(list, q.SpecVersions, func(r *memRecord) string { return r.SpecVersion })
	} else {
		list = slices.DeleteFunc(slices.Clone(list), func(r *memRecord) bool { return r.SpecVersion != spec[r.ID] })
	}
	first, last := map[string]string{}, map[string]string{}
	for _, r := range list {
		if v, ok := first[r.ID]; !ok || r.Version < v {
			first[r.ID] = r.Version
		}
		last[r.ID] = max(last[r.ID], r.Version)
	}
	v := q.Versions
	if !v.First && !v.All && v.Exact == nil {
		v.Last = true
	}
	return slices.DeleteFunc(slices.Clone(list), func(r *memRecord) bool {
		return !(v.All || v.First && r.Version == first[r.ID] || v.Last && r.Version == last[r.ID] || slices.Contains(v.Exact, r.Version))
	})
}

func (b *memory) List(_ context.Context, c Caller, _, coll string, q Query) (Page, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.visible(c, coll)
	if q.Object != "" && len(keep(all, []string{q.Object}, func(r *memRecord) string { return r.ID })) == 0 {
		return Page{}, ErrNotFound
	}
	limit := q.Limit
	if m := b.find(coll).maxPage; m > 0 && (limit == 0 || limit > m) {
		limit = m
	}
	var p Page
	for _, r := range matching(all, q) {
		if r.Position <= q.After || !q.AddedAfter.IsZero() && !r.DateAdded.After(q.AddedAfter) {
			continue
		}
		if limit > 0 && len(p.Records) == limit {
			p.More = true
			break
		}
		rec := r.Record
		if q.Bodies {
			rec.Body = r.raw
		}
		p.Records = append(p.Records, rec)
	}
	return p, nil
}

func (b *memory) Add(_ context.Context, c Caller, _, coll string, body io.Reader, _ int64) (Status, error) {
	raw, err := io.ReadAll(body)
	if b.onAdd != nil {
		b.onAdd(err)
	}
	if err != nil {
		return Status{}, err
	}
	var e Envelope
	if json.Unmarshal(raw, &e) != nil {
		return Status{}, ErrUnusable
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.find(coll)
	s := Status{ID: statusID, Status: StatusComplete, RequestTimestamp: NewTime(b.now)}
	for _, o := range e.Objects {
		var id struct{ ID, Type, Modified string }
		if json.Unmarshal(o, &id) != nil || id.ID == "" || id.Type == "" {
			s.FailureCount++
			s.Failures = append(s.Failures, StatusDetail{ID: id.ID, Version: id.Modified, Message: "no id or type"})
			continue
		}
		s.SuccessCount++
		s.Successes = append(s.Successes, StatusDetail{ID: id.ID, Version: id.Modified})
		if !slices.ContainsFunc(m.records, func(r *memRecord) bool { return r.ID == id.ID && r.Version == id.Modified }) {
			b.append(m, o)
		}
	}
	if s.SuccessCount == 0 {
		return Status{}, ErrUnusable
	}
	user := c.CursorKey()
	if b.statuses[user] == nil {
		b.statuses[user] = map[string]Status{}
	}
	b.statuses[user][s.ID] = s
	return s, nil
}

func (b *memory) Status(_ context.Context, c Caller, _, id string) (Status, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.statuses[c.CursorKey()][id]
	if !ok {
		return s, ErrNotFound
	}
	return s, nil
}

func (b *memory) Delete(_ context.Context, c Caller, _, coll, object string, q Query) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := matching(b.visible(c, coll), q)
	if len(found) == 0 {
		return ErrNotFound
	}
	for _, r := range found {
		r.gone = true
	}
	return nil
}

// do sends one request straight into a handler.
func do(h http.Handler, user, method, target, body string, header map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	if user != "" {
		r.SetBasicAuth(user, user[:1])
	}
	r.Header.Set("Accept", MediaType)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", MediaType)
	}
	for k, v := range header {
		if v == "" {
			r.Header.Del(k)
		} else {
			r.Header.Set(k, v)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func testHandler(t testing.TB, b Backend) http.Handler {
	return Handler(Config{Key: [32]byte{7}, OnError: func(r *http.Request, err error) {
		t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}}, b)
}
