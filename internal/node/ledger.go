package node

import (
	"context"

	"entente/internal/db"
	"entente/internal/journal"
	"entente/ledger"
)

// VerifyLedger recomputes this node's ledger from everything that is stored,
// objects included. What waits is sequenced first.
func (n *Node) VerifyLedger(ctx context.Context) (rep ledger.Report, err error) {
	if _, err := n.Journal.Sequence(ctx, n.DB); err != nil {
		return rep, err
	}
	err = n.DB.View(ctx, func(tx *db.Tx) error {
		rep, err = n.Journal.Verify(tx, n.said)
		return err
	})
	return rep, err
}

// said asks the room that noted an entry what its items were.
func (n *Node) said(tx *db.Tx, e journal.Entry, kind string, facts []byte) (map[int][]byte, error) {
	switch kind {
	case "accept":
		return n.Intake.Said(tx, facts)
	case "release", "inbox":
		return n.Release.Said(tx, e, facts)
	}
	return nil, nil
}
