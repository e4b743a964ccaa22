package taxii

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzQuery: whatever the query string, the answer is 200 or 400 and keeps the
// form of every answer, and what is accepted is within bounds.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"", "limit=5", "limit=0", "added_after=2026-02-27T10:00:00.000001Z", "match[type]=a,b&match[version]=first,last",
		"next=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "match%5Bid%5D=x--1", "a;b", "match[spec_version]=2.1&limit=%31", "limit=1&limit=1"} {
		f.Add(s)
	}
	_, h := world(f)
	f.Fuzz(func(t *testing.T, raw string) {
		for ep := epObjects; ep <= epDelete; ep++ {
			q, _, err := parseQuery(raw, ep)
			if err == nil && (q.Limit < 0 || q.Limit > maxLimit || len(q.IDs) > maxValues || q.Versions.All && len(q.Versions.values()) != 1) {
				t.Errorf("%q read as %+v", raw, q)
			}
		}
		r := httptest.NewRequest("GET", objectsA, nil)
		r.URL.RawQuery = raw
		r.SetBasicAuth("anna", "a")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 {
			t.Errorf("%q gives %d", raw, w.Code)
		}
		if err := everyAnswer(w, "GET"); err != nil {
			t.Errorf("%q: %v", raw, err)
		}
	})
}

// FuzzNext: no string opens but the one that was sealed.
func FuzzNext(f *testing.F) {
	c := newCursors([32]byte{3})
	bound := [32]byte{4}
	for _, n := range []int64{0, 1, 1 << 50} {
		f.Add(c.seal(bound, n))
	}
	f.Add("")
	f.Add(strings.Repeat("A", 48))
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := c.open(bound, s)
		if ok && c.seal(bound, n) != s {
			t.Errorf("%q opens as %d, which seals otherwise", s, n)
		}
		if _, ok := c.open([32]byte{5}, s); ok {
			t.Errorf("%q opens for another question", s)
		}
	})
}

// FuzzAccept: never a panic; adding our own type to a list makes it acceptable
// unless the list refuses it; the answer does not depend on the header's case.
func FuzzAccept(f *testing.F) {
	for _, s := range []string{"", "*/*", MediaType, "application/*;q=0.1", `application/taxii+json; version="2.1"`, "text/html, */*;q=0", `a/b;c="d,e"`, "application/taxii+json;q=2", ",,,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ok := acceptable([]string{s}, false)
		if ok && !acceptable([]string{s}, true) {
			t.Errorf("%q: more types, less accepted", s)
		}
		if utf8.ValidString(s) && !strings.ContainsAny(s, `"\`) && len(s) < 1000 && strings.Count(s, ",") < 50 {
			if !strings.Contains(s, "q") && !strings.Contains(s, "Q") && !acceptable([]string{s, MediaType}, false) {
				t.Errorf("%q with our type is refused", s)
			}
		}
		contentTypeOK(s)
	})
}

// FuzzClientEnvelope: where encoding/json and split both read an answer, they
// agree; what split returns are slices of the answer that hold values; it reads
// every well-formed answer that has its own members once.
func FuzzClientEnvelope(f *testing.F) {
	for _, s := range []string{`{}`, `{"objects":[]}`, `{"more":true,"next":"a","objects":[{"a":"]}"},{"b":[1,{}]}]}`, `{"next":12}`,
		` { "objects" : [ {"a": 1 } , 2 , "x" ] } `, `{"objects":[{},]}`, `{"objects":[[}]}`, `{"objects":null,"more":null}`, `{"Objects":[1]}`,
		`{"objects":[1],"objects":[2]}`, `{"a":{"objects":[1]}}`, "{\"objects\":[\"\xff\"]}", `{"objects":[tru]}`, `[`, `{"next":"\u0041"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := split(b, "objects")
		if err == nil {
			for _, item := range p.items {
				if len(item) == 0 || !bytes.Contains(b, item) || cap(item) != len(item) {
					t.Fatalf("item %q is no slice of %q", item, b)
				}
			}
		}
		var m map[string]json.RawMessage
		if json.Unmarshal(b, &m) != nil || m == nil {
			return
		}
		var list []json.RawMessage
		if json.Unmarshal(orNull(m["objects"]), &list) != nil {
			return // not a list
		}
		if err != nil {
			own := strings.Contains(err.Error(), "twice") || strings.Contains(err.Error(), "deeper") ||
				strings.Contains(err.Error(), `"more"`) || strings.Contains(err.Error(), `"next"`) || strings.Contains(err.Error(), "not a list")
			if !own {
				t.Fatalf("%q is JSON, yet %v", b, err)
			}
			return
		}
		if len(list) != len(p.items) {
			t.Fatalf("%q: %d items, want %d", b, len(p.items), len(list))
		}
		for i := range list {
			if !bytes.Equal(list[i], p.items[i]) {
				t.Fatalf("%q: item %d is %q, want %q", b, i, p.items[i], list[i])
			}
		}
	})
}

func orNull(b []byte) []byte {
	if b == nil {
		return []byte("null")
	}
	return b
}

// TestParseTimestamp: the forms that count as a timestamp.
func TestParseTimestamp(t *testing.T) {
	for s, ok := range map[string]bool{
		"2026-02-27T10:00:00Z": true, "2026-02-27T10:00:00.1Z": true, "2026-02-27T10:00:00.123456789Z": true,
		"2026-02-27T10:00:00,5Z": false, "2026-02-27T1:00:00Z": false, "2026-02-27t10:00:00z": false,
		"2026-02-27T24:00:00Z": false, "2026-13-01T00:00:00Z": false, "2026-02-27T10:00:00+00:00": false, "": false,
		"2026-02-27T10:00:00." + strings.Repeat("1", 40) + "Z": false,
	} {
		if _, got := parseTimestamp(s); got != ok {
			t.Errorf("%s: %v, want %v", url.QueryEscape(s), got, ok)
		}
	}
}
