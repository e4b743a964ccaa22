package release

import (
	"encoding/json"
	"fmt"

	"entente/internal/db"
	"entente/policy"
)

// Party is what we hold to be true of a partner when deciding: set by people of
// this node, never by the partner.
type Party struct {
	policy.Partner
	Intake map[string]string `json:"intake,omitempty"` // agreement → intake profile of what the partner brings under it
}

// SetParty records what is held to be true of a partner. Views of the partner
// are considered anew before they are next used.
func (e *Engine) SetParty(tx *db.Tx, p Party) error {
	facts, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if _, err := tx.Exec("INSERT INTO party(id,facts) VALUES ($1,$2) ON CONFLICT (id) DO UPDATE SET facts=excluded.facts", p.ID, string(facts)); err != nil {
		return err
	}
	_, err = e.journal.Note(tx, "party", p, nil)
	return err
}

// Party returns what is held to be true of a partner; found is false for a
// partner nobody has said anything about, to whom nothing goes.
func (e *Engine) Party(tx *db.Tx, id string) (p Party, found bool, err error) {
	var facts []byte
	found, err = tx.Row("SELECT facts FROM party WHERE id=$1", []any{id}, &facts)
	if err != nil || !found {
		return Party{}, false, err
	}
	if err := json.Unmarshal(facts, &p); err != nil {
		return Party{}, false, fmt.Errorf("facts of partner %s: %w", id, err)
	}
	return p, true, nil
}
