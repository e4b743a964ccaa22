package register

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"entente/stix"
)

// groupsList is the value of the extension's member "list" for this source.
const groupsList = "listed-groups"

// groupsModified is the version of the embedded table. Whoever changes the
// table sets a later day here (a test compares the table's hash).
var groupsModified = time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC)

// Bounds of ReadGroups. The embedded table has 36 kB, 88 groups and at most 44
// names a group.
const (
	maxTable   = 16 << 20 // bytes of a whole table
	maxName    = 512      // bytes of a name
	maxAliases = 1_000    // names of one group
)

//go:embed data/listed-groups.csv
var groupsTable []byte

// Groups yields the identities of the listed groups that the repository ships
// (data/listed-groups.csv, CC0-1.0; see data/README.md), first the identity
// that created_by_ref of all of them names. The table does not say who listed a
// group, so neither do the objects: they carry no designation.
func Groups() iter.Seq2[Listing, error] { return ReadGroups(bytes.NewReader(groupsTable)) }

// ReadGroups reads a table of group names in the form of the embedded one: CSV
// in UTF-8 with the header "group,alias", one line for each name, all names of a
// group together and among them the group's own; lines that begin with # are
// comments. The version of every object is that of the embedded table.
//
// Errors are as for ReadUN. The sequence reads r and can be ranged over once;
// not for concurrent use.
func ReadGroups(r io.Reader) iter.Seq2[Listing, error] {
	g := newGroupReader(r)
	return stream(groupsPublisher(), g.next, func() int { return g.line })
}

// groupsPublisher is the Entente identity, byte for byte as package stix has
// it: we drew up the table.
func groupsPublisher() Listing {
	for _, o := range stix.ExtensionDefinitions() {
		if o.ID() == stix.EntenteIdentity {
			return Listing{ID: o.ID(), Object: o.Raw()}
		}
	}
	panic("register: package stix has no Entente identity") // constant; a test calls this
}

// groupIdentity makes the identity of one group. names holds its own name too.
func groupIdentity(group string, names []string) *identity {
	a := &attributes{ExtensionType: "property-extension", List: groupsList, Subject: "listed"}
	for _, n := range names {
		if n != group {
			a.Aliases = append(a.Aliases, alias{Name: n})
		}
	}
	o := newIdentity("group:"+group, groupsModified, groupsModified)
	o.CreatedByRef, o.Name, o.Class = stix.EntenteIdentity, group, "organization"
	o.Roles = []string{"listed-group"}
	o.Extensions = map[stix.ID]*attributes{stix.ListingExtension: a}
	return o
}

// groupReader reads the table group by group. Owned by one goroutine.
type groupReader struct {
	csv       *csv.Reader
	line      int
	header    bool
	ahead     []string        // a record already read that begins the next group
	aheadLine int             // its line
	seen      map[string]bool // groups gone by
}

func newGroupReader(r io.Reader) *groupReader {
	c := csv.NewReader(io.LimitReader(r, maxTable+1))
	c.Comment = '#'
	c.FieldsPerRecord = 2
	return &groupReader{csv: c, line: 1, seen: make(map[string]bool)}
}

// record gives the next line of the table.
func (g *groupReader) record() ([]string, error) {
	rec, err := g.csv.Read()
	if err != nil {
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			g.line, err = bad.Line, bad.Err
		}
		return nil, err
	}
	if g.csv.InputOffset() > maxTable {
		return nil, fmt.Errorf("the table is larger than %d bytes", maxTable)
	}
	g.line, _ = g.csv.FieldPos(0)
	return rec, nil
}

// next gives the next group: *EntryError for a bad one, io.EOF at the end, any
// other error when the table cannot be read further.
func (g *groupReader) next() (Listing, error) {
	if !g.header {
		rec, err := g.record()
		if err == io.EOF || err == nil && (rec[0] != "group" || rec[1] != "alias") {
			err = errors.New(`the first line must be the header "group,alias"`)
		}
		if err != nil {
			return Listing{}, err
		}
		g.header = true
		if err := g.advance(); err != nil {
			return Listing{}, err
		}
	}
	if g.ahead == nil {
		return Listing{}, io.EOF
	}
	group, line := g.ahead[0], g.aheadLine
	var names []string
	for g.ahead != nil && g.ahead[0] == group {
		if names = append(names, g.ahead[1]); len(names) > maxAliases {
			return Listing{}, fmt.Errorf("group %.60q has more than %d names", group, maxAliases)
		}
		if err := g.advance(); err != nil {
			return Listing{}, err
		}
	}
	if why := g.fault(group, names); why != "" {
		return Listing{}, &EntryError{Line: line, Reason: fmt.Sprintf("group %.60q %s", group, why)}
	}
	g.seen[group] = true
	l, err := groupIdentity(group, names).listing("", line)
	if err != nil {
		return Listing{}, &EntryError{Line: line, Reason: err.Error()}
	}
	return l, nil
}

// advance reads the next record into ahead; nil at the end of the table.
func (g *groupReader) advance() error {
	rec, err := g.record()
	if err == io.EOF {
		g.ahead = nil
		return nil
	}
	g.ahead, g.aheadLine = rec, g.line
	return err
}

// fault says what is wrong with a group's names, or is empty.
func (g *groupReader) fault(group string, names []string) string {
	if g.seen[group] {
		return "stands in two places of the table; put its names together"
	}
	own := false
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		switch {
		case n == "" || len(n) > maxName || !utf8.ValidString(n) || n != oneLine(n):
			return fmt.Sprintf("has a name that is empty, longer than %d bytes, not UTF-8 or with stray white space: %.60q", maxName, n)
		case strings.Count(n, "(") != strings.Count(n, ")"):
			return fmt.Sprintf("has a name with an odd parenthesis, part of another name: %.60q", n)
		case seen[n]:
			return fmt.Sprintf("has the name %.60q twice", n)
		}
		seen[n] = true
		own = own || n == group
	}
	if !own {
		return "has no line with its own name as alias"
	}
	return ""
}
