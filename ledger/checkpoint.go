package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	// MaxOrigin is the most bytes of a node's name, so that a checkpoint always
	// fits into a Proof.
	MaxOrigin = 255
	// MaxCheckpoint is the most bytes of a signed checkpoint, those with the
	// signatures of witnesses included.
	MaxCheckpoint = 64 << 10
)

// Checkpoint is the state of one log: who keeps it, how many leaves, which root.
type Checkpoint struct {
	Origin string // the node's name: no spaces, no '+', at most MaxOrigin bytes
	Size   int64  // leaves, 0 to MaxLeaves
	Root   Hash   // RFC 6962 tree head
}

// NewSigner returns the signer of a node's checkpoints (note algorithm Ed25519).
func NewSigner(origin string, key ed25519.PrivateKey) (note.Signer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("ledger: signing key has %d bytes, not %d", len(key), ed25519.PrivateKeySize)
	}
	v, err := NewVerifier(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	return signer{v, key}, nil
}

type signer struct {
	note.Verifier // name and key hash
	key           ed25519.PrivateKey
}

func (s signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// NewVerifier returns the verifier of the checkpoints of the node called origin.
func NewVerifier(origin string, key ed25519.PublicKey) (note.Verifier, error) {
	if len(origin) > MaxOrigin {
		return nil, fmt.Errorf("ledger: origin has %d bytes, more than %d", len(origin), MaxOrigin)
	}
	vkey, err := note.NewEd25519VerifierKey(origin, key)
	if err != nil {
		return nil, fmt.Errorf("ledger: key of %q: %w", origin, err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("ledger: origin %q cannot name a key (no spaces, no '+', UTF-8): %w", origin, err)
	}
	return v, nil
}

// SignCheckpoint returns the checkpoint as a signed note (C2SP tlog-checkpoint)
// with the log's signature only. With an Ed25519 signer the same checkpoint
// always gives the same bytes.
func SignCheckpoint(c Checkpoint, s note.Signer) ([]byte, error) {
	if s.Name() != c.Origin {
		return nil, fmt.Errorf("ledger: checkpoint of %q cannot be signed with the key of %q", c.Origin, s.Name())
	}
	if _, err := parseCheckpoint(c.text()); err != nil {
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: c.text()}, s)
	if err != nil {
		return nil, fmt.Errorf("ledger: sign checkpoint of %q at size %d: %w", c.Origin, c.Size, err)
	}
	return signed, nil
}

// OpenCheckpoint checks the log's signature under a signed checkpoint and
// returns what it says. Signatures of others (witnesses) are not looked at.
func OpenCheckpoint(v note.Verifier, signed []byte) (Checkpoint, error) {
	c, _, err := openCheckpoint(v, signed)
	return c, err
}

// openBare is OpenCheckpoint for a checkpoint that must hold the log's signature
// and not one byte more, so that no bit of it can change unnoticed.
func openBare(v note.Verifier, signed []byte) (Checkpoint, error) {
	c, n, err := openCheckpoint(v, signed)
	if err != nil {
		return Checkpoint{}, err
	}
	sig := n.Sigs[0]
	if string(signed) != n.Text+"\n— "+sig.Name+" "+sig.Base64+"\n" {
		return Checkpoint{}, errors.New("ledger: checkpoint has more than the log's own signature")
	}
	return c, nil
}

func openCheckpoint(v note.Verifier, signed []byte) (Checkpoint, *note.Note, error) {
	if len(signed) > MaxCheckpoint {
		return Checkpoint{}, nil, fmt.Errorf("ledger: checkpoint has %d bytes, more than %d", len(signed), MaxCheckpoint)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("ledger: checkpoint is not signed by %q with the key known for it: %w", v.Name(), err)
	}
	// The spare bits of base64 are outside the signature's protection.
	if _, err := base64.StdEncoding.Strict().DecodeString(n.Sigs[0].Base64); err != nil {
		return Checkpoint{}, nil, fmt.Errorf("ledger: checkpoint of %q: signature is not canonical base64", v.Name())
	}
	c, err := parseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if c.Origin != v.Name() {
		return Checkpoint{}, nil, fmt.Errorf("ledger: checkpoint is of %q but signed by %q", c.Origin, v.Name())
	}
	return c, n, nil
}

// text is the signed part: origin, size, root, a line each.
func (c Checkpoint) text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + c.Root.String() + "\n"
}

// parseCheckpoint reads the signed part. Lines after the third are extensions,
// which readers ignore (C2SP tlog-checkpoint).
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 {
		return Checkpoint{}, errors.New("ledger: checkpoint has fewer than three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || size > MaxLeaves {
		return Checkpoint{}, fmt.Errorf("ledger: checkpoint of %q: size %q is not a number from 0 to %d", lines[0], lines[1], int64(MaxLeaves))
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("ledger: checkpoint of %q: root is not a base64 SHA-256 value", lines[0])
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: root}
	switch {
	case c.Origin == "" || len(c.Origin) > MaxOrigin:
		return Checkpoint{}, fmt.Errorf("ledger: checkpoint has an origin of %d bytes, not 1 to %d", len(c.Origin), MaxOrigin)
	case !strings.HasPrefix(text, c.text()):
		return Checkpoint{}, fmt.Errorf("ledger: checkpoint of %q is not in canonical form", c.Origin)
	case size == 0 && root != emptyRoot:
		return Checkpoint{}, fmt.Errorf("ledger: checkpoint of %q: an empty log cannot have root %s", c.Origin, root)
	}
	return c, nil
}

// emptyRoot is the root of a log without leaves (RFC 6962 section 2.1).
var emptyRoot, _ = tlog.TreeHash(0, nil)
