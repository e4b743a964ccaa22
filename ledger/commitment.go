package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 value: a commitment, an entry root, or a node of a tree.
type Hash = tlog.Hash

// HashSize is the size of a Hash in bytes.
const HashSize = tlog.HashSize

// Limits of what one item may hold.
const (
	KeySize  = 16      // bytes of an item's key
	MaxFacts = 1 << 20 // most bytes of an item's facts
	maxKind  = 64      // most bytes of an entry's kind
)

// Each use of a hash function starts with its own text, so that a value made
// for one use can never be taken for another.
const (
	domainItem     = "entente/ledger/v1 item\n"
	domainEntry    = "entente/ledger/v1 entry\n"
	domainFiller   = "entente/ledger/v1 filler\n"
	domainPosition = "entente/ledger/v1 position\n"
)

// Key hides the facts of one item. It must be random and used for that item
// only: who can guess it can test guesses of the facts.
type Key [KeySize]byte

// Opening is what turns a commitment back into something readable: the item's
// key and its facts, at most MaxFacts bytes. Erasing it erases the item.
type Opening struct {
	Key   Key
	Facts []byte
}

// Commit returns the commitment to facts under key: HMAC-SHA-256 (RFC 2104).
func Commit(key Key, facts []byte) Hash {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(domainItem))
	mac.Write(facts)
	var c Hash
	mac.Sum(c[:0])
	return c
}

// Matches reports whether the opening is the one that c commits to.
func (o Opening) Matches(c Hash) bool {
	got := Commit(o.Key, o.Facts)
	return subtle.ConstantTimeCompare(got[:], c[:]) == 1
}

// CommonFacts returns the facts of an entry's item 0: the kind of act, a
// newline, and the facts common to all its items as one JSON value, unchanged.
// A kind has 1 to 64 characters, a–z first, then a–z, 0–9, '-' and '.'.
func CommonFacts(kind string, facts []byte) ([]byte, error) {
	common := append([]byte(kind+"\n"), facts...)
	if _, _, err := ParseCommonFacts(common); err != nil {
		return nil, err
	}
	return common, nil
}

// ParseCommonFacts takes the facts of an item 0 apart. The facts returned share
// memory with common.
func ParseCommonFacts(common []byte) (kind string, facts []byte, err error) {
	if len(common) > MaxFacts {
		return "", nil, fmt.Errorf("ledger: common facts have %d bytes, more than %d", len(common), MaxFacts)
	}
	n := 0
	for n < len(common) && n <= maxKind && kindByte(common[n], n == 0) {
		n++
	}
	if n == 0 || n > maxKind || n == len(common) || common[n] != '\n' {
		return "", nil, fmt.Errorf("ledger: common facts do not begin with a kind (1 to %d of a-z, 0-9, '-', '.') on a line of its own", maxKind)
	}
	if facts = common[n+1:]; !json.Valid(facts) {
		return "", nil, fmt.Errorf("ledger: common facts of kind %q are not one JSON value", common[:n])
	}
	return string(common[:n]), facts, nil
}

func kindByte(c byte, first bool) bool {
	return 'a' <= c && c <= 'z' || !first && ('0' <= c && c <= '9' || c == '-' || c == '.')
}
