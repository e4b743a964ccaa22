package register

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"entente/stix"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// lines gives what a source yielded, one line for each value: the object's
// JSON, or the error.
func lines(seq iter.Seq2[Listing, error]) string {
	var b strings.Builder
	for l, err := range seq {
		if err != nil {
			fmt.Fprintf(&b, "%T %v\n", err, err)
			continue
		}
		fmt.Fprintf(&b, "%s\n", l.Object)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s\nIf the mapping was meant to change, raise mappingRevision (or groupsModified), describe the change in docs/spec/listing.md and run the test with -update.", path, diff)
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// mustBeValid states what every listing promises: the gate takes it, it breaks
// no rule of STIX, and its fields say what the bytes say.
func mustBeValid(t testing.TB, l Listing) {
	t.Helper()
	o, err := stix.Parse(l.Object)
	if err != nil {
		t.Fatalf("line %d: the gate refuses the object: %v\n%s", l.Line, err, l.Object)
	}
	for _, p := range stix.Validate(o) {
		t.Errorf("line %d: %v\n%s", l.Line, p, l.Object)
	}
	if o.ID() != l.ID || o.Type() != "identity" {
		t.Errorf("line %d: the object is %s, the listing says %s", l.Line, o.ID(), l.ID)
	}
	if stix.CompareVersions(o.Created(), o.Modified()) > 0 {
		t.Errorf("%s: created %s is after modified %s", l.ID, o.Created(), o.Modified())
	}
	noEmpty(t, l.Object)
}

// noEmpty fails on null, "", [] and {} anywhere in the object.
func noEmpty(t testing.TB, raw []byte) {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case nil:
			t.Errorf("%s is null in %s", path, raw)
		case string:
			if v == "" {
				t.Errorf("%s is empty in %s", path, raw)
			}
		case []any:
			if len(v) == 0 {
				t.Errorf("%s is an empty list in %s", path, raw)
			}
			for i, e := range v {
				walk(fmt.Sprintf("%s[%d]", path, i), e)
			}
		case map[string]any:
			if len(v) == 0 {
				t.Errorf("%s is an empty object in %s", path, raw)
			}
			for k, e := range v {
				walk(path+"."+k, e)
			}
		}
	}
	walk("", v)
}

func TestInventedListGolden(t *testing.T) {
	raw := read(t, "invented-list.xml")
	golden(t, "invented-list.golden", lines(ReadUN(bytes.NewReader(raw))))
	for l, err := range ReadUN(bytes.NewReader(raw)) {
		if err == nil {
			mustBeValid(t, l)
		}
	}
}

func TestGroupsGolden(t *testing.T) {
	golden(t, "groups.golden", lines(ReadGroups(bytes.NewReader(read(t, "groups.csv")))))
}

// The publisher comes first, and everything after it refers to it.
func TestPublisherComesFirst(t *testing.T) {
	for name, seq := range map[string]iter.Seq2[Listing, error]{
		"UN":     ReadUN(bytes.NewReader(read(t, "invented-list.xml"))),
		"groups": Groups(),
	} {
		var publisher stix.ID
		for l, err := range seq {
			if err != nil {
				continue
			}
			o, err := stix.Parse(l.Object)
			if err != nil {
				t.Fatal(err)
			}
			if publisher == "" {
				publisher = l.ID
				continue
			}
			if o.CreatedBy() != publisher {
				t.Errorf("%s: %s was created by %q, want %s", name, l.ID, o.CreatedBy(), publisher)
			}
		}
	}
}

// Whoever stops reading early is not called again.
func TestStopEarly(t *testing.T) {
	n := 0
	for range ReadUN(bytes.NewReader(read(t, "invented-list.xml"))) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d values after stopping at the second", n)
	}
}

// fileError gives the error that ended the source, or nil.
func fileError(seq iter.Seq2[Listing, error]) *FileError {
	var last *FileError
	for _, err := range seq {
		last = nil
		errors.As(err, &last)
	}
	return last
}
