package register

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// texts gathers every string of a JSON text, white space folded.
func texts(t testing.TB, raw []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			b.WriteString(oneLine(v) + "\n")
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(v)
	return b.String()
}

// said are the texts of the list whose meaning, not wording, is in the object.
var said = map[string]bool{"UN List": true, "EXACT": true, "APPROXIMATELY": true, "BETWEEN": true}

// escape writes s as XML text.
func escape(s string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic(err)
	}
	return b.String()
}

var (
	knownNames = []string{"FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME", "NAME_ORIGINAL_SCRIPT",
		"UN_LIST_TYPE", "DATAID", "VERSIONNUM", "GENDER", "COMMENTS1", "TITLE", "DESIGNATION", "NATIONALITY",
		"LIST_TYPE", "LAST_DAY_UPDATED", "VALUE", "INDIVIDUAL_ALIAS", "ALIAS_NAME", "QUALITY", "DATE_OF_BIRTH",
		"INDIVIDUAL_ADDRESS", "COUNTRY", "CITY", "NOTE", "STREET", "ZIP_CODE", "STATE_PROVINCE",
		"INDIVIDUAL_DATE_OF_BIRTH", "TYPE_OF_DATE", "DATE", "YEAR", "FROM_YEAR", "TO_YEAR",
		"INDIVIDUAL_PLACE_OF_BIRTH", "INDIVIDUAL_DOCUMENT", "NUMBER", "TYPE_OF_DOCUMENT", "TYPE_OF_DOCUMENT2",
		"DATE_OF_ISSUE", "ISSUING_COUNTRY", "NEW_FIELD", "x-y"}
	knownTexts = []string{"1971-05-02", "1971", "1402", "2016-10-13", "EXACT", "BETWEEN", "APPROXIMATELY", "UN List",
		"Good", "دارون", "Серая", "a  b\n c", "\u2028", "\"\\<&>", "https://www.interpol.int/x."}
)

// anyTree draws the inside of an entry and notes the texts it holds.
func anyTree(t *rapid.T, depth int, held *[]string) string {
	var b strings.Builder
	for range rapid.IntRange(0, 4).Draw(t, "kids") {
		name := rapid.SampledFrom(knownNames).Draw(t, "name")
		b.WriteString("<" + name + ">")
		if depth > 0 && rapid.Bool().Draw(t, "nest") {
			b.WriteString(anyTree(t, depth-1, held))
		} else {
			s := rapid.OneOf(rapid.SampledFrom(knownTexts), rapid.StringMatching(`[ -~éж\n]{0,12}`)).Draw(t, "text")
			*held = append(*held, oneLine(s))
			b.WriteString(escape(s))
		}
		b.WriteString("</" + name + ">")
	}
	return b.String()
}

// Whatever an entry holds, the object is valid, the same on every run, and
// every text of the entry can be found in it.
func TestAnyEntryIsKeptWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var held []string
		inside := anyTree(rt, 3, &held)
		for l, err := range ReadUN(list(person("XAi.001", inside))) {
			if err != nil {
				t.Fatalf("%v\n%s", err, inside)
			}
			mustBeValid(t, l)
			if l.Reference == "" {
				continue
			}
			all := texts(t, l.Object)
			for _, s := range held {
				if !said[s] && !strings.Contains(all, s) {
					t.Fatalf("%q of\n%s\nis not in\n%s", s, inside, l.Object)
				}
			}
		}
		if a, b := lines(ReadUN(list(person("XAi.001", inside)))), lines(ReadUN(list(person("XAi.001", inside)))); a != b {
			t.Fatal("two runs differ")
		}
	})
}

func FuzzReadUN(f *testing.F) {
	f.Add(read(f, "invented-list.xml"))
	f.Add([]byte("<CONSOLIDATED_LIST><INDIVIDUALS>" + person("XAi.001", "<A b='c'>d</A>") + "</INDIVIDUALS></CONSOLIDATED_LIST>"))
	f.Add([]byte("<!DOCTYPE x><CONSOLIDATED_LIST>"))
	f.Fuzz(func(t *testing.T, in []byte) {
		SniffUN(in)
		for l, err := range ReadUN(bytes.NewReader(in)) {
			if err == nil {
				mustBeValid(t, l)
			}
		}
		if lines(ReadUN(bytes.NewReader(in))) != lines(ReadUN(bytes.NewReader(in))) {
			t.Error("two runs differ")
		}
	})
}

func FuzzReadGroups(f *testing.F) {
	f.Add(read(f, "groups.csv"))
	f.Add([]byte("group,alias\na,a\na,\"b\n\"\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for l, err := range ReadGroups(bytes.NewReader(in)) {
			if err == nil {
				mustBeValid(t, l)
			}
		}
		if lines(ReadGroups(bytes.NewReader(in))) != lines(ReadGroups(bytes.NewReader(in))) {
			t.Error("two runs differ")
		}
	})
}
