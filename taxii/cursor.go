package taxii

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
)

// A cursor is base64url(nonce ‖ AES-256-GCM(position)), 48 characters. What the
// position belongs to (see binding) is authenticated data: it is not in the
// cursor, the request must bring it again. The nonce is an HMAC over binding and
// position (a synthetic IV), so that no randomness and no counter is needed and
// the same page gives the same cursor; it is checked again after decryption.
const (
	cursorNonce = 12
	cursorBytes = cursorNonce + 8 + 16
)

var cursorEncoding = base64.RawURLEncoding.Strict()

// cursors seals and opens positions. Safe for concurrent use.
type cursors struct {
	aead     cipher.AEAD
	nonceKey []byte
}

func newCursors(key [32]byte) *cursors {
	derive := func(info string) []byte {
		k, err := hkdf.Key(sha256.New, key[:], nil, info, 32)
		if err != nil {
			panic(err) // only for impossible lengths
		}
		return k
	}
	block, err := aes.NewCipher(derive("taxii cursor encryption 1"))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return &cursors{aead: aead, nonceKey: derive("taxii cursor nonce 1")}
}

// nonce derives the synthetic nonce; binding has a fixed length.
func (c *cursors) nonce(binding [32]byte, position []byte) []byte {
	mac := hmac.New(sha256.New, c.nonceKey)
	mac.Write(binding[:])
	mac.Write(position)
	return mac.Sum(nil)[:cursorNonce]
}

// seal makes the cursor for a position.
func (c *cursors) seal(binding [32]byte, position int64) string {
	var plain [8]byte
	binary.BigEndian.PutUint64(plain[:], uint64(position))
	out := make([]byte, cursorNonce, cursorBytes)
	copy(out, c.nonce(binding, plain[:]))
	return cursorEncoding.EncodeToString(c.aead.Seal(out, out[:cursorNonce], plain[:], binding[:]))
}

// open gives the position back, or false for anything that seal did not make
// with this key and binding.
func (c *cursors) open(binding [32]byte, next string) (int64, bool) {
	if len(next) != cursorEncoding.EncodedLen(cursorBytes) {
		return 0, false
	}
	raw, err := cursorEncoding.DecodeString(next)
	if err != nil {
		return 0, false
	}
	plain, err := c.aead.Open(nil, raw[:cursorNonce], raw[cursorNonce:], binding[:])
	if err != nil || !hmac.Equal(raw[:cursorNonce], c.nonce(binding, plain)) {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(plain)), true
}

// binding is the hash of everything a cursor belongs to: who asks, where, which
// endpoint, which filter. Limit is left out: a client may change it under way.
// Every field is preceded by its length, so that no two questions look alike.
func binding(caller, root, collection string, ep endpoint, q Query) [32]byte {
	h := sha256.New()
	var n [8]byte
	count := func(i int) {
		binary.BigEndian.PutUint64(n[:], uint64(i))
		h.Write(n[:])
	}
	field := func(s string) { count(len(s)); h.Write([]byte(s)) }
	set := func(list []string) {
		list = slices.Sorted(slices.Values(list))
		count(len(list))
		for _, s := range list {
			field(s)
		}
	}
	flag := func(b bool) {
		if b {
			count(1)
		} else {
			count(0)
		}
	}
	field(caller)
	field(root)
	field(collection)
	count(int(ep))
	field(q.Object)
	count(int(q.AddedAfter.Unix()))
	count(q.AddedAfter.Nanosecond())
	set(q.IDs)
	set(q.Types)
	set(q.SpecVersions)
	flag(q.Versions.Last)
	flag(q.Versions.First)
	flag(q.Versions.All)
	set(q.Versions.Exact)
	return [32]byte(h.Sum(nil))
}
