package label

import (
	"bytes"
	"strings"
	"testing"

	"entente/stix"
)

func TestParseProfile(t *testing.T) {
	p := profile(t, `
name = "press"
title = "Press agency"
source = "An invented agency"
not_references = ["x_source_ref"]
public_fields = ["authors", "x_desk.contact"]
[default]
tlp = 1
handling = ["H0"]
named = []
[always]
taint = "possible"
published = true
[content]
report = "report"
artifact = ""
other = "event"
`)
	if p.Name != "press" || !p.NotReferences.Has("x_source_ref") || !p.PublicFields().Has("x_desk.contact") {
		t.Errorf("%+v", p)
	}
	if p.Default.TLP.Value() != 1 || p.Default.Purposes.Has("exercise") || !p.Default.Named.Stated() || p.Always.Taint != TaintPossible || !p.Always.Published.Is() {
		t.Errorf("default %s, always %s", p.Default.Canonical(), p.Always.Canonical())
	}
	for typ, want := range map[string]string{"report": "report", "artifact": "", "tool": "event"} {
		if got := p.ContentOf(typ); got != want {
			t.Errorf("content of %s is %q, want %q", typ, got, want)
		}
	}
}

func TestParseProfileRefuses(t *testing.T) {
	head := "name = \"n\"\ntitle = \"t\"\nsource = \"s\"\n"
	for text, want := range map[string]string{
		"":                                      "name",
		"name = \"n\"":                          "title",
		head + "colour = 1":                     "unknown key",
		head + "[default]\ntlp = 5":             "tlp",
		head + "[default]\ncolour = 1":          "unknown key",
		head + "[default]\nown = true":          "computed",
		head + "[default]\norigin = \"a\"":      "computed",
		head + "[always]\nmarked = true":        "computed",
		head + "[always]\ncontent = \"report\"": "computed",
		head + "[default]\npublished = true":    "always",
		head + "[default]\nscheme = \"nato\"":   "scheme",
		head + "[default]\nsource = \"A\"":      "scheme",
		head + "[default]\ninfo = 3":            "scheme",
		head + "[default]\nscheme = \"europol-4x4\"\nsource = \"D\"": "source",
		head + "[default]\ndesignation = [\"none\", \"un\"]":         "none stands alone",
		head + "[default]\ndesignation = [\"national:qa\"]":          "designation",
		head + "[default]\ngroup = \"mixed\"":                        "differing",
		head + "[default]\npurposes = [\"targeting\"]":               "purposes",
		head + "[default]\nstate = \"fine\"":                         "state",
		head + "[content]\nreport = \"gossip\"":                      "gossip",
		head + "[content]\nReport = \"report\"":                      "STIX type",
		head + "public_fields = [\"a b\"]":                           "property names",
		"name = \"N N\"\ntitle = \"t\"\nsource = \"s\"":              "name",
	} {
		if _, err := ParseProfile([]byte(text)); err == nil {
			t.Errorf("%q is accepted", text)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v (should say %q)", text, err, want)
		}
	}
}

// TestProfileCanonical: spelling does not matter, every effect does.
func TestProfileCanonical(t *testing.T) {
	base := profile(t, referenceProfile)
	other := strings.Replace(referenceProfile, `["exercise", "prevention-of-attack", "terrorism-investigation"]`,
		"[\"terrorism-investigation\", \"exercise\",\n\"prevention-of-attack\"] # remark", 1)
	if !bytes.Equal(base.Canonical(), profile(t, other).Canonical()) {
		t.Error("another spelling of the same profile has other bytes")
	}
	for _, change := range [][2]string{
		{"tlp = 0", "tlp = 1"}, {"published = true", "published = false"}, {`other = "report"`, `other = "event"`},
		{`other = "report"`, "other = \"report\"\ntool = \"report\""}, {`["external_references"]`, `["external_references", "x"]`},
		{`name = "reference"`, `name = "references"`}, {`title = "`, `title = "A `}, {"[default]", "not_references = [\"x\"]\n[default]"},
		{"reviewed = true\n", ""}, {`source = "An`, `source = "Another`},
	} {
		text := strings.Replace(referenceProfile, change[0], change[1], 1)
		if text == referenceProfile {
			t.Fatalf("%q is not in the profile", change[0])
		}
		if p := profile(t, text); p.Digest() == base.Digest() {
			t.Errorf("%q instead of %q leaves the digest as it is", change[1], change[0])
		}
	}
}

// TestAlwaysIsAFloor: a default gives way to a marking, the floor does not.
func TestAlwaysIsAFloor(t *testing.T) {
	p := profile(t, "name = \"n\"\ntitle = \"t\"\nsource = \"s\"\n[default]\ntlp = 3\n[always]\npap = 2\ntaint = \"possible\"\n")
	white, _ := stix.WellKnownMarking("marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9")
	clear, _ := stix.WellKnownMarking("marking-definition--ad15a0cd-55b6-4588-a14c-a66105329b92")
	none := stix.Marking{ID: "x", Handling: &stix.Handling{Taint: "none"}}
	l, _ := Build(Input{Object: object(t, "report", ""), Own: []stix.Marking{white, clear, none}, Profile: p, Now: now})
	if l.TLP.Value() != 0 || l.PAP.Value() != 2 || l.Taint != TaintPossible {
		t.Errorf("%s", l.Canonical())
	}
	l, _ = Build(Input{Object: object(t, "report", ""), Profile: p, Now: now})
	if l.TLP.Value() != 3 {
		t.Errorf("unmarked: %s", l.Canonical())
	}
}

func FuzzParseProfile(f *testing.F) {
	f.Add([]byte(referenceProfile))
	f.Add([]byte(listingProfile))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParseProfile(text)
		if err != nil {
			return
		}
		o, err := stix.Parse([]byte(`{"type":"url","id":"url--6b5cbb0a-7a3f-4b7e-9a1d-0d4c2f6f1c11","value":"https://example.org"}`))
		if err != nil {
			t.Fatal(err)
		}
		l, _ := Build(Input{Object: o, Profile: p, Now: now})
		if err := l.CheckFinal(); err != nil {
			t.Fatalf("a profile gives a label that policy refuses: %v\n%s", err, text)
		}
	})
}

// FuzzBuild: whatever passes the gate gets a final label that policy accepts.
func FuzzBuild(f *testing.F) {
	f.Add([]byte(`{"type":"identity","spec_version":"2.1","id":"identity--6b5cbb0a-7a3f-4b7e-9a1d-0d4c2f6f1c11","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"+1 (23) 45-678-901","identity_class":"individual","extensions":{"extension-definition--55f2a337-30f0-46b5-9522-bbc7914182a3":{"birth":[{"date":"1990"},{"date":"x"}],"group":"g"}}}`))
	f.Add([]byte(`{"type":"url","id":"url--6b5cbb0a-7a3f-4b7e-9a1d-0d4c2f6f1c11","value":"born 1990 passport 12345 a@b.cd \u0040"}`))
	p, err := ParseProfile([]byte(referenceProfile))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := stix.Parse(text)
		if err != nil {
			return
		}
		l, found := Build(Input{Object: o, Profile: p, Origin: "a", Now: now})
		if err := l.CheckFinal(); err != nil {
			t.Fatal(err)
		}
		if len(found) > maxFindings {
			t.Fatal("too many findings")
		}
		if got, err := ParseCanonical(l.Canonical()); err != nil || !got.Equal(l) {
			t.Fatalf("%v: %s", err, l.Canonical())
		}
	})
}

// FuzzHints: the quick pass never overlooks what the slow one finds.
func FuzzHints(f *testing.F) {
	f.Add("born 1990")
	f.Add("+00000000 +(49) 3012345678")
	f.Add("D.O.B. 1990 Identity Number 12345 PASSPORT 123456 +4930123456789 a@b.cd")
	f.Fuzz(func(t *testing.T, s string) {
		h := hints([]byte(s))
		for bit, found := range map[hint]bool{hintEmail: hasEmail(s), hintPhone: hasPhone(s), hintBirth: hasBirthDate(s), hintDocument: hasDocumentNumber(s)} {
			if found && h&bit == 0 {
				t.Errorf("%q: hints %b overlooks %b", s, h, bit)
			}
		}
	})
}
