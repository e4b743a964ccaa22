package label

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"entente/stix"
)

func parse(tb testing.TB, text string) *stix.Object {
	tb.Helper()
	o, err := stix.Parse([]byte(text))
	if err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return o
}

func object(tb testing.TB, typ, members string) *stix.Object {
	tb.Helper()
	if members != "" {
		members = "," + members
	}
	return parse(tb, fmt.Sprintf(`{"type":%q,"spec_version":"2.1","id":"%s--6b5cbb0a-7a3f-4b7e-9a1d-0d4c2f6f1c11","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z"%s}`, typ, typ, members))
}

func profile(tb testing.TB, text string) *Profile {
	tb.Helper()
	p, err := ParseProfile([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func number(n int) *int { return &n }

func TestBuildTripwire(t *testing.T) {
	p := profile(t, referenceProfile)
	cases := []struct {
		typ, members string
		data         int
		find         string // "kind at path", "" for none
	}{
		{"report", `"name":"A quiet report","description":"Nothing about anybody."`, 0, ""},
		{"report", `"description":"Write to jane.doe@example.org today"`, 1, FoundEmail + " at description"},
		{"report", `"description":"Write to jane.doe\u0040example.org"`, 1, FoundEmail + " at description"},
		{"report", `"x_deep":{"more":[{"note":"call +49 30 1234567-8"}]}`, 1, FoundPhone + " at x_deep.more.note"},
		{"report", `"description":"version +1 and C++ and +2 GB, https://medium.com/@author/post"`, 0, ""},
		{"report", `"created_at":"2026-01-01T00:00:00+01:00"`, 0, ""},
		{"report", `"description":"born on 3 May 1990 in a village"`, 1, FoundBirth + " at description"},
		{"report", `"description":"The idea was born there; in stubborn 2019 cases"`, 0, ""},
		{"report", `"description":"carries Passport No. AB1234567"`, 1, FoundDocument + " at description"},
		{"report", `"description":"a passport office in 2019"`, 0, ""},
		{"identity", `"name":"An office","identity_class":"organization"`, 0, ""},
		{"identity", `"name":"Someone","identity_class":"individual"`, 1, FoundPerson + " at identity_class"},
		{"identity", `"name":"An office","identity_class":"organization","contact_information":"desk@example.org"`, 1, FoundEmail + " at contact_information"},
		{"user-account", `"user_id":"1"`, 1, FoundAccount + " at type"},
		{"email-addr", `"value":"x"`, 1, FoundEmail + " at type"},
		{"report", `"x_date_of_birth":"1990"`, 1, FoundBirth + " at x_date_of_birth"},
		{"report", `"x_date_of_birth":""`, 0, ""},
		{"report", `"x_national_id":77`, 1, FoundDocument + " at x_national_id"},
		{"report", `"extensions":{"extension-definition--11111111-1111-4111-8111-111111111111":{"religion":"any"}}`, 2, FoundSpecial + " at extensions.extension-definition--11111111-1111-4111-8111-111111111111.religion"},
		{"report", `"x_trade_union":"yes"`, 2, FoundSpecial + " at x_trade_union"},
		{"report", `"external_references":[{"source_name":"A","description":"by jane@example.org"}]`, 0, ""},
		{"report", `"external_references_note":"by jane@example.org"`, 1, FoundEmail + " at external_references_note"},
	}
	for _, c := range cases {
		l, found := Build(Input{Object: object(t, c.typ, c.members), Profile: p, Origin: "a", Now: now})
		if l.Data.Value() != c.data {
			t.Errorf("%s %s: data %d, want %d (%v)", c.typ, c.members, l.Data.Value(), c.data, found)
		}
		switch {
		case c.find == "" && len(found) > 0:
			t.Errorf("%s %s: found %v", c.typ, c.members, found)
		case c.find != "" && (len(found) != 1 || found[0].Kind+" at "+found[0].Path != c.find):
			t.Errorf("%s %s: found %v, want %s", c.typ, c.members, found, c.find)
		}
		if (c.data > 0) != (len(l.Subjects) > 0) {
			t.Errorf("%s: data %d with subjects %v", c.members, c.data, l.Subjects)
		}
	}
}

func TestFindingsHoldNoValues(t *testing.T) {
	const secret = "canary"
	o := object(t, "report", `"description":"`+secret+`@example.org, passport `+secret+` 1234567, +49 301 2345678, born 1990"`)
	_, found := Build(Input{Object: o, Now: now})
	if len(found) != 4 {
		t.Fatalf("found %v", found)
	}
	if strings.Contains(fmt.Sprint(found), secret) {
		t.Errorf("a finding repeats what it found: %v", found)
	}
}

const listingProfile = `
name = "listing"
title = "Invented list"
source = "An invented council"
[default]
tlp = 0
data = 0
subjects = ["listed"]
designation = ["un"]
group = "un-listed"
basis = "legal-obligation"
[always]
published = true
[content]
identity = "dossier"
`

func listing(tb testing.TB, class, members string) *stix.Object {
	return object(tb, "identity", fmt.Sprintf(`"name":"N","identity_class":%q,"extensions":{%q:{"extension_type":"property-extension"%s}}`, class, stix.ListingExtension, members))
}

func TestBuildListing(t *testing.T) {
	p := profile(t, listingProfile)
	cases := []struct {
		class, members string
		subjects       string
		content, group string
		data           int
	}{
		{"individual", ``, "listed", "person", "un-listed", 1},
		{"organization", ``, "", "dossier", "un-listed", 0},
		{"organization", `,"group":"isil-k"`, "", "dossier", "isil-k", 0},
		{"individual", `,"birth":[{"date":"1971"}]`, "listed", "person", "un-listed", 1},
		{"individual", `,"subject":"listed","birth":[{"date":"2008-11-22"}]`, "listed minor", "person", "un-listed", 1},
		{"individual", `,"subject":"listed","birth":[{"date":"2008-11-21"}]`, "listed", "person", "un-listed", 1},
		{"individual", `,"subject":"listed","birth":[{"date":"1990"},{"date":"2008"}]`, "listed minor", "person", "un-listed", 1},
		{"individual", `,"subject":"listed","birth":[{"date":"2008-11"}]`, "listed minor", "person", "un-listed", 1},
	}
	for _, c := range cases {
		l, found := Build(Input{Object: listing(t, c.class, c.members), Profile: p, Origin: "a", Now: now})
		if got := strings.Join(l.Subjects, " "); got != c.subjects || l.Content != c.content || l.Group != c.group || l.Data.Value() != c.data {
			t.Errorf("%s%s: subjects %q, content %s, group %s, data %d; %v", c.class, c.members, got, l.Content, l.Group, l.Data.Value(), found)
		}
	}
}

// TestMinorWithDefaultSubjects: a minor on a list is a listed minor.
func TestMinorWithDefaultSubjects(t *testing.T) {
	l, _ := Build(Input{Object: listing(t, "individual", `,"birth":[{"date":"2015"}]`), Profile: profile(t, listingProfile), Now: now})
	if !l.Subjects.HasAll(Set{"listed", "minor"}) {
		t.Errorf("subjects %v", l.Subjects)
	}
}

func TestBadListingDenies(t *testing.T) {
	for _, members := range []string{`,"subject":"bad people"`, `,"designation":"someone"`, `,"at_risk_from":["Elsewhere"]`, `,"group":"a b"`} {
		l, found := Build(Input{Object: listing(t, "individual", members), Profile: profile(t, listingProfile), Now: now})
		if l.TLP.Value() != TLPRed || len(l.Purposes.Words()) > 0 || !l.Caveats.Has(Unmapped) {
			t.Errorf("%s: %s", members, l.Canonical())
		}
		if len(found) < 2 {
			t.Errorf("%s: found %v", members, found)
		}
	}
}

func TestBuildMarkings(t *testing.T) {
	o := object(t, "report", "")
	p := profile(t, referenceProfile)
	green, _ := stix.WellKnownMarking("marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb")
	build := func(in Input) Label {
		in.Object, in.Now = o, now
		l, _ := Build(in)
		return l
	}
	if l := build(Input{}); !l.Equal(Label{Own: No, Origin: Unknown}.Final()) {
		t.Errorf("without a profile something is allowed: %s", l.Canonical())
	}
	if l := build(Input{Profile: p}); l.TLP.Value() != 0 || !l.Marked.Is() || !l.Published.Is() || l.Own.Is() {
		t.Errorf("reference data: %s", l.Canonical())
	}
	if l := build(Input{Profile: p, Own: []stix.Marking{green}, IsOwn: true}); l.TLP.Value() != 1 || !l.Marked.Is() || !l.Own.Is() {
		t.Errorf("its own marking: %s", l.Canonical())
	}
	container := Label{TLP: Of(2), Published: Yes, Content: "person"}
	if l := build(Input{Profile: p, Own: []stix.Marking{green}, Container: &container}); l.TLP.Value() != 2 || l.Marked.Is() || l.Content != "report" {
		t.Errorf("stricter container: %s", l.Canonical())
	}
	for name, in := range map[string]Input{
		"unknown marking":    {Own: []stix.Marking{green, {ID: "x", Unknown: true}}},
		"unresolved marking": {Own: []stix.Marking{green}, Unresolved: []stix.ID{"marking-definition--0c1d5a8e-1b1b-4a67-9d3a-3f5f0a4c9b01"}},
		"unknown caveat":     {Own: []stix.Marking{{ID: "x", Handling: &stix.Handling{Caveats: []string{"be-nice"}}}}},
		"unknown purpose":    {Own: []stix.Marking{{ID: "x", Handling: &stix.Handling{Purposes: []string{"targeting"}}}}},
		"tlp out of range":   {Own: []stix.Marking{{ID: "x", TLP: number(5)}}},
		"grade out of range": {Own: []stix.Marking{{ID: "x", Handling: &stix.Handling{Grade: &stix.Grade{Scheme: "europol-4x4", Source: "D", Info: 2}}}}},
	} {
		in.Profile = p
		if l := build(in); l.TLP.Value() != TLPRed || len(l.Purposes.Words()) > 0 || !l.Caveats.Has(Unmapped) {
			t.Errorf("%s: %s", name, l.Canonical())
		}
	}
}

func TestHandlingCodes(t *testing.T) {
	state := func(h stix.Handling) Label {
		l, err := FromMarking(stix.Marking{ID: "x", Handling: &h})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	if l := state(stix.Handling{Codes: []string{"H0"}}); len(l.Handling) > 0 || l.Purposes.Has("exercise") || !l.Purposes.Has("terrorism-investigation") {
		t.Errorf("H0: %s", l.Canonical())
	}
	if l := state(stix.Handling{Codes: []string{"H0"}, Purposes: []string{"exercise", "verification"}}); len(l.Purposes.Words()) != 1 {
		t.Errorf("H0 with purposes: %s", l.Canonical())
	}
	if l := state(stix.Handling{Codes: []string{"H3"}}); !l.Caveats.Has(Unmapped) {
		t.Errorf("H3: %s", l.Canonical())
	}
	if l := state(stix.Handling{Codes: []string{"H1", "H3"}, Caveats: []string{"no-action"}}); l.Caveats.Has(Unmapped) || !l.Handling.HasAll(Set{"H1", "H3"}) {
		t.Errorf("H3, mapped: %s", l.Canonical())
	}
}

// markingGen draws markings, readable and unreadable.
var markingGen = rapid.Custom(func(t *rapid.T) stix.Marking {
	m := stix.Marking{ID: "marking-definition--x", Unknown: rapid.IntRange(0, 9).Draw(t, "unknown") == 0}
	if rapid.Bool().Draw(t, "tlp") {
		m.TLP = number(rapid.IntRange(0, 4).Draw(t, "tlp value"))
	}
	if rapid.Bool().Draw(t, "pap") {
		m.PAP = number(rapid.IntRange(0, 3).Draw(t, "pap value"))
	}
	if rapid.Bool().Draw(t, "handling") {
		m.Handling = &stix.Handling{
			Codes:    rapid.SliceOfN(rapid.SampledFrom([]string{"H0", "H1", "H2", "H3"}), 0, 2).Draw(t, "codes"),
			Caveats:  subset("no-court", "no-action").Draw(t, "caveats"),
			Purposes: subset(Purposes...).Draw(t, "purposes"),
			Subjects: subset("suspect", "minor", "protected").Draw(t, "subjects"),
			Group:    one("isil-k", "isil").Draw(t, "group"),
			Taint:    one("none", "possible", "known").Draw(t, "taint"),
			Named:    subset("a", "b").Draw(t, "named"),
		}
	}
	return m
})

// TestBuildIsMonotone: adding a marking never loosens a fact that is already
// stated by a marking, the container or the profile's floor. (A marking may
// replace a default; see the package comment.)
func TestBuildIsMonotone(t *testing.T) {
	o := object(t, "report", `"description":"jane@example.org"`)
	floor := profile(t, floorProfile)
	rapid.Check(t, func(t *rapid.T) {
		have := rapid.SliceOfN(markingGen, 0, 3).Draw(t, "have")
		more := markingGen.Draw(t, "more")
		in := Input{Object: o, Profile: floor, Origin: "a", Own: have, Now: now}
		before, _ := Build(in)
		in.Own = append(append([]stix.Marking{}, have...), more)
		after, _ := Build(in)
		before.Marked, after.Marked = No, No // about the bytes: more markings say more
		before.Subjects, after.Subjects = lessUnknown(before), lessUnknown(after)
		before.AtRiskFrom, after.AtRiskFrom = nil, nil // "anywhere" stands for "not stated"
		if !stricter(before, after) {
			t.Errorf("adding a marking loosens:\n%s\n%s", before.Canonical(), after.Canonical())
		}
	})
}

// lessUnknown drops "unknown", which stands for "not stated".
func lessUnknown(l Label) Set {
	return l.Subjects.intersect(SetOf("contact", "convicted", "listed", "minor", "protected", "suspect", "victim", "witness"))
}

const floorProfile = `
name = "floor"
title = "Everything is a floor"
source = "Test"
[always]
tlp = 1
pap = 1
level = 0
scheme = "ungraded"
source = "none"
info = 0
data = 0
designation = ["none"]
group = "isil-k"
basis = "police-task"
purposes = ["exercise", "terrorism-investigation", "verification"]
named = ["a", "b", "c"]
consent_partners = []
consent_agreements = []
taint = "none"
reviewed = true
state = "active"
published = true
[content]
other = "report"
`

// TestAttackUnderAProfile: the real file gets a label that leaves, and the
// tripwire trips on the few objects that hold an address.
func TestAttackUnderAProfile(t *testing.T) {
	p := profile(t, referenceProfile)
	classes, personal := map[string]int{}, 0
	for _, o := range attack(t) {
		l, found := Build(Input{Object: o, Profile: p, Origin: "a", Now: now})
		classes[string(l.Canonical())]++
		if l.Data.Value() > 0 {
			personal++
			t.Logf("%s: %v", o.ID(), found)
		}
	}
	if personal > 25 {
		t.Errorf("%d objects of reference data seem personal", personal)
	}
	t.Logf("%d classes, %d objects with personal data", len(classes), personal)
}

// Lists of recipients never travel: a definition that has one is for nobody.
func TestDefinitionsThatNameRecipientsStay(t *testing.T) {
	define := func(member string) *stix.Object {
		o, err := stix.Parse([]byte(`{"type":"marking-definition","spec_version":"2.1","id":"marking-definition--6b5cbb0a-7a3f-4b7e-9a1d-0d4c2f6f1c11","created":"2026-01-01T00:00:00.000Z","extensions":{"` +
			string(stix.HandlingExtension) + `":{"extension_type":"property-extension",` + member + `}}}`))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	open := profile(t, listingProfile)
	for member, stays := range map[string]bool{
		`"named":["sundmark"]`: true, `"consent_partners":["sundmark"]`: true,
		`"consent_agreements":["NORDLYS"]`: true, `"caveats":["no-court"]`: false,
	} {
		l, _ := Build(Input{Object: define(member), Profile: open, Now: now})
		if got := l.TLP.Value() == TLPRed && l.Named.Stated() && len(l.Named.Words()) == 0; got != stays {
			t.Errorf("%s: %s, stays %v, want %v", member, l.Canonical(), got, stays)
		}
	}
}
