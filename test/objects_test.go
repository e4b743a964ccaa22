package test

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

var date = regexp.MustCompile(`Date: [^\r\n]*\r\n`)

func reader(s string) io.Reader { return strings.NewReader(s) }

// Markings that everybody knows.
const (
	tlpClear  = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
	tlpGreen  = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
	tlpAmber  = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
	tlpStrict = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"
	tlpRed    = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
	papClear  = "marking-definition--ad15a0cd-55b6-4588-a14c-a66105329b92"
	papGreen  = "marking-definition--c43594d1-4b11-4c59-93ab-1c9b14d53ce9"
	papRed    = "marking-definition--740d36e5-7714-4c30-961a-3ae632ceee0e"
)

// Extensions of ours that tests write by hand, as a foreign program would.
const handlingExtension = "extension-definition--784b7069-c582-47f7-9714-b52704b1c03f"

// object writes a STIX object: its type, the words that its id is derived from,
// its version (a day of March 2026), and members as JSON text.
func object(typ, words string, day int, members ...string) string {
	all := append([]string{
		fmt.Sprintf(`"type":%q`, typ), `"spec_version":"2.1"`, fmt.Sprintf(`"id":%q`, idOf(typ, words)),
		`"created":"2026-03-01T00:00:00.000Z"`, fmt.Sprintf(`"modified":"2026-03-%02dT00:00:00.000Z"`, day)}, members...)
	return "{" + strings.Join(all, ",") + "}"
}

func idOf(typ, words string) string { return typ + "--" + uuid("object ", words) }

// marked writes object_marking_refs.
func marked(ids ...string) string { return `"object_marking_refs":` + list(ids) }

func list(ids []string) string { return `["` + strings.Join(ids, `","`) + `"]` }

// report writes a report that refers to others.
func report(words string, day int, refs []string, members ...string) string {
	return object("report", words, day, append([]string{fmt.Sprintf(`"name":"Report %s"`, words), `"published":"2026-03-02T00:00:00Z"`, `"object_refs":` + list(refs)}, members...)...)
}

// organisation writes an identity that is no person.
func organisation(words string, day int, members ...string) string {
	return object("identity", words, day, append([]string{fmt.Sprintf(`"name":"Organisation %s"`, words), `"identity_class":"organization"`}, members...)...)
}

// handling writes a marking-definition with our extension.
func handling(words string, members ...string) string {
	return fmt.Sprintf(`{"type":"marking-definition","spec_version":"2.1","id":%q,"created":"2026-03-01T00:00:00.000Z","extensions":{%q:{%s}}}`,
		idOf("marking-definition", words), handlingExtension, strings.Join(append([]string{`"extension_type":"property-extension"`}, members...), ","))
}
