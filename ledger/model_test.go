package ledger

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The naive model: the definitions of FORMAT.md and RFC 6962 written down as
// directly as possible, sharing no code with the package.

func naiveHash(parts ...[]byte) (h Hash) {
	d := sha256.New()
	for _, p := range parts {
		d.Write(p)
	}
	return Hash(d.Sum(nil))
}

func naiveMAC(key []byte, parts ...[]byte) (h Hash) {
	d := hmac.New(sha256.New, key)
	for _, p := range parts {
		d.Write(p)
	}
	return Hash(d.Sum(nil))
}

func be32(v int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }

// naiveTree is MTH of RFC 6962 section 2.1.
func naiveTree(leaves [][]byte) Hash {
	switch n := len(leaves); n {
	case 0:
		return naiveHash()
	case 1:
		return naiveHash([]byte{0}, leaves[0])
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		l, r := naiveTree(leaves[:k]), naiveTree(leaves[k:])
		return naiveHash([]byte{1}, l[:], r[:])
	}
}

func naiveRoot(vector []Hash) Hash {
	parts := [][]byte{[]byte("entente/ledger/v1 entry\n"), be32(len(vector))}
	for i := range vector {
		parts = append(parts, vector[i][:])
	}
	return naiveHash(parts...)
}

func naivePlaces(k BatchKey, n int) []int {
	p := make([]int, 65536)
	for i := range p {
		p[i] = i
	}
	for m := range n {
		d := naiveMAC(k[:], []byte("entente/ledger/v1 position\n"), be32(m/4))
		j := m + int(binary.BigEndian.Uint64(d[8*(m%4):])%uint64(65536-m))
		p[m], p[j] = p[j], p[m]
	}
	return p[:n]
}

// naiveBatch returns the hash of the subtree at level and index.
func naiveBatch(k BatchKey, at map[int]Hash, level, index int) Hash {
	empty := true
	for place := range at {
		empty = empty && place>>level != index
	}
	if empty {
		return naiveMAC(k[:], []byte("entente/ledger/v1 filler\n"), []byte{byte(level)}, be32(index))
	}
	if level == 0 {
		r := at[index]
		return naiveHash([]byte{0}, r[:])
	}
	l, r := naiveBatch(k, at, level-1, 2*index), naiveBatch(k, at, level-1, 2*index+1)
	return naiveHash([]byte{1}, l[:], r[:])
}

// hashStore keeps tree hashes in memory, as a table would.
type hashStore []Hash

func (s *hashStore) ReadHashes(indexes []int64) ([]Hash, error) {
	hashes := make([]Hash, len(indexes))
	for i, at := range indexes {
		if at >= int64(len(*s)) {
			return nil, fmt.Errorf("no hash %d", at)
		}
		hashes[i] = (*s)[at]
	}
	return hashes, nil
}

// stored is a whole log in memory, in the form in which it would be stored.
type stored struct {
	signer      note.Signer
	verifier    note.Verifier
	hashes      hashStore
	leaves      []StoredLeaf
	entries     []StoredEntry
	openings    []StoredOpening
	checkpoints [][]byte
	count       int // of keys given out
}

const testOrigin = "nordlys.example"

func testKey(seed string) ed25519.PrivateKey {
	s := sha256.Sum256([]byte(seed))
	return ed25519.NewKeyFromSeed(s[:])
}

func newStored(t testing.TB) *stored {
	key := testKey("signing key of " + testOrigin)
	s, err := NewSigner(testOrigin, key)
	must(t, err)
	v, err := NewVerifier(testOrigin, key.Public().(ed25519.PublicKey))
	must(t, err)
	return &stored{signer: s, verifier: v}
}

// must ends the test on an unexpected error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *stored) key() (k [32]byte) {
	s.count++
	return sha256.Sum256(fmt.Appendf(nil, "key %d", s.count))
}

func (s *stored) opening(facts string) Opening {
	k := s.key()
	return Opening{Key(k[:KeySize]), []byte(facts)}
}

// entry returns the openings of an entry of the given kind.
func (s *stored) entry(kind, facts string, items ...string) []Opening {
	all := []Opening{s.opening(kind + "\n" + facts)}
	for _, i := range items {
		all = append(all, s.opening(i))
	}
	return all
}

// add appends a batch of entries and signs the new root.
func (s *stored) add(t testing.TB, entries ...[]Opening) {
	n := int64(len(s.leaves))
	var roots []Hash
	for m, openings := range entries {
		v, err := NewVector(openings)
		must(t, err)
		root := v.Root()
		roots = append(roots, root)
		s.entries = append(s.entries, StoredEntry{n, m, root[:], v.Bytes()})
		for i, o := range openings {
			s.openings = append(s.openings, StoredOpening{n, m, i, append([]byte(nil), o.Key[:]...), append([]byte(nil), o.Facts...)})
		}
	}
	key := BatchKey(s.key())
	b, err := NewBatch(key, roots)
	must(t, err)
	leaf := Leaf{Hour: 490000 + uint32(n/3), Batch: b.Root()}
	hashes, root, err := Append(leaf, n, &s.hashes)
	must(t, err)
	s.hashes = append(s.hashes, hashes...)
	data := leaf.Bytes()
	s.leaves = append(s.leaves, StoredLeaf{n, data[:], key[:]})
	signed, err := SignCheckpoint(Checkpoint{testOrigin, n + 1, root}, s.signer)
	must(t, err)
	s.checkpoints = append(s.checkpoints, signed)
}

// batch rebuilds the batch of leaf n from what is stored.
func (s *stored) batch(t testing.TB, n int64) *Batch {
	var roots []Hash
	for _, e := range s.entries {
		if e.Leaf == n {
			roots = append(roots, Hash(e.Root))
		}
	}
	b, err := NewBatch(BatchKey(s.leaves[n].Key), roots)
	must(t, err)
	return b
}

// prove proves entry m of leaf n against the checkpoint of the given size.
func (s *stored) prove(t testing.TB, n int64, m int, size int) Proof {
	leaf, err := ParseLeaf(s.leaves[n].Leaf)
	must(t, err)
	p, err := Prove(s.batch(t, n), m, n, leaf, s.checkpoints[size-1], &s.hashes)
	must(t, err)
	return p
}

func each[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// log is what VerifyLog reads.
func (s *stored) log() Log {
	hashes := make([][]byte, len(s.hashes))
	for i := range s.hashes {
		hashes[i] = s.hashes[i][:]
	}
	return Log{
		Checkpoints: each(s.checkpoints),
		Leaves:      each(s.leaves),
		Hashes:      each(hashes),
		Entries:     each(s.entries),
		Openings:    each(s.openings),
		Erasures:    testErasures,
	}
}

// testErasures reads entries of kind "erase": a JSON list of commitments.
func testErasures(kind string, facts []byte) ([]Hash, error) {
	if kind != "erase" {
		return nil, nil
	}
	return parseHashList(facts)
}

var _ tlog.HashReader = (*hashStore)(nil)
