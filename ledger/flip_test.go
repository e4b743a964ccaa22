package ledger

import (
	"testing"
)

// flips calls f with b once for each of its bits flipped.
func flips(b []byte, f func(bit int, flipped []byte)) {
	for bit := range 8 * len(b) {
		b[bit/8] ^= 1 << (bit % 8)
		f(bit, b)
		b[bit/8] ^= 1 << (bit % 8)
	}
}

func TestProofBitFlips(t *testing.T) {
	t.Parallel()
	s := newStored(t)
	openings := s.entry("release", "{}", "report 1")
	for n := range 11 {
		if n == 5 {
			s.add(t, s.entry("note", "{}"), openings)
		} else {
			s.add(t, s.entry("note", "{}"))
		}
	}
	vector, err := NewVector(openings)
	must(t, err)
	root := vector.Root()
	b, err := s.prove(t, 5, 1, 11).Marshal()
	must(t, err)
	verify := func(b []byte) error {
		p, err := ParseProof(b)
		if err == nil {
			_, err = p.Verify(root, s.verifier)
		}
		return err
	}
	must(t, verify(b))
	flips(b, func(bit int, flipped []byte) {
		if verify(flipped) == nil {
			t.Errorf("proof with bit %d (byte %d) flipped accepted", bit, bit/8)
		}
	})
	for _, n := range []int{0, 1, ProofSize - 1} {
		if verify(b[:n]) == nil {
			t.Errorf("proof cut to %d bytes accepted", n)
		}
	}
	if verify(append(b, 0)) == nil {
		t.Error("proof with a byte more accepted")
	}
	flips(root[:], func(bit int, _ []byte) {
		if verify(b) == nil {
			t.Errorf("entry root with bit %d flipped accepted", bit)
		}
	})
}

func TestConsistencyProofBitFlips(t *testing.T) {
	s := newStored(t)
	for range 11 {
		s.add(t)
	}
	for _, sizes := range [][2]int{{3, 11}, {8, 11}, {7, 8}, {11, 11}} {
		old, err := OpenCheckpoint(s.verifier, s.checkpoints[sizes[0]-1])
		must(t, err)
		new, err := OpenCheckpoint(s.verifier, s.checkpoints[sizes[1]-1])
		must(t, err)
		p, err := ProveConsistency(old.Size, new.Size, &s.hashes)
		must(t, err)
		b, err := p.Marshal()
		must(t, err)
		check := func(b []byte) error {
			p, err := ParseConsistencyProof(b)
			if err == nil {
				err = CheckConsistency(old, new, p)
			}
			return err
		}
		must(t, check(b))
		flips(b, func(bit int, flipped []byte) {
			if check(flipped) == nil {
				t.Errorf("proof %v with bit %d (byte %d) flipped accepted", sizes, bit, bit/8)
			}
		})
	}
}
