package release

import (
	"encoding/hex"
	"fmt"

	"entente/internal/db"
)

// Adopt puts the policies that this process has loaded in force, for every
// process that works on the database. Called when a node is opened: whoever
// reads the policies last has what the operator last wrote.
func (e *Engine) Adopt(tx *db.Tx) error {
	hash := e.Policy().Hash()
	known, err := inForce(tx)
	if err != nil || string(known) == string(hash[:]) {
		return err
	}
	if err := tx.Insert("INSERT INTO policy(hash,at)", "", 2, []any{hash[:], e.now().UnixMicro()}); err != nil {
		return err
	}
	_, err = e.journal.Note(tx, "policy", map[string]string{"hash": hex.EncodeToString(hash[:])}, nil)
	return err
}

func inForce(tx *db.Tx) (hash []byte, err error) {
	_, err = tx.Row("SELECT hash FROM policy ORDER BY n DESC LIMIT 1", nil, &hash)
	return hash, err
}

// current sees to it that this process decides by the policies in force. A
// server that has run on while the operator adopted others reads them now; if
// it cannot, it decides nothing.
func (e *Engine) current(tx *db.Tx) error {
	want, err := inForce(tx)
	if err != nil {
		return err
	}
	if hash := e.Policy().Hash(); want == nil || string(want) == string(hash[:]) {
		return nil
	}
	set, err := e.load()
	if err != nil {
		return fmt.Errorf("other policies have been adopted, and they cannot be read: %w", err)
	}
	if hash := set.Hash(); string(want) != string(hash[:]) {
		return fmt.Errorf("the policies in the folder are not those that were adopted (%x): adopt them by running any entente command on this node", want[:8])
	}
	e.set.Store(set)
	return nil
}
