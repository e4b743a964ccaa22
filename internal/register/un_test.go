package register

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"entente/stix"
)

// list wraps entries of individuals into a list.
func list(entries ...string) io.Reader {
	return strings.NewReader("<CONSOLIDATED_LIST><INDIVIDUALS>" + strings.Join(entries, "\n") + "</INDIVIDUALS></CONSOLIDATED_LIST>")
}

// person is an invented entry with more elements inside.
func person(ref, more string) string {
	return "<INDIVIDUAL><FIRST_NAME>DARVEN</FIRST_NAME><REFERENCE_NUMBER>" + ref +
		"</REFERENCE_NUMBER><LISTED_ON>2012-12-31</LISTED_ON>" + more + "</INDIVIDUAL>"
}

// object reads a list that holds exactly one good entry.
func object(t *testing.T, r io.Reader) *stix.Object {
	t.Helper()
	var out *stix.Object
	for l, err := range ReadUN(r) {
		if err != nil {
			t.Fatal(err)
		}
		if l.Reference == "" {
			continue
		}
		mustBeValid(t, l)
		out, err = stix.Parse(l.Object)
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestSniffUN(t *testing.T) {
	for in, want := range map[string]bool{
		"<CONSOLIDATED_LIST>": true,
		"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- x -->\r\n<CONSOLIDATED_LIST a='b'": true,
		"<CONSOLIDATED_LIST/>":                   true,
		"<CONSOLIDATED_LISTS>":                   false,
		"<CONSOLIDATED_LIST":                     false, // cut: could be another name
		"<?xml version=\"1.0\"":                  false,
		"<!-- <CONSOLIDATED_LIST> ":              false,
		"<sanctions><CONSOLIDATED_LIST>":         false,
		`{"type":"bundle"}`:                      false,
		"":                                       false,
		"<!DOCTYPE CONSOLIDATED_LIST><CONSOLID>": false,
	} {
		if got := SniffUN([]byte(in)); got != want {
			t.Errorf("SniffUN(%q) = %v, want %v", in, got, want)
		}
	}
}

// The version of an entry follows its dates and its version number, whichever
// grows, and nothing else.
func TestModified(t *testing.T) {
	day := func(days ...string) string {
		return "<LAST_DAY_UPDATED><VALUE>" + strings.Join(days, "</VALUE><VALUE>") + "</VALUE></LAST_DAY_UPDATED>"
	}
	num := func(n string) string { return "<VERSIONNUM>" + n + "</VERSIONNUM>" }
	tests := []struct{ more, want string }{
		{"", "2012-12-31T00:00:00.000Z"},
		{num("1"), "2012-12-31T00:00:00.000Z"},
		{num("2"), "2012-12-31T00:00:01.000Z"},
		{num("86400"), "2012-12-31T23:59:59.000Z"},
		{num("86401"), "2012-12-31T00:00:00.000Z"}, // no room; the bytes still differ
		{num("-3"), "2012-12-31T00:00:00.000Z"},
		{num("II"), "2012-12-31T00:00:00.000Z"},
		{day(""), "2012-12-31T00:00:00.000Z"},
		{day("2011-01-01"), "2012-12-31T00:00:00.000Z"}, // never before created
		{day("2016-10-13", "2014-01-01"), "2016-10-13T00:00:00.000Z"},
		{day("2016-10-13", "2016-99-99", "soon"), "2016-10-13T00:00:00.000Z"},
		{day("2016-10-13") + num("7"), "2016-10-13T00:00:06.000Z"},
		{day("2016-10-13+02:00"), "2016-10-13T00:00:00.000Z"},
	}
	for _, tt := range tests {
		if got := object(t, list(person("XAi.001", tt.more))).Modified(); got != tt.want {
			t.Errorf("modified of %s is %s, want %s", tt.more, got, tt.want)
		}
	}
}

func TestBirth(t *testing.T) {
	tests := []struct{ in, birth, other string }{
		{"<TYPE_OF_DATE>EXACT</TYPE_OF_DATE><DATE>1971-05-02</DATE>", `[{"date":"1971-05-02","precision":"day"}]`, ""},
		{"<TYPE_OF_DATE>EXACT</TYPE_OF_DATE><YEAR>1971</YEAR>", `[{"date":"1971","precision":"year"}]`, ""},
		{"<YEAR>1971</YEAR>", `[{"date":"1971","precision":"year"}]`, ""},
		{"<TYPE_OF_DATE>APPROXIMATELY</TYPE_OF_DATE><YEAR>1971</YEAR>", `[{"date":"1971","precision":"approximate"}]`, ""},
		{"<TYPE_OF_DATE>APPROXIMATELY</TYPE_OF_DATE><NOTE>30-35 years old</NOTE>", `[{"note":"30-35 years old","precision":"approximate"}]`, ""},
		{"<TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE><FROM_YEAR>1969</FROM_YEAR><TO_YEAR>1972</TO_YEAR>", `[{"date":"1969","precision":"between","to":"1972"}]`, ""},
		{"<TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE><FROM_YEAR>1972</FROM_YEAR><TO_YEAR>1969</TO_YEAR>", `[{"date":"1969","precision":"between","to":"1972"}]`, ""},
		{"<TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE><FROM_YEAR>1972</FROM_YEAR>", `[{"date":"1972","precision":"approximate"}]`,
			`[{"path":"INDIVIDUAL_DATE_OF_BIRTH/TYPE_OF_DATE","value":"BETWEEN"}]`},
		{"<TYPE_OF_DATE>EXACT</TYPE_OF_DATE><DATE>1971-02-30</DATE>", "",
			`[{"path":"INDIVIDUAL_DATE_OF_BIRTH/TYPE_OF_DATE","value":"EXACT"},{"path":"INDIVIDUAL_DATE_OF_BIRTH/DATE","value":"1971-02-30"}]`},
		{"<TYPE_OF_DATE>HIJRI</TYPE_OF_DATE><YEAR>1402</YEAR>", `[{"date":"1402","precision":"year"}]`,
			`[{"path":"INDIVIDUAL_DATE_OF_BIRTH/TYPE_OF_DATE","value":"HIJRI"}]`},
		{"<YEAR>19711</YEAR>", "", `[{"path":"INDIVIDUAL_DATE_OF_BIRTH/YEAR","value":"19711"}]`},
		{"<TYPE_OF_DATE/>", "", ""},
	}
	for _, tt := range tests {
		o := object(t, list(person("XAi.001", "<INDIVIDUAL_DATE_OF_BIRTH>"+tt.in+"</INDIVIDUAL_DATE_OF_BIRTH>")))
		a := o.Root().Get("extensions").Get(string(stix.ListingExtension))
		if got := string(a.Get("birth").Raw()); got != tt.birth {
			t.Errorf("birth of %s is %s, want %s", tt.in, got, tt.birth)
		}
		if got := string(a.Get("other").Raw()); got != tt.other {
			t.Errorf("other of %s is %s, want %s", tt.in, got, tt.other)
		}
	}
}

// One bad entry is reported with its line, and the good ones around it arrive.
func TestBadEntryDoesNotStopTheRest(t *testing.T) {
	tests := map[string]struct{ bad, reason string }{
		"too deep":      {person("XAi.009", strings.Repeat("<A>", 20)+strings.Repeat("</A>", 20)), "nests deeper than 8"},
		"too many":      {person("XAi.009", strings.Repeat("<A/>", maxElements)), "more than 4096 elements"},
		"too much text": {person("XAi.009", strings.Repeat("<A>"+strings.Repeat("x", 1000)+"</A>", 300)), "bytes of text"},
		"long number":   {person(strings.Repeat("9", 65), ""), "REFERENCE_NUMBER of 65 bytes"},
		"no name":       {"<INDIVIDUAL><REFERENCE_NUMBER>XAi.009</REFERENCE_NUMBER><LISTED_ON>2012-12-31</LISTED_ON></INDIVIDUAL>", "no FIRST_NAME"},
		"year zero":     {"<INDIVIDUAL><FIRST_NAME>A</FIRST_NAME><REFERENCE_NUMBER>XAi.009</REFERENCE_NUMBER><LISTED_ON>0000-12-31</LISTED_ON></INDIVIDUAL>", "LISTED_ON"},
		"wrong section": {"<ENTITY><FIRST_NAME>A</FIRST_NAME></ENTITY>", "element ENTITY is not known here"},
		"stray text":    {"hello", "text outside every entry"},
		"attributes":    {person("XAi.009", "<A"+strings.Repeat(" b='c'", maxElements)+"/>"), "more than 4096 elements"},
		"long tag":      {person("XAi.009", "<"+strings.Repeat("A", 129)+"/>"), "longer than 128 bytes"},
		"too large as JSON": {person("XAi.009", strings.Repeat("<"+strings.Repeat("A", 128)+">", 6)+strings.Repeat("<B>x</B>", 1500)+
			strings.Repeat("</"+strings.Repeat("A", 128)+">", 6)), "the gate takes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var refs []string
			var bad *EntryError
			for l, err := range ReadUN(list(person("XAi.001", ""), tt.bad, person("XAi.002", ""))) {
				if err != nil && !errors.As(err, &bad) {
					t.Fatal(err)
				}
				refs = append(refs, l.Reference)
			}
			if fmt.Sprint(refs) != "[ XAi.001  XAi.002]" {
				t.Errorf("entries %q, want the two good ones and a report between them", refs)
			}
			if bad == nil || bad.Line != 2 || !strings.Contains(bad.Reason, tt.reason) {
				t.Errorf("report %+v, want line 2 and %q", bad, tt.reason)
			}
		})
	}
}

// What makes the file as a whole doubtful ends the reading, and says so.
func TestUnusableFile(t *testing.T) {
	one := person("XAi.001", "")
	tests := map[string]struct{ in, reason string }{
		"empty":            {"", "ends without a CONSOLIDATED_LIST"},
		"not XML":          {"type: bundle", "ends without a CONSOLIDATED_LIST"},
		"other root":       {"<html></html>", "element html where"},
		"cut":              {"<CONSOLIDATED_LIST><INDIVIDUALS>" + one, "unexpected EOF"},
		"bad nesting":      {"<CONSOLIDATED_LIST><INDIVIDUALS>" + one + "</ENTITIES>", "element <INDIVIDUALS> closed by </ENTITIES>"},
		"doctype":          {"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><CONSOLIDATED_LIST/>", "no document type"},
		"doctype inside":   {"<CONSOLIDATED_LIST><!DOCTYPE x><INDIVIDUALS>" + one, "no document type"},
		"entity":           {"<CONSOLIDATED_LIST><INDIVIDUALS>" + person("XAi.002", "<A>&e;</A>"), "invalid character entity"},
		"two roots":        {"<CONSOLIDATED_LIST/><CONSOLIDATED_LIST/>", "only root"},
		"other encoding":   {`<?xml version="1.0" encoding="ISO-8859-1"?><CONSOLIDATED_LIST/>`, "encoding"},
		"not UTF-8":        {"<CONSOLIDATED_LIST>\xff</CONSOLIDATED_LIST>", "invalid UTF-8"},
		"endless depth":    {"<CONSOLIDATED_LIST><INDIVIDUALS>" + strings.Repeat("<INDIVIDUAL>", 400), "nest deeper"},
		"unknown and deep": {"<CONSOLIDATED_LIST>" + strings.Repeat("<X>", 400), "nest deeper"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := fileError(ReadUN(strings.NewReader(tt.in)))
			if err == nil || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("ended with %v, want a FileError with %q", err, tt.reason)
			}
		})
	}
}

// An error of the source itself reaches the caller as it was.
func TestReadError(t *testing.T) {
	broken := errors.New("link lost")
	err := fileError(ReadUN(io.MultiReader(strings.NewReader("<CONSOLIDATED_LIST>"), iotest.ErrReader(broken))))
	if !errors.Is(err, broken) {
		t.Errorf("ended with %v, want %v", err, broken)
	}
}

// endless gives the head and then the same byte for ever.
type endless struct {
	head  io.Reader
	b     byte
	given int
}

func (e *endless) Read(p []byte) (int, error) {
	n, _ := e.head.Read(p)
	if n == 0 {
		for n = range p {
			p[n] = e.b
		}
		n = len(p)
	}
	e.given += n
	return n, nil
}

// A token without end is given up after a bounded number of bytes, wherever it
// stands: memory does not grow with the file.
func TestEndlessToken(t *testing.T) {
	for _, head := range []string{
		"", "<", "<CONSOLIDATED_LIST ", "<CONSOLIDATED_LIST a='", "<CONSOLIDATED_LIST>", "<!--", "<?x ", "<!DOCTYPE ",
		"<CONSOLIDATED_LIST><INDIVIDUALS><INDIVIDUAL><A>",
		"<CONSOLIDATED_LIST><INDIVIDUALS><INDIVIDUAL><A><![CDATA[",
	} {
		src := &endless{head: strings.NewReader(head), b: 'a'}
		err := fileError(ReadUN(src))
		if err == nil || !strings.Contains(err.Error(), "larger than") {
			t.Errorf("%q and so on for ever: %v, want a refusal for size", head, err)
		}
		if src.given > maxToken+256<<10 {
			t.Errorf("%q and so on for ever: %d bytes were read before giving up", head, src.given)
		}
	}
}

// Two runs over the same file give the same bytes.
func TestDeterministic(t *testing.T) {
	raw := read(t, "invented-list.xml")
	a, b := lines(ReadUN(bytes.NewReader(raw))), lines(ReadUN(iotest.OneByteReader(bytes.NewReader(raw))))
	if a != b {
		t.Error("two runs differ")
	}
}
