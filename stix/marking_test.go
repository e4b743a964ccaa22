package stix

import (
	"reflect"
	"strings"
	"testing"
)

func marking(members string) string {
	return `{"type":"marking-definition","id":"` + statedID + `",` + members + `}`
}

// handlingMarking is a marking with our extension.
func handlingMarking(members string) string {
	return marking(`"extensions":{"` + string(HandlingExtension) + `":{"extension_type":"property-extension"` + members + `}}`)
}

func TestWellKnownMarkings(t *testing.T) {
	for id, want := range map[ID][2]int{ // TLP, PAP; -1 is nothing
		"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": {0, -1},
		"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": {1, -1},
		"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": {2, -1},
		"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": {4, -1},
		"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": {0, -1},
		"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": {1, -1},
		"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": {2, -1},
		"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": {3, -1},
		"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": {4, -1},
		"marking-definition--a3bea94c-b469-41dc-9cfe-d6e7daba7730": {-1, 0},
		"marking-definition--ad15a0cd-55b6-4588-a14c-a66105329b92": {-1, 0},
		"marking-definition--c43594d1-4b11-4c59-93ab-1c9b14d53ce9": {-1, 1},
		"marking-definition--60f8932b-e51e-4458-b265-a2e8be9a80ab": {-1, 2},
		"marking-definition--740d36e5-7714-4c30-961a-3ae632ceee0e": {-1, 3},
	} {
		m, ok := WellKnownMarking(id)
		if !ok || m.ID != id || m.Unknown || level(m.TLP) != want[0] || level(m.PAP) != want[1] {
			t.Errorf("%s: %+v, %t; want %v", id, m, ok, want)
		}
	}
	if len(wellKnownMarkings) != 14 {
		t.Errorf("%d markings are well known, 14 are tested", len(wellKnownMarkings))
	}
	if _, ok := WellKnownMarking(statedID); ok {
		t.Error("any marking is well known")
	}
}

func level(p *int) int {
	if p == nil {
		return -1
	}
	return *p
}

// The definitions as their standards print them are read as what their ids mean.
func TestPublishedDefinitions(t *testing.T) {
	for id, w := range wellKnownMarkings {
		var content string
		switch w.scheme {
		case "tlp1":
			content = `"definition_type":"tlp","definition":{"tlp":"` + w.colour + `"}`
		case "tlp2":
			content = `"extensions":{"` + extTLP2 + `":{"extension_type":"property-extension","tlp_2_0":"` + w.colour + `"}}`
		case "pap":
			content = `"extensions":{"` + extPAP + `":{"extension_type":"property-extension","pap":"` + w.colour + `"}}`
		}
		o := parse(t, `{"type":"marking-definition","spec_version":"2.1","id":"`+string(id)+
			`","created":"2017-01-20T00:00:00.000Z","name":"`+w.name+`",`+content+`}`)
		m, err := ParseMarking(o)
		want, _ := WellKnownMarking(id)
		if err != nil || !reflect.DeepEqual(m, want) {
			t.Errorf("%s: %+v, %v", w.name, m, err)
		}
		if problems := Validate(o); len(problems) > 0 {
			t.Errorf("%s: %v", w.name, problems)
		}
	}
}

func TestParseMarking(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want Marking
	}{
		"statement":           {marking(`"definition_type":"statement","definition":{"statement":"Ours"}`), Marking{Statement: "Ours"}},
		"TLP with another id": {marking(`"definition_type":"tlp","definition":{"tlp":"red"}`), Marking{TLP: step(TLPRed)}},
		"the stricter of two colours": {marking(`"definition_type":"tlp","definition":{"tlp":"green"},"extensions":{"` +
			extTLP2 + `":{"tlp_2_0":"amber+strict"},"` + extPAP + `":{"pap":"amber"}}`), Marking{TLP: step(TLPAmberStrict), PAP: step(PAPAmber)}},
		"unknown definition_type": {marking(`"definition_type":"iep","definition":{"iep":1}`), Marking{Unknown: true}},
		"unknown extension": {marking(`"definition_type":"tlp","definition":{"tlp":"white"},"extensions":{"` +
			string(ListingExtension) + `":{"extension_type":"property-extension"}}`), Marking{TLP: step(TLPClear), Unknown: true}},
		"nothing": {marking(`"name":"TLP:RED"`), Marking{Unknown: true}},
		"handling": {handlingMarking(`,"handling":["H1","H3"],"handling_text":"ask first","caveats":["no-court"],"level":3,
			"grade":{"scheme":"europol-4x4","source":"A","info":2},"legal_basis":"invented act §1","purposes":["terrorism-investigation"],
			"subjects":["suspect"],"at_risk_from":["ZZ"],"designation":["un"],"group":"invented","taint":"possible","named":["nordlys"],
			"consent_partners":["meridian"],"consent_agreements":["a1"],"reviewed":true,"state":"active",
			"retain_until":"2031-01-01T00:00:00Z","review_by":"2027-01-01T00:00:00Z","text":"for people"`), Marking{Handling: &Handling{
			Codes: []string{"H1", "H3"}, HandlingText: "ask first", Caveats: []string{"no-court"}, Level: step(3),
			Grade: &Grade{"europol-4x4", "A", 2}, LegalBasis: "invented act §1", Purposes: []string{"terrorism-investigation"},
			Subjects: []string{"suspect"}, AtRiskFrom: []string{"ZZ"}, Designation: []string{"un"}, Group: "invented", Taint: "possible",
			Named: []string{"nordlys"}, ConsentPartners: []string{"meridian"}, ConsentAgreements: []string{"a1"}, Reviewed: yes(),
			State: "active", RetainUntil: "2031-01-01T00:00:00Z", ReviewBy: "2027-01-01T00:00:00Z", Text: "for people"}}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.ID = statedID
			m, err := ParseMarking(parse(t, c.text))
			if err != nil || !reflect.DeepEqual(m, c.want) {
				t.Errorf("got %+v, %v\nwant %+v", m, err, c.want)
			}
		})
	}
}

func yes() *bool { b := true; return &b }

// What cannot be read or lies out of range never passes the gate.
func TestMalformedMarkingsAreRefused(t *testing.T) {
	for _, text := range []string{
		marking(`"definition_type":"tlp","definition":{}`),
		marking(`"definition_type":"tlp","definition":{"tlp":"RED"}`),
		marking(`"definition_type":"tlp"`),
		marking(`"definition":{"tlp":"red"}`),
		marking(`"definition_type":["tlp"],"definition":{"tlp":"red"}`),
		marking(`"definition_type":"statement","definition":{"statement":7}`),
		marking(`"definition_type":"tlp","definition":"red"`),
		marking(`"extensions":{"` + extTLP2 + `":{"tlp_2_0":"white"}}`),
		marking(`"extensions":{"` + extTLP2 + `":{}}`),
		marking(`"extensions":{"` + extPAP + `":{"pap":"black"}}`),
		marking(`"extensions":{"` + string(HandlingExtension) + `":{"level":1}}`),
		handlingMarking(`,"unheard_of":1`),
		handlingMarking(`,"level":5`),
		handlingMarking(`,"level":-1`),
		handlingMarking(`,"level":"3"`),
		handlingMarking(`,"handling":["H4"]`),
		handlingMarking(`,"handling":[]`),
		handlingMarking(`,"handling":"H1"`),
		handlingMarking(`,"at_risk_from":["zz"]`),
		handlingMarking(`,"reviewed":"yes"`),
		handlingMarking(`,"retain_until":"soon"`),
		handlingMarking(`,"grade":{"scheme":"admiralty","source":"A"}`),
		handlingMarking(`,"grade":{"scheme":"admiralty","source":"A","info":7}`),
		handlingMarking(`,"grade":{"scheme":"admiralty","source":"A","info":1,"more":1}`),
		handlingMarking(`,"text":""`),
		handlingMarking(`,"text":"` + strings.Repeat("a", maxHandlingText+1) + `"`),
		handlingMarking(`,"purposes":["` + strings.Repeat(`a","`, maxHandlingItems) + `b"]`),
	} {
		if o, err := Parse([]byte(text)); err == nil {
			t.Errorf("passes: %.200s", o.Raw())
		}
	}
}

func TestExtensionDefinitions(t *testing.T) {
	ids := map[ID]bool{}
	for _, o := range ExtensionDefinitions() {
		if problems := Validate(o); len(problems) > 0 {
			t.Errorf("%s: %v", o.ID(), problems)
		}
		ids[o.ID()] = true
	}
	for _, id := range []ID{EntenteIdentity, HandlingExtension, FingerprintExtension, ListingExtension, ProvenanceExtension} {
		if !ids[id] {
			t.Errorf("%s is not defined", id)
		}
	}
}
