package partner

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
)

// Envelope is a DSSE envelope: a payload, what it is, and signatures over both
// (Dead Simple Signing Envelope 1.0.2). Ours carry one Ed25519 signature.
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     []byte      `json:"payload"` // base64 in JSON
	Signatures  []Signature `json:"signatures"`
}

// Signature is one signature of an Envelope.
type Signature struct {
	KeyID string `json:"keyid,omitempty"`
	Sig   []byte `json:"sig"`
}

// Payload types. The number is the version of the protocol.
const (
	typeCard     = "application/vnd.entente.card.v1+json"
	typePairing  = "application/vnd.entente.pairing.v1+json"
	typeDelivery = "application/vnd.entente.delivery.v1+json"
	typeNotice   = "application/vnd.entente.notice.v1+json"
)

// pae is what is signed: DSSE's pre-authentication encoding.
func pae(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// seal signs v as JSON.
func seal(key ed25519.PrivateKey, payloadType string, v any) ([]byte, error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	sig := ed25519.Sign(key, pae(payloadType, payload))
	return json.Marshal(Envelope{PayloadType: payloadType, Payload: payload, Signatures: []Signature{{Sig: sig}}})
}

var errSignature = errors.New("the signature does not hold: the message was altered, or another key signed it")

// unseal checks the signature of an envelope and reads its payload into v.
func unseal(key ed25519.PublicKey, payloadType string, text []byte, v any) error {
	e, err := parseEnvelope(text, payloadType)
	if err != nil {
		return err
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, pae(e.PayloadType, e.Payload), e.Signatures[0].Sig) {
		return errSignature
	}
	return strict(e.Payload, v)
}

func parseEnvelope(text []byte, payloadType string) (Envelope, error) {
	var e Envelope
	if err := strict(text, &e); err != nil {
		return e, fmt.Errorf("not a signed message: %w", err)
	}
	if e.PayloadType != payloadType {
		return e, fmt.Errorf("this is a %q, not a %q", e.PayloadType, payloadType)
	}
	if len(e.Signatures) != 1 {
		return e, fmt.Errorf("%d signatures, where there is one", len(e.Signatures))
	}
	return e, nil
}
