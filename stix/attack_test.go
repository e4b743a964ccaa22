package stix

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// shared returns the path of a data file kept outside of the repository; a test
// that needs it is skipped where it is absent, except under CI.
func shared(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("the shared data is missing: %v", err)
		}
		t.Skipf("the shared data is not here (%v); the invented data in testdata is tested elsewhere", err)
	}
	return path
}

// attack returns the real ATT&CK objects as the lines of one text.
func attack(t testing.TB) []byte { return unpacked(t, "stix/attack-enterprise-21.ndjson.zst") }

func unpacked(t testing.TB, name string) []byte {
	t.Helper()
	packed, err := os.ReadFile(shared(t, name))
	if err != nil {
		t.Fatal(err)
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	text, err := d.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(text, []byte("\n"))
}

// Every real object passes the gate and the validator and comes out as it went
// in, read line by line, from a bundle and from an envelope.
func TestAttackPassesUnchanged(t *testing.T) {
	text := attack(t)
	lines := bytes.Split(text, []byte("\n"))
	if len(lines) != 24771 {
		t.Fatalf("expected 24,771 objects, the file has %d", len(lines))
	}
	list := bytes.Join(lines, []byte(",\n"))
	const id = "bundle--44af6c39-c09b-49c5-9de2-394224b04982"
	for name, c := range map[string]struct {
		text     []byte
		bundleID string
	}{
		"lines":    {text, ""},
		"bundle":   {slice(`{"type":"bundle","id":"`+id+`","objects":[`, list, `]}`), id},
		"envelope": {slice(`{"more":true,"objects":[`, list, `],"next":"x"}`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(bytes.NewReader(c.text))
			n := 0
			for {
				item, err := r.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if item.Err != nil {
					t.Fatalf("line %d: %v", item.Line, item.Err)
				}
				if !bytes.Equal(item.Object.Raw(), lines[n]) {
					t.Fatalf("object %d came out changed", n)
				}
				if item.Line != n+1 || item.Index != n || !bytes.HasPrefix(c.text[item.Offset:], lines[n]) {
					t.Fatalf("object %d is said to be number %d at line %d, byte %d", n, item.Index, item.Line, item.Offset)
				}
				if problems := Validate(item.Object); len(problems) > 0 {
					t.Errorf("line %d: %v", item.Line, problems)
				}
				n++
			}
			if n != len(lines) {
				t.Errorf("read %d of %d objects", n, len(lines))
			}
			if r.BundleID() != c.bundleID {
				t.Errorf("BundleID = %q, want %q", r.BundleID(), c.bundleID)
			}
		})
	}
}

// So do the objects of a second real collection.
func TestIndustrialAttackPasses(t *testing.T) {
	items, _, end := read(t, bytes.NewReader(unpacked(t, "stix/attack-ics-21.ndjson.zst")))
	if end != io.EOF || len(items) != 1825 {
		t.Fatalf("%d objects, %v", len(items), end)
	}
	for _, item := range items {
		if item.Err != nil {
			t.Fatalf("line %d: %v", item.Line, item.Err)
		}
		if problems := Validate(item.Object); len(problems) > 0 {
			t.Errorf("line %d: %v", item.Line, problems)
		}
	}
}

func slice(head string, body []byte, tail string) []byte {
	return append(append([]byte(head), body...), tail...)
}

func BenchmarkParse(b *testing.B) {
	lines := bytes.Split(attack(b), []byte("\n"))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := Parse(lines[i%len(lines)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "objects/s")
}

func BenchmarkValidate(b *testing.B) {
	var objects []*Object
	for line := range bytes.SplitSeq(attack(b), []byte("\n")) {
		o, err := Parse(line)
		if err != nil {
			b.Fatal(err)
		}
		objects = append(objects, o)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if p := Validate(objects[i%len(objects)]); p != nil {
			b.Fatal(p)
		}
		i++
	}
	b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "objects/s")
}

// BenchmarkReader includes finding the objects in a bundle.
func BenchmarkReader(b *testing.B) {
	text := attack(b)
	list := bytes.ReplaceAll(text, []byte("\n"), []byte(",\n"))
	bundle := slice(`{"type":"bundle","objects":[`, list, `]}`)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		r := NewReader(bytes.NewReader(bundle))
		for {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "objects/s")
}
