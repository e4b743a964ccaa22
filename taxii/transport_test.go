package taxii

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// collect reads a listing to its end.
func collect(t *testing.T, c *Client, q Query) (got []string, err error) {
	for raw, e := range c.Objects(t.Context(), "/r/", "c", q) {
		if e != nil {
			return got, e
		}
		got = append(got, string(raw))
	}
	return got, nil
}

// TestClientAnswers: what the client makes of one odd answer. try counts from 1.
func TestClientAnswers(t *testing.T) {
	const good = `{"objects":[{ "a":1}]}`
	taxii := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", MediaType)
		io.WriteString(w, body)
	}
	failTwice := func(code int, header ...string) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, _ *http.Request, try int) {
			if try > 2 {
				taxii(w, good)
				return
			}
			if len(header) == 2 {
				w.Header().Set(header[0], header[1])
			}
			w.WriteHeader(code)
		}
	}
	labelled := func(ct string) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header()["Content-Type"] = []string{ct}
			io.WriteString(w, good)
		}
	}
	zip := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.WriteString(z, s)
		z.Close()
		return b.String()
	}
	always := func(body string) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, _ *http.Request, _ int) { taxii(w, body) }
	}
	onlyAccept := func(form string) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.Header.Get("Accept") != form {
				w.WriteHeader(406)
				return
			}
			taxii(w, good)
		}
	}
	for _, c := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request, try int)
		err    string // part of the error; "": the one good object arrives
		most   int    // requests
	}{
		{"as it should be", always(good), "", 1},
		{"charset", labelled("application/taxii+json;version=2.1;charset=utf-8"), "", 1},
		{"space before version", labelled("application/taxii+json; version=2.1"), "", 1},
		{"no version", labelled("application/taxii+json"), "", 1},
		{"plain JSON", labelled("application/json; charset=utf-8"), "", 1},
		{"STIX", labelled("application/stix+json;version=2.1"), "", 1},
		{"no type", labelled(""), "", 1},
		{"nonsense type", labelled("json;;"), "", 1},
		{"text", labelled("text/plain"), "", 1},
		{"web page by type", labelled("text/html"), "is the address right", 1},
		{"web page by content", always("<html>"), "is the address right", 1},
		{"TAXII 2.0", labelled("application/taxii+json;version=2.0"), "2.0", 1},
		{"TAXII 2.0, old type", labelled("application/vnd.oasis.taxii+json; version=2.0"), "2.0", 1},
		{"takes only Accept without space", onlyAccept(MediaType), "", 1},
		{"takes only Accept with space", onlyAccept("application/taxii+json; version=2.1"), "", 3},
		{"takes only Accept without version", onlyAccept("application/taxii+json"), "", 3},
		{"takes no Accept", onlyAccept("x"), "406", 3},
		{"503 twice", failTwice(503, "Retry-After", "1"), "", 3},
		{"503 twice without a word", failTwice(503), "", 3},
		{"429 with a date", failTwice(429, "Retry-After", time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)), "", 3},
		{"429 for a day", failTwice(429, "Retry-After", "86400"), "429", 1},
		{"502 twice", failTwice(502), "", 3},
		{"503 for ever", func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(503) }, "gave up after 4 tries", 4},
		{"500 is final", func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(500) }, "500", 1},
		{"404 is final", func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(404) }, "404", 1},
		{"cut short of its length, once", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try == 1 {
				w.Header().Set("Content-Length", "1000")
			}
			taxii(w, good)
		}, "", 2},
		{"cut without a length, once", func(w http.ResponseWriter, _ *http.Request, try int) {
			if taxii(w, good[:len(good)-2*(try%2)]); try == 1 {
				w.(http.Flusher).Flush()
			}
		}, "", 2},
		{"cut for ever", always(good[:10]), "ends in the middle", 4},
		{"connection dropped, once", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try == 1 {
				panic(http.ErrAbortHandler)
			}
			taxii(w, good)
		}, "", 2},
		{"gzip though nobody asked", func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("Content-Encoding", "gzip")
			taxii(w, zip(good))
		}, "", 1},
		{"gzip that unpacks for ever", func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("Content-Encoding", "gzip")
			taxii(w, zip(`{"x":"`+strings.Repeat("0", 1<<20)+`"}`))
		}, "longer than", 8},
		{"nesting without end", always(`{"objects":[` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `]}`), "nests deeper", 1},
		{"objects twice", always(`{"objects":[{"a":2}],"objects":[{ "a":1}]}`), "twice", 1},
		{"objects in another case", always(`{"Objects":[{"a":2}],"objects":[{ "a":1}]}`), "", 1},
		{"objects is no list", always(`{"objects":{"a":2}}`), "not a list", 1},
		{"more is no boolean", always(`{"more":"maybe","objects":[{ "a":1}]}`), "true or false", 1},
		{"next is a number", func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.URL.Query().Get("next") == "17" {
				taxii(w, good)
				return
			}
			taxii(w, `{"more":true,"next":17}`)
		}, "", 2},
		{"nulls", always(`{"more":null,"next":null,"objects":[{ "a":1}]}`), "", 1},
		{"a bundle", always(`{"type":"bundle","id":"bundle--1","objects":[{ "a":1}]}`), "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			tries := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tries++
				c.answer(w, r, tries)
			}))
			defer srv.Close()
			plain := &http.Client{Transport: &http.Transport{DisableCompression: true}}
			cl := newTestClient(t, srv.URL, WithHTTPClient(plain), WithLimits(Limits{PageBytes: 1 << 16}))
			got, err := collect(t, cl, Query{})
			switch {
			case c.err == "" && (err != nil || !slices.Equal(got, []string{`{ "a":1}`})):
				t.Errorf("got %q, %v", got, err)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("error %v, want %q", err, c.err)
			}
			if tries > c.most {
				t.Errorf("%d requests, at most %d", tries, c.most)
			}
		})
	}
}

// TestClientBadObject: nonsense inside one object leaves the others readable.
func TestClientBadObject(t *testing.T) {
	p, err := split([]byte(`{"objects":[{"a":tru},{"b":"x`+"\xff"+`"},{"c":1}]}`), "objects")
	if err != nil || len(p.items) != 3 || string(p.items[2]) != `{"c":1}` {
		t.Errorf("%q %v", p.items, err)
	}
}

// TestSplitRefuses: structure that is broken around or between the objects.
func TestSplitRefuses(t *testing.T) {
	for _, s := range []string{
		``, ` `, `[]`, `"x"`, `{`, `{"objects"`, `{"objects":`, `{"objects":[`, `{"objects":[{}`, `{"objects":[{}]`, `{"objects":[{} {}]}`,
		`{"objects":[{},]}`, `{"objects":[,{}]}`, `{"objects":[[}]}`, `{"objects":[{"a":[1}]]}`, `{"objects":[]}x`, `{"objects":[]"more":true}`,
		`{"objects":[],}`, `{objects:[]}`, `{"objects" []}`, `{"objects":["x]}`, `{"objects":["x\"]}`, `{"next":true}`, `{"next":-1}`, `{"more":1}`,
	} {
		if p, err := split([]byte(s), "objects"); err == nil {
			t.Errorf("%s read as %+v", s, p)
		}
	}
}

// TestClientSmallerPages: a page over the cap is asked for again in smaller pieces.
func TestClientSmallerPages(t *testing.T) {
	f := feed{n: 900, page: 900, obeysLimit: true}
	srv := httptest.NewServer(&f)
	defer srv.Close()
	got, err := collect(t, newTestClient(t, srv.URL, WithLimits(Limits{PageBytes: 4000})), Query{})
	if err != nil || len(got) != 900 {
		t.Errorf("%d objects, %v, limits %v", len(got), err, f.limits)
	}
}

// TestClientRedirects: credentials stay with their host, objects too.
func TestClientRedirects(t *testing.T) {
	var seen []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", MediaType)
		io.WriteString(w, `{"title":"other"}`)
	}))
	defer other.Close()
	otherURL := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away/":
			http.Redirect(w, r, otherURL+"/", http.StatusTemporaryRedirect)
		case "/plain/":
			http.Redirect(w, r, "http://taxii.invalid/", http.StatusFound)
		case "/round/":
			http.Redirect(w, r, "/round/", http.StatusFound)
		case "/here/":
			http.Redirect(w, r, "/there/", http.StatusFound)
		default:
			seen = append(seen, r.Method+" "+r.Header.Get("Authorization"))
			w.Header().Set("Content-Type", MediaType)
			io.WriteString(w, `{"title":"home"}`)
		}
	}))
	defer home.Close()
	ctx := t.Context()
	c := newTestClient(t, home.URL, WithBearer("canary"))
	if r, err := c.Root(ctx, "/here/"); err != nil || r.Title != "home" || fmt.Sprint(seen) != "[GET Bearer canary]" {
		t.Error("same host: ", r, err, seen)
	}
	seen = nil
	if r, err := c.Root(ctx, "/away/"); err != nil || r.Title != "other" || fmt.Sprint(seen) != "[GET ]" {
		t.Error("other host: ", r, err, seen)
	}
	seen = nil
	u, _ := c.at("/away/")
	if err := c.askJSON(ctx, "POST", u, []byte("{}"), nil); err == nil || seen != nil {
		t.Error("POST followed to another host: ", err, seen)
	}
	if err := c.askJSON(ctx, "DELETE", u, nil, nil); err == nil || seen != nil {
		t.Error("DELETE followed to another host: ", err, seen)
	}
	if u, _ = c.at("/here/"); c.askJSON(ctx, "POST", u, []byte("{}"), nil) == nil || seen != nil {
		t.Error("POST turned into GET: ", seen)
	}
	for path, want := range map[string]string{"/plain/": "not https", "/round/": "too many redirects"} {
		if _, err := c.Root(ctx, path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// TestClientAddresses: which addresses are taken and what becomes of them.
func TestClientAddresses(t *testing.T) {
	for server, want := range map[string]string{
		"https://a.example":                 "https://a.example/taxii2/",
		"https://a.example/":                "https://a.example/taxii2/",
		"https://a.example/x/taxii2":        "https://a.example/x/taxii2/",
		"http://localhost:1/":               "http://localhost:1/taxii2/",
		"http://[::1]:1/":                   "http://[::1]:1/taxii2/",
		"http://a.example/":                 "",
		"http://127.0.0.1.a.example/":       "",
		"http://10.0.0.1/":                  "",
		"ftp://a.example/":                  "",
		"https://user:password@a.example/":  "",
		"a.example":                         "",
		"https://":                          "",
		"https://a.example/taxii2/?x=1#y":   "https://a.example/taxii2/?x=1#y",
		"https://a.example:8443/discovery/": "https://a.example:8443/discovery/",
	} {
		c, err := NewClient(server)
		if (err == nil) != (want != "") || err == nil && c.base.String() != want {
			t.Errorf("%s: %v %v, want %q", server, c, err, want)
		}
	}
	c, _ := NewClient("https://a.example/taxii2/")
	for root, want := range map[string]string{
		"/api1/":                  "https://a.example/api1/collections/c/",
		"/api1":                   "https://a.example/api1/collections/c/",
		"deep/":                   "https://a.example/taxii2/deep/collections/c/",
		"https://A.example:443/r": "https://A.example:443/r/collections/c/",
		"https://b.example/api1/": "",
		"http://a.example/api1/":  "",
		"//b.example/api1/":       "",
		"/api1/?x":                "",
		"":                        "",
	} {
		u, err := c.at(root, "collections", "c")
		if (err == nil) != (want != "") || err == nil && u.String() != want {
			t.Errorf("%q: %v %v, want %q", root, u, err, want)
		}
	}
	for _, id := range []string{"", ".", "..", strings.Repeat("x", 600)} {
		if u, err := c.at("/r/", "collections", id); err == nil {
			t.Errorf("segment %.10q gives %s", id, u)
		}
	}
	if u, err := c.at("/r/", "status", "a/../b?c"); err != nil || u.EscapedPath() != "/r/status/a%2F..%2Fb%3Fc/" {
		t.Errorf("segment with separators: %v %v", u, err)
	}
}

// intake is a server that takes objects up to limits it does or does not tell.
type intake struct {
	tells, limit int // max_content_length as told and as it is
	unusable     string
	got          []string
	posts        int
	busy         int // 429 for so many posts
}

func (s *intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", MediaType)
	if r.Method == http.MethodGet {
		fmt.Fprintf(w, `{"title":"x","versions":["%s"],"max_content_length":%d}`, MediaType, s.tells)
		return
	}
	s.posts++
	if s.busy > 0 {
		s.busy--
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(429)
		return
	}
	body, _ := io.ReadAll(r.Body)
	var e Envelope
	switch {
	case len(body) > s.limit:
		w.WriteHeader(413)
		return
	case r.Header.Get("Content-Type") != MediaType || json.Unmarshal(body, &e) != nil:
		w.WriteHeader(415)
		return
	case s.unusable != "" && strings.Contains(string(body), s.unusable):
		w.WriteHeader(422)
		return
	}
	for _, o := range e.Objects {
		s.got = append(s.got, string(o))
	}
	w.WriteHeader(202)
	fmt.Fprintf(w, `{"id":"%d","status":"complete","total_count":%d,"success_count":%[2]d,"failure_count":0,"pending_count":0}`, s.posts, len(e.Objects))
}

// TestClientAdd: objects arrive once, in order and verbatim, whatever the server
// says and does about sizes.
func TestClientAdd(t *testing.T) {
	var objects []json.RawMessage
	for i := range 40 {
		objects = append(objects, fmt.Appendf(nil, `{ "n":%d,"x":"%s"}`, i, strings.Repeat("y", 10*(i%5))))
	}
	huge := slices.Clone(objects)
	huge[7] = json.RawMessage(`{"huge":"` + strings.Repeat("z", 5000) + `"}`)
	for _, c := range []struct {
		name    string
		srv     intake
		objects []json.RawMessage
		err     error
		lost    int // objects refused
		most    int // posts
	}{
		{"all at once", intake{tells: 1 << 20, limit: 1 << 20}, objects, nil, 0, 1},
		{"nothing", intake{tells: 1 << 20, limit: 1 << 20}, nil, nil, 0, 0},
		{"split by what is told", intake{tells: 300, limit: 300}, objects, nil, 0, 12},
		{"split on 413", intake{tells: 1 << 20, limit: 300}, objects, nil, 0, 31},
		{"told nothing", intake{limit: 300}, objects, nil, 0, 31},
		{"one too large by itself", intake{tells: 1000, limit: 1000}, huge, ErrTooLarge, 1, 10},
		{"one batch unusable", intake{tells: 100, limit: 100, unusable: `"n":3,`}, objects[:10], ErrUnusable, 2, 10},
		{"busy at first", intake{tells: 1 << 20, limit: 1 << 20, busy: 2}, objects, nil, 0, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(&c.srv)
			defer srv.Close()
			sts, err := newTestClient(t, srv.URL).Add(t.Context(), "/r/", "c", c.objects)
			if !errors.Is(err, c.err) {
				t.Errorf("error %v, want %v", err, c.err)
			}
			n := 0
			for _, st := range sts {
				n += st.SuccessCount
			}
			if n != len(c.srv.got) || len(c.srv.got) < len(c.objects)-c.lost || c.err == nil && len(c.srv.got) != len(c.objects) {
				t.Errorf("%d arrived, %d reported, of %d", len(c.srv.got), n, len(c.objects))
			}
			at := 0
			for _, o := range c.objects { // in order, once, verbatim
				if at < len(c.srv.got) && c.srv.got[at] == string(o) {
					at++
				}
			}
			if at != len(c.srv.got) {
				t.Errorf("object %d that arrived is not in order: %s", at, c.srv.got[at])
			}
			if c.srv.posts > c.most {
				t.Errorf("%d posts, at most %d", c.srv.posts, c.most)
			}
		})
	}
}

// TestClientAwait: polling ends with complete, with an error, or with ctx.
func TestClientAwait(t *testing.T) {
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", MediaType)
		state := StatusPending
		if n++; n == 4 {
			state = StatusComplete
		}
		fmt.Fprintf(w, `{"id":"s","status":"%s","request_timestamp":"2016-11-02T12:34:34.12345Z"}`, state)
	}))
	defer srv.Close()
	c := newTestClient(t, srv.URL)
	var waits []time.Duration
	c.sleep = func(ctx context.Context, d time.Duration) error { waits = append(waits, d); return ctx.Err() }
	if st, err := c.Await(t.Context(), "/r/", Status{ID: "s"}); err != nil || st.Status != StatusComplete || n != 4 || waits[3] <= waits[0] {
		t.Errorf("%+v %v after %d polls, waits %v", st, err, n, waits)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Await(ctx, "/r/", Status{ID: "s"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestClientErrorText: what a stranger writes into an error is cut and cleaned.
func TestClientErrorText(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(403)
		b, _ := json.Marshal(Error{Title: "no\x1b[31m\nway\u202e", Description: strings.Repeat("é", 1000), HTTPStatus: "200"})
		w.Write(b)
	}))
	defer srv.Close()
	_, err := newTestClient(t, srv.URL).Discover(t.Context())
	if !errors.Is(err, ErrForbidden) || strings.ContainsAny(err.Error(), "\x1b\n\u202e") || len(err.Error()) > 700 {
		t.Errorf("%q", err)
	}
}

// TestClientSends: what every request carries.
func TestClientSends(t *testing.T) {
	var got *http.Request
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		io.WriteString(w, `{}`)
	}))
	defer srv.Close()
	c := newTestClient(t, srv.URL, WithBasic("anna", "p:w"), WithUserAgent("test/1"))
	q := Query{AddedAfter: time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC), Limit: 7, IDs: []string{"a--1", "b--2"}, Types: []string{"t"},
		SpecVersions: []string{"2.0", "2.1"}, Versions: VersionMatch{First: true, Exact: []string{"2020-01-01T00:00:00Z"}}}
	if _, err := collect(t, c, q); err != nil {
		t.Fatal(err)
	}
	want := url.Values{"added_after": {"2026-01-02T03:04:05.000006Z"}, "limit": {"7"}, "match[id]": {"a--1,b--2"}, "match[type]": {"t"},
		"match[spec_version]": {"2.0,2.1"}, "match[version]": {"first,2020-01-01T00:00:00Z"}}
	if got.URL.Query().Encode() != want.Encode() || !strings.HasSuffix(got.URL.Path, "/r/collections/c/objects/") {
		t.Errorf("%s", got.URL)
	}
	user, password, _ := got.BasicAuth()
	if user != "anna" || password != "p:w" || got.UserAgent() != "test/1" || got.Header.Get("Accept") != MediaType {
		t.Errorf("%v", got.Header)
	}
	if _, _, err := parseQuery(got.URL.RawQuery, epObjects); err != nil {
		t.Error("our own handler refuses it: ", err)
	}
}
