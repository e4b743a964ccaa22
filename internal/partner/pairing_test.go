package partner

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"entente/internal/db"
	"entente/internal/keys"
	"entente/stix"
)

func TestPairing(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	invitation := a.invite()
	reply := b.mustAccept(append(invitation, '\n')) // as a file ends
	reveal := a.mustAccept(reply.Send)
	last := b.mustAccept(reveal.Send)
	if reveal.Code != last.Code || !regexp.MustCompile(`^\d{4}-\d{4}-\d{4}$`).MatchString(last.Code) {
		t.Fatalf("codes %q and %q", reveal.Code, last.Code)
	}
	if reply.Code != "" || last.Send != nil || reply.Partner != "alfa" || reveal.Partner != "bravo" {
		t.Errorf("steps %+v, %+v, %+v", reply, reveal, last)
	}
	// Nothing counts before a person has compared the code.
	if ids, _ := a.Reachable(t.Context()); len(ids) > 0 || a.count("creator") != 1 || a.count("view") != 0 {
		t.Errorf("%v counts before the code was compared", ids)
	}
	if ok, err := a.confirm("bravo", strings.ReplaceAll(last.Code, "-", " ")); !ok || err != nil {
		t.Errorf("confirm: %v %v", ok, err)
	}
	if ids, _ := a.Reachable(t.Context()); len(ids) != 1 || ids[0] != "bravo" || a.count("creator") != 2 || a.count("view") != 1 {
		t.Errorf("reachable %v", ids)
	}
	if _, err := a.confirm("bravo", last.Code); err == nil {
		t.Error("confirmed twice")
	}
	if _, err := a.accept(reply.Send); err == nil {
		t.Error("the reply was taken a second time")
	}
	if _, err := b.accept(reveal.Send); err == nil {
		t.Error("the reveal was taken a second time")
	}
	if _, err := b.accept(invitation); err != nil {
		t.Errorf("an invitation of somebody who is not confirmed yet: %v", err)
	}
	if _, err := a.accept(b.invite()); err == nil || !strings.Contains(err.Error(), "partner already") {
		t.Errorf("a partner paired again: %v", err)
	}
}

func TestWrongCodeEndsIt(t *testing.T) {
	for _, wrong := range []string{"", "0000-0000-0000", "x"} {
		a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
		reveal := a.mustAccept(b.mustAccept(a.invite()).Send)
		if ok, err := a.confirm("bravo", wrong); ok || err != nil {
			t.Errorf("code %q: matched %v, %v", wrong, ok, err)
		}
		if ok, err := a.confirm("bravo", reveal.Code); ok || err == nil {
			t.Error("a second guess was allowed")
		}
		if a.count("partner") != 0 {
			t.Error("the card is still there")
		}
	}
}

// Whoever carries the messages may put cards of his own into them: then the two
// people see different codes.
func TestManInTheMiddleIsSeen(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	asA, asB := newRig(t, "alfa", 3), newRig(t, "bravo", 4) // the one between, with keys of his own
	fromA := a.mustAccept(asB.mustAccept(a.invite()).Send)
	replyOfB := b.mustAccept(asA.invite())
	reveal := asA.mustAccept(replyOfB.Send)
	atB := b.mustAccept(reveal.Send)
	if fromA.Code == atB.Code {
		t.Fatalf("both see %s", atB.Code)
	}
	if ok, _ := a.confirm("bravo", atB.Code); ok {
		t.Error("the code of the other side matched")
	}
	// Nor can he take B's own card and number along in a reply to A: A's cards and
	// numbers enter B's code, and his do not.
	var m pairingMessage
	if err := json.Unmarshal(replyOfB.Send, &m); err != nil {
		t.Fatal(err)
	}
	if _, err := a.accept(replyOfB.Send); err == nil {
		t.Error("a reply to another invitation was taken")
	}
}

// The same invitation given twice gets the same reply, or the numbers that the
// two sides put into their codes would differ.
func TestInvitationAgain(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	invitation := a.invite()
	first, second := b.mustAccept(invitation), b.mustAccept(invitation)
	if !bytes.Equal(first.Send, second.Send) {
		t.Error("two replies to one invitation")
	}
	reveal := a.mustAccept(second.Send)
	if last := b.mustAccept(reveal.Send); last.Code != reveal.Code {
		t.Errorf("codes %s and %s", reveal.Code, last.Code)
	}
}

func TestRevealMustMatchTheCommitment(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	reveal := a.mustAccept(b.mustAccept(a.invite()).Send)
	var m pairingMessage
	if err := json.Unmarshal(reveal.Send, &m); err != nil {
		t.Fatal(err)
	}
	for name, alter := range map[string]func(m *pairingMessage){
		"another number": func(m *pairingMessage) { m.Nonce = bytes.Repeat([]byte{1}, nonceSize) },
		"no number":      func(m *pairingMessage) { m.Nonce = nil },
		"no invitation":  func(m *pairingMessage) { m.Invitation = nil },
		"another stage":  func(m *pairingMessage) { m.Stage = "finish" },
	} {
		x := m
		alter(&x)
		text, _ := json.Marshal(x)
		if _, err := b.accept(text); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if b.count("partner") != 0 {
		t.Error("a partner came of it")
	}
	if step := b.mustAccept(reveal.Send); step.Code == "" {
		t.Error("the right one is not taken any more")
	}
}

// A card proves that its sender has the signing key. It must not carry away what
// is somebody else's: an identity, or the key by which another is recognised.
func TestCardsOfImpostors(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	pair(a, b)
	cardOf := func(n *rig) Card {
		c, err := ParseCard(n.card)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	k, err := keys.Generate(newRig(t, "charlie", 3).random)
	if err != nil {
		t.Fatal(err)
	}
	public := func(key ed25519.PrivateKey) []byte { return key.Public().(ed25519.PublicKey) }
	honest := Card{Node: "charlie", Title: "c", Identity: "identity--00000000-0000-4000-8000-00000000000c",
		Signing: public(k.Signing), Exchange: public(k.Exchange), Ledger: public(k.Ledger)}
	for name, alter := range map[string]func(*Card){
		"":                                func(*Card) {},
		"the identity of a partner":       func(c *Card) { c.Identity = cardOf(b).Identity },
		"the identity of this node":       func(c *Card) { c.Identity = cardOf(a).Identity },
		"the exchange key of a partner":   func(c *Card) { c.Exchange = cardOf(b).Exchange },
		"the ledger key of a partner":     func(c *Card) { c.Ledger = cardOf(b).Ledger },
		"a partner's key for another use": func(c *Card) { c.Ledger = cardOf(b).Exchange },
		"a key of this node":              func(c *Card) { c.Exchange = cardOf(a).Exchange },
		"the name of this node":           func(c *Card) { c.Node = "alfa" },
		"the name of a partner":           func(c *Card) { c.Node = "bravo" },
	} {
		c := honest
		alter(&c)
		card, err := seal(k.Signing, typeCard, c)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(pairingMessage{Stage: "invitation", Card: card, Commitment: make([]byte, 32)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.accept(text); (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestParseCardRefuses(t *testing.T) {
	n := newRig(t, "alfa", 1)
	good, err := ParseCard(n.card)
	if err != nil {
		t.Fatal(err)
	}
	for name, alter := range map[string]func(*Card){
		"no name":           func(c *Card) { c.Node = "" },
		"a bad name":        func(c *Card) { c.Node = "al fa" },
		"a long title":      func(c *Card) { c.Title = strings.Repeat("x", maxText+1) },
		"many contacts":     func(c *Card) { c.Contacts = make([]string, 11) },
		"a long contact":    func(c *Card) { c.Contacts = []string{strings.Repeat("x", maxText+1)} },
		"no country":        func(c *Card) { c.Country = "Xx" },
		"no identity":       func(c *Card) { c.Identity = "" },
		"not an identity":   func(c *Card) { c.Identity = stix.ID("report--00000000-0000-4000-8000-00000000000c") },
		"plain http":        func(c *Card) { c.Endpoint = "http://127.0.0.1" },
		"endpoint and path": func(c *Card) { c.Endpoint = "https://127.0.0.1/x" },
		"endpoint and name": func(c *Card) { c.Endpoint = "https://a:b@127.0.0.1" },
		"no key":            func(c *Card) { c.Ledger = nil },
		"a short key":       func(c *Card) { c.Exchange = c.Exchange[:31] },
		"one key twice":     func(c *Card) { c.Exchange = c.Ledger },
		"another's key":     func(c *Card) { c.Signing = bytes.Repeat([]byte{9}, 32) },
	} {
		c := good
		alter(&c)
		text, err := seal(n.keys.Signing, typeCard, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseCard(text); err == nil {
			t.Errorf("%s: parsed", name)
		}
	}
	if _, err := ParseCard(append(bytes.Clone(n.card), "{}"...)); err == nil {
		t.Error("something after the card: parsed")
	}
	for i := range n.card { // bits that change nothing of what it says are no matter
		text := bytes.Clone(n.card)
		text[i] ^= 1
		if c, err := ParseCard(text); err == nil && !sameCard(c, good) {
			t.Errorf("byte %d flipped: parsed as %+v", i, c)
		}
	}
}

func sameCard(a, b Card) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

func FuzzParseCard(f *testing.F) {
	n := newRig(f, "alfa", 1)
	f.Add([]byte(n.card))
	f.Add([]byte(`{"payloadType":"application/vnd.entente.card.v1+json","payload":"e30=","signatures":[{"sig":"AA=="}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseCard(text)
		if err != nil {
			return
		}
		if err := c.check(); err != nil {
			t.Errorf("parsed, but %v", err)
		}
	})
}

func FuzzPairingMessage(f *testing.F) {
	a, b := newRig(f, "alfa", 1), newRig(f, "bravo", 2)
	invitation := a.invite()
	reply := b.mustAccept(invitation)
	f.Add(b.invite())
	f.Add(reply.Send)
	f.Add([]byte(`{"stage":"reveal","invitation":"AA==","nonce":"AA=="}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		err := a.db.Update(context.Background(), func(tx *db.Tx) error {
			step, err := a.Accept(tx, text)
			if err == nil && step.Partner != "bravo" {
				t.Errorf("%q: a step with %q", text, step.Partner)
			}
			return errRollback
		})
		if !errors.Is(err, errRollback) {
			t.Fatal(err)
		}
	})
}
