package taxii

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// discard is a ResponseWriter that costs nothing, so that what is measured is
// the handler.
type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// ready gives one page that was made beforehand.
type ready struct {
	*memory
	page  Page
	colls []Collection
}

func (r ready) Collections(context.Context, Caller, string) ([]Collection, error) {
	return r.colls, nil
}
func (r ready) List(context.Context, Caller, string, string, Query) (Page, error) { return r.page, nil }

func readyPage(n int) ready {
	m := newMemory()
	r := ready{memory: m, colls: []Collection{{ID: collA, CanRead: true}}, page: Page{More: true}}
	body := rawBody(fmt.Sprintf(`{"type":"indicator","x":"%s"}`, strings.Repeat("y", 1300-27)))
	for i := range n {
		r.page.Records = append(r.page.Records, Record{Position: int64(i + 1), ID: objID("indicator", i), Type: "indicator",
			Version: "2026-01-01T00:00:00.000Z", DateAdded: time.Unix(int64(i), 0), Body: body})
	}
	return r
}

// BenchmarkPage measures the handler alone: everything but the backend and the
// network. The goal is below 2 microseconds per object.
func BenchmarkPage(b *testing.B) {
	for _, kind := range []string{"objects", "manifest"} {
		for _, n := range []int{100, 1000} {
			b.Run(fmt.Sprintf("%s-%d", kind, n), func(b *testing.B) {
				h := Handler(Config{}, readyPage(n))
				r := httptest.NewRequest("GET", "/api1/collections/"+collA+"/"+kind+"/?limit="+fmt.Sprint(n), nil)
				r.SetBasicAuth("anna", "a")
				b.ReportAllocs()
				for b.Loop() {
					h.ServeHTTP(&discard{http.Header{}}, r)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/object")
			})
		}
	}
}

// BenchmarkPageHTTP is the same through a real connection, client included.
func BenchmarkPageHTTP(b *testing.B) {
	const n = 1000
	srv := httptest.NewServer(Handler(Config{}, readyPage(n)))
	defer srv.Close()
	r, _ := http.NewRequest("GET", srv.URL+"/api1/collections/"+collA+"/objects/", nil)
	r.SetBasicAuth("anna", "a")
	for b.Loop() {
		resp, err := http.DefaultClient.Do(r)
		if err != nil || resp.StatusCode != 200 {
			b.Fatal(resp, err)
		}
		io.Copy(io.Discard, bufio.NewReader(resp.Body))
		resp.Body.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/object")
}

// BenchmarkSplit measures how fast the client takes a page apart.
func BenchmarkSplit(b *testing.B) {
	w := do(Handler(Config{}, readyPage(1000)), "anna", "GET", objectsA, "", nil)
	b.SetBytes(int64(w.Body.Len()))
	for b.Loop() {
		if p, err := split(w.Body.Bytes(), "objects"); err != nil || len(p.items) != 1000 {
			b.Fatal(err)
		}
	}
}
