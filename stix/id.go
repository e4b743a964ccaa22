package stix

import (
	"strings"

	"github.com/google/uuid"
)

// ID is a STIX identifier, type--UUID (STIX 2.1 §2.9).
type ID string

// Type returns the part before the UUID, "" if the identifier is malformed.
func (id ID) Type() string {
	if !id.Valid() {
		return ""
	}
	return string(id[:len(id)-38])
}

// Valid reports whether the identifier is a well-formed type name, two hyphens
// and a UUID of RFC 4122 (versions 1 to 5) in lower case. RFC 4122 writes UUIDs
// in lower case; identifiers here are compared byte by byte, so only that form
// is taken.
func (id ID) Valid() bool {
	n := len(id) - 38
	return n > 0 && id[n] == '-' && id[n+1] == '-' && validType(string(id[:n])) && validUUID(string(id[n+2:]))
}

// validType checks a type name: 3 to 250 of a-z, 0-9 and hyphen, beginning with
// a letter, no hyphens in a row and none at the end (§3.1, §11.2).
func validType(t string) bool {
	if len(t) < 3 || len(t) > 250 || t[0] < 'a' || t[0] > 'z' || t[len(t)-1] == '-' {
		return false
	}
	for i := range len(t) {
		c := t[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-' && t[i-1] != '-':
		default:
			return false
		}
	}
	return true
}

func validUUID(u string) bool {
	if len(u) != 36 || u[8] != '-' || u[13] != '-' || u[18] != '-' || u[23] != '-' ||
		u[14] < '1' || u[14] > '5' || strings.IndexByte("89ab", u[19]) < 0 {
		return false
	}
	var other uint8
	for _, part := range [...]string{u[:8], u[9:13], u[14:18], u[19:23], u[24:]} {
		for i := range len(part) {
			other |= notHex[part[i]]
		}
	}
	return other == 0
}

// notHex is zero for lower-case hexadecimal digits.
var notHex = func() (t [256]uint8) {
	for i := range t {
		t[i] = 1
	}
	for _, c := range "0123456789abcdef" {
		t[c] = 0
	}
	return t
}()

// typePart is the part before the UUID of what is known to be an identifier.
func typePart(id string) string { return id[:len(id)-38] }

// looksLikeID reports whether a text has the shape of an identifier in any
// spelling: something that another reader might resolve as one.
func looksLikeID(s string) bool {
	n := len(s) - 38
	if n <= 0 || s[n:n+2] != "--" {
		return false
	}
	for i := n + 2; i < len(s); i++ {
		c := s[i] | 0x20
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && s[i] != '-' {
			return false
		}
	}
	return true
}

// NewID returns a fresh identifier with a random UUID (version 4).
func NewID(typ string) ID { return ID(typ + "--" + uuid.NewString()) }

// DeterministicID returns the same identifier for the same type, namespace and
// name: UUID version 5 of the name within the UUID version 5 of the namespace
// within STIX's own. For objects that several runs or nodes of ours must agree
// on; the identifiers of observables come from [Object.ObservableID].
func DeterministicID(typ, namespace, name string) ID {
	space := uuid.NewSHA1(observableSpace, []byte("entente:"+namespace))
	return ID(typ + "--" + uuid.NewSHA1(space, []byte(name)).String())
}
