package ledger

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows that an entry is in a log that somebody signed. It does not hold
// the entry root: that is computed from what was received (Vector.Root).
type Proof struct {
	Index      int64            // which leaf
	Leaf       Leaf             // the leaf
	Path       Path             // from the entry root to Leaf.Batch
	Inclusion  tlog.RecordProof // from the leaf to the checkpoint's root, at most 48 hashes
	Checkpoint []byte           // signed by the log, by nobody else; see SignCheckpoint
}

// Prove returns the proof that entry m of batch b, whose leaf has the given
// index, is in the log of the checkpoint. It reads tree hashes through r and
// checks that they lead to the checkpoint's root; it does not check the
// signature, for the checkpoint is the caller's own.
func Prove(b *Batch, m int, index int64, leaf Leaf, checkpoint []byte, r tlog.HashReader) (Proof, error) {
	c, err := parseCheckpoint(string(checkpoint))
	if err != nil {
		return Proof{}, err
	}
	if index < 0 || index >= c.Size {
		return Proof{}, fmt.Errorf("ledger: leaf %d is not in the checkpoint of %d leaves; use a newer one", index, c.Size)
	}
	if b.Root() != leaf.Batch {
		return Proof{}, fmt.Errorf("ledger: leaf %d: entry roots and batch key do not lead to the leaf's batch root; check the ledger", index)
	}
	path, err := b.Path(m)
	if err != nil {
		return Proof{}, err
	}
	inclusion, err := tlog.ProveRecord(c.Size, index, r)
	if err != nil {
		return Proof{}, fmt.Errorf("ledger: prove leaf %d in %d: %w", index, c.Size, err)
	}
	p := Proof{Index: index, Leaf: leaf, Path: path, Inclusion: inclusion, Checkpoint: checkpoint}
	if err := p.checkInclusion(c); err != nil {
		return Proof{}, fmt.Errorf("%w; stored tree hashes are wrong, check the ledger", err)
	}
	return p, nil
}

// Verify returns the checkpoint that the proof ties the entry to, or an error if
// any part of the proof does not hold. v is the verifier of the log's node.
// Whoever keeps checkpoints compares the one returned with those seen before
// (CheckConsistency).
func (p Proof) Verify(entryRoot Hash, v note.Verifier) (Checkpoint, error) {
	c, err := openBare(v, p.Checkpoint)
	if err != nil {
		return Checkpoint{}, err
	}
	if p.Path.Root(entryRoot) != p.Leaf.Batch {
		return Checkpoint{}, fmt.Errorf("ledger: proof for leaf %d of %q is not for this entry: its path does not lead from the entry root to the batch", p.Index, c.Origin)
	}
	if err := p.checkInclusion(c); err != nil {
		return Checkpoint{}, err
	}
	return c, nil
}

func (p Proof) checkInclusion(c Checkpoint) error {
	b := p.Leaf.Bytes()
	if err := tlog.CheckRecord(p.Inclusion, c.Size, c.Root, p.Index, tlog.RecordHash(b[:])); err != nil {
		return fmt.Errorf("ledger: leaf %d is not in the log of %q at size %d: path does not lead to the root", p.Index, c.Origin, c.Size)
	}
	return nil
}

// ConsistencyProof shows that the log of one checkpoint begins with the log of
// an earlier one (RFC 6962 section 2.1.2).
type ConsistencyProof struct {
	Old, New int64          // leaves of the two logs, Old <= New
	Hashes   tlog.TreeProof // at most 49; none if Old is 0 or New
}

// ProveConsistency returns the proof between the logs of old and new leaves,
// reading tree hashes through r.
func ProveConsistency(old, new int64, r tlog.HashReader) (ConsistencyProof, error) {
	if old < 0 || old > new || new > MaxLeaves {
		return ConsistencyProof{}, fmt.Errorf("ledger: no consistency proof from %d to %d leaves", old, new)
	}
	p := ConsistencyProof{Old: old, New: new}
	if old == 0 || old == new {
		return p, nil
	}
	var err error
	if p.Hashes, err = tlog.ProveTree(new, old, r); err != nil {
		return ConsistencyProof{}, fmt.Errorf("ledger: prove consistency of %d and %d leaves: %w", old, new, err)
	}
	return p, nil
}

// ErrFork means that a log signed two different roots for the same number of
// leaves, and so was rewritten or shown differently to different partners. The
// two signed checkpoints are the evidence: keep both.
var ErrFork = errors.New("two different logs were signed")

// CheckConsistency returns nil if p shows that the log of new begins with the
// log of old. Both must have been opened with OpenCheckpoint. A proof that does
// not hold may just be a bad proof: ask for another one; only ErrFork stands by
// itself.
func CheckConsistency(old, new Checkpoint, p ConsistencyProof) error {
	if old.Origin != new.Origin {
		return fmt.Errorf("ledger: checkpoints of two logs, %q and %q, cannot be compared", old.Origin, new.Origin)
	}
	if p.Old != old.Size || p.New != new.Size || old.Size < 0 || old.Size > new.Size || new.Size > MaxLeaves {
		return fmt.Errorf("ledger: proof from %d to %d leaves is not for checkpoints of %d and %d", p.Old, p.New, old.Size, new.Size)
	}
	if old.Size == new.Size && old.Root != new.Root {
		return fmt.Errorf("ledger: log of %q at %d leaves: %w", old.Origin, old.Size, ErrFork)
	}
	var err error
	if old.Size == 0 || old.Size == new.Size {
		if len(p.Hashes) != 0 {
			err = errors.New("no hashes belong here")
		}
	} else {
		err = tlog.CheckTree(p.Hashes, new.Size, new.Root, old.Size, old.Root)
	}
	if err != nil {
		return fmt.Errorf("ledger: not shown that the log of %q at %d leaves continues that at %d: %w", old.Origin, new.Size, old.Size, err)
	}
	return nil
}
