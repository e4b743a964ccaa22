// Package partner knows the other nodes: who they are (introduction cards,
// pairing), what they are given (TAXII and signed deliveries, both out of
// release.Bytes only) and what they bring (inbox, synchronisation).
//
// It cannot read stored objects: what goes out it gets from room release, what
// comes in it hands to room intake.
//
// What can go wrong: a partner that cannot be reached is tried again; one whose
// ledger contradicts itself is refused until people have spoken, and the two
// signed checkpoints are kept as evidence.
package partner

import (
	"context"
	"fmt"
	"io"
	"time"

	"entente/internal/db"
	"entente/internal/intake"
	"entente/internal/journal"
	"entente/internal/keys"
	"entente/internal/release"
	"entente/label"
)

// Room is this node's knowledge of its partners. It is safe for concurrent use.
type Room struct {
	node    string
	card    []byte // our own, signed
	keys    *keys.Keys
	db      *db.DB
	release *release.Engine
	intake  *intake.Intake
	journal *journal.Journal
	profile func(name string) (*label.Profile, bool)
	random  io.Reader
	now     func() time.Time
}

// Config is what a Room needs.
type Config struct {
	Card    Card // of this node; the keys are filled in
	Keys    *keys.Keys
	DB      *db.DB
	Release *release.Engine
	Intake  *intake.Intake
	Journal *journal.Journal
	Profile func(name string) (*label.Profile, bool) // the intake profiles that have been adopted
	Random  io.Reader
	Now     func() time.Time
}

// New returns the Room of a node.
func New(c Config) (*Room, error) {
	card, err := NewCard(c.Card, c.Keys)
	if err != nil {
		return nil, err
	}
	return &Room{node: c.Card.Node, card: card, keys: c.Keys, db: c.DB, release: c.Release, intake: c.Intake,
		journal: c.Journal, profile: c.Profile, random: c.Random, now: c.Now}, nil
}

// States of a partner.
const (
	Proposed  = "proposed"  // its card is here; nobody has compared the code
	Paired    = "paired"    // its keys count
	Client    = "client"    // it has no node, only a client with credentials
	Suspended = "suspended" // nothing goes to it or is taken from it
)

// Partner is another node as we know it.
type Partner struct {
	ID    string
	State string
	Card  Card
	At    time.Time
	code  string
}

// All returns the partners, by name.
func (r *Room) All(tx *db.Tx) ([]Partner, error) {
	return r.partners(tx, "1=1")
}

// Find returns a partner by its name.
func (r *Room) Find(tx *db.Tx, id string) (Partner, bool, error) { return r.find(tx, id) }

func (r *Room) find(tx *db.Tx, id string) (Partner, bool, error) {
	ps, err := r.partners(tx, "id=$1", id)
	if err != nil || len(ps) == 0 {
		return Partner{}, false, err
	}
	return ps[0], true, nil
}

func (r *Room) partners(tx *db.Tx, where string, args ...any) ([]Partner, error) {
	var out []Partner
	err := tx.Rows("SELECT id,state,card,code,at FROM partner WHERE "+where+" ORDER BY id", args, func(scan func(...any) error) error {
		var p Partner
		var card []byte
		var at int64
		if err := scan(&p.ID, &p.State, &card, &p.code, &at); err != nil {
			return err
		}
		if len(card) > 0 {
			var err error
			if p.Card, err = ParseCard(card); err != nil {
				return fmt.Errorf("the stored card of partner %s: %w", p.ID, err)
			}
		}
		p.At = time.UnixMicro(at)
		out = append(out, p)
		return nil
	})
	return out, err
}

// bind gives a new partner its inbox and lets it speak for its identity.
func (r *Room) bind(tx *db.Tx, p Partner) error {
	if p.Card.Identity != "" {
		if err := intake.BindCreator(tx, p.Card.Identity, p.ID); err != nil {
			return err
		}
	}
	_, err := r.release.AddView(tx, release.View{Kind: release.Inbox, Partner: p.ID, Alias: "inbox", Title: "Inbox of " + p.ID, Carriage: release.CarriagePlain})
	return err
}

// AddClient makes a partner of somebody who has no node and comes with a TAXII
// client: an inbox, and whatever it is subscribed to.
func (r *Room) AddClient(tx *db.Tx, id string) error {
	if !label.ValidName(id) || id == r.node {
		return fmt.Errorf("%q cannot name a partner: use letters, digits, - _ . and :, and not this node's own name", id)
	}
	n, err := tx.Exec("INSERT INTO partner(id,state,card,code,at) VALUES ($1,$2,'','',$3) ON CONFLICT (id) DO NOTHING", id, Client, r.now().UnixMicro())
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("there is a partner called %s already", id)
	}
	if err := r.bind(tx, Partner{ID: id}); err != nil {
		return err
	}
	_, err = r.journal.Note(tx, "client", map[string]string{"partner": id}, nil)
	return err
}

// Suspend stops everything with a partner at once; Resume takes that back.
func (r *Room) Suspend(tx *db.Tx, id string, suspended bool) error {
	p, found, err := r.find(tx, id)
	if err != nil {
		return err
	}
	if !found || p.State == Proposed {
		return fmt.Errorf("there is no partner called %q: see entente partner list", id)
	}
	state, kind := Paired, "resume"
	if len(p.Card.Signing) == 0 {
		state = Client
	}
	if suspended {
		state, kind = Suspended, "suspend"
	}
	if _, err := tx.Exec("UPDATE partner SET state=$1 WHERE id=$2", state, id); err != nil {
		return err
	}
	party, _, err := r.release.Party(tx, id)
	if err != nil {
		return err
	}
	party.ID, party.Suspended = id, suspended
	if err := r.release.SetParty(tx, party); err != nil {
		return err
	}
	_, err = r.journal.Note(tx, kind, map[string]string{"partner": id}, nil)
	return err
}

// Reachable returns the partners whose cards name an endpoint.
func (r *Room) Reachable(ctx context.Context) (ids []string, err error) {
	err = r.db.View(ctx, func(tx *db.Tx) error {
		ps, err := r.partners(tx, "state=$1", Paired)
		for _, p := range ps {
			if p.Card.Endpoint != "" {
				ids = append(ids, p.ID)
			}
		}
		return err
	})
	return ids, err
}
