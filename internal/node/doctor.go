package node

import (
	"context"
	"fmt"

	"entente/internal/db"
)

// Finding is something that doctor noticed.
type Finding struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	What  string `json:"what"`
}

// Doctor checks what a node rests on: that the database file is whole, that the
// ledger and everything it is about agree, that no release log shows what it may
// not or refers to what it does not show, and whether anything waits for a person.
func (n *Node) Doctor(ctx context.Context) []Finding {
	var out []Finding
	report := func(check, good string, err error) {
		if err != nil {
			out = append(out, Finding{check, false, err.Error()})
			return
		}
		out = append(out, Finding{check, true, good})
	}
	report("database", "the file is whole", n.DB.View(ctx, integrity))
	rep, err := n.VerifyLedger(ctx)
	report("ledger", fmt.Sprintf("%d entries in %d leaves hold, with the objects they are about", rep.Entries, rep.Leaves), err)
	report("release logs", "every view is closed under reference and holds only what its epoch lets go", n.DB.View(ctx, n.Release.Check))
	var conflicts, quarantined, unresolved int64
	err = n.DB.View(ctx, func(tx *db.Tx) error {
		for q, into := range map[string]*int64{
			"SELECT count(*) FROM conflict":                 &conflicts,
			"SELECT count(*) FROM submission WHERE state=4": &quarantined,
			"SELECT count(DISTINCT seq) FROM unresolved":    &unresolved,
		} {
			if _, err := tx.Row(q, nil, into); err != nil {
				return err
			}
		}
		return nil
	})
	report("waiting for people", fmt.Sprintf("%d conflicts, %d in quarantine, %d with markings whose definitions are missing", conflicts, quarantined, unresolved), err)
	return out
}

func integrity(tx *db.Tx) error {
	var first string
	if _, err := tx.Row("PRAGMA quick_check(1)", nil, &first); err != nil {
		return err
	}
	if first != "ok" {
		return fmt.Errorf("the database file is damaged: %s; restore a backup", first)
	}
	return nil
}
