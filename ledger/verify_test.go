package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// auditLog is a log with everything in it: several entries, an empty batch, an
// item that was erased, and the entry that says so.
func auditLog(t testing.TB) *stored {
	s := newStored(t)
	s.add(t, s.entry("accept", `{"partner":"meridian"}`, "report 1", "report 2"), s.entry("note", "{}"))
	s.add(t)
	s.add(t, s.entry("release", `{"partner":"clearfeed"}`, "report 1"))
	v, err := ParseVector(s.entries[0].Vector)
	must(t, err)
	s.add(t, s.entry("erase", hashList(t, v[2])))
	s.erase(0, 0, 2)
	return s
}

func hashList(t testing.TB, list ...Hash) string {
	b, err := json.Marshal(list)
	must(t, err)
	return string(b)
}

func (s *stored) erase(leaf int64, entry, item int) {
	s.openings = slices.DeleteFunc(s.openings, func(o StoredOpening) bool {
		return o.Leaf == leaf && o.Entry == entry && o.Item == item
	})
}

func TestVerifyLogGood(t *testing.T) {
	s := auditLog(t)
	r, err := VerifyLog(s.log(), s.verifier)
	must(t, err)
	if r.Newest.Size != 4 || r.Checkpoints != 4 || r.Leaves != 4 || r.Entries != 4 || r.Items != 7 || r.Opened != 6 || r.Erased != 1 {
		t.Errorf("report %+v", r)
	}
	l := s.log()
	for i := range s.entries {
		s.entries[i].Root = nil // not stored
	}
	if again, err := VerifyLog(l, s.verifier); err != nil || again != r {
		t.Errorf("without stored roots: %+v, %v", again, err)
	}
	l.Openings = nil
	if r, err := VerifyLog(l, s.verifier); err != nil || r.Items != 7 || r.Opened != 0 {
		t.Errorf("without openings: %+v, %v", r, err)
	}
	l.Entries = nil
	if r, err := VerifyLog(l, s.verifier); err != nil || r.Leaves != 4 || r.Entries != 0 {
		t.Errorf("without entries: %+v, %v", r, err)
	}
}

// No single bit of what is stored can change unnoticed, and the report says
// where it was.
func TestVerifyLogBitFlips(t *testing.T) {
	t.Parallel()
	s := auditLog(t)
	l := s.log()
	l.Checkpoints = each(s.checkpoints[3:]) // signatures take most of the time
	expect := func(what string, bit int, want Discrepancy) {
		t.Helper()
		_, err := VerifyLog(l, s.verifier)
		var d *Discrepancy
		if !errors.As(err, &d) {
			t.Errorf("%s, bit %d flipped: %v", what, bit, err)
			return
		}
		if d.Part != want.Part || d.Leaf != want.Leaf || d.Entry != want.Entry || d.Item != want.Item {
			t.Errorf("%s, bit %d flipped: reported as %v, want %+v", what, bit, d, want)
		}
	}
	for i, e := range s.entries {
		where := Discrepancy{PartEntry, e.Leaf, e.Entry, -1, ""}
		flips(e.Root, func(bit int, _ []byte) { expect(fmt.Sprintf("root of entry %d", i), bit, where) })
		flips(e.Vector, func(bit int, _ []byte) { expect(fmt.Sprintf("vector of entry %d", i), bit, where) })
	}
	for i, o := range s.openings {
		where := Discrepancy{PartOpening, o.Leaf, o.Entry, o.Item, ""}
		flips(o.Key, func(bit int, _ []byte) { expect(fmt.Sprintf("key of opening %d", i), bit, where) })
		flips(o.Facts, func(bit int, _ []byte) { expect(fmt.Sprintf("facts of opening %d", i), bit, where) })
	}
	for n, leaf := range s.leaves {
		flips(leaf.Leaf, func(bit int, _ []byte) {
			expect(fmt.Sprintf("leaf %d", n), bit, Discrepancy{PartLeaf, int64(n), -1, -1, ""})
		})
		flips(leaf.Key, func(bit int, _ []byte) {
			expect(fmt.Sprintf("key of batch %d", n), bit, Discrepancy{PartBatch, int64(n), -1, -1, ""})
		})
	}
	for i := range s.hashes {
		// The hashes of leaves 0 to 3 begin at 0, 1, 3, 4.
		n := []int64{0, 1, 1, 2, 3, 3, 3}[i]
		b := s.hashes[i]
		l.Hashes = func(yield func([]byte, error) bool) {
			for j := range s.hashes {
				h := s.hashes[j][:]
				if j == i {
					h = b[:]
				}
				if !yield(h, nil) {
					return
				}
			}
		}
		flips(b[:], func(bit int, _ []byte) {
			expect(fmt.Sprintf("tree hash %d", i), bit, Discrepancy{PartLeaf, n, -1, -1, ""})
		})
	}
	l = s.log()
	for i, text := range s.checkpoints {
		l.Checkpoints = each(s.checkpoints[i:])
		flips(text, func(bit int, _ []byte) {
			expect(fmt.Sprintf("checkpoint %d", i), bit, Discrepancy{PartCheckpoint, -1, -1, -1, ""})
		})
	}
	_, err := VerifyLog(s.log(), s.verifier)
	must(t, err) // the flips were undone
}

// Without stored roots an altered vector is noticed by its openings or, where
// these are erased, by the batch.
func TestVerifyLogVectorWithoutRoot(t *testing.T) {
	t.Parallel()
	s := auditLog(t)
	e := &s.entries[0]
	e.Root = nil
	flips(e.Vector, func(bit int, _ []byte) {
		_, err := VerifyLog(s.log(), s.verifier)
		var d *Discrepancy
		erased := bit/8/HashSize == 2
		if !errors.As(err, &d) || d.Leaf != 0 || erased != (d.Part == PartBatch) || erased == (d.Part == PartOpening) {
			t.Errorf("bit %d flipped: %v", bit, err)
		}
	})
}

// Of several absent openings the first one is reported.
func TestVerifyLogFirstIsReported(t *testing.T) {
	s := newStored(t)
	s.add(t, s.entry("note", "{}", "1", "2"), s.entry("note", "{}", "3"))
	s.add(t, s.entry("note", "{}", "4"))
	for _, want := range []Discrepancy{{Leaf: 1, Entry: 0, Item: 1}, {Leaf: 0, Entry: 1, Item: 1}, {Leaf: 0, Entry: 0, Item: 2}, {Leaf: 0, Entry: 0, Item: 1}} {
		s.erase(want.Leaf, want.Entry, want.Item)
		for range 5 { // the order of a map must not show
			_, err := VerifyLog(s.log(), s.verifier)
			var d *Discrepancy
			if !errors.As(err, &d) || d.Leaf != want.Leaf || d.Entry != want.Entry || d.Item != want.Item {
				t.Errorf("reported %v, want %+v", err, want)
			}
		}
	}
}

// Rows that are removed, added, swapped or shortened are noticed too.
func TestVerifyLogTampering(t *testing.T) {
	for name, c := range map[string]struct {
		tamper func(s *stored)
		part   Part
		leaf   int64
	}{
		"last leaf removed":       {func(s *stored) { s.leaves = s.leaves[:3] }, PartLeaf, 3},
		"first leaf removed":      {func(s *stored) { s.leaves = s.leaves[1:] }, PartLeaf, 0},
		"all leaves removed":      {func(s *stored) { s.leaves = nil }, PartLeaf, 0},
		"leaves swapped":          {func(s *stored) { s.leaves[0], s.leaves[1] = s.leaves[1], s.leaves[0] }, PartLeaf, 0},
		"leaf number altered":     {func(s *stored) { s.leaves[1].Index = 7 }, PartLeaf, 1},
		"leaf shortened":          {func(s *stored) { s.leaves[2].Leaf = s.leaves[2].Leaf[:40] }, PartLeaf, 2},
		"batch key shortened":     {func(s *stored) { s.leaves[2].Key = s.leaves[2].Key[:31] }, PartBatch, 2},
		"tree hash removed":       {func(s *stored) { s.hashes = s.hashes[:6] }, PartLeaf, 3},
		"tree hash added":         {func(s *stored) { s.hashes = append(s.hashes, Hash{}) }, PartLeaf, 4},
		"newest checkpoint gone":  {func(s *stored) { s.checkpoints = s.checkpoints[:3] }, PartCheckpoint, 3},
		"no checkpoint":           {func(s *stored) { s.checkpoints = nil }, PartCheckpoint, 3},
		"checkpoints swapped":     {func(s *stored) { slices.Reverse(s.checkpoints) }, PartCheckpoint, 2},
		"last entry removed":      {func(s *stored) { s.entries = s.entries[:3] }, PartBatch, 3},
		"first of two removed":    {func(s *stored) { s.entries = s.entries[1:] }, PartEntry, 0},
		"second of two removed":   {func(s *stored) { s.entries = slices.Delete(s.entries, 1, 2) }, PartBatch, 0},
		"entry moved to empty":    {func(s *stored) { s.entries[2].Leaf = 1 }, PartBatch, 1},
		"entry added":             {func(s *stored) { s.entries = append(s.entries, StoredEntry{Leaf: 4}) }, PartEntry, 4},
		"vector shortened":        {func(s *stored) { s.entries[0].Vector = s.entries[0].Vector[:64] }, PartEntry, 0},
		"vector cut":              {func(s *stored) { s.entries[0].Vector = s.entries[0].Vector[:65] }, PartEntry, 0},
		"root shortened":          {func(s *stored) { s.entries[0].Root = s.entries[0].Root[:31] }, PartEntry, 0},
		"opening removed":         {func(s *stored) { s.erase(0, 0, 1) }, PartOpening, 0},
		"last opening removed":    {func(s *stored) { s.erase(2, 0, 1) }, PartOpening, 2},
		"opening of a wrong item": {func(s *stored) { s.openings[1].Item = 7 }, PartOpening, 0},
		"opening twice":           {func(s *stored) { s.openings = slices.Insert(s.openings, 1, s.openings[0]) }, PartOpening, 0},
		"opening added":           {func(s *stored) { s.openings = append(s.openings, StoredOpening{Leaf: 9}) }, PartOpening, 9},
		"key emptied":             {func(s *stored) { s.openings[1].Key = nil }, PartOpening, 0},
		"facts emptied":           {func(s *stored) { s.openings[1].Facts = nil }, PartOpening, 0},
		"erasure erased":          {func(s *stored) { s.erase(3, 0, 0) }, PartOpening, 0},
	} {
		s := auditLog(t)
		c.tamper(s)
		_, err := VerifyLog(s.log(), s.verifier)
		var d *Discrepancy
		if !errors.As(err, &d) || d.Part != c.part || d.Leaf != c.leaf {
			t.Errorf("%s: reported as %v, want %s at leaf %d", name, err, c.part, c.leaf)
		}
	}
}

// The operator rewrites a leaf and everything that follows from it, except what
// he signed before: the old checkpoint gives him away.
func TestVerifyLogRewritten(t *testing.T) {
	honest, liar := newStored(t), newStored(t)
	for _, s := range []*stored{honest, liar} {
		s.add(t, s.entry("note", "{}"))
		if s == honest {
			s.add(t, s.entry("release", "{}", "report 1"))
		} else {
			s.add(t, s.entry("note", "{}", "nothing was released"))
		}
		s.add(t, s.entry("note", "{}"))
	}
	if _, err := VerifyLog(liar.log(), liar.verifier); err != nil {
		t.Fatalf("the rewritten log is sound in itself: %v", err)
	}
	liar.checkpoints = slices.Insert(liar.checkpoints, 2, honest.checkpoints[1]) // one that a partner kept
	_, err := VerifyLog(liar.log(), liar.verifier)
	var d *Discrepancy
	if !errors.As(err, &d) || d.Part != PartCheckpoint || d.Leaf != 1 {
		t.Errorf("rewritten log: %v", err)
	}
}

func TestVerifyLogErasures(t *testing.T) {
	var c Hash // commitment to item 1 of the first entry
	first := func(s *stored, t *testing.T) {
		s.add(t, s.entry("accept", "{}", "report 1"))
		v, err := ParseVector(s.entries[0].Vector)
		must(t, err)
		c = v[1]
	}
	want := func(name string, s *stored, part Part, leaf int64, erased int64) {
		t.Helper()
		r, err := VerifyLog(s.log(), s.verifier)
		var d *Discrepancy
		if part == "" {
			if err != nil || r.Erased != erased {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
		} else if !errors.As(err, &d) || d.Part != part || d.Leaf != leaf {
			t.Errorf("%s: %v, want %s at leaf %d", name, err, part, leaf)
		}
	}
	s := newStored(t)
	first(s, t)
	s.erase(0, 0, 1)
	want("not named", s, PartOpening, 0, 0)
	s.add(t, s.entry("note", hashList(t, c)))
	want("named by an entry of another kind", s, PartOpening, 0, 0)
	s.add(t, s.entry("erase", hashList(t, c)), s.entry("erase", hashList(t, c)))
	want("named, twice", s, "", 0, 1)

	s = newStored(t)
	first(s, t)
	s.add(t, s.entry("erase", hashList(t, c)))
	want("named but still there", s, PartErasure, 1, 0)

	s = newStored(t)
	s.add(t, s.entry("erase", hashList(t, Hash{1})))
	want("names nothing", s, PartErasure, 0, 0)

	s = newStored(t)
	s.add(t, s.entry("erase", `"not a list"`))
	want("unreadable", s, PartErasure, 0, 0)

	s = newStored(t)
	first(s, t)
	s.erase(0, 0, 1)
	s.add(t, s.entry("erase", hashList(t, c)))
	l := s.log()
	l.Erasures = nil
	if _, err := VerifyLog(l, s.verifier); err == nil {
		t.Error("absent opening accepted without anything to explain it")
	}
}

// An error while reading is not a discrepancy: nothing is known.
func TestVerifyLogReadError(t *testing.T) {
	s := auditLog(t)
	broken := errors.New("disk is gone")
	fail := func(l *Log) []func() {
		return []func(){
			func() { l.Checkpoints = func(yield func([]byte, error) bool) { yield(nil, broken) } },
			func() { l.Hashes = func(yield func([]byte, error) bool) { yield(nil, broken) } },
			func() { l.Leaves = func(yield func(StoredLeaf, error) bool) { yield(StoredLeaf{}, broken) } },
			func() { l.Entries = func(yield func(StoredEntry, error) bool) { yield(StoredEntry{}, broken) } },
			func() { l.Openings = func(yield func(StoredOpening, error) bool) { yield(StoredOpening{}, broken) } },
		}
	}
	for i := range 5 {
		l := s.log()
		fail(&l)[i]()
		_, err := VerifyLog(l, s.verifier)
		var d *Discrepancy
		if !errors.Is(err, broken) || errors.As(err, &d) {
			t.Errorf("stream %d: %v", i, err)
		}
	}
}

func TestDiscrepancyText(t *testing.T) {
	for want, d := range map[string]*Discrepancy{
		"ledger: opening, leaf 3, entry 1, item 0: altered": {PartOpening, 3, 1, 0, "altered"},
		"ledger: batch, leaf 3: altered":                    {PartBatch, 3, -1, -1, "altered"},
		"ledger: checkpoint: altered":                       {PartCheckpoint, -1, -1, -1, "altered"},
	} {
		if got := d.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
