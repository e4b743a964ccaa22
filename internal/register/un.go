package register

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"entente/stix"
)

// Bounds of ReadUN. The real list has 2 MB, 1,003 entries, at most 100 elements
// an entry, depth 3 and texts of 1.7 kB.
const (
	maxList     = 256 << 20 // bytes of a whole list
	maxToken    = 1 << 20   // bytes of one tag or text before the parser gives up
	maxEntries  = 100_000   // entries of a list
	maxElements = 4_096     // elements and attributes of one entry
	maxTag      = 128       // bytes of an element's name, which paths repeat
	maxText     = 256 << 10 // bytes of text and attributes of one entry
	maxDepth    = 8         // depth of elements within an entry
	maxSkip     = 256       // depth at which even skipping gives up
)

// SniffUN reports whether a file that begins with prefix is the UN consolidated
// list in XML: after an optional byte order mark, XML declaration and comments
// its first element is CONSOLIDATED_LIST. 1 KiB of prefix is plenty.
func SniffUN(prefix []byte) bool {
	rest := bytes.TrimPrefix(prefix, []byte("\xef\xbb\xbf"))
	for {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		var end string
		switch {
		case bytes.HasPrefix(rest, []byte("<?")):
			end = "?>"
		case bytes.HasPrefix(rest, []byte("<!--")):
			end = "-->"
		default:
			after, ok := bytes.CutPrefix(rest, []byte("<CONSOLIDATED_LIST"))
			return ok && len(after) > 0 && strings.IndexByte(" \t\r\n/>", after[0]) >= 0
		}
		i := bytes.Index(rest, []byte(end))
		if i < 0 {
			return false
		}
		rest = rest[i+len(end):]
	}
}

// ReadUN reads the UN Security Council consolidated list in XML (the published
// schema sc-sanctions.xsd) as a stream. The first value is the publisher's
// identity, then one per entry in the order of the list. It holds one entry at a
// time, and of those gone by only their reference numbers.
//
// With an error the Listing is empty. An *EntryError concerns one entry and
// reading goes on; a *FileError is the last value. Entries that repeat a
// reference number, and elements that are no entries, are *EntryErrors. The
// sequence reads r and can be ranged over once; not for concurrent use.
func ReadUN(r io.Reader) iter.Seq2[Listing, error] {
	u := newUNReader(r)
	return stream(unPublisher(), u.next, u.line)
}

// unReader walks the list. Owned by one goroutine.
type unReader struct {
	in        *meter
	dec       *xml.Decoder
	publisher stix.ID
	section   string         // the list element we are in: INDIVIDUALS, ENTITIES or ""
	at        int            // the line on which the last token began
	inList    bool           // the root has begun
	done      bool           // the root has ended
	first     map[string]int // reference number → line of its entry
	entries   int
}

func newUNReader(r io.Reader) *unReader {
	in := newMeter(r)
	return &unReader{
		in:        in,
		dec:       xml.NewDecoder(in),
		publisher: unPublisher().ID,
		first:     make(map[string]int),
	}
}

func (u *unReader) line() int {
	line, _ := u.dec.InputPos()
	return line
}

// token gives the next token, refusing document types and with them entities.
func (u *unReader) token() (xml.Token, error) {
	u.in.allow(maxToken)
	u.at = u.line()
	t, err := u.dec.Token()
	if u.in.err != nil {
		return nil, u.in.err // the parser reports some read errors as bad syntax
	}
	if d, ok := t.(xml.Directive); ok {
		return nil, fmt.Errorf("<!%.20s…> is refused: a list needs no document type and no entities; get the file from the publisher again", string(d))
	}
	return t, err
}

// next gives the next entry: *EntryError for a bad one, io.EOF at the end, any
// other error when the file cannot be read further.
func (u *unReader) next() (Listing, error) {
	for {
		t, err := u.token()
		if err == io.EOF && !u.done {
			return Listing{}, errors.New("ends without a CONSOLIDATED_LIST; is this the UN list in XML?")
		}
		if err != nil {
			return Listing{}, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if l, entry, err := u.start(t); entry || err != nil {
				return l, err
			}
		case xml.EndElement:
			if u.section == "" {
				u.done = true
			}
			u.section = ""
		case xml.CharData:
			before, s := cutSpace(string(t))
			if s != "" {
				line := u.at + strings.Count(before, "\n")
				return Listing{}, &EntryError{Line: line, Reason: fmt.Sprintf("text outside every entry: %.60q", s)}
			}
		}
	}
}

// cutSpace divides a text into leading white space (or the byte order mark of a
// file) and what follows, without white space at its end.
func cutSpace(s string) (before, rest string) {
	rest = strings.TrimLeft(s, " \t\r\n\ufeff")
	return s[:len(s)-len(rest)], strings.TrimSpace(rest)
}

// start handles the begin of an element outside entries. entry is true when it
// was an entry and l is its listing.
func (u *unReader) start(t xml.StartElement) (l Listing, entry bool, err error) {
	name := t.Name.Local
	switch {
	case u.done || !u.inList && name != "CONSOLIDATED_LIST":
		return l, false, fmt.Errorf("element %.40s where CONSOLIDATED_LIST was expected to be the only root; is this the UN list in XML?", name)
	case !u.inList:
		u.inList = true
		return l, false, nil
	case u.section == "" && (name == "INDIVIDUALS" || name == "ENTITIES"):
		u.section = name
		return l, false, nil
	case u.section == "INDIVIDUALS" && name == "INDIVIDUAL", u.section == "ENTITIES" && name == "ENTITY":
		l, err = u.entry(t)
		return l, true, err
	}
	line := u.at
	if err := u.skip(1); err != nil {
		return l, false, err
	}
	return l, false, &EntryError{Line: line, Reason: fmt.Sprintf("element %.40s is not known here and was left out with all it holds", name)}
}

// entry reads one entry to its end and turns it into a listing.
func (u *unReader) entry(t xml.StartElement) (Listing, error) {
	if u.entries++; u.entries > maxEntries {
		return Listing{}, fmt.Errorf("more than %d entries", maxEntries)
	}
	line := u.at
	e, why, err := u.tree(t)
	if err != nil {
		return Listing{}, err
	}
	ref := e.peek("REFERENCE_NUMBER")
	bad := func(reason string) error {
		return &EntryError{Line: line, Reference: shorten(ref), Reason: reason}
	}
	if why != "" {
		return Listing{}, bad(why)
	}
	o, err := unIdentity(e, u.publisher)
	if err != nil {
		return Listing{}, bad(err.Error())
	}
	if before, ok := u.first[ref]; ok {
		return Listing{}, bad(fmt.Sprintf("has the reference number of the entry on line %d; only that one was read", before))
	}
	u.first[ref] = line
	l, err := o.listing(ref, line)
	if err != nil {
		return Listing{}, bad(err.Error())
	}
	return l, nil
}

// shorten keeps a hostile reference number from filling a report.
func shorten(ref string) string {
	if len(ref) > maxReference {
		return strings.ToValidUTF8(ref[:maxReference], "") + "…"
	}
	return ref
}
