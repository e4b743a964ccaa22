package ledger

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

// vectors is testdata/vectors.json: one small log with everything that can be
// computed from it. Bytes are in lower-case hex, proofs in base64.
type vectors struct {
	About       string              `json:"about"`
	SigningSeed string              `json:"signing_seed"`
	VerifierKey string              `json:"verifier_key"`
	Entries     []vectorEntry       `json:"entries"`
	Leaves      []vectorLeaf        `json:"leaves"`
	TreeHashes  []string            `json:"tree_hashes"`
	Checkpoints []string            `json:"checkpoints"`
	Proofs      []vectorProof       `json:"proofs"`
	Consistency []vectorConsistency `json:"consistency"`
	Refused     []vectorRefused     `json:"refused"`
}

type vectorEntry struct {
	Leaf     int64           `json:"leaf"`
	Entry    int             `json:"entry"`
	Openings []vectorOpening `json:"openings"`
	Vector   string          `json:"vector"`
	Root     string          `json:"root"`
	Place    uint16          `json:"place"`
}

type vectorOpening struct {
	Key   string `json:"key"`
	Facts string `json:"facts"` // as text
}

type vectorLeaf struct {
	BatchKey string `json:"batch_key"`
	Leaf     string `json:"leaf"`
}

type vectorProof struct {
	Leaf  int64  `json:"leaf"`
	Entry int    `json:"entry"`
	Size  int    `json:"size"`
	Proof string `json:"proof"`
}

type vectorConsistency struct {
	Old   int    `json:"old"`
	New   int    `json:"new"`
	Proof string `json:"proof"`
}

// vectorRefused is a good proof (by kind and position in its list) with one byte
// changed: it must be refused.
type vectorRefused struct {
	Why  string `json:"why"`
	Of   string `json:"of"` // "proofs" or "consistency"
	N    int    `json:"n"`
	Byte int    `json:"byte"`
	XOR  byte   `json:"xor"`
}

const vectorFile = "testdata/vectors.json"

// TestVectors computes the vectors and compares them with the file, which says
// that formats have not changed.
func TestVectors(t *testing.T) {
	got, err := json.MarshalIndent(makeVectors(t), "", " ")
	must(t, err)
	got = append(got, '\n')
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(vectorFile, got, 0o644))
	}
	want, err := os.ReadFile(vectorFile)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the code computes: a format has changed. If that is meant, raise the version and run go test -update", vectorFile)
	}
}

func makeVectors(t *testing.T) vectors {
	s := auditLog(t)
	s.add(t, s.entry("note", `"the fifth leaf"`), s.entry("note", "1"), s.entry("note", "2"), s.entry("note", "3"), s.entry("note", "4"))
	key := testKey("signing key of " + testOrigin)
	vkey, err := note.NewEd25519VerifierKey(testOrigin, key.Public().(ed25519.PublicKey))
	must(t, err)
	v := vectors{
		About:       "Entente ledger, version 1; see FORMAT.md. An opening without a key is erased.",
		SigningSeed: hex.EncodeToString(key.Seed()), VerifierKey: vkey,
		Refused: []vectorRefused{
			{"unknown version", "proofs", 0, 7, 1},
			{"another leaf index", "proofs", 0, atIndex + 7, 1},
			{"unknown leaf version", "proofs", 0, atLeaf, 2},
			{"reserved byte of the leaf", "proofs", 0, atLeaf + 47, 1},
			{"another place in the batch", "proofs", 0, atPlace + 1, 1},
			{"one inclusion hash more", "proofs", 0, atInclusions + 1, 1},
			{"checkpoint one byte longer", "proofs", 0, atTextSize + 3, 1},
			{"filler in the path", "proofs", 0, atSiblings, 1},
			{"unused inclusion hash not zero", "proofs", 0, atText - 1, 1},
			{"padding after the checkpoint not zero", "proofs", 0, ProofSize - 1, 1},
			{"unknown version", "consistency", 0, 7, 1},
			{"another old size", "consistency", 0, 15, 1},
			{"altered hash", "consistency", 0, atConsistency, 1},
			{"padding not zero", "consistency", 0, ConsistencyProofSize - 1, 1},
		},
	}
	for _, e := range s.entries {
		path, err := s.batch(t, e.Leaf).Path(e.Entry)
		must(t, err)
		entry := vectorEntry{e.Leaf, e.Entry, make([]vectorOpening, len(e.Vector)/HashSize), hex.EncodeToString(e.Vector), hex.EncodeToString(e.Root), path.Place}
		for _, o := range s.openings {
			if o.Leaf == e.Leaf && o.Entry == e.Entry {
				entry.Openings[o.Item] = vectorOpening{hex.EncodeToString(o.Key), string(o.Facts)}
			}
		}
		v.Entries = append(v.Entries, entry)
	}
	for _, leaf := range s.leaves {
		v.Leaves = append(v.Leaves, vectorLeaf{hex.EncodeToString(leaf.Key), hex.EncodeToString(leaf.Leaf)})
	}
	for _, h := range s.hashes {
		v.TreeHashes = append(v.TreeHashes, hex.EncodeToString(h[:]))
	}
	for _, text := range s.checkpoints {
		v.Checkpoints = append(v.Checkpoints, string(text))
	}
	for _, p := range []vectorProof{{0, 0, 1, ""}, {2, 0, 5, ""}, {4, 3, 5, ""}} {
		b, err := s.prove(t, p.Leaf, p.Entry, p.Size).Marshal()
		must(t, err)
		p.Proof = base64.StdEncoding.EncodeToString(b)
		v.Proofs = append(v.Proofs, p)
	}
	for _, c := range []vectorConsistency{{3, 5, ""}, {4, 5, ""}, {5, 5, ""}} {
		p, err := ProveConsistency(int64(c.Old), int64(c.New), &s.hashes)
		must(t, err)
		b, err := p.Marshal()
		must(t, err)
		c.Proof = base64.StdEncoding.EncodeToString(b)
		v.Consistency = append(v.Consistency, c)
	}
	return v
}

// TestVectorsAsReader uses the file as somebody else would: with nothing but
// what is in it.
func TestVectorsAsReader(t *testing.T) {
	file, err := os.ReadFile(vectorFile)
	must(t, err)
	var v vectors
	must(t, json.Unmarshal(file, &v))
	verifier, err := note.NewVerifier(v.VerifierKey)
	must(t, err)
	checkpoint := func(size int) Checkpoint {
		c, err := OpenCheckpoint(verifier, []byte(v.Checkpoints[size-1]))
		must(t, err)
		return c
	}
	roots := map[[2]int64]Hash{}
	for _, e := range v.Entries {
		vector, err := ParseVector(unhex(t, e.Vector))
		must(t, err)
		for i, o := range e.Openings {
			if o.Key == "" {
				continue
			}
			must(t, vector.Check(i, Opening{Key(unhex(t, o.Key)), []byte(o.Facts)}))
		}
		if root := vector.Root(); hex.EncodeToString(root[:]) != e.Root {
			t.Errorf("entry %d of leaf %d has root %x", e.Entry, e.Leaf, root)
		}
		roots[[2]int64{e.Leaf, int64(e.Entry)}] = vector.Root()
	}
	proof := func(n int, b []byte) error {
		p, err := ParseProof(b)
		if err != nil {
			return err
		}
		of := v.Proofs[n]
		_, err = p.Verify(roots[[2]int64{of.Leaf, int64(of.Entry)}], verifier)
		return err
	}
	consistency := func(n int, b []byte) error {
		p, err := ParseConsistencyProof(b)
		if err != nil {
			return err
		}
		return CheckConsistency(checkpoint(v.Consistency[n].Old), checkpoint(v.Consistency[n].New), p)
	}
	for n, p := range v.Proofs {
		if err := proof(n, unbase64(t, p.Proof)); err != nil {
			t.Errorf("proof %d: %v", n, err)
		}
	}
	for n, p := range v.Consistency {
		if err := consistency(n, unbase64(t, p.Proof)); err != nil {
			t.Errorf("consistency proof %d: %v", n, err)
		}
	}
	for _, r := range v.Refused {
		check, text := proof, ""
		if r.Of == "consistency" {
			check, text = consistency, v.Consistency[r.N].Proof
		} else {
			text = v.Proofs[r.N].Proof
		}
		b := unbase64(t, text)
		b[r.Byte] ^= r.XOR
		if check(r.N, b) == nil {
			t.Errorf("accepted: %s %d with %s", r.Of, r.N, r.Why)
		}
	}
	var leaves [][]byte
	for n, leaf := range v.Leaves {
		leaves = append(leaves, unhex(t, leaf.Leaf))
		if naiveTree(leaves) != checkpoint(n+1).Root {
			t.Errorf("root at size %d", n+1)
		}
		if h := tlog.RecordHash(leaves[n]); hex.EncodeToString(h[:]) != v.TreeHashes[tlog.StoredHashIndex(0, int64(n))] {
			t.Errorf("tree hash of leaf %d", n)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	must(t, err)
	return b
}

func unbase64(t *testing.T, s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	must(t, err)
	return b
}
