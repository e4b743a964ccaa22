package node

import (
	"context"
	"fmt"

	"entente/internal/db"
	"entente/internal/store"
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
	report("database", "the file is whole", n.DB.View(ctx, db.Check))
	rep, err := n.VerifyLedger(ctx)
	report("ledger", fmt.Sprintf("%d entries in %d leaves hold, with the objects they are about", rep.Entries, rep.Leaves), err)
	report("release logs", "every view is closed under reference and holds only what its epoch lets go", n.DB.View(ctx, n.Release.Check))
	waiting, err := n.waiting(ctx)
	report("waiting for people", waiting, err)
	return out
}

// waiting says what people have to look at.
func (n *Node) waiting(ctx context.Context) (what string, err error) {
	const most = 20
	err = n.DB.View(ctx, func(tx *db.Tx) error {
		var w store.Waiting
		if w, err = n.Store.Waiting(tx); err != nil {
			return err
		}
		what = fmt.Sprintf("%d conflicts, %d in quarantine, %d with markings whose definitions are missing", w.Conflicts, w.Quarantined, w.Unresolved)
		conflicts, err := n.Intake.Conflicts(tx, most)
		for _, c := range conflicts {
			from := "somebody else than its creator"
			if c.Creator {
				from = "its creator"
			}
			what += fmt.Sprintf("\n     %s version %s: submission %d says something else than %d, from %s", c.ID, c.Version, c.Second, c.First, from)
		}
		return err
	})
	return what, err
}
