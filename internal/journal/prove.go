package journal

import (
	"fmt"

	"entente/internal/db"
	"entente/ledger"
)

// Record is what a delivery shows of an entry: the vector of commitments, the
// proof that the log holds it, and the keys that open the items shown.
type Record struct {
	Vector ledger.Vector
	Proof  []byte // ledger.ProofSize bytes
	Common []byte // the facts of item 0, with its key in Keys[0]
	Keys   map[int]ledger.Key
}

// Checkpoint returns the latest signed checkpoint; size 0 and none before the
// first entry has been sequenced.
func (j *Journal) Checkpoint(tx *db.Tx) (size int64, signed []byte, err error) {
	var text string
	_, err = tx.Row("SELECT size,note FROM ledger_checkpoint ORDER BY size DESC LIMIT 1", nil, &size, &text)
	return size, []byte(text), err
}

// Sequenced tells whether entry n can be proved yet.
func (j *Journal) Sequenced(tx *db.Tx, n Entry) (bool, error) {
	batch := int64(-1)
	_, err := tx.Row("SELECT batch FROM ledger_entry WHERE n=$1", []any{int64(n)}, &batch)
	return batch >= 0, err
}

// Prove returns entry n as of checkpoint, which must be the latest, with the
// keys that open its items from…to (1-based, inclusive; item 0 always).
func (j *Journal) Prove(tx *db.Tx, n Entry, from, to int, checkpoint []byte) (Record, error) {
	var index, slot int64
	var raw, keys, common []byte
	found, err := tx.Row("SELECT batch,slot,vector,keys,facts FROM ledger_entry WHERE n=$1", []any{int64(n)}, &index, &slot, &raw, &keys, &common)
	if err != nil {
		return Record{}, err
	}
	if !found || index < 0 {
		return Record{}, fmt.Errorf("ledger entry %d has not been sequenced", n)
	}
	vector, err := ledger.ParseVector(raw)
	if err != nil {
		return Record{}, fmt.Errorf("ledger entry %d: %w", n, err)
	}
	if from < 1 || to >= len(vector) || len(keys) != len(vector)*ledger.KeySize {
		return Record{}, fmt.Errorf("ledger entry %d has no items %d to %d", n, from, to)
	}
	proof, err := j.prove(tx, index, int(slot), checkpoint)
	if err != nil {
		return Record{}, fmt.Errorf("ledger entry %d: %w", n, err)
	}
	rec := Record{Vector: vector, Proof: proof, Common: common, Keys: map[int]ledger.Key{0: key(keys, 0)}}
	for i := from; i <= to; i++ {
		rec.Keys[i] = key(keys, i)
	}
	return rec, nil
}

func (j *Journal) prove(tx *db.Tx, index int64, slot int, checkpoint []byte) ([]byte, error) {
	leaf, filler, err := batch(tx, index)
	if err != nil {
		return nil, err
	}
	_, roots, err := entries(tx, "batch=$1 ORDER BY slot", ledger.MaxEntries, index)
	if err != nil {
		return nil, err
	}
	b, err := ledger.NewBatch(filler, roots)
	if err != nil {
		return nil, err
	}
	p, err := ledger.Prove(b, slot, index, leaf, checkpoint, hashReader(tx))
	if err != nil {
		return nil, err
	}
	return p.Marshal()
}

func batch(tx *db.Tx, index int64) (leaf ledger.Leaf, filler ledger.BatchKey, err error) {
	var raw, fill []byte
	found, err := tx.Row("SELECT leaf,filler FROM ledger_batch WHERE n=$1", []any{index}, &raw, &fill)
	if err != nil {
		return leaf, filler, err
	}
	if !found || len(fill) != len(filler) {
		return leaf, filler, fmt.Errorf("batch %d of the ledger is missing or damaged", index)
	}
	leaf, err = ledger.ParseLeaf(raw)
	return leaf, ledger.BatchKey(fill), err
}

// Consistency returns the proof that the log of size now begins with the log of
// size before.
func (j *Journal) Consistency(tx *db.Tx, before, now int64) ([]byte, error) {
	p, err := ledger.ProveConsistency(before, now, hashReader(tx))
	if err != nil {
		return nil, err
	}
	return p.Marshal()
}
