package taxii

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestVerbatim: an object's bytes come out as they went in.
func TestVerbatim(t *testing.T) {
	_, h := world(t)
	want := `{"objects":[` + string(obj("malware", 2, 1)) + `]}`
	w := do(h, "anna", "GET", objectsA+"?match[type]=malware", "", nil)
	if w.Body.String() != want {
		t.Errorf("got  %s\nwant %s", w.Body, want)
	}
}

// TestDelete: what was deleted is gone everywhere in the collection (§5.7).
func TestDelete(t *testing.T) {
	_, h := world(t)
	if w := do(h, "anna", "DELETE", indicator1+"?match[version]=first", "", nil); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	w := do(h, "anna", "GET", indicator1+"versions/", "", nil)
	if err := has("versions", "[2020-01-01T00:00:02.5Z 2020-01-01T00:00:03.5Z]")(w); err != nil {
		t.Error("after one version: ", err)
	}
	if w := do(h, "anna", "DELETE", indicator1, "", nil); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	for target, code := range map[string]int{
		indicator1: 404, indicator1 + "versions/": 404,
		objectsA + "?match[version]=all": 200, manifestA + "?match[version]=all": 200,
	} {
		w := do(h, "anna", "GET", target, "", nil)
		if w.Code != code || strings.Contains(w.Body.String(), objID("indicator", 1)) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if w := do(h, "anna", "DELETE", indicator1, "", nil); w.Code != 404 {
		t.Errorf("deleted twice: %d", w.Code)
	}
}

// nextOf asks and returns the cursor of the answer.
func nextOf(t testing.TB, h http.Handler, user, target string) string {
	t.Helper()
	w := do(h, user, "GET", target, "", nil)
	next, _ := decode(w)["next"].(string)
	if next == "" {
		t.Fatalf("%s: no next in %d %s", target, w.Code, w.Body)
	}
	return next
}

// TestCursorBound: a cursor is good for the question it answered and no other.
func TestCursorBound(t *testing.T) {
	_, h := world(t)
	base := objectsA + "?limit=1&match[version]=all"
	next := url.QueryEscape(nextOf(t, h, "anna", base))
	for _, c := range []struct {
		name, user, target string
		code               int
	}{
		{"the same question", "anna", base, 200},
		{"another limit", "anna", objectsA + "?limit=3&match[version]=all", 200},
		{"no limit", "anna", objectsA + "?match[version]=all", 200},
		{"through the alias", "anna", "/api1/collections/all/objects/?match[version]=all", 200},
		{"another caller", "bert", base, 400},
		{"another filter", "anna", objectsA + "?limit=1&match[version]=all&match[type]=malware", 400},
		{"without the filter", "anna", objectsA + "?limit=1", 400},
		{"another date", "anna", base + "&added_after=2026-02-27T10:00:00Z", 400},
		{"another endpoint", "anna", manifestA + "?limit=1&match[version]=all", 400},
		{"another collection", "anna", objectsRO + "?limit=1&match[version]=all", 400},
		{"one object", "anna", indicator1 + "?limit=1&match[version]=all", 400},
	} {
		if w := do(h, c.user, "GET", c.target+"&next="+next, "", nil); w.Code != c.code {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.code, w.Body)
		}
	}
	for i := range next { // any change of any character
		bad := []byte(next)
		if bad[i] ^= 1; do(h, "anna", "GET", base+"&next="+url.QueryEscape(string(bad)), "", nil).Code != 400 {
			t.Errorf("cursor altered at %d is accepted", i)
		}
	}
	other := Handler(Config{Key: [32]byte{8}}, newMemory())
	if w := do(other, "anna", "GET", base+"&next="+next, "", nil); w.Code != 400 {
		t.Errorf("cursor of another key: %d", w.Code)
	}
}

// TestCursorForm: the same page gives the same cursor, every page another, all
// of one length, so that a cursor's form says nothing.
func TestCursorForm(t *testing.T) {
	_, h := world(t)
	a := nextOf(t, h, "anna", objectsA+"?limit=1")
	if b := nextOf(t, h, "anna", objectsA+"?limit=1"); a != b {
		t.Errorf("same question, %q and %q", a, b)
	}
	if b := nextOf(t, h, "anna", objectsA+"?limit=2"); a == b || len(a) != len(b) {
		t.Errorf("other page: %q and %q", a, b)
	}
	if b := nextOf(t, h, "bert", objectsA+"?limit=1"); a == b {
		t.Error("another caller got the same cursor")
	}
	c := newCursors([32]byte{1})
	for _, n := range []int64{0, 1, 1 << 40, 1<<63 - 1} {
		s := c.seal([32]byte{2}, n)
		if got, ok := c.open([32]byte{2}, s); !ok || got != n {
			t.Errorf("%d comes back as %d, %v", n, got, ok)
		}
	}
}

// TestNextEverywhere: manifest and versions page with next as well.
func TestNextEverywhere(t *testing.T) {
	_, h := world(t)
	for _, target := range []string{manifestA + "?limit=1", indicator1 + "versions/?limit=1", indicator1 + "?match[version]=all&limit=1"} {
		first := do(h, "anna", "GET", target, "", nil).Body.String()
		w := do(h, "anna", "GET", target+"&next="+nextOf(t, h, "anna", target), "", nil)
		if w.Code != 200 || w.Body.String() == first {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

// TestNoOracle: two worlds that differ in what is hidden from anna give her the
// same bytes on every endpoint, headers included.
func TestNoOracle(t *testing.T) {
	build := func(secret bool) http.Handler {
		b, h := world(t)
		coll := b.find(collA)
		if secret { // dense numbering per view is the backend's duty: hidden at the end
			r := b.append(coll, obj("threat-actor", 66, 1))
			r.hidden = map[string]bool{"anna": true}
			b.find(collHid).records = nil
			b.colls["/api1/"] = append(b.colls["/api1/"], &memColl{Collection: Collection{ID: "x", Alias: "secret"}, rights: map[string]string{"bert": "rw"}})
		}
		return h
	}
	with, without := build(true), build(false)
	secret := objectsA + objID("threat-actor", 66) + "/"
	for _, c := range []struct{ method, target string }{
		{"GET", "/taxii2/"}, {"GET", "/api1/"}, {"GET", "/api1/collections/"},
		{"GET", objectsA}, {"GET", objectsA + "?limit=4"}, {"GET", objectsA + "?match[type]=threat-actor"},
		{"GET", manifestA}, {"GET", manifestA + "?match[id]=" + objID("threat-actor", 66)},
		{"GET", secret}, {"GET", secret + "?limit=0"}, {"GET", secret + "versions/"}, {"DELETE", secret}, {"PUT", secret}, {"OPTIONS", secret},
		{"GET", "/api1/collections/secret/"}, {"GET", "/api1/collections/secret/objects/"}, {"POST", "/api1/collections/secret/objects/"},
		{"GET", "/api1/collections/" + collHid + "/manifest/?limit=x"},
	} {
		a, b := do(with, "anna", c.method, c.target, "", nil), do(without, "anna", c.method, c.target, "", nil)
		if a.Code != b.Code || a.Body.String() != b.Body.String() || fmt.Sprint(a.Header()) != fmt.Sprint(b.Header()) {
			t.Errorf("%s %s differs:\n%d %v %s\n%d %v %s", c.method, c.target, a.Code, a.Header(), a.Body, b.Code, b.Header(), b.Body)
		}
	}
}

// broken is a memory backend with faults put in.
type broken struct {
	*memory
	list func(Query) (Page, error)
	add  func(io.Reader) (Status, error)
}

func (b broken) List(ctx context.Context, c Caller, root, coll string, q Query) (Page, error) {
	return b.list(q)
}

func (b broken) Add(_ context.Context, _ Caller, _, _ string, r io.Reader, _ int64) (Status, error) {
	return b.add(r)
}

// shortBody writes less than it announces.
type shortBody struct{ rawBody }

func (b shortBody) Len() int { return len(b.rawBody) + 1 }

// TestBackendFaults: a backend's fault becomes a 5xx or a cut connection that
// tells nothing, never a wrong page.
func TestBackendFaults(t *testing.T) {
	rec := func(positions ...int64) (p Page) {
		for _, n := range positions {
			p.Records = append(p.Records, Record{Position: n, ID: "a--1", Body: rawBody("{}")})
		}
		return p
	}
	secret := errors.New("canary: table objects is locked")
	for _, c := range []struct {
		name string
		page Page
		err  error
		code int // 0: connection cut
	}{
		{"any error", Page{}, secret, 500},
		{"wrapped not found", Page{}, fmt.Errorf("%w: canary", ErrNotFound), 404},
		{"forbidden", Page{}, fmt.Errorf("canary: %w", ErrForbidden), 403},
		{"unavailable", Page{}, fmt.Errorf("canary: %w", ErrUnavailable), 503},
		{"its own words", Page{}, &Error{Title: "Slow down", HTTPStatus: "429", RetryAfter: 1500 * time.Millisecond}, 429},
		{"its own words without a status", Page{}, &Error{Title: "canary"}, 500},
		{"its own words that are no JSON", Page{}, &Error{Title: "x", HTTPStatus: "500", Details: map[string]any{"canary": func() {}}}, 500},
		{"too many records", rec(1, 2, 3), nil, 500},
		{"positions descend", rec(2, 1), nil, 500},
		{"position twice", rec(1, 1), nil, 500},
		{"more without a way on", Page{More: true}, nil, 500},
		{"no body", Page{Records: []Record{{Position: 1}}}, nil, 500},
		{"body too short", Page{Records: []Record{{Position: 1, Body: shortBody{rawBody("{}")}}}}, nil, 0},
		{"good", rec(1, 2), nil, 200},
		{"empty with a way on", Page{More: true, Next: 9}, nil, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			var reported error
			b := broken{memory: newMemory(), list: func(Query) (Page, error) { return c.page, c.err }}
			h := Handler(Config{OnError: func(_ *http.Request, err error) { reported = err }}, b)
			cut := func() (cut bool) {
				defer func() { cut = recover() != nil }()
				w := do(h, "anna", "GET", objectsA+"?limit=2", "", nil)
				if w.Code != c.code {
					t.Errorf("status %d, want %d: %s", w.Code, c.code, w.Body)
				}
				if strings.Contains(w.Body.String(), "canary") {
					t.Errorf("details leak: %s", w.Body)
				}
				if w.Code == 429 && w.Header().Get("Retry-After") != "2" {
					t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
				}
				return false
			}()
			if cut != (c.code == 0) {
				t.Errorf("connection cut: %v", cut)
			}
			if (c.code >= 500 || c.code == 0) != (reported != nil) {
				t.Errorf("reported %v", reported)
			}
		})
	}
}

// TestPanic: a panic becomes 500 without details.
func TestPanic(t *testing.T) {
	var reported error
	b := broken{memory: newMemory(), list: func(Query) (Page, error) { panic("canary") }}
	h := Handler(Config{OnError: func(_ *http.Request, err error) { reported = err }}, b)
	w := do(h, "anna", "GET", objectsA, "", nil)
	if w.Code != 500 || strings.Contains(w.Body.String(), "canary") || reported == nil {
		t.Errorf("%d %s, reported %v", w.Code, w.Body, reported)
	}
	if err := everyAnswer(w, "GET"); err != nil {
		t.Error(err)
	}
}

// TestTooLargeUnannounced: a body without Content-Length is cut off at the limit
// and the backend told, even if it ignores the error.
func TestTooLargeUnannounced(t *testing.T) {
	var got error
	b := broken{memory: newMemory(), add: func(r io.Reader) (Status, error) {
		_, got = io.Copy(io.Discard, r)
		return Status{}, nil
	}}
	h := Handler(Config{}, b)
	r := httptest.NewRequest("POST", objectsA, io.LimitReader(neverEnding{}, 1<<20))
	r.ContentLength = -1
	r.SetBasicAuth("anna", "a")
	r.Header.Set("Content-Type", MediaType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 413 || !errors.Is(got, ErrTooLarge) {
		t.Errorf("%d, backend saw %v", w.Code, got)
	}
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte(" "), len(p))), nil
}

// TestRedirectStaysHere: whatever the path, the redirect for a missing slash
// names a path on this server.
func TestRedirectStaysHere(t *testing.T) {
	_, h := world(t)
	for _, path := range []string{"/taxii2", "/%2F%2Fevil.example", "/%5Cevil.example", "/a b", "//evil.example", "/x%0d%0aSet-Cookie:a"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL, _ = url.Parse("http://here" + path)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		loc := w.Header().Get("Location")
		if w.Code == 308 && (!strings.HasPrefix(loc, "/") || strings.HasPrefix(loc, "//") || strings.ContainsAny(loc, "\\\r\n ")) {
			t.Errorf("%s is sent to %q", path, loc)
		}
	}
}

// TestChallenges: each configured challenge is a header of its own.
func TestChallenges(t *testing.T) {
	h := Handler(Config{Challenges: []string{"Basic realm=x", "Bearer realm=x"}}, newMemory())
	w := do(h, "", "GET", "/taxii2/", "", nil)
	if got := w.Header().Values("WWW-Authenticate"); len(got) != 2 {
		t.Errorf("challenges %q", got)
	}
}

// TestManifestRecord: the record written by hand is the one that encoding/json
// writes, whatever is in it.
func TestManifestRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Record{ID: rapid.String().Draw(t, "id"), Version: rapid.String().Draw(t, "version"), MediaType: rapid.StringN(1, 20, -1).Draw(t, "media"),
			DateAdded: time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "date"))}
		want := ManifestRecord{ID: r.ID, DateAdded: NewTime(r.DateAdded), Version: r.Version, MediaType: r.MediaType}
		var got ManifestRecord
		if err := json.Unmarshal(appendManifest(nil, r), &got); err != nil || got != want {
			t.Fatalf("%+v, want %+v: %v", got, want, err)
		}
	})
}
