package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// VerifyLog recomputes a whole log from what is stored and compares everything
// with everything. It returns a *Discrepancy for the first thing that does not
// fit, in order of leaves; erasures are settled last. Any other error means that
// reading failed and nothing is known. Memory grows with the number of erased
// items (about 100 bytes each) and the largest batch, not with the log.
func VerifyLog(l Log, v note.Verifier) (Report, error) {
	c := &check{
		log: l, verifier: v, erasures: map[Hash]erasure{},
		checkpoints: newCursor(l.Checkpoints),
		hashes:      newCursor(l.Hashes),
		entries:     newCursor(l.Entries),
		openings:    newCursor(l.Openings),
	}
	defer c.checkpoints.stop()
	defer c.hashes.stop()
	defer c.entries.stop()
	defer c.openings.stop()
	err := c.run()
	return c.report, err
}

// check is the state of one VerifyLog.
type check struct {
	log         Log
	verifier    note.Verifier
	report      Report
	tree        frontier
	checkpoints cursor[[]byte]
	hashes      cursor[[]byte]
	entries     cursor[StoredEntry]
	openings    cursor[StoredOpening]
	next        *Checkpoint // the next checkpoint to compare, already opened
	erasures    map[Hash]erasure
}

func (c *check) run() error {
	if err := c.compareCheckpoints(); err != nil { // of the empty log
		return err
	}
	for leaf, err := range sequence(c.log.Leaves) {
		if err == nil {
			err = c.leaf(leaf)
		}
		if err == nil {
			err = c.compareCheckpoints()
		}
		if err != nil {
			return err
		}
	}
	return c.ends()
}

// leaf checks one leaf, the hashes stored with it, and its batch.
func (c *check) leaf(s StoredLeaf) error {
	n := c.report.Leaves
	if s.Index != n {
		return &Discrepancy{PartLeaf, n, -1, -1, fmt.Sprintf("missing or out of order: the next leaf stored is %d", s.Index)}
	}
	leaf, err := ParseLeaf(s.Leaf)
	if err != nil {
		return &Discrepancy{PartLeaf, n, -1, -1, err.Error()}
	}
	want, err := tlog.StoredHashes(n, s.Leaf, &c.tree)
	if err != nil {
		return err
	}
	for level, h := range want {
		stored, err := c.hashes.take()
		if err != nil {
			return err
		}
		if stored == nil || string(*stored) != string(h[:]) {
			return &Discrepancy{PartLeaf, n, -1, -1, fmt.Sprintf("stored tree hash of level %d (index %d) does not follow from the leaves; it or a leaf was altered", level, tlog.StoredHashCount(n)+int64(level))}
		}
		c.tree.last[level] = h
	}
	c.report.Leaves++
	if c.log.Entries == nil {
		return nil
	}
	return c.batch(s, leaf)
}

// batch checks the entries of a leaf against its batch root.
func (c *check) batch(s StoredLeaf, leaf Leaf) error {
	if len(s.Key) != BatchKeySize {
		return &Discrepancy{PartBatch, s.Index, -1, -1, fmt.Sprintf("batch key has %d bytes, not %d", len(s.Key), BatchKeySize)}
	}
	var roots []Hash
	for {
		e, err := c.entries.peek()
		if err != nil {
			return err
		}
		if e == nil || e.Leaf != s.Index {
			break
		}
		if e.Entry != len(roots) || len(roots) == MaxEntries {
			return &Discrepancy{PartEntry, s.Index, len(roots), -1, fmt.Sprintf("missing, too many or out of order: the next entry stored is %d", e.Entry)}
		}
		root, err := c.entry(*e)
		if err != nil {
			return err
		}
		roots = append(roots, root)
		c.entries.drop()
	}
	b, err := NewBatch(BatchKey(s.Key), roots)
	if err != nil {
		return err
	}
	if b.Root() != leaf.Batch {
		return &Discrepancy{PartBatch, s.Index, -1, -1, fmt.Sprintf("the %d entries stored and the batch key do not lead to the leaf's batch root; an entry was added, removed or altered, or the key was", len(roots))}
	}
	return nil
}

// entry checks one entry and returns its root.
func (c *check) entry(e StoredEntry) (Hash, error) {
	vector, err := ParseVector(e.Vector)
	if err != nil {
		return Hash{}, &Discrepancy{PartEntry, e.Leaf, e.Entry, -1, err.Error()}
	}
	root := vector.Root()
	if e.Root != nil && string(e.Root) != string(root[:]) {
		return Hash{}, &Discrepancy{PartEntry, e.Leaf, e.Entry, -1, "stored root does not follow from the stored vector; one of the two was altered"}
	}
	c.report.Entries++
	c.report.Items += int64(len(vector))
	if c.log.Openings == nil {
		return root, nil
	}
	return root, c.items(e, vector)
}

// compareCheckpoints compares the tree as it is now with all checkpoints of its size.
func (c *check) compareCheckpoints() error {
	for {
		if c.next == nil {
			signed, err := c.checkpoints.take()
			if err != nil || signed == nil {
				return err
			}
			cp, err := openBare(c.verifier, *signed)
			if err != nil {
				return &Discrepancy{PartCheckpoint, -1, -1, -1, fmt.Sprintf("the one after %d good ones: %v", c.report.Checkpoints, err)}
			}
			c.next = &cp
		}
		if c.next.Size > c.report.Leaves {
			return nil
		}
		if c.next.Size < c.report.Leaves {
			return &Discrepancy{PartCheckpoint, c.next.Size - 1, -1, -1, "out of order: checkpoints must be given by growing size"}
		}
		root, err := tlog.TreeHash(c.report.Leaves, &c.tree)
		if err != nil {
			return err
		}
		if c.next.Root != root {
			return &Discrepancy{PartCheckpoint, c.next.Size - 1, -1, -1, fmt.Sprintf("signed root %s, but the leaves lead to %s; the log was rewritten after it was signed", c.next.Root, root)}
		}
		c.report.Newest = *c.next
		c.report.Checkpoints++
		c.next = nil
	}
}

// ends checks that nothing is left over and nothing is missing at the end.
func (c *check) ends() error {
	n := c.report.Leaves
	if c.next != nil {
		return &Discrepancy{PartLeaf, n, -1, -1, fmt.Sprintf("missing: a signed checkpoint has %d leaves, only %d are stored", c.next.Size, n)}
	}
	if c.report.Checkpoints == 0 || c.report.Newest.Size != n {
		return &Discrepancy{PartCheckpoint, n - 1, -1, -1, fmt.Sprintf("missing: no signed checkpoint of all %d leaves; the newest has %d", n, c.report.Newest.Size)}
	}
	if h, err := c.hashes.peek(); err != nil {
		return err
	} else if h != nil {
		return &Discrepancy{PartLeaf, n, -1, -1, "missing: a tree hash is stored for it"}
	}
	if e, err := c.entries.peek(); err != nil {
		return err
	} else if e != nil {
		return &Discrepancy{PartEntry, e.Leaf, e.Entry, -1, "stored for a leaf that does not exist, or out of order"}
	}
	if o, err := c.openings.peek(); err != nil {
		return err
	} else if o != nil {
		return o.misplaced()
	}
	return c.settleErasures()
}

// frontier holds the last complete subtree of each level of a growing tree: all
// that tlog needs to append a leaf or compute the root.
type frontier struct{ last [maxInclusion + 1]Hash }

// ReadHashes implements tlog.HashReader for the indexes of the right edge.
func (f *frontier) ReadHashes(indexes []int64) ([]Hash, error) {
	hashes := make([]Hash, len(indexes))
	for i, at := range indexes {
		level, _ := tlog.SplitStoredHashIndex(at)
		hashes[i] = f.last[level]
	}
	return hashes, nil
}
