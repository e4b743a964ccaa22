package ledger

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func parseHashList(facts []byte) (list []Hash, err error) {
	err = json.Unmarshal(facts, &list)
	return list, err
}

func TestCommonFacts(t *testing.T) {
	for _, c := range []struct {
		kind, facts string
		ok          bool
	}{
		{"release", `{"partner":"meridian"}`, true},
		{"a", `null`, true},
		{"list-1.import", `[]`, true},
		{strings.Repeat("k", 64), `{}`, true},
		{strings.Repeat("k", 65), `{}`, false},
		{"", `{}`, false},
		{"Release", `{}`, false},
		{"1st", `{}`, false},
		{"two words", `{}`, false},
		{"a\nb", `{}`, false},
		{"release", ``, false},
		{"release", `{`, false},
		{"release", `{}{}`, false},
		{"release", `"` + strings.Repeat("x", MaxFacts) + `"`, false},
	} {
		common, err := CommonFacts(c.kind, []byte(c.facts))
		if (err == nil) != c.ok {
			t.Errorf("CommonFacts(%.20q, %.20q): error %v, want ok = %v", c.kind, c.facts, err, c.ok)
			continue
		}
		if !c.ok {
			continue
		}
		kind, facts, err := ParseCommonFacts(common)
		if err != nil || kind != c.kind || string(facts) != c.facts {
			t.Errorf("ParseCommonFacts(%q) = %q, %q, %v", common, kind, facts, err)
		}
	}
	for _, bad := range []string{"", "release", "release\n", "release {}", "\n{}"} {
		if _, _, err := ParseCommonFacts([]byte(bad)); err == nil {
			t.Errorf("ParseCommonFacts(%q) accepted", bad)
		}
	}
}

func TestVectorLimits(t *testing.T) {
	s := newStored(t)
	common := s.opening("note\n{}")
	item := s.opening("x")
	many := make([]Opening, MaxItems+1)
	for i := range many {
		many[i] = item
	}
	many[0] = common
	for name, c := range map[string]struct {
		openings []Opening
		ok       bool
	}{
		"nothing":           {nil, false},
		"item 0 only":       {[]Opening{common}, true},
		"as many as may be": {many, true},
		"one too many":      {append(many, item), false},
		"item 0 not common": {[]Opening{item}, false},
		"largest facts":     {[]Opening{common, {Facts: make([]byte, MaxFacts)}}, true},
		"facts too large":   {[]Opening{common, {Facts: make([]byte, MaxFacts+1)}}, false},
		"empty facts":       {[]Opening{common, {}}, true},
	} {
		v, err := NewVector(c.openings)
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v, want ok = %v", name, err, c.ok)
			continue
		}
		if !c.ok {
			continue
		}
		again, err := ParseVector(v.Bytes())
		if err != nil || again.Root() != v.Root() {
			t.Errorf("%s: vector does not survive its bytes: %v", name, err)
		}
	}
	for _, n := range []int{0, 1, 31, 33, (MaxItems + 2) * HashSize} {
		if _, err := ParseVector(make([]byte, n)); err == nil {
			t.Errorf("ParseVector accepted %d bytes", n)
		}
	}
}

// An opening opens its own item and no other; changing anything breaks it.
func TestVectorCheck(t *testing.T) {
	s := newStored(t)
	openings := s.entry("release", `{"partner":"meridian"}`, "report 1", "report 2")
	v, err := NewVector(openings)
	must(t, err)
	for i := -1; i <= len(v); i++ {
		for j, o := range openings {
			if err := v.Check(i, o); (err == nil) != (i == j) {
				t.Errorf("item %d with opening %d: %v", i, j, err)
			}
		}
	}
	for bit := range 8 * KeySize {
		o := openings[1]
		o.Key[bit/8] ^= 1 << (bit % 8)
		if v.Check(1, o) == nil {
			t.Errorf("key with bit %d flipped accepted", bit)
		}
	}
	// The same facts under another key have another commitment: nobody can find
	// equal facts by comparing commitments.
	if a, b := s.opening("same"), s.opening("same"); Commit(a.Key, a.Facts) == Commit(b.Key, b.Facts) {
		t.Error("equal facts have equal commitments")
	}
	// The number of commitments is part of the root.
	if v.Root() == v[:2].Root() || v.Root() != naiveRoot(v) {
		t.Error("root is not as FORMAT.md says")
	}
}

func TestLeaf(t *testing.T) {
	leaf := Leaf{Hour: 0x01020304, Batch: naiveHash([]byte("x"))}
	b := leaf.Bytes()
	if got, err := ParseLeaf(b[:]); err != nil || got != leaf {
		t.Errorf("ParseLeaf(Bytes) = %v, %v", got, err)
	}
	for i := range b {
		bad := b
		bad[i] ^= 0x40
		got, err := ParseLeaf(bad[:])
		if free := i >= 4 && i < 40; free != (err == nil) || err == nil && got == leaf {
			t.Errorf("byte %d changed: %v, %v", i, got, err)
		}
	}
	for _, n := range []int{0, LeafSize - 1, LeafSize + 1} {
		if _, err := ParseLeaf(make([]byte, n)); err == nil {
			t.Errorf("ParseLeaf accepted %d bytes", n)
		}
	}
	for _, c := range []struct {
		at   string
		hour uint32
	}{{"1970-01-01T00:59:59Z", 0}, {"1970-01-01T01:00:00Z", 1}, {"1969-12-31T00:00:00Z", 0}, {"2026-08-20T10:15:00+02:00", 496448}} {
		at, err := time.Parse(time.RFC3339, c.at)
		must(t, err)
		if got := Hour(at); got != c.hour {
			t.Errorf("Hour(%s) = %d, want %d", c.at, got, c.hour)
		}
	}
}

func TestBatchLimits(t *testing.T) {
	if _, err := NewBatch(BatchKey{}, make([]Hash, MaxEntries+1)); err == nil {
		t.Error("batch of too many entries accepted")
	}
	full, err := NewBatch(BatchKey{1}, make([]Hash, MaxEntries))
	must(t, err)
	seen := map[uint16]bool{}
	for _, p := range full.places {
		seen[p] = true
	}
	if len(seen) != MaxEntries {
		t.Errorf("%d entries stand at %d places", MaxEntries, len(seen))
	}
	p, err := full.Path(MaxEntries - 1)
	must(t, err)
	if p.Root(Hash{}) != full.Root() {
		t.Error("path in a full batch does not lead to its root")
	}
	for _, m := range []int{-1, MaxEntries} {
		if _, err := full.Path(m); err == nil {
			t.Errorf("path of entry %d", m)
		}
	}
	empty, err := NewBatch(BatchKey{1}, nil)
	must(t, err)
	other, err := NewBatch(BatchKey{2}, nil)
	must(t, err)
	if empty.Root() == other.Root() {
		t.Error("empty batches can be told by their root")
	}
	if empty.Root() != naiveBatch(BatchKey{1}, nil, 16, 0) {
		t.Error("root of an empty batch is not as FORMAT.md says")
	}
}

// What a partner sees of a batch must not depend on how many entries it has: the
// place of an entry is the same, and is not its number.
func TestPlacesTellNothing(t *testing.T) {
	var first, increasing int
	for seed := range 1000 {
		key := BatchKey{byte(seed), byte(seed >> 8)}
		few, many := places(key, 2), places(key, 300)
		if few[0] != many[0] || few[1] != many[1] {
			t.Fatalf("key %d: places depend on the number of entries", seed)
		}
		if few[0] < 1<<15 {
			first++
		}
		if few[0] < few[1] {
			increasing++
		}
	}
	// 1000 fair coins are outside 400..600 once in 10^9.
	if first < 400 || first > 600 || increasing < 400 || increasing > 600 {
		t.Errorf("of 1000 batches, %d have entry 0 in the lower half, %d have entry 0 before entry 1", first, increasing)
	}
}

func TestAppendLimits(t *testing.T) {
	for _, size := range []int64{-1, MaxLeaves, MaxLeaves + 1} {
		if _, _, err := Append(Leaf{}, size, &hashStore{}); err == nil {
			t.Errorf("append to a log of %d leaves", size)
		}
	}
	if _, _, err := Append(Leaf{}, 3, &hashStore{}); err == nil {
		t.Error("append without the stored hashes")
	}
}

// A wrong stored hash must not become a proof.
func TestProveChecksStorage(t *testing.T) {
	s := newStored(t)
	for range 6 {
		s.add(t, s.entry("note", "{}"))
	}
	leaf, err := ParseLeaf(s.leaves[2].Leaf)
	must(t, err)
	b := s.batch(t, 2)
	for name, f := range map[string]func() error{
		"good": func() error { _, err := Prove(b, 0, 2, leaf, s.checkpoints[5], &s.hashes); return err },
		"leaf not in the checkpoint": func() error {
			_, err := Prove(b, 0, 2, leaf, s.checkpoints[1], &s.hashes)
			return err
		},
		"wrong leaf number": func() error { _, err := Prove(b, 0, 3, leaf, s.checkpoints[5], &s.hashes); return err },
		"other batch":       func() error { _, err := Prove(s.batch(t, 1), 0, 2, leaf, s.checkpoints[5], &s.hashes); return err },
		"no such entry":     func() error { _, err := Prove(b, 1, 2, leaf, s.checkpoints[5], &s.hashes); return err },
		"no checkpoint":     func() error { _, err := Prove(b, 0, 2, leaf, nil, &s.hashes); return err },
		"wrong stored hash": func() error {
			bad := append(hashStore(nil), s.hashes...)
			for i := range bad {
				bad[i][0] ^= 1
			}
			_, err := Prove(b, 0, 2, leaf, s.checkpoints[5], &bad)
			return err
		},
	} {
		if err := f(); (err == nil) != (name == "good") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProofSizeIsConstant(t *testing.T) {
	s := newStored(t)
	for n := range 40 {
		var entries [][]Opening
		for range n%3 + 1 {
			entries = append(entries, s.entry("note", "{}"))
		}
		s.add(t, entries...)
		b, err := s.prove(t, 0, 0, n+1).Marshal()
		if err != nil || len(b) != ProofSize || ProofSize != 4096 {
			t.Fatalf("proof in %d leaves has %d bytes: %v", n+1, len(b), err)
		}
		c, err := ProveConsistency(1, int64(n+1), &s.hashes)
		must(t, err)
		if b, err := c.Marshal(); err != nil || len(b) != ConsistencyProofSize {
			t.Fatalf("consistency proof to %d leaves has %d bytes: %v", n+1, len(b), err)
		}
	}
	// The largest checkpoint that can be signed fits.
	origin := strings.Repeat("n", MaxOrigin)
	signer, err := NewSigner(origin, testKey("k"))
	must(t, err)
	text, err := SignCheckpoint(Checkpoint{origin, MaxLeaves, Hash{}}, signer)
	must(t, err)
	p := Proof{Index: MaxLeaves - 1, Inclusion: make([]Hash, maxInclusion), Checkpoint: text}
	b, err := p.Marshal()
	must(t, err)
	q, err := ParseProof(b)
	if err != nil || !bytes.Equal(q.Checkpoint, text) || len(q.Inclusion) != maxInclusion {
		t.Errorf("the largest proof does not survive: %v", err)
	}
	for _, bad := range []Proof{
		{Index: -1}, {Index: MaxLeaves},
		{Inclusion: make([]Hash, maxInclusion+1)}, {Checkpoint: make([]byte, maxTextSize+1)},
	} {
		if _, err := bad.Marshal(); err == nil {
			t.Errorf("proof that does not fit was written: leaf %d", bad.Index)
		}
	}
	for _, bad := range []ConsistencyProof{{Old: -1}, {Old: 2, New: 1}, {New: MaxLeaves + 1}, {Hashes: make([]Hash, maxConsistency+1)}} {
		if _, err := bad.Marshal(); err == nil {
			t.Errorf("consistency proof that does not fit was written: %d to %d", bad.Old, bad.New)
		}
	}
}
