package ledger

import (
	"bytes"
	"strings"
	"testing"
)

// What parses is written back as the very same bytes: no two encodings mean the
// same proof. And verifying anything that parses ends, with an error or not.
func FuzzParseProof(f *testing.F) {
	s := newStored(f)
	for range 3 {
		s.add(f, s.entry("note", "{}"))
	}
	for n := range int64(3) {
		b, err := s.prove(f, n, 0, 3).Marshal()
		must(f, err)
		f.Add(b)
	}
	f.Add([]byte{})
	f.Add([]byte(proofMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseProof(b)
		if err != nil {
			return
		}
		again, err := p.Marshal()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("parsed, but written back differently: %v", err)
		}
		p.Verify(Hash{}, anyone{})
	})
}

func FuzzParseConsistencyProof(f *testing.F) {
	s := newStored(f)
	for range 7 {
		s.add(f)
	}
	for _, sizes := range [][2]int64{{0, 7}, {3, 7}, {4, 7}, {7, 7}} {
		p, err := ProveConsistency(sizes[0], sizes[1], &s.hashes)
		must(f, err)
		b, err := p.Marshal()
		must(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseConsistencyProof(b)
		if err != nil {
			return
		}
		again, err := p.Marshal()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("parsed, but written back differently: %v", err)
		}
		old, new := Checkpoint{Size: p.Old}, Checkpoint{Size: p.New, Root: Hash{1}}
		if p.Old > 0 && CheckConsistency(old, new, p) == nil {
			t.Fatal("shows a log with root 0… to begin another: that would be a broken hash")
		}
	})
}

// anyone accepts every signature, so that fuzzing reaches the text.
type anyone struct{}

func (anyone) Name() string                { return "n" }
func (anyone) KeyHash() uint32             { return 0x41424344 }
func (anyone) Verify(_, _ []byte) bool     { return true }
func (anyone) Sign([]byte) ([]byte, error) { return []byte("E"), nil }

func FuzzOpenCheckpoint(f *testing.F) {
	root := naiveHash([]byte("x"))
	for _, c := range []Checkpoint{{"n", 7, root}, {"n", 0, emptyRoot}, {"n", MaxLeaves, root}} {
		signed, err := SignCheckpoint(c, anyone{})
		must(f, err)
		f.Add(signed)
		f.Add([]byte(strings.Replace(string(signed), "\n\n", "\nextension\n\n", 1)))
	}
	f.Fuzz(func(t *testing.T, signed []byte) {
		c, err := OpenCheckpoint(anyone{}, signed)
		if err != nil {
			return
		}
		if c.Origin != "n" || c.Size < 0 || c.Size > MaxLeaves || !strings.HasPrefix(string(signed), c.text()) {
			t.Fatalf("opened as %+v", c)
		}
		if bare, err := openBare(anyone{}, signed); err == nil {
			signatures := signed[bytes.LastIndex(signed, []byte("\n\n"))+2:]
			if bare != c || bytes.Count(signatures, []byte("\n")) != 1 {
				t.Fatalf("not one signature: %q", signed)
			}
		}
	})
}

// ParseVector and ParseCommonFacts read what partners send.
func FuzzParseVector(f *testing.F) {
	f.Add(make([]byte, HashSize))
	f.Add(make([]byte, 3*HashSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ParseVector(b)
		if (err == nil) != (len(b)%HashSize == 0 && len(b) > 0 && len(b) <= (MaxItems+1)*HashSize) {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		if err == nil && !bytes.Equal(v.Bytes(), b) {
			t.Fatal("written back differently")
		}
	})
}

func FuzzParseCommonFacts(f *testing.F) {
	f.Add([]byte("release\n{}"))
	f.Add([]byte("a.b-1\n[1,2]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, facts, err := ParseCommonFacts(b)
		if err != nil {
			return
		}
		again, err := CommonFacts(kind, facts)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("written back differently: %q, %v", again, err)
		}
	})
}
