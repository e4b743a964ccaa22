// Package journal keeps the node's ledger in its database: it notes acts in the
// transaction that does them, and appends what has been noted to the log.
//
// An act and its entry are written together or not at all. The entry waits
// until the sequencer takes all that wait into one leaf and signs a checkpoint;
// only then can it be proved, and only what can be proved is delivered to
// another node. Which entry follows which does not matter to anyone: a leaf
// says that all of its batch happened by then.
//
// The mathematics is package ledger's, which auditors use without this one.
package journal

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"entente/internal/db"
	"entente/ledger"
)

// Entry numbers a noted act. 0 is none.
type Entry int64

// Journal notes, sequences and proves. It is safe for concurrent use.
type Journal struct {
	signer   note.Signer
	verifier note.Verifier
	origin   string
	random   io.Reader
	now      func() time.Time
}

// New returns the journal of the node called origin, whose checkpoints key signs.
func New(origin string, key ed25519.PrivateKey, random io.Reader, now func() time.Time) (*Journal, error) {
	signer, err := ledger.NewSigner(origin, key)
	if err != nil {
		return nil, err
	}
	verifier, err := ledger.NewVerifier(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	return &Journal{signer: signer, verifier: verifier, origin: origin, random: random, now: now}, nil
}

// Verifier checks the checkpoints of this node.
func (j *Journal) Verifier() note.Verifier { return j.verifier }

// Note records an act: its kind (see package ledger), the facts common to it,
// and one item for each thing it was about, at most ledger.MaxItems of them.
// The items' facts are not kept here: whoever noted them can say them again
// (see Verify), and what is erased there cannot be had from here.
func (j *Journal) Note(tx *db.Tx, kind string, facts any, items [][]byte) (Entry, error) {
	text, err := json.Marshal(facts)
	if err != nil {
		return 0, fmt.Errorf("note %s: %w", kind, err)
	}
	common, err := ledger.CommonFacts(kind, text)
	if err != nil {
		return 0, fmt.Errorf("note %s: %w", kind, err)
	}
	keys := make([]byte, (len(items)+1)*ledger.KeySize)
	if _, err := io.ReadFull(j.random, keys); err != nil {
		return 0, fmt.Errorf("note %s: no random bytes: %w", kind, err)
	}
	openings := make([]ledger.Opening, 0, len(items)+1)
	openings = append(openings, ledger.Opening{Key: key(keys, 0), Facts: common})
	for i, item := range items {
		openings = append(openings, ledger.Opening{Key: key(keys, i+1), Facts: item})
	}
	vector, err := ledger.NewVector(openings)
	if err != nil {
		return 0, fmt.Errorf("note %s: %w", kind, err)
	}
	var n Entry
	_, err = tx.Row("INSERT INTO ledger_entry(at,kind,facts,vector,keys,batch,slot) VALUES ($1,$2,$3,$4,$5,-1,-1) RETURNING n",
		[]any{j.now().UnixMicro(), kind, common, vector.Bytes(), keys}, &n)
	return n, err
}

func key(keys []byte, i int) ledger.Key {
	return ledger.Key(keys[i*ledger.KeySize : (i+1)*ledger.KeySize])
}

// Sequence appends all that has been noted and not appended yet as one leaf,
// and returns how many entries these were. With nothing to append it does
// nothing. Several processes may call it on one database.
func (j *Journal) Sequence(ctx context.Context, d *db.DB) (n int, err error) {
	var waiting bool
	err = d.View(ctx, func(tx *db.Tx) error {
		var one int
		waiting, err = tx.Row("SELECT 1 FROM ledger_entry WHERE batch=-1 LIMIT 1", nil, &one)
		return err
	})
	if err != nil || !waiting {
		return 0, err
	}
	err = d.Update(ctx, func(tx *db.Tx) error {
		n, err = j.append(tx)
		return err
	})
	return n, err
}

func (j *Journal) append(tx *db.Tx) (int, error) {
	numbers, roots, err := entries(tx, "batch=-1 ORDER BY n", ledger.MaxEntries)
	if err != nil || len(roots) == 0 {
		return 0, err
	}
	var filler ledger.BatchKey
	if _, err := io.ReadFull(j.random, filler[:]); err != nil {
		return 0, fmt.Errorf("sequence the ledger: no random bytes: %w", err)
	}
	batch, err := ledger.NewBatch(filler, roots)
	if err != nil {
		return 0, err
	}
	size, err := Size(tx)
	if err != nil {
		return 0, err
	}
	leaf := ledger.Leaf{Hour: ledger.Hour(j.now()), Batch: batch.Root()}
	hashes, root, err := ledger.Append(leaf, size, hashReader(tx))
	if err != nil {
		return 0, fmt.Errorf("append to the ledger: %w", err)
	}
	return len(roots), j.write(tx, size, leaf, filler, hashes, root, numbers)
}

func (j *Journal) write(tx *db.Tx, size int64, leaf ledger.Leaf, filler ledger.BatchKey, hashes []ledger.Hash, root ledger.Hash, numbers []Entry) error {
	bytes := leaf.Bytes()
	if err := tx.Insert("INSERT INTO ledger_batch(n,filler,leaf)", "", 3, []any{size, filler[:], bytes[:]}); err != nil {
		return err
	}
	var rows []any
	for i, h := range hashes {
		rows = append(rows, tlog.StoredHashCount(size)+int64(i), h[:])
	}
	if err := tx.Insert("INSERT INTO ledger_hash(n,hash)", "", 2, rows); err != nil {
		return err
	}
	signed, err := ledger.SignCheckpoint(ledger.Checkpoint{Origin: j.origin, Size: size + 1, Root: root}, j.signer)
	if err != nil {
		return err
	}
	if err := tx.Insert("INSERT INTO ledger_checkpoint(size,note,at)", "", 3, []any{size + 1, string(signed), j.now().UnixMicro()}); err != nil {
		return err
	}
	for slot, n := range numbers {
		if _, err := tx.Exec("UPDATE ledger_entry SET batch=$1, slot=$2 WHERE n=$3", size, slot, int64(n)); err != nil {
			return err
		}
	}
	return nil
}

// entries reads the numbers and roots of the entries that a condition selects.
func entries(tx *db.Tx, where string, limit int, args ...any) (numbers []Entry, roots []ledger.Hash, err error) {
	err = tx.Rows(fmt.Sprintf("SELECT n,vector FROM ledger_entry WHERE %s LIMIT %d", where, limit), args, func(scan func(...any) error) error {
		var n Entry
		var raw []byte
		if err := scan(&n, &raw); err != nil {
			return err
		}
		v, err := ledger.ParseVector(raw)
		if err != nil {
			return fmt.Errorf("ledger entry %d: %w", n, err)
		}
		numbers, roots = append(numbers, n), append(roots, v.Root())
		return nil
	})
	return numbers, roots, err
}

// hashReader reads stored hashes of the tree.
func hashReader(tx *db.Tx) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, n := range indexes {
			var raw []byte
			found, err := tx.Row("SELECT hash FROM ledger_hash WHERE n=$1", []any{n}, &raw)
			if err != nil {
				return nil, err
			}
			if !found || len(raw) != len(out[i]) {
				return nil, fmt.Errorf("hash %d of the ledger's tree is missing or damaged", n)
			}
			out[i] = tlog.Hash(raw)
		}
		return out, nil
	})
}

// Size returns how many leaves the log has.
func Size(tx *db.Tx) (size int64, err error) {
	_, err = tx.Row("SELECT coalesce(max(n)+1,0) FROM ledger_batch", nil, &size)
	return size, err
}
