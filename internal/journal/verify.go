package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"math"

	"entente/internal/db"
	"entente/ledger"
)

// Keep keeps the facts of an item that whoever noted it will not be able to say
// again.
func (j *Journal) Keep(tx *db.Tx, n Entry, item int, facts []byte) error {
	return tx.Insert("INSERT INTO ledger_item(entry,item,facts)", " ON CONFLICT DO NOTHING", 3, []any{int64(n), item, facts})
}

// Said returns the facts of the items of an entry, by number from 1: what its
// room says again, and what was kept here.
type Said func(tx *db.Tx, n Entry, kind string, facts []byte) (map[int][]byte, error)

// Verify recomputes the whole ledger of this node from what is stored and
// compares everything with everything: *ledger.Discrepancy tells the first
// thing that does not fit. said gives back what the items were about; a
// submission or a release that was changed behind the ledger's back shows.
func (j *Journal) Verify(tx *db.Tx, said Said) (ledger.Report, error) {
	r := &reading{tx: tx, said: said}
	return ledger.VerifyLog(ledger.Log{
		Checkpoints: blobs(tx, "SELECT size,note FROM ledger_checkpoint WHERE size>$1 ORDER BY size LIMIT 1000", checkpointAt),
		Leaves:      r.leaves(),
		Hashes:      blobs(tx, "SELECT n,hash FROM ledger_hash WHERE n>$1 ORDER BY n LIMIT 1000", hashAt()),
		Entries:     r.entries(),
		Openings:    r.openings(),
		Erasures:    erasures,
	}, j.verifier)
}

// erasures reads what an entry of the kind "erase" names.
func erasures(kind string, facts []byte) ([]ledger.Hash, error) {
	if kind != "erase" {
		return nil, nil
	}
	var named struct {
		Commitments [][]byte `json:"commitments"`
	}
	if err := json.Unmarshal(facts, &named); err != nil {
		return nil, err
	}
	var out []ledger.Hash
	for _, c := range named.Commitments {
		if len(c) != ledger.HashSize {
			return nil, fmt.Errorf("a commitment has %d bytes", len(c))
		}
		out = append(out, ledger.Hash(c))
	}
	return out, nil
}

// checkpointAt checks that a checkpoint is stored under the size that it states.
func checkpointAt(size int64, signed []byte) error {
	if _, rest, _ := bytes.Cut(signed, []byte("\n")); !bytes.HasPrefix(rest, fmt.Appendf(nil, "%d\n", size)) {
		return &ledger.Discrepancy{Part: ledger.PartCheckpoint, Leaf: size - 1, Entry: -1, Item: -1, What: fmt.Sprintf("it is stored as one of %d leaves and says something else", size)}
	}
	return nil
}

// hashAt checks that tree hashes are stored under indexes without a gap.
func hashAt() func(int64, []byte) error {
	next := int64(0)
	return func(n int64, _ []byte) error {
		if n != next {
			return &ledger.Discrepancy{Part: ledger.PartLeaf, Leaf: -1, Entry: -1, Item: -1, What: fmt.Sprintf("tree hash %d is missing; the next one stored is %d", next, n)}
		}
		next++
		return nil
	}
}

// blobs reads rows (number, bytes) in pages, in order of number; check may refuse
// a row for its number.
func blobs(tx *db.Tx, query string, check func(int64, []byte) error) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		after := int64(math.MinInt64)
		for {
			var page [][]byte
			err := tx.Rows(query, []any{after}, func(scan func(...any) error) error {
				var b []byte
				if err := scan(&after, &b); err != nil {
					return err
				}
				page = append(page, b)
				return check(after, b)
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, b := range page {
				if !yield(b, nil) {
					return
				}
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

// reading walks leaves, entries and openings side by side.
type reading struct {
	tx   *db.Tx
	said Said
}

func (r *reading) leaves() iter.Seq2[ledger.StoredLeaf, error] {
	return func(yield func(ledger.StoredLeaf, error) bool) {
		after := int64(-1)
		for {
			var page []ledger.StoredLeaf
			err := r.tx.Rows("SELECT n,leaf,filler FROM ledger_batch WHERE n>$1 ORDER BY n LIMIT 1000", []any{after}, func(scan func(...any) error) error {
				var l ledger.StoredLeaf
				defer func() { page = append(page, l); after = l.Index }()
				return scan(&l.Index, &l.Leaf, &l.Key)
			})
			if err != nil {
				yield(ledger.StoredLeaf{}, err)
				return
			}
			for _, l := range page {
				if !yield(l, nil) {
					return
				}
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

// row is a stored entry.
type row struct {
	n      Entry
	batch  int64
	slot   int
	kind   string
	facts  []byte
	vector []byte
	keys   []byte
}

// rows yields the sequenced entries in order of leaf and slot.
func (r *reading) rows() iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		batch, slot := int64(-1), int64(1<<40)
		for {
			var page []row
			err := r.tx.Rows("SELECT n,batch,slot,kind,facts,vector,keys FROM ledger_entry WHERE batch>=0 AND (batch>$1 OR batch=$1 AND slot>$2) ORDER BY batch,slot LIMIT 50",
				[]any{batch, slot}, func(scan func(...any) error) error {
					var x row
					defer func() { page = append(page, x) }()
					return scan(&x.n, &x.batch, &x.slot, &x.kind, &x.facts, &x.vector, &x.keys)
				})
			if err != nil {
				yield(row{}, err)
				return
			}
			for _, x := range page {
				if !yield(x, nil) {
					return
				}
				batch, slot = x.batch, int64(x.slot)
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

func (r *reading) entries() iter.Seq2[ledger.StoredEntry, error] {
	return func(yield func(ledger.StoredEntry, error) bool) {
		for x, err := range r.rows() {
			if !yield(ledger.StoredEntry{Leaf: x.batch, Entry: x.slot, Vector: x.vector}, err) || err != nil {
				return
			}
		}
	}
}

func (r *reading) openings() iter.Seq2[ledger.StoredOpening, error] {
	return func(yield func(ledger.StoredOpening, error) bool) {
		for x, err := range r.rows() {
			if err != nil {
				yield(ledger.StoredOpening{}, err)
				return
			}
			items, err := r.items(x)
			if err != nil {
				yield(ledger.StoredOpening{}, err)
				return
			}
			for i, facts := range items {
				o := ledger.StoredOpening{Leaf: x.batch, Entry: x.slot, Item: i, Key: x.keys[i*ledger.KeySize : (i+1)*ledger.KeySize], Facts: facts}
				if facts != nil && !erased(o.Key) && !yield(o, nil) {
					return
				}
			}
		}
	}
}

// erased: the key of an item that was erased has been overwritten with zeros.
func erased(key []byte) bool { return string(key) == string(make([]byte, ledger.KeySize)) }

// items gathers the facts of an entry's items, item 0 first; nil where nobody
// can say them. What its room says no more was kept here when it ceased to, so
// only one of the two can have it.
func (r *reading) items(x row) ([][]byte, error) {
	items := make([][]byte, len(x.keys)/ledger.KeySize)
	if len(items) == 0 {
		return nil, x.discrepancy(0, "it has no keys")
	}
	items[0] = x.facts
	kind, facts, err := ledger.ParseCommonFacts(x.facts)
	if err != nil {
		return items, nil // item 0 will not match, and says more
	}
	if kind != x.kind {
		return nil, x.discrepancy(0, fmt.Sprintf("it is stored as one of the kind %q, but says of itself %q", x.kind, kind))
	}
	if len(items) == 1 {
		return items, nil
	}
	said, err := r.said(r.tx, x.n, x.kind, facts)
	if err != nil {
		return nil, err
	}
	for i, f := range said {
		if i < 1 || i >= len(items) {
			return nil, x.discrepancy(i, "something is stored on the strength of an item that the entry does not have")
		}
		items[i] = f
	}
	return items, r.kept(x, items)
}

// kept adds the facts that are kept here.
func (r *reading) kept(x row, items [][]byte) error {
	return r.tx.Rows("SELECT item,facts FROM ledger_item WHERE entry=$1", []any{int64(x.n)}, func(scan func(...any) error) error {
		var i int
		var f []byte
		if err := scan(&i, &f); err != nil {
			return err
		}
		if i < 1 || i >= len(items) {
			return x.discrepancy(i, "facts are kept of an item that the entry does not have")
		}
		if items[i] != nil {
			return x.discrepancy(i, "it is stored though it had ceased to be")
		}
		items[i] = f
		return nil
	})
}

func (x row) discrepancy(item int, what string) error {
	return &ledger.Discrepancy{Part: ledger.PartOpening, Leaf: x.batch, Entry: x.slot, Item: item, What: what}
}
