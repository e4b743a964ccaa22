package stix

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

const bundleID = "bundle--44af6c39-c09b-49c5-9de2-394224b04982"

func object(n int) string {
	return fmt.Sprintf(`{"type":"x-test","id":"x-test--6b616fc1-1505-48e3-8b2c-%012x"}`, n)
}

// read takes everything out of a text: "ok", or "refused" of every object, and
// the error that ended it.
func read(t testing.TB, in io.Reader) (items []Item, r *Reader, end error) {
	t.Helper()
	r = NewReader(in)
	for {
		item, err := r.Next()
		if err != nil {
			if _, again := r.Next(); again != err {
				t.Errorf("after %v Next returns %v", err, again)
			}
			return items, r, err
		}
		if (item.Object == nil) == (item.Err == nil) {
			t.Fatalf("an item must be an object or a refusal: %+v", item)
		}
		if item.Index != len(items) {
			t.Errorf("item %d says it is number %d", len(items), item.Index)
		}
		items = append(items, item)
	}
}

func summary(items []Item, end error) string {
	var b strings.Builder
	for _, item := range items {
		if item.Err != nil {
			fmt.Fprintf(&b, "-%d ", item.Line)
		} else {
			fmt.Fprintf(&b, "+%d ", item.Line)
		}
	}
	if end == io.EOF {
		return b.String() + "end"
	}
	return b.String() + "broken"
}

func TestReader(t *testing.T) {
	a, b, c := object(1), object(2), object(3)
	long := strings.Replace(sized(MaxObject+10), testID, "x-test--6b616fc1-1505-48e3-8b2c-0000000000ff", 1)
	pretty := strings.ReplaceAll(a, ",", ",\n  ")
	for _, tc := range []struct{ name, text, want, bundle string }{
		{"empty", "", "end", ""},
		{"white space", " \n\n ", "end", ""},
		{"single object", a, "+1 end", ""},
		{"single object over lines", "\n\n" + pretty + "\n", "+3 end", ""},
		{"single object, then another", pretty + "\n" + b, "+1 broken", ""},
		{"single object, cut off", pretty[:50], "-1 end", ""},
		{"single object, too long", long, "-1 end", ""},
		{"observed data with a dictionary of objects", `{"type":"observed-data","id":"observed-data--6b616fc1-1505-48e3-8b2c-0d19337bff38","objects":{"0":{}}}`, "+1 end", ""},

		{"lines", a + "\n" + b + "\n" + c, "+1 +2 +3 end", ""},
		{"lines ending in CR LF, with gaps", a + "\r\n\r\n \n" + b + "\r\n", "+1 +4 end", ""},
		{"lines, one damaged", a + "\n" + b[:30] + "\n" + c, "+1 -2 +3 end", ""},
		{"lines, first damaged", a[:30] + "\n" + b + "\n" + c, "-1 +2 +3 end", ""},
		{"lines, one with an open string", a + "\n" + `{"type":"x` + "\n" + c, "+1 -2 +3 end", ""},
		{"lines, one not JSON", a + "\nhello\n" + c, "+1 -2 +3 end", ""},
		{"lines, one with two objects", a + "\n" + b + b + "\n" + c, "+1 -2 +3 end", ""},
		{"lines, one too long", a + "\n" + long + "\n" + c, "+1 -2 +3 end", ""},
		{"lines, first too long", long + "\n" + b, "-1 +2 end", ""},
		{"lines, one a bundle", a + "\n" + `{"type":"bundle","id":"` + bundleID + `","objects":[` + b + "]}\n" + c, "+1 -2 +3 end", ""},
		{"lines with line separators in texts", with("\"x_a\":\"1\u20282\u00853\"") + "\n" + b, "+1 +2 end", ""},

		{"bundle", `{"type":"bundle","id":"` + bundleID + `","objects":[` + a + "," + b + "]}", "+1 +1 end", bundleID},
		{"bundle, id last", `{"objects":[` + a + `],"type":"bundle","id":"` + bundleID + `"}`, "+1 end", bundleID},
		{"bundle over lines", "{\n\"type\": \"bundle\",\n\"id\": \"" + bundleID + "\",\n\"objects\": [\n" + a + ",\n\n" + pretty + "\n]\n}\n", "+5 +7 end", bundleID},
		{"bundle line, list on the next", "{\"type\":\"bundle\",\"objects\":[\n" + a + ",\n" + b + "]}", "+2 +3 end", ""},
		{"bundle without objects", `{"type":"bundle","id":"` + bundleID + `"}`, "end", bundleID},
		{"bundle of an empty list", `{"type":"bundle","id":"` + bundleID + `","objects":[ ]}`, "end", bundleID},
		{"bundle of STIX 2.0", `{"type":"bundle","id":"` + bundleID + `","spec_version":"2.0","objects":[` + a + `]}`, "+1 end", bundleID},
		{"bundle, custom property", `{"type":"bundle","x_a":{"objects":[1]},"objects":[` + a + `]}`, "+1 end", ""},
		{"bundle, one refused", `{"type":"bundle","objects":[` + a + "," + with(`"x_a":1,"x_a":2`) + "," + c + "]}", "+1 -1 +1 end", ""},
		{"bundle, one too long", `{"type":"bundle","objects":[` + a + "," + long + "," + c + "]}", "+1 -1 +1 end", ""},
		{"bundle, one not an object", `{"type":"bundle","objects":[` + a + `, null ,"x{", 7,[{}],` + c + "]}", "+1 -1 -1 -1 -1 +1 end", ""},
		{"bundle, brackets in texts", `{"type":"bundle","objects":[` + with(`"x_a":"}]\"{[\\"`) + "," + b + "]}", "+1 +1 end", ""},
		{"bundle, one not UTF-8", `{"type":"bundle","objects":[` + with("\"x_a\":\"\xff\"") + "," + b + "]}", "-1 +1 end", ""},
		{"bundle, line feed in a text", `{"type":"bundle","objects":[` + with("\"x_a\":\"\n\"") + "," + b + "]}", "-1 broken", ""},
		{"bundle, wrong bracket", `{"type":"bundle","objects":[{"type":"x"],` + b + "]}", "-1 broken", ""},
		{"bundle, cut off in an object", `{"type":"bundle","objects":[` + a + "," + b[:40], "+1 -1 broken", ""},
		{"bundle, cut off between", `{"type":"bundle","objects":[` + a + ",", "+1 broken", ""},
		{"bundle, not closed", `{"type":"bundle","objects":[` + a + "]", "+1 broken", ""},
		{"bundle, no comma", `{"type":"bundle","objects":[` + a + " " + b + "]}", "+1 broken", ""},
		{"bundle, trailing comma", `{"type":"bundle","objects":[` + a + ",]}", "+1 broken", ""},
		{"bundle, member twice", `{"type":"bundle","objects":[` + a + `],"objects":[` + b + "]}", "+1 broken", ""},
		{"bundle, type twice", `{"type":"bundle","type":"report","objects":[` + a + "]}", "broken", ""},
		{"bundle, member in other case", `{"type":"bundle","Objects":[],"objects":[` + a + "]}", "broken", ""},
		{"bundle, member escaped", `{"type":"bundle","objects":[` + a + `],"\u006fbjects":[]}`, "+1 broken", ""},
		{"bundle with a marking", `{"type":"bundle",` + red("object_marking_refs") + `,"objects":[` + a + "]}", "broken", ""},
		{"bundle, more text", `{"type":"bundle","objects":[` + a + "]} x", "+1 broken", ""},
		{"bundle, bad id", `{"type":"bundle","id":"` + someone + `","objects":[` + a + "]}", "broken", someone},
		{"bundle, member too long", `{"type":"bundle","x_a":"` + strings.Repeat("a", MaxMember) + `","objects":[]}`, "broken", ""},
		{"bundle, member not JSON", `{"type":"bundle","x_a":nil,"objects":[]}`, "broken", ""},
		{"a report with a list of objects", `{"type":"report","objects":[` + a + "]}", "broken", ""},
		{"a report after its objects", `{"objects":[` + a + `],"type":"report"}`, "+1 broken", ""},

		{"envelope", `{"more":true,"next":"x","objects":[` + a + "," + b + "]}", "+1 +1 end", ""},
		{"envelope, empty", `{}`, "end", ""},
		{"envelope without objects", `{"more":false}`, "end", ""},

		{"byte order mark", "\ufeff" + a, "broken", ""},
		{"a list", "[" + a + "]", "broken", ""},
		{"a page", "<html>", "broken", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for way, in := range map[string]io.Reader{
				"whole": strings.NewReader(tc.text),
				"bytes": iotest.OneByteReader(strings.NewReader(tc.text)),
				"late":  iotest.DataErrReader(strings.NewReader(tc.text)),
			} {
				if way == "bytes" && len(tc.text) > MaxObject {
					continue
				}
				items, r, end := read(t, in)
				if got := summary(items, end); got != tc.want {
					t.Errorf("%s: %s, want %s (%v)", way, got, tc.want, end)
				}
				if tc.bundle != r.BundleID() {
					t.Errorf("%s: BundleID = %q, want %q", way, r.BundleID(), tc.bundle)
				}
				for _, item := range items {
					if item.Object != nil && !strings.HasPrefix(tc.text[item.Offset:], string(item.Object.Raw())) {
						t.Errorf("%s: item %d is not at byte %d", way, item.Index, item.Offset)
					}
				}
			}
		})
	}
}

func TestReaderGuessesIDs(t *testing.T) {
	text := object(1) + "\n" + with(`"x_a":tru`) + "\n" + `{"type":"x-test","id":"nonsense"}`
	items, _, _ := read(t, strings.NewReader(text))
	if len(items) != 3 || items[1].ID != testID || items[2].ID != "" || items[0].ID != string(items[0].Object.ID()) {
		t.Errorf("ids: %+v", items)
	}
}

func TestReaderReportsReadErrors(t *testing.T) {
	lost := errors.New("connection lost")
	for _, head := range []string{"", `{"type":"bundle","objects":[` + object(1), object(1) + "\n" + object(2)[:10], object(1)[:20]} {
		_, _, end := read(t, io.MultiReader(strings.NewReader(head), iotest.ErrReader(lost)))
		var broken *ContainerError
		if !errors.Is(end, lost) || !errors.As(end, &broken) {
			t.Errorf("after %q: %v", head, end)
		}
	}
}

// An input far larger than the window does not make the Reader grow.
func TestReaderMemory(t *testing.T) {
	const n = 200
	part := strings.NewReader(sized(MaxObject))
	var in []io.Reader
	in = append(in, strings.NewReader(`{"objects":[`))
	for i := range n {
		if i > 0 {
			in = append(in, strings.NewReader(","))
		}
		in = append(in, io.NewSectionReader(part, 0, MaxObject))
	}
	in = append(in, strings.NewReader("]}"))
	r := NewReader(io.MultiReader(in...))
	count, most := 0, uint64(0)
	for {
		_, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if count++; count%50 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	if count != n {
		t.Errorf("read %d of %d", count, n)
	}
	if cap(r.w.buf) > maxWindow {
		t.Errorf("the window grew to %d", cap(r.w.buf))
	}
	if most > 32<<20 {
		t.Errorf("%d MB are held while reading %d MB", most>>20, n)
	}
}

// However an input is cut into reads, and whatever it is, the same comes out.
func TestReaderIsIndifferentToReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.SampledFrom([]string{object(1), object(2), "{", "}", "[", "]", ",", "\n", `"`, `\`,
			`{"type":"bundle","objects":[`, "]}", `"objects":[`, " ", "1", "null", `{"type":"bundle",`, "\xff"}), 0, 12).Draw(t, "pieces")
		text := strings.Join(pieces, "")
		type outcome struct {
			raw  string
			line int
			at   int64
		}
		run := func(in io.Reader) (out []outcome, end string) {
			r := NewReader(in)
			for {
				item, err := r.Next()
				if err != nil {
					return out, err.Error()
				}
				o := outcome{line: item.Line, at: item.Offset}
				if item.Object != nil {
					o.raw = string(item.Object.Raw())
				}
				if out = append(out, o); len(out) > len(text)+1 {
					t.Fatalf("does not end: %q", text)
				}
			}
		}
		want, wantEnd := run(strings.NewReader(text))
		got, gotEnd := run(iotest.HalfReader(iotest.OneByteReader(bytes.NewReader([]byte(text)))))
		if fmt.Sprint(want) != fmt.Sprint(got) || wantEnd != gotEnd {
			t.Fatalf("%q: %v %s, but in small reads %v %s", text, want, wantEnd, got, gotEnd)
		}
	})
}
