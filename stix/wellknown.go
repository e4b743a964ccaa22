package stix

// Extension definitions that markings of other houses use. Their ids are fixed
// in oasis-open/cti-stix-common-objects.
const (
	extTLP2 = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
	extPAP  = "extension-definition--f8d78575-edfd-406e-8e84-6162a8450f5b"
)

// The steps of the Traffic Light Protocol (FIRST, TLP 2.0), least restrictive first.
const (
	TLPClear = iota
	TLPGreen
	TLPAmber
	TLPAmberStrict
	TLPRed
)

// The steps of the Permissible Actions Protocol, least restrictive first.
const (
	PAPClear = iota
	PAPGreen
	PAPAmber
	PAPRed
)

// Colours as markings spell them. TLP 1 says white for what TLP 2.0 calls clear.
var (
	tlp1Colours = map[string]int{"white": TLPClear, "green": TLPGreen, "amber": TLPAmber, "red": TLPRed}
	tlp2Colours = map[string]int{"clear": TLPClear, "green": TLPGreen, "amber": TLPAmber, "amber+strict": TLPAmberStrict, "red": TLPRed}
	papColours  = map[string]int{"white": PAPClear, "clear": PAPClear, "green": PAPGreen, "amber": PAPAmber, "red": PAPRed}
)

// wellKnown is a marking whose id and content are fixed by its standard.
type wellKnown struct {
	scheme string // tlp1, tlp2 or pap
	colour string
	name   string
}

var wellKnownMarkings = map[ID]wellKnown{
	// STIX 2.1 §7.2.1.4
	"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": {"tlp1", "white", "TLP:WHITE"},
	"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": {"tlp1", "green", "TLP:GREEN"},
	"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": {"tlp1", "amber", "TLP:AMBER"},
	"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": {"tlp1", "red", "TLP:RED"},
	// TLP 2.0 marking extension
	"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": {"tlp2", "clear", "TLP:CLEAR"},
	"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": {"tlp2", "green", "TLP:GREEN"},
	"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": {"tlp2", "amber", "TLP:AMBER"},
	"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": {"tlp2", "amber+strict", "TLP:AMBER+STRICT"},
	"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": {"tlp2", "red", "TLP:RED"},
	// PAP marking extension; white is the older name of clear and has its own id
	"marking-definition--a3bea94c-b469-41dc-9cfe-d6e7daba7730": {"pap", "white", "PAP:WHITE"},
	"marking-definition--ad15a0cd-55b6-4588-a14c-a66105329b92": {"pap", "clear", "PAP:CLEAR"},
	"marking-definition--c43594d1-4b11-4c59-93ab-1c9b14d53ce9": {"pap", "green", "PAP:GREEN"},
	"marking-definition--60f8932b-e51e-4458-b265-a2e8be9a80ab": {"pap", "amber", "PAP:AMBER"},
	"marking-definition--740d36e5-7714-4c30-961a-3ae632ceee0e": {"pap", "red", "PAP:RED"},
}

func (w wellKnown) marking(id ID) Marking {
	m := Marking{ID: id}
	switch w.scheme {
	case "tlp1":
		m.TLP = step(tlp1Colours[w.colour])
	case "tlp2":
		m.TLP = step(tlp2Colours[w.colour])
	case "pap":
		m.PAP = step(papColours[w.colour])
	}
	return m
}

func step(n int) *int { return &n }

// WellKnownMarking returns what the markings with fixed ids say: TLP 1 (§7.2.1.4),
// TLP 2.0 and PAP. They apply whether or not their definition was ever received.
func WellKnownMarking(id ID) (Marking, bool) {
	w, ok := wellKnownMarkings[id]
	if !ok {
		return Marking{}, false
	}
	return w.marking(id), true
}
