package ledger

import (
	"cmp"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// BatchDepth is the depth of every batch, however few entries it has.
	BatchDepth = 16
	// MaxEntries is the most entries of one batch.
	MaxEntries = 1 << BatchDepth
	// BatchKeySize is the size of a BatchKey in bytes.
	BatchKeySize = 32
)

// BatchKey hides how many entries a batch has: it decides where each entry
// stands and what stands in the places without one. It must be random, used for
// one batch, kept as long as the batch is to be audited, and shown to auditors
// only.
type BatchKey [BatchKeySize]byte

// Batch is the tree over the entry roots that the sequencer took at once: a full
// binary tree of 65,536 places, hashed as in RFC 6962 section 2.1, in which
// every subtree without an entry is replaced by an HMAC under the batch key.
// One place of the tree is as good as another, so each entry gets a
// pseudo-random one: a place in order of arrival would say that there were at
// least so many entries before it. Safe for concurrent use.
type Batch struct {
	key    BatchKey
	places []uint16               // of each entry, in order of arrival
	levels [BatchDepth + 1][]node // nodes above an entry, by index; level 0 holds the entries
}

type node struct {
	index uint32
	hash  Hash
}

// NewBatch builds the batch of entry roots, in order of arrival. A batch may be
// empty: a leaf for it says that nothing happened, without letting it be seen.
func NewBatch(key BatchKey, roots []Hash) (*Batch, error) {
	if len(roots) > MaxEntries {
		return nil, fmt.Errorf("ledger: batch of %d entries, more than %d; leave the rest for the next batch", len(roots), MaxEntries)
	}
	b := &Batch{key: key, places: places(key, len(roots))}
	level := make([]node, len(roots))
	for m := range roots {
		level[m] = node{uint32(b.places[m]), tlog.RecordHash(roots[m][:])}
	}
	slices.SortFunc(level, func(x, y node) int { return cmp.Compare(x.index, y.index) })
	fill := newFiller(key)
	if len(roots) == 0 {
		b.levels[BatchDepth] = []node{{0, fill.at(BatchDepth, 0)}}
		return b, nil
	}
	b.levels[0] = level
	for l := range BatchDepth {
		b.levels[l+1] = parents(b.levels[l], l, fill)
	}
	return b, nil
}

// parents returns the nodes above those of level l, filling in absent siblings.
func parents(below []node, l int, fill filler) []node {
	above := make([]node, 0, len(below))
	for i := 0; i < len(below); i++ {
		n := below[i]
		up := node{index: n.index / 2}
		switch {
		case n.index%2 == 1:
			up.hash = tlog.NodeHash(fill.at(l, n.index-1), n.hash)
		case i+1 < len(below) && below[i+1].index == n.index+1:
			up.hash = tlog.NodeHash(n.hash, below[i+1].hash)
			i++
		default:
			up.hash = tlog.NodeHash(n.hash, fill.at(l, n.index+1))
		}
		above = append(above, up)
	}
	return above
}

// Root returns the root of the batch, which goes into its Leaf.
func (b *Batch) Root() Hash { return b.levels[BatchDepth][0].hash }

// Path returns where entry m (from 0, in order of arrival) stands and the
// hashes that lead from its root to the batch's root.
func (b *Batch) Path(m int) (Path, error) {
	if m < 0 || m >= len(b.places) {
		return Path{}, fmt.Errorf("ledger: no entry %d in a batch of %d", m, len(b.places))
	}
	p := Path{Place: b.places[m]}
	fill := newFiller(b.key)
	for l := range BatchDepth {
		sibling := uint32(p.Place)>>l ^ 1
		i, ok := slices.BinarySearchFunc(b.levels[l], sibling, func(n node, at uint32) int { return cmp.Compare(n.index, at) })
		if ok {
			p.Siblings[l] = b.levels[l][i].hash
		} else {
			p.Siblings[l] = fill.at(l, sibling)
		}
	}
	return p, nil
}

// Path leads from an entry root to the root of its batch. It is an audit path
// of RFC 6962 section 2.1.1 for leaf Place of a tree of 65,536 leaves.
type Path struct {
	Place    uint16           // where the entry stands; says nothing of the order
	Siblings [BatchDepth]Hash // lowest first
}

// Root returns the root of the batch that has the entry at the end of the path.
func (p Path) Root(entry Hash) Hash {
	h := tlog.RecordHash(entry[:])
	for l, sibling := range p.Siblings {
		if p.Place>>l&1 == 1 {
			h = tlog.NodeHash(sibling, h)
		} else {
			h = tlog.NodeHash(h, sibling)
		}
	}
	return h
}
