package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// LeafSize is the size of every leaf in bytes.
	LeafSize = 48
	// MaxLeaves is the most leaves of a log: far more than will ever be needed,
	// exact in any number format, and far from where tlog stops working (2^62).
	MaxLeaves = 1 << 48

	leafVersion = 1
)

// Leaf is what one batch puts into the log.
type Leaf struct {
	Hour  uint32 // when, in whole hours since 1970-01-01 UTC: coarse, so that it tells little
	Batch Hash   // root of the batch
}

// Hour returns t as a Leaf has it; 0 for anything before 1970.
func Hour(t time.Time) uint32 {
	return uint32(max(t.Unix(), 0) / 3600)
}

// Bytes returns the leaf as it is stored and hashed: a version byte, three
// zeros, the hour (big-endian), the batch root, eight zeros.
func (l Leaf) Bytes() [LeafSize]byte {
	var b [LeafSize]byte
	b[0] = leafVersion
	binary.BigEndian.PutUint32(b[4:], l.Hour)
	copy(b[8:], l.Batch[:])
	return b
}

// ParseLeaf reads a leaf; only what Bytes returns is accepted.
func ParseLeaf(b []byte) (Leaf, error) {
	if len(b) != LeafSize {
		return Leaf{}, fmt.Errorf("ledger: leaf has %d bytes, not %d", len(b), LeafSize)
	}
	l := Leaf{Hour: binary.BigEndian.Uint32(b[4:]), Batch: Hash(b[8:40])}
	if l.Bytes() != [LeafSize]byte(b) {
		return Leaf{}, errors.New("ledger: leaf of an unknown version, or its reserved bytes are not zero")
	}
	return l, nil
}

// Append adds a leaf to a log of size leaves, whose tree hashes r reads.
// It returns the hashes to store, under the indexes that begin with
// tlog.StoredHashCount(size), and the root of the log of size+1 leaves.
// Nothing is written: store the leaf, the hashes and the signed root together
// or not at all.
func Append(leaf Leaf, size int64, r tlog.HashReader) (store []Hash, root Hash, err error) {
	if size < 0 || size >= MaxLeaves {
		return nil, Hash{}, fmt.Errorf("ledger: cannot append to a log of %d leaves; the limit is %d", size, int64(MaxLeaves))
	}
	b := leaf.Bytes()
	store, err = tlog.StoredHashes(size, b[:], r)
	if err != nil {
		return nil, Hash{}, fmt.Errorf("ledger: append leaf %d: %w", size, err)
	}
	root, err = tlog.TreeHash(size+1, overlay{r, tlog.StoredHashCount(size), store})
	if err != nil {
		return nil, Hash{}, fmt.Errorf("ledger: root after leaf %d: %w", size, err)
	}
	return store, root, nil
}

// overlay reads hashes that are not stored yet on top of those that are.
type overlay struct {
	stored tlog.HashReader
	first  int64 // index of the first fresh hash
	fresh  []Hash
}

func (o overlay) ReadHashes(indexes []int64) ([]Hash, error) {
	old := make([]int64, 0, len(indexes))
	for _, i := range indexes {
		if i < o.first {
			old = append(old, i)
		}
	}
	read, err := o.stored.ReadHashes(old)
	if err != nil {
		return nil, err
	}
	if len(read) != len(old) {
		return nil, fmt.Errorf("asked for %d stored hashes, got %d", len(old), len(read))
	}
	hashes := make([]Hash, len(indexes))
	for n, i := range indexes {
		if i < o.first {
			hashes[n], read = read[0], read[1:]
		} else {
			hashes[n] = o.fresh[i-o.first]
		}
	}
	return hashes, nil
}
