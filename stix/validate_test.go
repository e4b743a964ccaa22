package stix

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// examples returns an invented object of every type with every property.
func examples(t testing.TB) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/valid.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n") {
		out[parse(t, line).Type()] = line
	}
	return out
}

func TestExamplesAreValid(t *testing.T) {
	all := examples(t)
	for typ := range objectSpecs {
		if all[typ] == "" {
			t.Errorf("there is no example of %s", typ)
		}
	}
	for typ, text := range all {
		if problems := Validate(parse(t, text)); len(problems) > 0 {
			t.Errorf("%s: %v", typ, problems)
		}
	}
}

// edit returns the object with the value at a path of names replaced, or the
// member removed if value is "".
func edit(t testing.TB, text string, path []string, value string) string {
	t.Helper()
	var root map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&root); err != nil {
		t.Fatal(err)
	}
	m := root
	for _, name := range path[:len(path)-1] {
		m = m[name].(map[string]any)
	}
	if last := path[len(path)-1]; value == "" {
		delete(m, last)
	} else {
		m[last] = json.RawMessage(value)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(root); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// judge returns the paths of all faults the gate and the validator find.
func judge(text string) (paths []string) {
	o, err := Parse([]byte(text))
	if err != nil {
		return []string{err.(*GateError).Path}
	}
	for _, p := range Validate(o) {
		paths = append(paths, p.Path)
	}
	return paths
}

// Every property of every table is judged: no value of another kind passes.
func TestEveryPropertyIsJudged(t *testing.T) {
	for typ, text := range examples(t) {
		s := objectSpecs[typ]
		for name := range s.props {
			if reserve := slices.Contains([]string{"severity", "username", "phone_number", "phone_numbers", "action"}, name); reserve ||
				name == "defanged" && !isObservable(typ) {
				if len(judge(edit(t, text, []string{name}, `"x"`))) == 0 {
					t.Errorf("%s.%s passes, but must not be there", typ, name)
				}
				continue
			}
			if name != "objects" && name != "url" && name != "body" && name != "extensions" && !parse(t, text).Root().Get(name).Exists() {
				t.Errorf("the example of %s lacks %s", typ, name)
			}
			for _, wrong := range []string{`null`, `{"":[]}`, `[{}]`, `[[]]`} {
				if len(judge(edit(t, text, []string{name}, wrong))) == 0 {
					t.Errorf("%s.%s passes as %s", typ, name, wrong)
				}
			}
		}
		for _, name := range s.required {
			if paths := judge(edit(t, text, []string{name}, "")); !slices.Contains(paths, name) && !(name == "spec_version" && typesOf20[typ]) {
				t.Errorf("%s passes without %s: %v", typ, name, paths)
			}
		}
	}
}

// The same for the predefined extensions.
func TestEveryExtensionPropertyIsJudged(t *testing.T) {
	for typ, table := range map[string]map[string]*spec{
		"file": fileExtensions, "network-traffic": trafficExtensions,
		"process": processExtensions, "user-account": accountExtensions,
	} {
		text := examples(t)[typ]
		for key, s := range table {
			for name := range s.props {
				for _, wrong := range []string{`null`, `[[]]`} {
					if len(judge(edit(t, text, []string{"extensions", key, name}, wrong))) == 0 {
						t.Errorf("%s.%s passes as %s", key, name, wrong)
					}
				}
			}
			for _, name := range s.required {
				want := "extensions." + key + "." + name
				if paths := judge(edit(t, text, []string{"extensions", key, name}, "")); !slices.Contains(paths, want) {
					t.Errorf("%s passes without %s: %v", key, name, paths)
				}
			}
			if len(judge(edit(t, text, []string{"extensions", key}, `{"x_none":1}`))) == 0 {
				t.Errorf("%s passes without any of its properties", key)
			}
		}
	}
}

// change is one member set to a value; remove removes it.
type change struct{ path, value string }

const remove = ""

func TestRulesBetweenProperties(t *testing.T) {
	for _, c := range []struct {
		name, typ string
		changes   []change
		want      string // the path at fault; "ok" for none; "" for the object
	}{
		{"modified before created", "identity", []change{{"modified", `"2025-01-01T00:00:00.000Z"`}}, "modified"},
		{"modified is created, more precise", "identity", []change{{"created", `"2026-04-01T10:00:00.0000Z"`}}, "ok"},
		{"created without milliseconds", "identity", []change{{"created", `"2026-03-01T10:00:00Z"`}}, "created"},
		{"last before first seen", "campaign", []change{{"last_seen", `"2025-01-01T00:00:00Z"`}}, "last_seen"},
		{"valid until valid from", "indicator", []change{{"valid_until", `"2026-03-01T10:00:00Z"`}}, "valid_until"},
		{"stop at start", "relationship", []change{{"stop_time", `"2026-03-01T10:00:00.0Z"`}}, "stop_time"},
		{"observed backwards", "observed-data", []change{{"last_observed", `"2026-02-01T10:00:00.0Z"`}}, "last_observed"},
		{"observed nothing", "observed-data", []change{{"number_observed", "0"}}, "number_observed"},
		{"observed without objects", "observed-data", []change{{"object_refs", remove}}, ""},
		{"observed with both kinds", "observed-data", []change{{"objects", `{"0":{"type":"url","value":"https://example.org"}}`}}, ""},
		{"observed container", "observed-data", []change{{"object_refs", remove}, {"objects",
			`{"0":{"type":"ipv4-addr","value":"198.51.100.2"},"1":{"type":"network-traffic","dst_ref":"0","protocols":["tcp"]}}`}}, "ok"},
		{"observed container with a loose end", "observed-data", []change{{"object_refs", remove}, {"objects",
			`{"1":{"type":"network-traffic","dst_ref":"0","protocols":["tcp"]}}`}}, "objects.1.dst_ref"},
		{"observed container with a wrong end", "observed-data", []change{{"object_refs", remove}, {"objects",
			`{"0":{"type":"mutex","name":"m"},"1":{"type":"network-traffic","dst_ref":"0","protocols":["tcp"]}}`}}, "objects.1.dst_ref"},
		{"observed a campaign", "observed-data", []change{{"object_refs", `["campaign--6b616fc1-1505-48e3-8b2c-0d19337bff38"]`}}, "object_refs[0]"},
		{"observed a custom object", "observed-data", []change{{"object_refs", `["` + testID + `"]`}}, "ok"},
		{"location by country", "location", []change{{"latitude", remove}, {"longitude", remove}, {"precision", remove}, {"region", remove}}, "ok"},
		{"location nowhere", "location", []change{{"latitude", remove}, {"longitude", remove}, {"precision", remove}, {"region", remove}, {"country", remove}}, ""},
		{"location on a line", "location", []change{{"longitude", remove}}, "longitude"},
		{"location off the globe", "location", []change{{"latitude", "90.1"}}, "latitude"},
		{"malware family without name", "malware", []change{{"name", remove}}, "name"},
		{"malware instance without name", "malware", []change{{"name", remove}, {"is_family", "false"}}, "ok"},
		{"malware sample of a URL", "malware", []change{{"sample_refs", `["url--6b616fc1-1505-58e3-8b2c-0d19337bff38"]`}}, "sample_refs[0]"},
		{"analysis without outcome", "malware-analysis", []change{{"result", remove}, {"analysis_sco_refs", remove}}, ""},
		{"opinion of another word", "opinion", []change{{"opinion", `"Agree"`}}, "opinion"},
		{"relationship to a relationship", "relationship", []change{{"source_ref", `"relationship--6b616fc1-1505-48e3-8b2c-0d19337bff38"`}}, "source_ref"},
		{"relationship to a marking", "relationship", []change{{"target_ref", `"` + redID + `"`}}, "target_ref"},
		{"relationship to an observable", "relationship", []change{{"target_ref", `"url--6b616fc1-1505-58e3-8b2c-0d19337bff38"`}}, "ok"},
		{"relationship type in capitals", "relationship", []change{{"relationship_type", `"Related-To"`}}, "relationship_type"},
		{"sighting of an observable", "sighting", []change{{"sighting_of_ref", `"url--6b616fc1-1505-58e3-8b2c-0d19337bff38"`}}, "sighting_of_ref"},
		{"sighted by a campaign", "sighting", []change{{"where_sighted_refs", `["campaign--6b616fc1-1505-48e3-8b2c-0d19337bff38"]`}}, "where_sighted_refs[0]"},
		{"confidence over 100", "note", []change{{"confidence", "101"}}, "confidence"},
		{"confidence a fraction", "note", []change{{"confidence", "50.5"}}, "confidence"},
		{"confidence a whole float", "note", []change{{"confidence", "50.0"}}, "ok"},
		{"empty list", "note", []change{{"authors", "[]"}}, "authors"},
		{"empty custom list", "note", []change{{"x_custom", "[]"}}, "x_custom"},
		{"empty list within a custom property", "note", []change{{"x_custom", `{"a":[{"b":[]}]}`}}, "ok"},
		{"empty extensions", "note", []change{{"extensions", "{}"}}, "extensions"},
		{"extension without type", "note", []change{{"extensions", `{"` + string(ListingExtension) + `":{"a":1}}`}}, "extensions." + string(ListingExtension) + ".extension_type"},
		{"extension of no such type", "note", []change{{"extensions", `{"` + string(ListingExtension) + `":{"extension_type":"new-sto"}}`}}, "extensions." + string(ListingExtension) + ".extension_type"},
		{"extension with a bad name", "note", []change{{"extensions", `{"mine":{"a":1}}`}}, "extensions.mine"},
		{"extension by the old rule", "note", []change{{"extensions", `{"x-mine-ext":{"a":1}}`}}, "ok"},
		{"language not a code", "note", []change{{"lang", `"deutsch!"`}}, "lang"},
		{"selector of nothing", "note", []change{{"granular_markings", `[{"lang":"en","selectors":["abstract","labels.[9]"]}]`}}, "granular_markings[0].selectors[1]"},
		{"selector into a text", "note", []change{{"granular_markings", `[{"lang":"en","selectors":["abstract.[0]"]}]`}}, "granular_markings[0].selectors[0]"},
		{"reference without content", "note", []change{{"external_references", `[{"source_name":"x"}]`}}, "external_references[0]"},
		{"reference to no URL", "note", []change{{"external_references", `[{"source_name":"x","url":"www.example.org"}]`}}, "external_references[0].url"},
		{"CVE under another name", "vulnerability", []change{{"external_references", `[{"source_name":"nvd","external_id":"CVE-2024-12345"}]`}}, "external_references[0]"},
		{"CVE of another form", "vulnerability", []change{{"external_references", `[{"source_name":"cve","external_id":"2024-12345"}]`}}, "external_references[0]"},
		{"CVE", "vulnerability", []change{{"external_references", `[{"source_name":"cve","url":"https://example.org/"},{"source_name":"cve","external_id":"CVE-2024-12345"}]`}}, "ok"},
		{"capital in a CAPEC", "attack-pattern", []change{{"external_references", `[{"source_name":"capec","external_id":"capec-1"}]`}}, "external_references[0]"},
		{"reserved name", "tool", []change{{"severity", `"high"`}}, "severity"},
		{"short name", "tool", []change{{"xy", `"high"`}}, "xy"},
		{"custom property", "tool", []change{{"x_mine", `{"anything":[1,null]}`}}, "ok"},
		{"defanged tool", "tool", []change{{"defanged", "false"}}, "defanged"},
		{"spec_version 2.7", "tool", []change{{"spec_version", `"2.7"`}, {"name", "7"}}, "ok"},
		{"spec_version nonsense", "tool", []change{{"spec_version", `"two"`}}, "spec_version"},
		{"2.0 malware", "malware", []change{{"spec_version", remove}, {"is_family", remove}}, "ok"},
		{"2.0 tool without name", "tool", []change{{"spec_version", remove}, {"name", remove}}, "name"},
		{"grouping is new in 2.1", "grouping", []change{{"spec_version", remove}}, "spec_version"},

		{"marking without content", "marking-definition", []change{{"definition", remove}, {"definition_type", remove}, {"extensions", remove}}, ""},
		{"marking by extension alone", "marking-definition", []change{{"definition", remove}, {"definition_type", remove}}, "ok"},
		{"a fifth TLP marking", "marking-definition", []change{{"definition", `{"tlp":"red"}`}, {"definition_type", `"tlp"`}}, ""},
		{"translation to no language", "language-content", []change{{"contents", `{"español":{"name":"n"}}`}}, "contents.español"},
		{"translation to a number", "language-content", []change{{"contents", `{"es":{"name":1}}`}}, "contents.es.name"},
		{"extension properties without top level", "extension-definition", []change{{"extension_types", `["property-extension"]`}}, "extension_properties"},

		{"artifact with both", "artifact", []change{{"url", `"https://example.org/a"`}}, ""},
		{"artifact with neither", "artifact", []change{{"payload_bin", remove}}, ""},
		{"artifact by link", "artifact", []change{{"payload_bin", remove}, {"url", `"https://example.org/a"`}}, "ok"},
		{"artifact by link without hashes", "artifact", []change{{"payload_bin", remove}, {"hashes", remove}, {"url", `"https://example.org/a"`}}, "hashes"},
		{"key without algorithm", "artifact", []change{{"encryption_algorithm", remove}}, "encryption_algorithm"},
		{"payload not base64", "artifact", []change{{"payload_bin", `"a b"`}}, "payload_bin"},
		{"hash too short", "file", []change{{"hashes", `{"MD5":"00"}`}}, "hashes.MD5"},
		{"hash not hexadecimal", "file", []change{{"hashes", `{"MD5":"` + strings.Repeat("g", 32) + `"}`}}, "hashes.MD5"},
		{"hash of our own", "file", []change{{"hashes", `{"PDQ":"x"}`}}, "ok"},
		{"hash with a bad name", "file", []change{{"hashes", `{"a b":"x"}`}}, "hashes"},
		{"file without name or hash", "file", []change{{"hashes", remove}, {"name", remove}}, ""},
		{"hexadecimal in capitals", "file", []change{{"magic_number_hex", `"AB"`}}, "magic_number_hex"},
		{"negative size", "file", []change{{"size", "-1"}}, "size"},
		{"email with display name", "email-addr", []change{{"value", `"A B <a@example.org>"`}}, "value"},
		{"body of several parts", "email-message", []change{{"body", `"b"`}}, "body"},
		{"parts of one body", "email-message", []change{{"is_multipart", "false"}}, "body_multipart"},
		{"MIME part without body", "email-message", []change{{"body_multipart", `[{"content_type":"a/b"}]`}}, "body_multipart[0]"},
		{"IPv4 too large", "ipv4-addr", []change{{"value", `"999.1.1.1"`}}, "value"},
		{"IPv4 network", "ipv4-addr", []change{{"value", `"198.51.100.0/24"`}}, "ok"},
		{"IPv4 network too long", "ipv4-addr", []change{{"value", `"198.51.100.0/33"`}}, "value"},
		{"IPv6 as IPv4", "ipv4-addr", []change{{"value", `"::1"`}}, "value"},
		{"MAC in capitals", "mac-addr", []change{{"value", `"D2:FB:49:24:37:18"`}}, "value"},
		{"domain with a slash", "domain-name", []change{{"value", `"example.org/a"`}}, "value"},
		{"domain in Dari", "domain-name", []change{{"value", `"نمونه.example"`}}, "ok"},
		{"URL without scheme", "url", []change{{"value", `"example.org"`}}, "value"},
		{"traffic to nowhere", "network-traffic", []change{{"src_ref", remove}, {"dst_ref", remove}}, ""},
		{"active traffic that ended", "network-traffic", []change{{"is_active", "true"}}, "end"},
		{"port too large", "network-traffic", []change{{"dst_port", "65536"}}, "dst_port"},
		{"process with a deterministic id", "process", []change{{"id", `"process--6b616fc1-1505-58e3-8b2c-0d19337bff38"`}}, "id"},
		{"software with a CPE 2.2", "software", []change{{"cpe", `"cpe:/a:b:c"`}}, "cpe"},
		{"short hive", "windows-registry-key", []change{{"key", `"hklm\\System"`}}, "key"},
		{"empty registry value", "windows-registry-key", []change{{"values", `[{"x_a":1}]`}}, "values[0]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := examples(t)[c.typ]
			for _, ch := range c.changes {
				text = edit(t, text, []string{ch.path}, ch.value)
			}
			paths := judge(text)
			if c.want == "ok" && len(paths) > 0 || c.want != "ok" && !slices.Contains(paths, c.want) {
				t.Errorf("faults at %q, want %q\n%s", paths, c.want, text)
			}
		})
	}
}

func TestUnknownTypes(t *testing.T) {
	const versions = `"spec_version":"2.1","created":"2026-03-01T10:00:00.000Z","modified":"2026-03-01T10:00:00.000Z"`
	for text, want := range map[string]string{
		with(`"anything":{"goes":[1]}`):                           "", // by its form an observable
		with(versions + `,"anything":1`):                          "",
		with(strings.ReplaceAll(versions, `"modified"`, `"x_m"`)): "modified",
		with(versions + `,"labels":"one"`):                        "labels",
		with(`"created":"2026-03-01T10:00:00.000Z","extensions":{"` + string(ListingExtension) + `":{"extension_type":"new-sco"}}`): "",
	} {
		if paths := judge(text); want == "" && len(paths) > 0 || want != "" && !slices.Contains(paths, want) {
			t.Errorf("faults at %q, want %q: %s", paths, want, text)
		}
	}
}

func TestProblemText(t *testing.T) {
	o := parse(t, edit(t, examples(t)["note"], []string{"external_references"}, `[{"source_name":"x","url":"nowhere"}]`))
	problems := Validate(o)
	if len(problems) != 1 {
		t.Fatalf("problems: %v", problems)
	}
	want := string(o.ID()) + ": external_references[0].url: must be a URL with a scheme and nothing but the characters of RFC 3986 (STIX 2.1 §2.5)"
	if got := problems[0].Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	many := parse(t, edit(t, examples(t)["note"], []string{"object_refs"}, "["+strings.Repeat("1,", 500)+"1]"))
	if n := len(Validate(many)); n != maxProblems {
		t.Errorf("%d problems reported, want at most %d", n, maxProblems)
	}
}
