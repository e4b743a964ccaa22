package intake

import (
	"fmt"

	"entente/internal/db"
	"entente/internal/store"
	"entente/stix"
)

// Held is something that waits for a person.
type Held struct {
	Seq     store.Seq `json:"submission"`
	ID      stix.ID   `json:"id"`
	Version string    `json:"version,omitempty"`
	Partner string    `json:"partner"`
	Under   string    `json:"under"` // agreement and intake profile
	Why     string    `json:"why"`
}

// Quarantine lists what partners brought and our own rules do not accept, with
// the reason as it is now, oldest first.
func (in *Intake) Quarantine(tx *db.Tx, most int) ([]Held, error) {
	var held []Held
	var subs []store.Submission
	err := in.store.InState(tx, store.Quarantined, most, func(s store.Submission) error {
		subs = append(subs, s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, s := range subs {
		src, err := in.store.SourceOf(tx, s.Source)
		if err != nil {
			return nil, err
		}
		h := Held{Seq: s.Seq, Version: s.Version, Partner: src.Name, Under: src.Profile}
		if h.ID, err = in.store.Identifier(tx, s.Object); err != nil {
			return nil, err
		}
		if h.Why, err = in.whyHeld(tx, src, s); err != nil {
			return nil, err
		}
		held = append(held, h)
	}
	return held, nil
}

func (in *Intake) whyHeld(tx *db.Tx, src store.Source, s store.Submission) (string, error) {
	l, err := in.label(tx, s.Class)
	if err != nil {
		return "", err
	}
	verdict, err := in.release.Welcome(tx, src.Name, src.Agreement(), "", l)
	return why(verdict), err
}

// Admit lets a submission out of quarantine, on the word of a person. Where
// something else has been accepted under the same version meanwhile, it becomes
// a conflict instead.
func (in *Intake) Admit(tx *db.Tx, seq store.Seq, who string) error {
	s, found, err := in.store.Submission(tx, seq)
	if err != nil {
		return err
	}
	if !found || s.State != store.Quarantined {
		return fmt.Errorf("submission %d is not in quarantine", seq)
	}
	b, o, err := in.as(tx, &s, in.now().UnixMicro())
	if err != nil {
		return err
	}
	if err := b.letOut(&s, o); err != nil {
		return err
	}
	if _, err := in.journal.Note(tx, "admit", map[string]any{"submission": seq, "by": who}, nil); err != nil {
		return err
	}
	return in.release.Advance(tx, []*store.Submission{&s}, nil)
}

// Conflict is a version of an object of which there are different bytes.
type Conflict struct {
	ID      stix.ID   `json:"id"`
	Version string    `json:"version,omitempty"`
	First   store.Seq `json:"first"`
	Second  store.Seq `json:"second"`
	Creator bool      `json:"creator"` // whether the second came from the object's creator
}

// Conflicts lists what a person has to look at, the latest first.
func (in *Intake) Conflicts(tx *db.Tx, most int) ([]Conflict, error) {
	var out []Conflict
	err := tx.Rows("SELECT o.id,c.version,c.first,c.second,c.creator FROM conflict c JOIN object o ON o.n=c.object ORDER BY c.n DESC LIMIT $1", []any{most}, func(scan func(...any) error) error {
		var c Conflict
		var creator int
		if err := scan(&c.ID, &c.Version, &c.First, &c.Second, &creator); err != nil {
			return err
		}
		c.Creator = creator != 0
		out = append(out, c)
		return nil
	})
	return out, err
}
