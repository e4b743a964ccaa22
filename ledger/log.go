package ledger

import (
	"fmt"
	"iter"
)

// Log is everything a node has stored of its log, for VerifyLog to read once,
// side by side, in order. The bytes are given as they are stored, also where
// they are damaged. An error from an iterator ends the check and is returned.
type Log struct {
	// Checkpoints are signed checkpoints by growing size, those that partners
	// have seen included if they are at hand. The last must be of the whole log.
	Checkpoints iter.Seq2[[]byte, error]
	// Leaves are the leaves from number 0 on.
	Leaves iter.Seq2[StoredLeaf, error]
	// Hashes are the stored tree hashes in the order of tlog's indexes.
	Hashes iter.Seq2[[]byte, error]
	// Entries are all entries, by leaf and within it by order of arrival. nil
	// if the auditor has only leaves (a mirror): then nothing below is checked.
	Entries iter.Seq2[StoredEntry, error]
	// Openings are those not erased, by leaf, entry and item. nil if the
	// auditor may not see contents: then vectors are checked, openings are not.
	Openings iter.Seq2[StoredOpening, error]
	// Erasures returns the commitments that an entry names as erased; nil for
	// an entry of any other kind. It is called with the kind and facts of every
	// entry whose own opening is there and right. It may be nil: then every
	// absent opening is a discrepancy. An entry that names erasures must not
	// have its own item 0 erased.
	Erasures func(kind string, facts []byte) ([]Hash, error)
}

// StoredLeaf is one leaf and the key of its batch.
type StoredLeaf struct {
	Index int64
	Leaf  []byte // LeafSize bytes
	Key   []byte // BatchKeySize bytes; not looked at if Log.Entries is nil
}

// StoredEntry is entry number Entry, in order of arrival, of the batch of a leaf.
type StoredEntry struct {
	Leaf   int64
	Entry  int
	Root   []byte // HashSize bytes; nil if it is not stored but always computed
	Vector []byte // see Vector.Bytes
}

// StoredOpening is the opening of one item of an entry.
type StoredOpening struct {
	Leaf  int64
	Entry int
	Item  int
	Key   []byte // KeySize bytes
	Facts []byte
}

// Report says how much VerifyLog has checked.
type Report struct {
	Newest      Checkpoint // of the whole log
	Checkpoints int64
	Leaves      int64
	Entries     int64
	Items       int64 // commitments, item 0 of each entry included
	Opened      int64 // of these, openings present and right
	Erased      int64 // of these, erased and named by an erasure
}

// Discrepancy is the first thing in a stored log that does not fit. Leaf, Entry
// and Item say where; -1 if that does not apply.
type Discrepancy struct {
	Part  Part
	Leaf  int64
	Entry int
	Item  int
	What  string // what does not fit with what
}

// Part is a part of a stored log.
type Part string

// The parts in which VerifyLog finds discrepancies.
const (
	PartCheckpoint Part = "checkpoint" // signature or form (Leaf -1), or root (Leaf = its last)
	PartLeaf       Part = "leaf"       // a leaf, or the tree hashes stored with it
	PartBatch      Part = "batch"      // entry roots and batch key against the leaf
	PartEntry      Part = "entry"      // vector against entry root
	PartOpening    Part = "opening"    // key and facts against the commitment
	PartErasure    Part = "erasure"    // an erasure that was not carried out, or cannot be read
)

func (d *Discrepancy) Error() string {
	s := "ledger: " + string(d.Part)
	if d.Leaf >= 0 {
		s += fmt.Sprintf(", leaf %d", d.Leaf)
	}
	if d.Entry >= 0 {
		s += fmt.Sprintf(", entry %d", d.Entry)
	}
	if d.Item >= 0 {
		s += fmt.Sprintf(", item %d", d.Item)
	}
	return s + ": " + d.What
}
