// Package ledger is a tamper-evident log of what a node did: appending to it,
// proving that something is in it, and checking all of it. It is what an
// auditor, a partner or a witness imports; it holds no state and touches no
// database, file, clock, network or source of randomness.
//
// # What is recorded
//
// An entry is one recorded act, such as accepting a container of objects or
// releasing some of them. It consists of items: item 0 is the entry's own kind
// and facts (CommonFacts), items 1 to n are what the act was about. For each
// item the log keeps only a commitment, HMAC-SHA-256 under a random key of its
// own (Commit). Key and facts together are the item's Opening. Whoever has the
// opening can check it; when it is erased, the commitment stays, the log stays
// whole, and nothing about the content can be learnt or guessed from it.
//
//	openings → Vector of commitments → entry root
//	entry roots → Batch (depth 16, blind) → Leaf (48 bytes)
//	leaves → tree of RFC 6962 → Checkpoint, signed (C2SP tlog-checkpoint)
//
// A sequencer takes all entries that wait as one Batch, whose root goes into one
// Leaf, appends the leaf (Append) and signs the new root (SignCheckpoint).
//
// # What is proved
//
// A Proof ties an entry root to a signed checkpoint; a ConsistencyProof shows
// that a later checkpoint only added to an earlier one. Both have a size that
// never changes, so that their length says nothing. Entries sit at
// pseudo-random places in their batch, and every place without an entry looks
// like one with an entry, so that a proof does not say how many other entries
// there were. It does say how many leaves there are: a node that does not want
// its activity counted appends leaves on a fixed beat, empty batches included.
//
// # What can go wrong
//
// The log shows that records were altered after a checkpoint was seen by
// somebody else; it does not make an operator honest. An operator may record a
// lie, record nothing, or keep two logs and show each partner another one. The
// first two are matters for agreements (a delivery without a proof is refused)
// and audits; the third is found when partners compare checkpoints or witness
// each other's. The keys of items, the keys of batches and the signing key must
// come from a cryptographically secure source: with a predictable item key, an
// erased item can be guessed from its commitment.
//
// FORMAT.md gives every byte; testdata/vectors.json has examples to check
// another implementation against. Sources: RFC 6962 section 2.1 (tree), RFC 2104
// (HMAC), C2SP signed-note and tlog-checkpoint.
//
// All functions are safe for concurrent use; values are immutable once made.
package ledger
