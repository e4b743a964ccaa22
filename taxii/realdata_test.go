package taxii

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// TestRealObjects: every object of a large public collection goes through
// client, handler, handler and client again, byte for byte, in order, once.
func TestRealObjects(t *testing.T) {
	packed, err := os.ReadFile("../../shared/data/stix/attack-enterprise-21.ndjson.zst")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("the ATT&CK file is not here; the small invented objects of the other tests must do")
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	plain, err := z.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	var objects []json.RawMessage
	for line := range bytes.SplitSeq(bytes.TrimSpace(plain), []byte("\n")) {
		objects = append(objects, line)
	}
	b := newMemory()
	b.server.Roots[0].MaxContentLength = 4 << 20
	b.find(collA).maxPage = 1000
	srv := httptest.NewServer(testHandler(t, b))
	defer srv.Close()
	c := newTestClient(t, srv.URL, WithBasic("anna", "a"))

	// The memory backend looks for duplicates one by one; straight in is enough
	// for most, the last part goes through POST.
	split := len(objects) - 500
	for _, o := range objects[:split] {
		b.put(collA, o)
	}
	if _, err := c.Add(t.Context(), "/api1/", collA, objects[split:]); err != nil {
		t.Fatal(err)
	}
	n := 0
	for raw, err := range c.Objects(t.Context(), "/api1/", collA, Query{Versions: VersionMatch{All: true}}) {
		if err != nil {
			t.Fatal(err)
		}
		if n >= len(objects) || !bytes.Equal(raw, objects[n]) {
			t.Fatalf("object %d came back altered:\n%.300s", n, raw)
		}
		n++
	}
	if n != len(objects) {
		t.Errorf("%d of %d objects came back", n, len(objects))
	}
	t.Logf("%d objects, %d bytes", n, len(plain))
}
