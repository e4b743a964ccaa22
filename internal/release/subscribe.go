package release

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"entente/internal/db"
	"entente/label"
	"entente/policy"
)

// Subscribe lets a partner have what an agreement allows for a purpose, from
// what there is on. plain is for clients that see bytes only.
func (e *Engine) Subscribe(tx *db.Tx, partner, agreement, purpose string, plain bool) (*View, error) {
	a, ok := e.Policy().Agreement(agreement)
	if !ok {
		var ids []string
		for _, a := range e.Policy().Agreements() {
			ids = append(ids, a.ID)
		}
		return nil, fmt.Errorf("there is no agreement %q: there are %v", agreement, ids)
	}
	if !a.Party(partner) {
		return nil, fmt.Errorf("%s is not a party to %s: its parties are %v", partner, agreement, a.Parties)
	}
	if !slices.Contains(label.Purposes, purpose) {
		return nil, fmt.Errorf("%q is not a purpose: the list is closed: %v", purpose, []string(label.Purposes))
	}
	if !a.Purposes.Has(purpose) {
		return nil, fmt.Errorf("%s is not for %s: its purposes are %v", agreement, purpose, []string(a.Purposes))
	}
	carriage := string(a.Carriage)
	alias := strings.ToLower(agreement) + "-" + purpose
	if plain && carriage != CarriagePlain {
		carriage, alias = CarriagePlain, alias+"-plain"
	}
	v, err := e.AddView(tx, View{Kind: Subscription, Partner: partner, Agreement: agreement, Purpose: purpose,
		Title: a.Title + ": " + purpose, Carriage: carriage, Alias: alias})
	if err != nil {
		return nil, err
	}
	if v.Stale() {
		err = e.reconsider(tx, v)
	}
	return v, err
}

// CheckParty says what is wrong with facts about a partner, if anything: facts
// that policy would not understand deny everything, which is safe but puzzling.
func (e *Engine) CheckParty(p Party) error {
	for agreement, profile := range p.Intake {
		if _, ok := e.Policy().Agreement(agreement); !ok {
			return fmt.Errorf("intake: there is no agreement %q", agreement)
		}
		if _, ok := e.Policy().Profile(profile); !ok {
			return fmt.Errorf("intake: there is no intake profile %q", profile)
		}
	}
	all := e.Policy().Agreements()
	if len(all) == 0 {
		return errors.New("there are no agreements")
	}
	verdict := e.Policy().Decide(policy.Request{Partner: p.Partner, Agreement: all[0].ID, Label: label.Label{}.Final(), Action: policy.Release, Purpose: "verification"})
	if verdict.Fault != "" {
		return errors.New(verdict.Fault)
	}
	return nil
}

// Count returns how many objects a view shows, all versions.
func (e *Engine) Count(tx *db.Tx, v *View) (n int64, err error) {
	_, err = tx.Row("SELECT coalesce(sum(count),0) FROM released WHERE view=$1", []any{v.N}, &n)
	return n, err
}

// NoteExport notes that what views show up to now is written to a file.
func (e *Engine) NoteExport(tx *db.Tx, views []*View) error {
	for _, v := range views {
		count, err := e.Count(tx, v)
		if err != nil {
			return err
		}
		act := Act{View: v.Collection, Partner: v.Partner, Agreement: v.Agreement, Purpose: v.Purpose, First: v.Last(), Count: int(count)}
		if _, err := e.journal.Note(tx, "export", act, nil); err != nil {
			return err
		}
	}
	return nil
}

// All yields everything of a view that a filter lets through, page by page.
func (e *Engine) All(tx *db.Tx, v *View, f Filter) iter.Seq2[Released, error] {
	f.Limit = 1000
	return func(yield func(Released, error) bool) {
		for {
			page, more, next, err := e.Page(tx, v, f)
			if err != nil {
				yield(Released{}, err)
				return
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
			if !more {
				return
			}
			f.After = next
		}
	}
}
