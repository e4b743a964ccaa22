package release

import (
	"crypto/sha256"
	"fmt"

	"github.com/google/uuid"

	"entente/internal/db"
	"entente/internal/store"
	"entente/policy"
)

// Kinds of view.
const (
	Subscription = "subscription" // what a partner may have under an agreement for a purpose
	Inbox        = "inbox"        // what a partner has brought, shown to it alone
)

// Carriages: what travels beside the bytes.
const (
	CarriagePlain    = "plain"    // nothing: TAXII with credentials
	CarriageEnvelope = "envelope" // the signed handling envelope: node to node
)

// View is one release log and whose it is, as one transaction sees it: it is not
// to be used in another.
type View struct {
	N          int64
	Kind       string
	Partner    string
	Agreement  string
	Purpose    string
	Collection string // UUID, the TAXII collection's id
	Alias      string
	Title      string
	Carriage   string
	Options    string // of probe collections, see package node

	next        int64 // the number that the next object gets, from 1
	last        int64 // the latest date_added, microseconds
	stored      Epoch // under which the log was last considered
	withdrawals int64

	set    *policy.Set // that decides in this transaction
	now    Epoch       // that holds at this moment
	facts  []byte
	party  Party
	member bool
	basis  string

	verdicts map[store.Class]policy.Verdict // of this transaction, until it is committed
}

const viewColumns = "n,kind,partner,agreement,purpose,collection,alias,title,carriage,options,next,last,epoch,withdrawals"

// Views returns the views of a partner, or of all if partner is "", in the
// order in which they were made.
func (e *Engine) Views(tx *db.Tx, partner string) ([]*View, error) {
	return e.views(tx, "$1='' OR partner=$1", partner)
}

// View returns the view that is a partner's collection, given by its id or its
// alias; nil if the partner has no such view.
func (e *Engine) View(tx *db.Tx, partner, collection string) (*View, error) {
	vs, err := e.views(tx, "partner=$1 AND (collection=$2 OR alias=$2)", partner, collection)
	if err != nil || len(vs) == 0 || collection == "" {
		return nil, err
	}
	return vs[0], nil
}

func (e *Engine) views(tx *db.Tx, where string, args ...any) ([]*View, error) {
	var vs []*View
	if err := e.current(tx); err != nil {
		return nil, err
	}
	err := tx.Rows("SELECT "+viewColumns+" FROM view WHERE "+where+" ORDER BY n", args, func(scan func(...any) error) error {
		v := &View{}
		var epoch []byte
		if err := scan(&v.N, &v.Kind, &v.Partner, &v.Agreement, &v.Purpose, &v.Collection, &v.Alias, &v.Title, &v.Carriage,
			&v.Options, &v.next, &v.last, &epoch, &v.withdrawals); err != nil {
			return err
		}
		copy(v.stored[:], epoch)
		vs = append(vs, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, v := range vs {
		if err := e.complete(tx, v); err != nil {
			return nil, err
		}
	}
	return vs, nil
}

// complete adds the facts of this moment.
func (e *Engine) complete(tx *db.Tx, v *View) (err error) {
	if v.Kind != Subscription {
		return nil
	}
	v.party, _, err = e.Party(tx, v.Partner)
	if err != nil {
		return err
	}
	v.party.ID = v.Partner
	v.set = e.Policy()
	if a, ok := v.set.Agreement(v.Agreement); ok {
		v.basis = a.TransferBasis
		v.member = a.InForce(e.now()) && a.Party(v.Partner)
	}
	v.now, v.facts, err = e.epoch(v)
	return err
}

// Stale tells whether the view must be considered before it is used.
func (v *View) Stale() bool { return v.now != v.stored }

// Last returns the number of the latest object of the view, 0 if it is empty.
func (v *View) Last() int64 { return v.next - 1 }

// AddView makes a view and returns it. An equal one is returned as it is.
func (e *Engine) AddView(tx *db.Tx, v View) (*View, error) {
	same, err := e.views(tx, "kind=$1 AND partner=$2 AND agreement=$3 AND purpose=$4 AND alias=$5", v.Kind, v.Partner, v.Agreement, v.Purpose, v.Alias)
	if err != nil {
		return nil, err
	}
	if len(same) > 0 {
		return same[0], nil
	}
	if v.Collection == "" {
		id, err := uuid.NewRandomFromReader(e.random)
		if err != nil {
			return nil, fmt.Errorf("make a view: %w", err)
		}
		v.Collection = id.String()
	}
	err = tx.Insert("INSERT INTO view(kind,partner,agreement,purpose,collection,alias,title,carriage,options,next,last,epoch,withdrawals)", "", 13,
		[]any{v.Kind, v.Partner, v.Agreement, v.Purpose, v.Collection, v.Alias, v.Title, v.Carriage, v.Options, 1, 0, make([]byte, sha256.Size), 0})
	if err != nil {
		return nil, err
	}
	vs, err := e.views(tx, "collection=$1", v.Collection)
	if err != nil {
		return nil, err
	}
	_, err = e.journal.Note(tx, "view", map[string]string{"kind": v.Kind, "partner": v.Partner, "agreement": v.Agreement, "purpose": v.Purpose, "carriage": v.Carriage}, nil)
	return vs[0], err
}
