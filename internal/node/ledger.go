package node

import (
	"context"
	"encoding/json"
	"fmt"

	"entente/internal/db"
	"entente/internal/intake"
	"entente/internal/journal"
	"entente/ledger"
)

// VerifyLedger recomputes this node's ledger from everything that is stored,
// objects included, and looks for what is stored without an entry. What waits is
// sequenced first.
func (n *Node) VerifyLedger(ctx context.Context) (rep ledger.Report, err error) {
	if _, err := n.Journal.Sequence(ctx, n.DB); err != nil {
		return rep, err
	}
	err = n.DB.View(ctx, func(tx *db.Tx) error {
		rep, err = n.verify(tx)
		return err
	})
	return rep, err
}

func (n *Node) verify(tx *db.Tx) (ledger.Report, error) {
	accepted := int64(0)
	rep, err := n.Journal.Verify(tx, func(tx *db.Tx, e journal.Entry, kind string, facts []byte) (map[int][]byte, error) {
		if kind == "accept" {
			var act intake.Act
			if json.Unmarshal(facts, &act) == nil {
				accepted += int64(act.Count)
			}
		}
		return n.said(tx, e, kind, facts)
	})
	if err != nil {
		return rep, err
	}
	if stored, err := n.Store.Count(tx); err != nil {
		return rep, err
	} else if stored != accepted {
		return rep, fmt.Errorf("%d submissions are stored, and the ledger knows of %d: somebody has written to the database behind its back", stored, accepted)
	}
	return rep, n.Release.CheckRows(tx)
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
