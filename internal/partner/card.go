package partner

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"

	"entente/internal/keys"
	"entente/label"
	"entente/stix"
)

// Card introduces a node: who it says it is, how to reach it and the public
// keys by which it is known from then on. What a card says of itself is a claim;
// what we hold to be true of a partner people enter (release.Party).
type Card struct {
	Node     string   `json:"node"` // its name; the origin of its ledger
	Title    string   `json:"title"`
	Country  string   `json:"country,omitempty"`
	Identity stix.ID  `json:"identity"`           // the STIX identity under which it creates objects
	Endpoint string   `json:"endpoint,omitempty"` // https://host:port of its exchange listener; empty: not reachable
	Contacts []string `json:"contacts,omitempty"` // how to reach a person
	Signing  []byte   `json:"signing"`            // Ed25519 public keys, see package keys
	Exchange []byte   `json:"exchange"`
	Ledger   []byte   `json:"ledger"`
}

// NewCard completes a card with the public halves of a node's keys and signs it.
func NewCard(c Card, k *keys.Keys) ([]byte, error) {
	public := func(key ed25519.PrivateKey) []byte { return key.Public().(ed25519.PublicKey) }
	c.Signing, c.Exchange, c.Ledger = public(k.Signing), public(k.Exchange), public(k.Ledger)
	if err := c.check(); err != nil {
		return nil, err
	}
	return seal(k.Signing, typeCard, c)
}

// ParseCard reads a signed card and checks that its own key signed it: proof
// that the sender has the key, not of who the sender is.
func ParseCard(text []byte) (Card, error) {
	var c Card
	e, err := parseEnvelope(text, typeCard)
	if err != nil {
		return c, err
	}
	if err := strict(e.Payload, &c); err != nil {
		return c, fmt.Errorf("introduction card: %w", err)
	}
	if err := c.check(); err != nil {
		return c, err
	}
	return c, unseal(c.Signing, typeCard, text, &Card{})
}

const maxText = 200 // bytes of a title or a contact

func (c Card) check() error {
	fail := func(what string) error { return fmt.Errorf("introduction card: %s", what) }
	if !label.ValidName(c.Node) {
		return fail(fmt.Sprintf("%q cannot name a node", c.Node))
	}
	if len(c.Title) > maxText || len(c.Contacts) > 10 {
		return fail("the title or the list of contacts is too long")
	}
	for _, s := range c.Contacts {
		if len(s) > maxText {
			return fail("a contact is too long")
		}
	}
	if c.Country != "" && !label.ValidCountry(c.Country) {
		return fail(fmt.Sprintf("%q is not a country code (ISO 3166-1 alpha-2)", c.Country))
	}
	if !c.Identity.Valid() || c.Identity.Type() != "identity" {
		return fail(fmt.Sprintf("%q is not the identifier of a STIX identity", c.Identity))
	}
	if c.Endpoint != "" {
		u, err := url.Parse(c.Endpoint)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
			return fail(fmt.Sprintf("%q is not of the form https://host:port", c.Endpoint))
		}
	}
	for _, key := range [][]byte{c.Signing, c.Exchange, c.Ledger} {
		if len(key) != ed25519.PublicKeySize {
			return fail("a key is missing or has the wrong size")
		}
	}
	if bytes.Equal(c.Signing, c.Exchange) || bytes.Equal(c.Signing, c.Ledger) || bytes.Equal(c.Exchange, c.Ledger) {
		return fail("one key is given for two uses")
	}
	return nil
}

// maxMessage caps a message that is read whole.
const maxMessage = 1 << 20

// strict reads one JSON value with known members only.
func strict(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the message")
	}
	return nil
}
