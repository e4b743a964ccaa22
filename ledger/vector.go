package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// MaxItems is the most items of one entry, besides its item 0.
const MaxItems = 4096

// Vector holds the commitments to an entry's items, item 0 first; 1 to
// MaxItems+1 of them. It is kept and sent whole: it reveals how many items the
// entry has and nothing else.
type Vector []Hash

// NewVector commits to the openings of one entry, item 0 (CommonFacts) first.
func NewVector(openings []Opening) (Vector, error) {
	if err := checkItems(len(openings)); err != nil {
		return nil, err
	}
	if _, _, err := ParseCommonFacts(openings[0].Facts); err != nil {
		return nil, err
	}
	v := make(Vector, len(openings))
	for i, o := range openings {
		if len(o.Facts) > MaxFacts {
			return nil, fmt.Errorf("ledger: item %d has %d bytes of facts, more than %d", i, len(o.Facts), MaxFacts)
		}
		v[i] = Commit(o.Key, o.Facts)
	}
	return v, nil
}

func checkItems(n int) error {
	if n < 1 || n > MaxItems+1 {
		return fmt.Errorf("ledger: entry has %d commitments, not 1 to %d (item 0 and its items)", n, MaxItems+1)
	}
	return nil
}

// ParseVector reads a vector from the bytes of its commitments, one after the other.
func ParseVector(b []byte) (Vector, error) {
	if len(b)%HashSize != 0 {
		return nil, fmt.Errorf("ledger: vector has %d bytes, not a multiple of %d", len(b), HashSize)
	}
	if err := checkItems(len(b) / HashSize); err != nil {
		return nil, err
	}
	v := make(Vector, len(b)/HashSize)
	for i := range v {
		v[i] = Hash(b[i*HashSize:])
	}
	return v, nil
}

// Bytes returns the commitments one after the other, as ParseVector reads them.
func (v Vector) Bytes() []byte {
	b := make([]byte, 0, len(v)*HashSize)
	for i := range v {
		b = append(b, v[i][:]...)
	}
	return b
}

// Root returns the entry root: SHA-256 over the number of commitments and the
// commitments. It is what a Batch holds and a Proof is about.
func (v Vector) Root() Hash {
	h := sha256.New()
	h.Write([]byte(domainEntry))
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(v))))
	for i := range v {
		h.Write(v[i][:])
	}
	var root Hash
	h.Sum(root[:0])
	return root
}

// Check returns nil if o opens item i of the entry.
func (v Vector) Check(i int, o Opening) error {
	if i < 0 || i >= len(v) {
		return fmt.Errorf("ledger: no item %d in an entry of %d commitments", i, len(v))
	}
	if !o.Matches(v[i]) {
		return fmt.Errorf("ledger: item %d: key and facts do not match the commitment; one of the three was altered", i)
	}
	return nil
}
