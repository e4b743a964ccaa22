package ledger

import (
	"fmt"
	"testing"
)

func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{200, 2000} {
		b.Run(fmt.Sprintf("facts=%d", size), func(b *testing.B) {
			facts := make([]byte, size)
			b.ReportAllocs()
			for b.Loop() {
				Commit(Key{1}, facts)
			}
		})
	}
}

func BenchmarkVectorRoot(b *testing.B) {
	v := make(Vector, 1001)
	for b.Loop() {
		v.Root()
	}
}

// BenchmarkBatch is the sequencer's work for one batch, per entry: tree, leaf,
// append to a log of a million leaves or so, signature.
func BenchmarkBatch(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000, 10000} {
		b.Run(fmt.Sprintf("entries=%d", n), func(b *testing.B) {
			s := newStored(b)
			roots := make([]Hash, n)
			for m := range roots {
				roots[m] = naiveHash(be32(m))
			}
			flat := flatReader{}
			for b.Loop() {
				batch, err := NewBatch(BatchKey{1}, roots)
				must(b, err)
				_, root, err := Append(Leaf{1, batch.Root()}, 1<<20-1, flat)
				must(b, err)
				_, err = SignCheckpoint(Checkpoint{testOrigin, 1 << 20, root}, s.signer)
				must(b, err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/entry")
		})
	}
}

// flatReader is a store in which every hash is zero.
type flatReader struct{}

func (flatReader) ReadHashes(indexes []int64) ([]Hash, error) { return make([]Hash, len(indexes)), nil }

func BenchmarkProof(b *testing.B) {
	s := newStored(b)
	openings := s.entry("release", "{}", "report 1")
	for n := range 1024 {
		if n == 500 {
			s.add(b, s.entry("note", "{}"), openings)
		} else {
			s.add(b)
		}
	}
	vector, err := NewVector(openings)
	must(b, err)
	batch := s.batch(b, 500)
	leaf, err := ParseLeaf(s.leaves[500].Leaf)
	must(b, err)
	var encoded []byte
	b.Run("prove", func(b *testing.B) {
		for b.Loop() {
			p, err := Prove(batch, 1, 500, leaf, s.checkpoints[1023], &s.hashes)
			must(b, err)
			encoded, err = p.Marshal()
			must(b, err)
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			p, err := ParseProof(encoded)
			must(b, err)
			_, err = p.Verify(vector.Root(), s.verifier)
			must(b, err)
		}
	})
	b.Run("consistency", func(b *testing.B) {
		old, err := OpenCheckpoint(s.verifier, s.checkpoints[699])
		must(b, err)
		new, err := OpenCheckpoint(s.verifier, s.checkpoints[1023])
		must(b, err)
		for b.Loop() {
			p, err := ProveConsistency(old.Size, new.Size, &s.hashes)
			must(b, err)
			must(b, CheckConsistency(old, new, p))
		}
	})
}

func BenchmarkVerifyLog(b *testing.B) {
	s := newStored(b)
	for range 100 {
		var batch [][]Opening
		for range 10 {
			batch = append(batch, s.entry("accept", `{"partner":"meridian"}`, "object 1", "object 2", "object 3"))
		}
		s.add(b, batch...)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, err := VerifyLog(s.log(), s.verifier)
		must(b, err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(s.entries)), "ns/entry")
}
