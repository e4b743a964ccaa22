package register

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"
)

// The embedded table is whole: every group is read, none twice, all valid.
func TestEmbeddedGroups(t *testing.T) {
	ids := make(map[string]bool)
	n := 0
	for l, err := range Groups() {
		if err != nil {
			t.Fatal(err)
		}
		mustBeValid(t, l)
		if ids[string(l.ID)] {
			t.Errorf("%s twice", l.ID)
		}
		ids[string(l.ID)] = true
		n++
	}
	if n != 89 { // 88 groups and the publisher
		t.Errorf("%d objects, want 89", n)
	}
}

// The table is in the order in which a diff is easy to read.
func TestTableIsSorted(t *testing.T) {
	c := csv.NewReader(bytes.NewReader(groupsTable))
	c.Comment = '#'
	records, err := c.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, rec := range records[1:] {
		keys = append(keys, rec[0]+"\x00"+rec[1])
	}
	if !slices.IsSorted(keys) {
		t.Error("data/listed-groups.csv is not sorted by group and alias")
	}
}

// A changed table needs a new version, or partners would see other bytes under
// a version they already have.
func TestTableVersion(t *testing.T) {
	versions := map[string]string{
		"2026-11-21": "605790d94aea7a56102f210b57398ef6790cf4d3a67d8ee72a5c0018af7a5732",
	}
	sum := sha256.Sum256(groupsTable)
	day := groupsModified.Format(time.DateOnly)
	if got := hex.EncodeToString(sum[:]); versions[day] != got {
		t.Errorf("the table of %s has SHA-256 %s, want %s: set groupsModified to a later day and add it here", day, got, versions[day])
	}
}

func TestGroupTableFaults(t *testing.T) {
	const head = "group,alias\n"
	tests := map[string]struct{ in, reason string }{
		"empty":       {"", "header"},
		"no header":   {"a,a\n", "header"},
		"one column":  {head + "a\n", "wrong number of fields"},
		"bad quote":   {head + "\"a,a\n", "quote"},
		"no own name": {head + "a,b\n", "no line with its own name"},
		"twice":       {head + "a,a\na,a\n", "twice"},
		"two places":  {head + "a,a\nb,b\na,a\n", "two places"},
		"empty name":  {head + "a,a\na,\n", "empty"},
		"not UTF-8":   {head + "a,a\na,\xff\n", "UTF-8"},
		"white space": {head + "a,a\na,b  c\n", "white space"},
		"too long":    {head + "a,a\na," + strings.Repeat("x", maxName+1) + "\n", "longer than"},
		"too many":    {head + strings.Repeat("a,a\n", maxAliases+1), "more than 1000 names"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := lines(ReadGroups(strings.NewReader(tt.in))); !strings.Contains(got, "Error") || !strings.Contains(got, tt.reason) {
				t.Errorf("got %s, want an error with %q", got, tt.reason)
			}
		})
	}
}

// A table without end is given up.
func TestEndlessTable(t *testing.T) {
	src := &endless{head: strings.NewReader("group,alias\n\""), b: 'a'}
	if err := fileError(ReadGroups(src)); err == nil {
		t.Error("an endless table was read to an end")
	}
	if src.given > maxTable+1<<20 {
		t.Errorf("%d bytes were read before giving up", src.given)
	}
}
