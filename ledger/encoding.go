package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Sizes of encoded proofs in bytes: the same for every log, entry and moment.
const (
	ProofSize            = 4096
	ConsistencyProofSize = 1600
)

const (
	maxInclusion   = 48 // hashes of a path in a log of MaxLeaves
	maxConsistency = 49

	proofMagic       = "ENTELP01"
	consistencyMagic = "ENTELC01"

	// Offsets in a proof.
	atIndex       = 8
	atLeaf        = 16
	atPlace       = atLeaf + LeafSize
	atInclusions  = atPlace + 2 // number of inclusion hashes
	atTextSize    = atInclusions + 2
	atSiblings    = atTextSize + 4
	atInclusion   = atSiblings + BatchDepth*HashSize
	atText        = atInclusion + maxInclusion*HashSize
	maxTextSize   = ProofSize - atText
	atConsistency = 32 // hashes of a consistency proof
)

// Marshal returns the proof in ProofSize bytes. It fails only on a proof that
// neither Prove nor ParseProof returned.
func (p Proof) Marshal() ([]byte, error) {
	if p.Index < 0 || p.Index >= MaxLeaves || len(p.Inclusion) > maxInclusion || len(p.Checkpoint) > maxTextSize {
		return nil, fmt.Errorf("ledger: proof for leaf %d with %d hashes and a checkpoint of %d bytes does not fit (limits: %d hashes, %d bytes)",
			p.Index, len(p.Inclusion), len(p.Checkpoint), maxInclusion, maxTextSize)
	}
	b := make([]byte, ProofSize)
	copy(b, proofMagic)
	binary.BigEndian.PutUint64(b[atIndex:], uint64(p.Index))
	leaf := p.Leaf.Bytes()
	copy(b[atLeaf:], leaf[:])
	binary.BigEndian.PutUint16(b[atPlace:], p.Path.Place)
	binary.BigEndian.PutUint16(b[atInclusions:], uint16(len(p.Inclusion)))
	binary.BigEndian.PutUint32(b[atTextSize:], uint32(len(p.Checkpoint)))
	putHashes(b[atSiblings:], p.Path.Siblings[:])
	putHashes(b[atInclusion:], p.Inclusion)
	copy(b[atText:], p.Checkpoint)
	return b, nil
}

// ParseProof reads a proof; only what Marshal returns is accepted. It checks the
// form, not the proof: call Verify.
func ParseProof(b []byte) (Proof, error) {
	if len(b) != ProofSize || string(b[:len(proofMagic)]) != proofMagic {
		return Proof{}, fmt.Errorf("ledger: not a ledger proof of version 1 (%d bytes that begin with %s)", ProofSize, proofMagic)
	}
	index := binary.BigEndian.Uint64(b[atIndex:])
	inclusions := int(binary.BigEndian.Uint16(b[atInclusions:]))
	textSize := binary.BigEndian.Uint32(b[atTextSize:])
	if index >= MaxLeaves || inclusions > maxInclusion || textSize > maxTextSize {
		return Proof{}, fmt.Errorf("ledger: proof claims leaf %d, %d hashes, a checkpoint of %d bytes; more than fit", index, inclusions, textSize)
	}
	leaf, err := ParseLeaf(b[atLeaf:atPlace])
	if err != nil {
		return Proof{}, err
	}
	p := Proof{
		Index:      int64(index),
		Leaf:       leaf,
		Path:       Path{Place: binary.BigEndian.Uint16(b[atPlace:])},
		Inclusion:  make(tlog.RecordProof, inclusions),
		Checkpoint: bytes.Clone(b[atText : atText+textSize]),
	}
	getHashes(p.Path.Siblings[:], b[atSiblings:])
	getHashes(p.Inclusion, b[atInclusion:])
	if err := checkCanonical(p.Marshal, b); err != nil {
		return Proof{}, err
	}
	return p, nil
}

// Marshal returns the proof in ConsistencyProofSize bytes. It fails only on a
// proof that neither ProveConsistency nor ParseConsistencyProof returned.
func (p ConsistencyProof) Marshal() ([]byte, error) {
	if p.Old < 0 || p.Old > p.New || p.New > MaxLeaves || len(p.Hashes) > maxConsistency {
		return nil, fmt.Errorf("ledger: consistency proof from %d to %d leaves with %d hashes does not fit", p.Old, p.New, len(p.Hashes))
	}
	b := make([]byte, ConsistencyProofSize)
	copy(b, consistencyMagic)
	binary.BigEndian.PutUint64(b[8:], uint64(p.Old))
	binary.BigEndian.PutUint64(b[16:], uint64(p.New))
	binary.BigEndian.PutUint64(b[24:], uint64(len(p.Hashes)))
	putHashes(b[atConsistency:], p.Hashes)
	return b, nil
}

// ParseConsistencyProof reads a consistency proof; only what Marshal returns is
// accepted. It checks the form, not the proof: call CheckConsistency.
func ParseConsistencyProof(b []byte) (ConsistencyProof, error) {
	if len(b) != ConsistencyProofSize || string(b[:len(consistencyMagic)]) != consistencyMagic {
		return ConsistencyProof{}, fmt.Errorf("ledger: not a consistency proof of version 1 (%d bytes that begin with %s)", ConsistencyProofSize, consistencyMagic)
	}
	old, new, n := binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[24:])
	if old > new || new > MaxLeaves || n > maxConsistency {
		return ConsistencyProof{}, fmt.Errorf("ledger: consistency proof claims %d to %d leaves and %d hashes; that cannot be", old, new, n)
	}
	p := ConsistencyProof{Old: int64(old), New: int64(new)}
	if n > 0 {
		p.Hashes = make(tlog.TreeProof, n)
	}
	getHashes(p.Hashes, b[atConsistency:])
	if err := checkCanonical(p.Marshal, b); err != nil {
		return ConsistencyProof{}, err
	}
	return p, nil
}

// checkCanonical refuses bytes that are not what the value parsed from them
// would be written as, such as padding that is not zero.
func checkCanonical(marshal func() ([]byte, error), b []byte) error {
	if again, err := marshal(); err != nil || !bytes.Equal(again, b) {
		return errors.New("ledger: proof has bytes that are not zero where nothing belongs")
	}
	return nil
}

func putHashes(b []byte, hashes []Hash) {
	for i := range hashes {
		copy(b[i*HashSize:], hashes[i][:])
	}
}

func getHashes(hashes []Hash, b []byte) {
	for i := range hashes {
		hashes[i] = Hash(b[i*HashSize:])
	}
}
