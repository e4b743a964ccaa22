package ledger

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// drawLog makes a log of random shape: some empty batches, some larger.
func drawLog(t *rapid.T, tb testing.TB) (*stored, [][][]Opening) {
	s := newStored(tb)
	var all [][][]Opening
	for range rapid.IntRange(1, 20).Draw(t, "leaves") {
		var batch [][]Opening
		for m := range rapid.IntRange(0, 5).Draw(t, "entries") {
			var items []string
			for i := range rapid.IntRange(0, 4).Draw(t, "items") {
				items = append(items, fmt.Sprintf("item %d of entry %d", i, m))
			}
			batch = append(batch, s.entry("note", "{}", items...))
		}
		s.add(tb, batch...)
		all = append(all, batch)
	}
	return s, all
}

// Every root is the one that the naive model computes, and every entry can be
// proved against every checkpoint that has it; no other entry root passes.
func TestAppendProveVerify(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s, all := drawLog(r, t)
		var leaves [][]byte
		for n, batch := range all {
			leaf, err := ParseLeaf(s.leaves[n].Leaf)
			must(t, err)
			key := BatchKey(s.leaves[n].Key)
			at := map[int]Hash{}
			for m, place := range naivePlaces(key, len(batch)) {
				v, err := NewVector(batch[m])
				must(t, err)
				at[place] = naiveRoot(v)
			}
			if want := naiveBatch(key, at, BatchDepth, 0); leaf.Batch != want {
				r.Fatalf("batch %d has root %s, the model %s", n, leaf.Batch, want)
			}
			leaves = append(leaves, s.leaves[n].Leaf)
			c, err := OpenCheckpoint(s.verifier, s.checkpoints[n])
			must(t, err)
			if want := naiveTree(leaves); c.Root != want {
				r.Fatalf("root at size %d is %s, the model's %s", n+1, c.Root, want)
			}
		}
		size := rapid.IntRange(1, len(all)).Draw(r, "size")
		for n, batch := range all[:size] {
			for m, openings := range batch {
				v, err := NewVector(openings)
				must(t, err)
				b, err := s.prove(t, int64(n), m, size).Marshal()
				must(t, err)
				p, err := ParseProof(b)
				must(t, err)
				c, err := p.Verify(v.Root(), s.verifier)
				if err != nil || c.Size != int64(size) {
					r.Fatalf("leaf %d, entry %d in %d leaves: %v, %v", n, m, size, c, err)
				}
				wrong := v.Root()
				wrong[n] ^= 1
				if _, err := p.Verify(wrong, s.verifier); err == nil {
					r.Fatalf("leaf %d: another entry root accepted", n)
				}
			}
		}
		report, err := VerifyLog(s.log(), s.verifier)
		if err != nil || report.Leaves != int64(len(all)) || report.Items != report.Opened || report.Erased != 0 {
			r.Fatalf("VerifyLog: %+v, %v", report, err)
		}
	})
}

// A path is an ordinary RFC 6962 audit path, and the tree over leaves an
// ordinary RFC 6962 tree: tlog agrees without knowing of batches.
func TestPathIsAuditPath(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		key := BatchKey{byte(rapid.IntRange(0, 255).Draw(r, "key"))}
		roots := make([]Hash, rapid.IntRange(1, 200).Draw(r, "entries"))
		for m := range roots {
			roots[m] = naiveHash(be32(m))
		}
		b, err := NewBatch(key, roots)
		must(t, err)
		m := rapid.IntRange(0, len(roots)-1).Draw(r, "entry")
		p, err := b.Path(m)
		must(t, err)
		if p.Root(roots[m]) != b.Root() {
			r.Fatal("path does not lead to the root")
		}
		if err := tlog.CheckRecord(p.Siblings[:], MaxEntries, b.Root(), int64(p.Place), tlog.RecordHash(roots[m][:])); err != nil {
			r.Fatal(err)
		}
	})
}

// Any two checkpoints of one log are consistent; those of a log that was
// rewritten are not, whichever proof is offered.
func TestConsistency(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s, _ := drawLog(r, t)
		fork := newStored(t)
		fork.count = 1 << 20 // other keys, other leaves
		for range s.leaves {
			fork.add(t)
		}
		new := rapid.IntRange(0, len(s.leaves)).Draw(r, "new")
		old := rapid.IntRange(0, new).Draw(r, "old")
		at := func(s *stored, n int) Checkpoint {
			root, err := tlog.TreeHash(int64(n), &s.hashes)
			must(t, err)
			return Checkpoint{testOrigin, int64(n), root}
		}
		for _, prover := range []*stored{s, fork} {
			p, err := ProveConsistency(int64(old), int64(new), &prover.hashes)
			must(t, err)
			b, err := p.Marshal()
			must(t, err)
			p, err = ParseConsistencyProof(b)
			must(t, err)
			if err := CheckConsistency(at(prover, old), at(prover, new), p); err != nil {
				r.Fatalf("%d to %d: %v", old, new, err)
			}
			if old == 0 {
				continue // nothing to contradict
			}
			if CheckConsistency(at(s, old), at(fork, new), p) == nil || CheckConsistency(at(fork, old), at(s, new), p) == nil {
				r.Fatalf("%d to %d: a rewritten log passes", old, new)
			}
		}
	})
}

func TestConsistencyLimits(t *testing.T) {
	for _, c := range [][2]int64{{-1, 1}, {2, 1}, {0, MaxLeaves + 1}, {1, 2}} {
		if _, err := ProveConsistency(c[0], c[1], &hashStore{}); err == nil {
			t.Errorf("proof from %d to %d of an empty store", c[0], c[1])
		}
	}
	// tlog never returns for sizes like this one.
	huge := Checkpoint{testOrigin, 1<<62 + 1, Hash{}}
	if CheckConsistency(Checkpoint{testOrigin, 1, Hash{}}, huge, ConsistencyProof{Old: 1, New: huge.Size, Hashes: make([]Hash, 1)}) == nil {
		t.Error("a log beyond the limit accepted")
	}
}
