package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func TestSignCheckpoint(t *testing.T) {
	s := newStored(t)
	root := naiveHash([]byte("x"))
	for _, c := range []struct {
		name string
		c    Checkpoint
		ok   bool
	}{
		{"good", Checkpoint{testOrigin, 7, root}, true},
		{"empty log", Checkpoint{testOrigin, 0, naiveTree(nil)}, true},
		{"largest log", Checkpoint{testOrigin, MaxLeaves, root}, true},
		{"empty log with a root", Checkpoint{testOrigin, 0, root}, false},
		{"negative size", Checkpoint{testOrigin, -1, root}, false},
		{"too large", Checkpoint{testOrigin, MaxLeaves + 1, root}, false},
		{"other origin", Checkpoint{"meridian.example", 7, root}, false},
	} {
		signed, err := SignCheckpoint(c.c, s.signer)
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v, want ok = %v", c.name, err, c.ok)
			continue
		}
		if !c.ok {
			continue
		}
		if got, err := OpenCheckpoint(s.verifier, signed); err != nil || got != c.c {
			t.Errorf("%s: opened as %v, %v", c.name, got, err)
		}
		if again, _ := SignCheckpoint(c.c, s.signer); string(again) != string(signed) {
			t.Errorf("%s: signed twice, differs", c.name)
		}
	}
}

func TestNames(t *testing.T) {
	key := testKey("k")
	for name, ok := range map[string]bool{
		"nordlys": true, "Крепость.example/узел": true, strings.Repeat("n", MaxOrigin): true,
		"": false, "two words": false, "a+b": false, "a\nb": false, "\xff": false, strings.Repeat("n", MaxOrigin+1): false,
	} {
		if _, err := NewSigner(name, key); (err == nil) != ok {
			t.Errorf("NewSigner(%.20q): %v, want ok = %v", name, err, ok)
		}
		if _, err := NewVerifier(name, key.Public().(ed25519.PublicKey)); (err == nil) != ok {
			t.Errorf("NewVerifier(%.20q): %v, want ok = %v", name, err, ok)
		}
	}
	if _, err := NewSigner("n", key[:31]); err == nil {
		t.Error("short signing key accepted")
	}
	if _, err := NewVerifier("n", ed25519.PublicKey(key[:31])); err == nil {
		t.Error("short public key accepted")
	}
}

// Texts that a careless parser would take, all properly signed.
func TestOpenCheckpointRefuses(t *testing.T) {
	s := newStored(t)
	root := naiveHash([]byte("x")).String()
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"good":                {testOrigin + "\n7\n" + root + "\n", true},
		"extension line":      {testOrigin + "\n7\n" + root + "\nmore\n", true},
		"other origin":        {"meridian.example\n7\n" + root + "\n", false},
		"no origin":           {"\n7\n" + root + "\n", false},
		"leading zero":        {testOrigin + "\n07\n" + root + "\n", false},
		"plus sign":           {testOrigin + "\n+7\n" + root + "\n", false},
		"negative":            {testOrigin + "\n-7\n" + root + "\n", false},
		"beyond the limit":    {testOrigin + "\n4611686018427387905\n" + root + "\n", false},
		"not a number":        {testOrigin + "\nseven\n" + root + "\n", false},
		"short root":          {testOrigin + "\n7\nAAAA\n", false},
		"root with spare bit": {testOrigin + "\n7\n" + root[:42] + string(root[42]+1) + "=\n", false},
		"two lines":           {testOrigin + "\n7\n", false},
		"empty with a root":   {testOrigin + "\n0\n" + root + "\n", false},
	} {
		signed, err := note.Sign(&note.Note{Text: c.text}, s.signer)
		must(t, err)
		if _, err := OpenCheckpoint(s.verifier, signed); (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok = %v", name, err, c.ok)
		}
	}
	for extra, ok := range map[int]bool{1000: true, MaxCheckpoint: false} {
		text := testOrigin + "\n7\n" + root + "\n" + strings.Repeat("x", extra) + "\n"
		signed, err := note.Sign(&note.Note{Text: text}, s.signer)
		must(t, err)
		if _, err := OpenCheckpoint(s.verifier, signed); (err == nil) != ok {
			t.Errorf("checkpoint of %d bytes: %v, want ok = %v", len(signed), err, ok)
		}
	}
}

// Every bit of a stored checkpoint counts, the spare bits of base64 too.
func TestCheckpointBitFlips(t *testing.T) {
	s := newStored(t)
	s.add(t, s.entry("note", "{}"))
	good := s.checkpoints[0]
	for bit := range 8 * len(good) {
		bad := append([]byte(nil), good...)
		bad[bit/8] ^= 1 << (bit % 8)
		if c, err := OpenCheckpoint(s.verifier, bad); err == nil {
			t.Errorf("bit %d flipped: opened as %v", bit, c)
		}
	}
	for n := range good {
		if _, err := OpenCheckpoint(s.verifier, good[:n]); err == nil {
			t.Errorf("cut to %d bytes: opened", n)
		}
	}
}

// A checkpoint signed by witnesses too can be opened, but has no place in a
// proof, where their signatures would be bits that nobody checks.
func TestCosignedCheckpoint(t *testing.T) {
	s := newStored(t)
	openings := s.entry("note", "{}")
	s.add(t, openings)
	p := s.prove(t, 0, 0, 1)
	vector, err := NewVector(openings)
	must(t, err)
	witness, err := NewSigner("oversight.example", testKey("witness"))
	must(t, err)
	n, err := note.Open(s.checkpoints[0], note.VerifierList(s.verifier))
	must(t, err)
	cosigned, err := note.Sign(n, witness)
	must(t, err)
	if c, err := OpenCheckpoint(s.verifier, cosigned); err != nil || c.Size != 1 {
		t.Errorf("cosigned checkpoint: %v, %v", c, err)
	}
	if _, err := OpenCheckpoint(witness.(signer).Verifier, cosigned); err == nil {
		t.Error("the witness's signature was taken for the log's")
	}
	p.Checkpoint = cosigned
	if _, err := p.Verify(vector.Root(), s.verifier); err == nil {
		t.Error("proof with a cosigned checkpoint accepted")
	}
}

func TestForkIsNamed(t *testing.T) {
	a := Checkpoint{testOrigin, 3, naiveHash([]byte("a"))}
	b := Checkpoint{testOrigin, 3, naiveHash([]byte("b"))}
	p := ConsistencyProof{Old: 3, New: 3}
	if err := CheckConsistency(a, a, p); err != nil {
		t.Errorf("a checkpoint with itself: %v", err)
	}
	if err := CheckConsistency(a, b, p); !errors.Is(err, ErrFork) {
		t.Errorf("two roots of one size: %v", err)
	}
	other := a
	other.Origin = "meridian.example"
	if err := CheckConsistency(a, other, p); err == nil || errors.Is(err, ErrFork) {
		t.Errorf("two logs: %v", err)
	}
	if err := CheckConsistency(a, a, ConsistencyProof{Old: 3, New: 3, Hashes: make([]Hash, 1)}); err == nil {
		t.Error("needless hash accepted")
	}
	if err := CheckConsistency(a, a, ConsistencyProof{Old: 2, New: 3}); err == nil {
		t.Error("proof for another size accepted")
	}
}

// The key in an introduction card and the note verifier key are the same thing.
func TestVerifierKeyFormat(t *testing.T) {
	s := newStored(t)
	pub := testKey("signing key of " + testOrigin).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(testOrigin, pub)
	must(t, err)
	if !strings.HasSuffix(vkey, base64.StdEncoding.EncodeToString(append([]byte{1}, pub...))) {
		t.Errorf("verifier key %q does not end in the key", vkey)
	}
	v, err := note.NewVerifier(vkey)
	must(t, err)
	if v.KeyHash() != s.signer.KeyHash() || v.Name() != s.signer.Name() {
		t.Error("signer and note verifier disagree")
	}
}
