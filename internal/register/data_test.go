package register

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// realList is the published list, where the machine has it. It is about real
// persons and is never part of the repository.
func realList(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("../../../shared/data/lists/un-consolidated.xml")
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") == "" {
		t.Skip("the published UN list is not on this machine; the invented list is tested")
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Every entry of the published list becomes a valid object, none is refused.
func TestRealList(t *testing.T) {
	raw := realList(t)
	if !SniffUN(raw[:512]) {
		t.Error("SniffUN does not know the published list")
	}
	classes := map[string]int{}
	ids := map[string]bool{}
	for l, err := range ReadUN(bytes.NewReader(raw)) {
		if err != nil {
			t.Error(err)
			continue
		}
		mustBeValid(t, l)
		ids[string(l.ID)] = true
		if bytes.Contains(l.Object, []byte(`"individual"`)) {
			classes["individual"]++
		} else {
			classes["organization"]++
		}
	}
	// 273 entities and the publisher.
	if classes["individual"] != 730 || classes["organization"] != 274 || len(ids) != 1004 {
		t.Errorf("%v with %d ids, want 730 individuals and 274 organizations", classes, len(ids))
	}
}

// Every text of the published list is in the object of its entry.
func TestRealListIsKeptWhole(t *testing.T) {
	raw := realList(t)
	objects := map[int]string{} // by line
	for l, err := range ReadUN(bytes.NewReader(raw)) {
		if err != nil {
			t.Fatal(err)
		}
		objects[l.Line] = texts(t, l.Object)
	}
	dec := xml.NewDecoder(bytes.NewReader(raw))
	line, depth, checked := 0, 0, 0
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if depth++; depth == 3 {
				line, _ = dec.InputPos()
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			s := oneLine(string(tok))
			if depth < 3 || s == "" || said[s] {
				continue
			}
			if checked++; !strings.Contains(objects[line], s) {
				t.Errorf("line %d: a text of %d bytes is lost", line, len(s))
			}
		}
	}
	if checked < 10_000 {
		t.Errorf("only %d texts were compared", checked)
	}
}

// What the mapping has no member for is little: an unknown field in the
// published list should get one.
func TestRealListNeedsNoOther(t *testing.T) {
	raw := realList(t)
	paths := map[string]int{}
	for l, err := range ReadUN(bytes.NewReader(raw)) {
		if err != nil {
			t.Fatal(err)
		}
		if _, after, ok := bytes.Cut(l.Object, []byte(`"path":"`)); ok {
			path, _, _ := bytes.Cut(after, []byte(`"`))
			name, _, _ := strings.Cut(string(path), "[")
			paths[name]++
		}
	}
	total := 0
	for _, n := range paths {
		total += n
	}
	if total > 20 {
		t.Errorf("%d entries have texts without a member: %v", total, paths)
	}
}

func BenchmarkReadUN(b *testing.B) {
	raw := realList(b)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for _, err := range ReadUN(bytes.NewReader(raw)) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
}
