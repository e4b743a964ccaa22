package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// filler makes the hashes that stand for subtrees of a batch without an entry.
// Not safe for concurrent use.
type filler struct{ mac hash.Hash }

func newFiller(key BatchKey) filler {
	return filler{hmac.New(sha256.New, key[:])}
}

// at returns the filler of the subtree at a level (0 = a single place) and index.
func (f filler) at(level int, index uint32) Hash {
	f.mac.Reset()
	f.mac.Write([]byte(domainFiller))
	f.mac.Write(binary.BigEndian.AppendUint32([]byte{byte(level)}, index))
	var h Hash
	f.mac.Sum(h[:0])
	return h
}

// places returns where the first n entries of a batch stand: the beginning of a
// Fisher-Yates shuffle of all places, drawn from HMAC-SHA-256 under the batch
// key. The place of an entry does not depend on how many follow it.
func places(key BatchKey, n int) []uint16 {
	mac := hmac.New(sha256.New, key[:])
	var block [sha256.Size]byte
	taken := make([]uint16, n)
	moved := make(map[uint32]uint32, n) // what the shuffle has put at an index, if not the index itself
	at := func(i uint32) uint32 {
		if v, ok := moved[i]; ok {
			return v
		}
		return i
	}
	for m := range taken {
		if m%4 == 0 { // a block serves four entries, 8 bytes each
			mac.Reset()
			mac.Write([]byte(domainPosition))
			mac.Write(binary.BigEndian.AppendUint32(nil, uint32(m/4)))
			mac.Sum(block[:0])
		}
		// The remainder favours some places by less than 2^-48: nobody can tell.
		draw := binary.BigEndian.Uint64(block[m%4*8:]) % uint64(MaxEntries-m)
		j := uint32(m) + uint32(draw)
		taken[m] = uint16(at(j))
		moved[j] = at(uint32(m))
	}
	return taken
}
