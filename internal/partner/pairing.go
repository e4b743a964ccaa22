package partner

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"entente/internal/db"
	"entente/internal/intake"
)

// Pairing is three messages, carried by any means, and one comparison by two
// people who know each other's voices:
//
//	invitation  A → B   A's card and a commitment to a random number
//	reply       B → A   B's card and B's random number
//	reveal      A → B   the number that A committed to
//
// Both nodes then show a code derived from both cards and both numbers. Whoever
// stands between them had to choose his cards before he could know the numbers
// (A is bound by the commitment, B speaks before A reveals), so he is found out
// unless he guesses one code in 10¹². Only when a person has confirmed the code
// do the keys count.
type pairingMessage struct {
	Stage      string          `json:"stage"` // invitation, reply, reveal
	Card       json.RawMessage `json:"card,omitempty"`
	Commitment []byte          `json:"commitment,omitempty"` // SHA-256 of the nonce
	Invitation []byte          `json:"invitation,omitempty"` // SHA-256 of the invitation answered
	Nonce      []byte          `json:"nonce,omitempty"`
}

// pairingState is what a node remembers of a ceremony, kept under the hash of
// the invitation.
type pairingState struct {
	Invitation []byte `json:"invitation"`
	Nonce      []byte `json:"nonce"`
	Reply      []byte `json:"reply,omitempty"`
}

const nonceSize = 32

// Step is what a message of a ceremony led to.
type Step struct {
	Partner string // who it is with, "" while unknown
	Send    []byte // the message to bring to the partner; nil: none
	Name    string // what that message is: invitation, reply, reveal
	Code    string // to compare with the partner by voice; "" while there is none
}

// Invite begins a ceremony.
func (r *Room) Invite(tx *db.Tx) (Step, error) {
	nonce, err := r.nonce()
	if err != nil {
		return Step{}, err
	}
	commitment := sha256.Sum256(nonce)
	text, err := json.Marshal(pairingMessage{Stage: "invitation", Card: r.card, Commitment: commitment[:]})
	if err != nil {
		return Step{}, err
	}
	err = r.savePairing(tx, "inviting", text, pairingState{Invitation: text, Nonce: nonce})
	return Step{Send: text, Name: "invitation"}, err
}

// Accept takes the partner's next message of a ceremony, whichever it is.
func (r *Room) Accept(tx *db.Tx, text []byte) (Step, error) {
	var m pairingMessage
	text = bytes.TrimSpace(text) // what a file or a mail adds does not count
	if len(text) > maxMessage {
		return Step{}, errors.New("this is far too long for a message of a pairing")
	}
	if err := strict(text, &m); err != nil {
		return Step{}, fmt.Errorf("not a message of a pairing: %w", err)
	}
	switch m.Stage {
	case "invitation":
		return r.onInvitation(tx, text, m)
	case "reply":
		return r.onReply(tx, m)
	case "reveal":
		return r.onReveal(tx, m)
	}
	return Step{}, fmt.Errorf("not a message of a pairing: stage %q is unknown", m.Stage)
}

func (r *Room) onInvitation(tx *db.Tx, text []byte, m pairingMessage) (Step, error) {
	card, err := r.strangersCard(tx, m.Card)
	if err != nil {
		return Step{}, err
	}
	if len(m.Commitment) != sha256.Size {
		return Step{}, errors.New("the invitation has no commitment: ask for a new one")
	}
	hash := sha256.Sum256(text)
	if before, err := r.loadPairing(tx, "invited", hash[:]); err == nil {
		// The same invitation again: the number that we spoke holds.
		return Step{Partner: card.Node, Send: before.Reply, Name: "reply"}, nil
	} else if !errors.Is(err, errNoPairing) {
		return Step{}, err
	}
	nonce, err := r.nonce()
	if err != nil {
		return Step{}, err
	}
	reply, err := json.Marshal(pairingMessage{Stage: "reply", Card: r.card, Invitation: hash[:], Nonce: nonce})
	if err != nil {
		return Step{}, err
	}
	err = r.savePairing(tx, "invited", text, pairingState{Invitation: text, Nonce: nonce, Reply: reply})
	return Step{Partner: card.Node, Send: reply, Name: "reply"}, err
}

func (r *Room) onReply(tx *db.Tx, m pairingMessage) (Step, error) {
	card, err := r.strangersCard(tx, m.Card)
	if err != nil {
		return Step{}, err
	}
	state, err := r.loadPairing(tx, "inviting", m.Invitation)
	if err != nil {
		return Step{}, err
	}
	if len(m.Nonce) != nonceSize {
		return Step{}, errors.New("the reply has no random number: ask for a new one")
	}
	reveal, err := json.Marshal(pairingMessage{Stage: "reveal", Invitation: m.Invitation, Nonce: state.Nonce})
	if err != nil {
		return Step{}, err
	}
	code := pairingCode(r.card, m.Card, state.Nonce, m.Nonce)
	err = r.propose(tx, card, m.Card, code, m.Invitation)
	return Step{Partner: card.Node, Send: reveal, Name: "reveal", Code: code}, err
}

func (r *Room) onReveal(tx *db.Tx, m pairingMessage) (Step, error) {
	state, err := r.loadPairing(tx, "invited", m.Invitation)
	if err != nil {
		return Step{}, err
	}
	var invitation pairingMessage
	if err := strict(state.Invitation, &invitation); err != nil {
		return Step{}, err
	}
	hash := sha256.Sum256(m.Nonce)
	if len(m.Nonce) != nonceSize || subtle.ConstantTimeCompare(hash[:], invitation.Commitment) != 1 {
		return Step{}, errors.New("this is not the number that the invitation committed to: somebody may be between you; begin again, by another way")
	}
	card, err := r.strangersCard(tx, invitation.Card)
	if err != nil {
		return Step{}, err
	}
	code := pairingCode(invitation.Card, r.card, m.Nonce, state.Nonce)
	err = r.propose(tx, card, invitation.Card, code, m.Invitation)
	return Step{Partner: card.Node, Code: code}, err
}

// pairingCode derives the code that both sides show: 40 bits as twelve digits.
func pairingCode(cardA, cardB, nonceA, nonceB []byte) string {
	h := sha256.New()
	h.Write([]byte("entente pairing v1"))
	for _, part := range [][]byte{cardA, cardB, nonceA, nonceB} {
		sum := sha256.Sum256(part)
		h.Write(sum[:])
	}
	n := binary.BigEndian.Uint64(h.Sum(nil)) % 1e12
	digits := fmt.Sprintf("%012d", n)
	return digits[:4] + "-" + digits[4:8] + "-" + digits[8:]
}

// strangersCard reads the card of somebody who is not yet a partner.
func (r *Room) strangersCard(tx *db.Tx, text []byte) (Card, error) {
	card, err := ParseCard(text)
	if err != nil {
		return card, err
	}
	if card.Node == r.node {
		return card, fmt.Errorf("the card is that of a node called %s, as this one is: a node cannot be its own partner", card.Node)
	}
	p, found, err := r.find(tx, card.Node)
	if err != nil {
		return card, err
	}
	if found && p.State != Proposed {
		return card, fmt.Errorf("%s is a partner already (%s): a node that has made itself new keys needs another name", card.Node, p.State)
	}
	return card, r.unlikeOthers(tx, card)
}

// unlikeOthers refuses a card with a key or an identity that is somebody else's:
// a card proves that its sender has the signing key, and nothing of the rest.
func (r *Room) unlikeOthers(tx *db.Tx, card Card) error {
	who, bound, err := intake.SpeaksFor(tx, card.Identity)
	if err != nil {
		return err
	}
	if bound && who != card.Node {
		return fmt.Errorf("the card of %s claims an identity that is another's (%s): do not go on without knowing why", card.Node, card.Identity)
	}
	own, err := ParseCard(r.card)
	if err != nil {
		return err
	}
	all, err := r.partners(tx, "id<>$1", card.Node)
	if err != nil {
		return err
	}
	for _, other := range append(all, Partner{ID: "this node", Card: own}) {
		for _, theirs := range [][]byte{other.Card.Signing, other.Card.Exchange, other.Card.Ledger} {
			for _, key := range [][]byte{card.Signing, card.Exchange, card.Ledger} {
				if bytes.Equal(theirs, key) {
					return fmt.Errorf("the card of %s has a key of %s: do not go on without knowing why", card.Node, other.ID)
				}
			}
		}
	}
	return nil
}

func (r *Room) nonce() ([]byte, error) {
	b := make([]byte, nonceSize)
	if _, err := io.ReadFull(r.random, b); err != nil {
		return nil, fmt.Errorf("no random bytes: %w", err)
	}
	return b, nil
}

func (r *Room) savePairing(tx *db.Tx, role string, invitation []byte, s pairingState) error {
	hash := sha256.Sum256(invitation)
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = tx.Exec("INSERT INTO pairing(id,role,state,at) VALUES ($1,$2,$3,$4) ON CONFLICT (id) DO NOTHING",
		hex.EncodeToString(hash[:]), role, string(text), r.now().UnixMicro())
	return err
}

func (r *Room) loadPairing(tx *db.Tx, role string, id []byte) (s pairingState, err error) {
	var text []byte
	found, err := tx.Row("SELECT state FROM pairing WHERE id=$1 AND role=$2", []any{hex.EncodeToString(id), role}, &text)
	if err != nil {
		return s, err
	}
	if !found {
		return s, errNoPairing
	}
	return s, json.Unmarshal(text, &s)
}

var errNoPairing = errors.New("this belongs to no pairing that is under way here: was it confirmed already, or made for another node?")

// propose keeps a card until a person has compared the code.
func (r *Room) propose(tx *db.Tx, card Card, text []byte, code string, id []byte) error {
	if _, err := tx.Exec("DELETE FROM pairing WHERE id=$1", hex.EncodeToString(id)); err != nil {
		return err
	}
	_, err := tx.Exec("INSERT INTO partner(id,state,card,code,at) VALUES ($1,$2,$3,$4,$5) ON CONFLICT (id) DO UPDATE SET state=excluded.state, card=excluded.card, code=excluded.code, at=excluded.at",
		card.Node, Proposed, string(text), code, r.now().UnixMicro())
	return err
}

// Confirm makes a proposed partner a partner, given the code that the other
// side reads out. A wrong code ends the ceremony: matched is false, and the
// transaction is to be committed nevertheless.
func (r *Room) Confirm(tx *db.Tx, node, code string) (matched bool, err error) {
	p, found, err := r.find(tx, node)
	if err != nil {
		return false, err
	}
	if !found || p.State != Proposed {
		return false, fmt.Errorf("no pairing with %s waits for a code", node)
	}
	if subtle.ConstantTimeCompare([]byte(digits(code)), []byte(digits(p.code))) != 1 {
		_, err := tx.Exec("DELETE FROM partner WHERE id=$1 AND state=$2", node, Proposed)
		return false, err
	}
	if _, err := tx.Exec("UPDATE partner SET state=$1, code='' WHERE id=$2", Paired, node); err != nil {
		return false, err
	}
	if err := r.bind(tx, p); err != nil {
		return false, err
	}
	_, err = r.journal.Note(tx, "pair", map[string]any{"partner": node, "card": p.Card}, nil)
	return true, err
}

// ErrWrongCode is what people are told when the codes differ.
var ErrWrongCode = errors.New("the codes differ: somebody may be between you. The pairing is cancelled; begin again, by another way")

func digits(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, s)
}
