package ledger_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"entente/ledger"
)

// A node records a delivery and proves it to the partner, who checks the proof
// and what was delivered. (Errors are left out for brevity; do not.)
func Example() {
	seed := sha256.Sum256([]byte("not a key for real use"))
	key := ed25519.NewKeyFromSeed(seed[:])
	signer, _ := ledger.NewSigner("nordlys.example", key)
	verifier, _ := ledger.NewVerifier("nordlys.example", key.Public().(ed25519.PublicKey))

	// The act: keys must be random, these are not.
	common, _ := ledger.CommonFacts("release", []byte(`{"partner":"meridian"}`))
	openings := []ledger.Opening{
		{Key: ledger.Key{1}, Facts: common},
		{Key: ledger.Key{2}, Facts: []byte("report--1")},
		{Key: ledger.Key{3}, Facts: []byte("report--2")},
	}
	vector, _ := ledger.NewVector(openings)

	// The sequencer: one batch, one leaf, one checkpoint.
	batch, _ := ledger.NewBatch(ledger.BatchKey{4}, []ledger.Hash{vector.Root()})
	leaf := ledger.Leaf{Hour: 496448, Batch: batch.Root()}
	var table []ledger.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]ledger.Hash, error) {
		var hashes []ledger.Hash
		for _, i := range indexes {
			hashes = append(hashes, table[i])
		}
		return hashes, nil
	})
	hashes, root, _ := ledger.Append(leaf, 0, reader)
	table = append(table, hashes...)
	checkpoint, _ := ledger.SignCheckpoint(ledger.Checkpoint{Origin: "nordlys.example", Size: 1, Root: root}, signer)
	proof, _ := ledger.Prove(batch, 0, 0, leaf, checkpoint, reader)
	sent, _ := proof.Marshal()

	// The partner has the vector, the proof and the openings he may see.
	received, _ := ledger.ParseProof(sent)
	c, err := received.Verify(vector.Root(), verifier)
	fmt.Println(len(sent), c.Origin, c.Size, err)
	fmt.Println(vector.Check(1, openings[1]))
	openings[1].Facts = []byte("report--3")
	fmt.Println(vector.Check(1, openings[1]))
	// Output:
	// 4096 nordlys.example 1 <nil>
	// <nil>
	// ledger: item 1: key and facts do not match the commitment; one of the three was altered
}
