package stix

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The identifiers the standard gives in its own examples.
func TestObservableIDsOfTheStandard(t *testing.T) {
	for want, members := range map[ID]string{
		"ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4":         `"value":"198.51.100.3"`,
		"ipv4-addr--1ea47840-aa39-5aa8-b4a2-cd203eb6662a":         `"value":"198.51.100.0/24"`,
		"ipv6-addr--85a85a8c-ee99-5722-946d-3c3a3270fc6f":         `"value":"2001:0db8:85a3:0000:0000:8a2e:0370:7334"`,
		"mac-addr--757b1725-9903-54f5-a855-1240691d7659":          `"value":"d2:fb:49:24:37:18"`,
		"mutex--f93fe911-e545-5239-b9b0-597840d0c871":             `"name":"__CLEANSWEEP__"`,
		"email-addr--7165e2a9-671f-585d-b1e1-ca59c671d934":        `"value":"john@example.com","display_name":"John Doe"`,
		"domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7":       `"value":"example.com"`,
		"directory--0a58d0c1-59e6-5afd-8252-dcd3f13e5622":         `"path":"C:\\Windows\\System32"`,
		"autonomous-system--3aa27478-50b5-5ab8-9da9-cdc12b657fff": `"number":15139,"name":"Slime Industries"`,
		"file--66772174-3442-5e0d-b577-4bd7be55fb87": `"name":"picture.jpg","hashes":{"SHA-256":"4bac27393bdd9777ce02453256c5577cd02275510b2227f473d03f533924f877"},
			"extensions":{"raster-image-ext":{"exif_tags":{"Make":"Nikon","Model":"D7000","XResolution":4928,"YResolution":3264}}}`,
		"file--ba04c974-3cef-5f42-adc7-084d467874e2": `"hashes":{"SHA-256":"35a01331e9ad96f751278b891b6ea09699806faedfa237d40513d92ad1b7100f"},
			"extensions":{"ntfs-ext":{"alternate_data_streams":[{"name":"second.stream","size":25536}]}}`,
		"x509-certificate--bf86f034-2390-54d7-8426-d08433db3fbe": `"serial_number":"36:f7:d4:32:f4:ab:70:ea:d3:ce:98:6e:ea:99:93:49:32:0a:b7:06","issuer":"x"`,
	} {
		o := parse(t, `{"type":"`+want.Type()+`","id":"`+string(want)+`",`+members+`}`)
		if got, ok := o.ObservableID(); got != want || !ok {
			t.Errorf("%s: got %s, %t", want, got, ok)
		}
	}
}

func TestObservableID(t *testing.T) {
	id := func(members string) ID {
		got, _ := parse(t, `{"type":"file","id":"file--6b616fc1-1505-58e3-8b2c-0d19337bff38",`+members+`}`).ObservableID()
		return got
	}
	if id(`"name":"a","size":1`) != id(`"size":2,"name":"\u0061"`) {
		t.Error("the spelling or a property that does not contribute changes the identifier")
	}
	if id(`"hashes":{"MD5":"x","SHA-256":"y"}`) != id(`"hashes":{"MD5":"x"}`) {
		t.Error("more than the first hash contributes")
	}
	if id(`"hashes":{"ZZZ":"x","AAA":"y"}`) != id(`"hashes":{"AAA":"y","ZZZ":"x"}`) {
		t.Error("the order of unknown hashes changes the identifier")
	}
	for _, text := range []string{
		with(`"name":"a"`),
		`{"type":"process","id":"process--6b616fc1-1505-48e3-8b2c-0d19337bff38","pid":1}`,
		`{"type":"file","id":"file--6b616fc1-1505-48e3-8b2c-0d19337bff38","size":1}`,
	} {
		if got, ok := parse(t, text).ObservableID(); ok {
			t.Errorf("%s has the deterministic identifier %s", text, got)
		}
	}
}

func TestID(t *testing.T) {
	if id := NewID("note"); !id.Valid() || id.Type() != "note" || id == NewID("note") {
		t.Errorf("NewID = %s", id)
	}
	a, b := DeterministicID("note", "x", "y"), DeterministicID("note", "x", "z")
	if !a.Valid() || a == b || a != DeterministicID("note", "x", "y") || a == DeterministicID("note", "xy", "") {
		t.Errorf("DeterministicID: %s, %s", a, b)
	}
	for _, bad := range []ID{"", "note", "note--", "--6b616fc1-1505-48e3-8b2c-0d19337bff38",
		"note-6b616fc1-1505-48e3-8b2c-0d19337bff38", "note---6b616fc1-1505-48e3-8b2c-0d19337bff38",
		"note--6b616fc1x1505-48e3-8b2c-0d19337bff38", "note--6b616fc1-1505-48e3-8b2c-0d19337bff3g",
		"note--6b616fc1-1505-68e3-8b2c-0d19337bff38", "note--6b616fc1-1505-48e3-cb2c-0d19337bff38",
		"note--6b616fc1-1505-48e3-8b2c-0d19337bff38 ", ID(strings.Repeat("a", 251)) + "--6b616fc1-1505-48e3-8b2c-0d19337bff38"} {
		if bad.Valid() || bad.Type() != "" {
			t.Errorf("%q is taken for an identifier", bad)
		}
	}
}

func TestRefs(t *testing.T) {
	const file = "file--6b616fc1-1505-58e3-8b2c-0d19337bff38"
	o := parse(t, with(`"created_by_ref":"`+someone+`",`+red("object_marking_refs")+`,
		"granular_markings":[{"marking_ref":"`+greenID+`","selectors":["id"]},{"marking_ref":"`+greenID+`","selectors":["type"]}],
		"x_deep":[{"y":{"a\u005fref":"`+file+`"}}],
		"x_nested_refs":{"k":[["`+file+`"],"nothing"]},
		"x_text":"`+file+`",
		"object_refs":["`+someone+`","`+someone+`"],
		"extensions":{"`+string(ListingExtension)+`":{"extension_type":"property-extension","list_ref":"`+someone+`"}}`))
	want := []Ref{
		{"created_by_ref", "created_by_ref", someone},
		{"object_marking_refs", "object_marking_refs[0]", redID},
		{"marking_ref", "granular_markings[0].marking_ref", greenID},
		{"a_ref", "x_deep[0].y.a_ref", file},
		{"x_nested_refs", "x_nested_refs.k[0][0]", file},
		{"object_refs", "object_refs[0]", someone},
		{"list_ref", "extensions." + string(ListingExtension) + ".list_ref", someone},
	}
	if got := o.Refs(); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestObject(t *testing.T) {
	o := parse(t, examples(t)["identity"])
	if o.ID().Type() != "identity" || o.Type() != "identity" || o.SpecVersion() != "2.1" || o.CreatedBy() == "" ||
		o.Created() != "2026-03-01T10:00:00.000Z" || o.Modified() != "2026-04-01T10:00:00.000Z" ||
		o.Version() != o.Modified() || o.Revoked() || o.IsObservable() {
		t.Errorf("the index is wrong: %+v", o)
	}
	if got := o.Markings(); !slices.Equal(got, []ID{greenID}) {
		t.Errorf("Markings = %v", got)
	}
	g := o.Granular()
	if len(g) != 2 || g[0].Lang != "en" || g[0].Marking != "" || g[1].Marking != redID ||
		!slices.Equal(g[1].Selectors, []string{"external_references.[0].url"}) {
		t.Errorf("Granular = %+v", g)
	}
	if got := o.Select("external_references.[0].url").Str(); got != "https://example.org/a?b=c" {
		t.Errorf("Select = %q", got)
	}
	if o.Select("external_references.[1]").Exists() || o.Select("name.[0]").Exists() || o.Select("labels.name").Exists() {
		t.Error("a selector of nothing selects something")
	}
	old := parse(t, `{"type":"identity","id":"`+someone+`","created":"2026-03-01T10:00:00Z"}`)
	if old.SpecVersion() != "2.0" || old.Version() != "2026-03-01T10:00:00Z" {
		t.Errorf("SpecVersion = %s, Version = %s", old.SpecVersion(), old.Version())
	}
	url := parse(t, `{"type":"url","id":"url--6b616fc1-1505-58e3-8b2c-0d19337bff38","value":"x:y"}`)
	if url.SpecVersion() != "2.1" || url.Version() != "" || !url.IsObservable() {
		t.Errorf("SpecVersion = %s, Version = %q", url.SpecVersion(), url.Version())
	}
}

// ParseTime takes what time.Parse takes of the one form, and nothing else.
func TestParseTimeAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := []byte(rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,12})?Z`).Draw(t, "time"))
		if rapid.Bool().Draw(t, "damage") {
			s[rapid.IntRange(0, len(s)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		got, err := ParseTime(string(s))
		want, wantErr := time.Parse("2006-01-02T15:04:05.999999999Z", string(s))
		if strings.ContainsRune(string(s), ',') {
			wantErr = errComma // Go takes a comma for a point
		}
		if (err == nil) != (wantErr == nil) || err == nil && !got.Equal(want) {
			t.Fatalf("%q: %v, %v; time.Parse says %v, %v", s, got, err, want, wantErr)
		}
	})
}

func TestCompareVersions(t *testing.T) {
	ordered := []string{
		"0001-01-01T00:00:00Z", "2026-03-01T09:59:59.999999999999Z", "2026-03-01T10:00:00Z",
		"2026-03-01T10:00:00.0000000000001Z", "2026-03-01T10:00:00.1Z", "2026-03-01T10:00:00.12Z",
		"9999-12-31T23:59:59Z", "", "tomorrow",
	}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := CompareVersions(a, b); got != sign(i-j) {
				t.Errorf("CompareVersions(%q, %q) = %d", a, b, got)
			}
		}
	}
	if CompareVersions("2026-03-01T10:00:00Z", "2026-03-01T10:00:00.000Z") != 0 {
		t.Error("the precision of the same moment matters")
	}
}

func sign(n int) int { return max(-1, min(1, n)) }

var errComma = errors.New("a comma is no point")
