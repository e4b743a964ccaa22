package stix

import "fmt"

// Our extension definitions and the identity that created them. The ids are
// part of the protocol between nodes and never change.
const (
	// HandlingExtension extends marking-definition; see [Handling].
	HandlingExtension ID = "extension-definition--784b7069-c582-47f7-9714-b52704b1c03f"
	// FingerprintExtension extends file with perceptual fingerprints of content.
	FingerprintExtension ID = "extension-definition--fde06050-fa00-4ffb-a2e6-2051588d45ff"
	// ListingExtension extends identity with an entry of a sanctions or designation list.
	ListingExtension ID = "extension-definition--55f2a337-30f0-46b5-9522-bbc7914182a3"
	// ProvenanceExtension extends any object with the document and claim it rests on.
	ProvenanceExtension ID = "extension-definition--fac16845-d51f-42dd-9815-3c5acefbcfb4"

	// EntenteIdentity is the creator of the four definitions.
	EntenteIdentity ID = "identity--1057edd1-a9cf-43d7-b0f7-6f1ddedb5839"
)

// definedOn is the day the definitions were made.
const definedOn = "2026-11-21T00:00:00.000Z"

var ownExtensions = []struct {
	id                       ID
	name, description, about string
}{
	{HandlingExtension, "Entente handling",
		"Extends marking-definition with handling codes, caveats, protective level, legal basis, purposes, originator control and retention.",
		"handling"},
	{FingerprintExtension, "Entente content fingerprint",
		"Extends file with perceptual fingerprints, so that known content is recognised without the content itself travelling.",
		"fingerprint"},
	{ListingExtension, "Entente listing",
		"Extends identity with the entry of a sanctions or designation list that it represents.",
		"listing"},
	{ProvenanceExtension, "Entente provenance",
		"Extends any object with the source, document and claim that it rests on.",
		"provenance"},
}

// ExtensionDefinitions returns the Entente identity and the definitions of our
// extensions as STIX objects, ready to be sent with what uses them.
func ExtensionDefinitions() []*Object {
	texts := []string{fmt.Sprintf(
		`{"type":"identity","spec_version":"2.1","id":%q,"created":%q,"modified":%q,"name":"Entente","identity_class":"organization"}`,
		EntenteIdentity, definedOn, definedOn)}
	for _, e := range ownExtensions {
		texts = append(texts, fmt.Sprintf(
			`{"type":"extension-definition","spec_version":"2.1","id":%q,"created_by_ref":%q,"created":%q,"modified":%q,`+
				`"name":%q,"description":%q,"schema":"urn:entente:schema:%s:1.0.0","version":"1.0.0","extension_types":["property-extension"]}`,
			e.id, EntenteIdentity, definedOn, definedOn, e.name, e.description, e.about))
	}
	var out []*Object
	for _, t := range texts {
		o, err := Parse([]byte(t))
		if err != nil {
			panic("stix: our own definition is refused: " + err.Error()) // a test calls this
		}
		out = append(out, o)
	}
	return out
}
