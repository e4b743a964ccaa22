// Package demo plays a small story with four nodes on this machine: what comes
// in, what each partner gets under its agreement and why, what a partner that
// gets nothing can tell from that, and what a ledger notices.
//
// States, bodies and persons are invented; only the names of listed groups are
// real and public. The story checks itself: an Error is a broken promise.
package demo

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"entente/internal/db"
	"entente/internal/node"
	"entente/internal/partner"
	"entente/internal/release"
	"entente/policy"
)

//go:embed data
var data embed.FS

// member is one node of the story.
type member struct {
	*node.Node
	dir     string
	serving *node.Serving
	law     string // in words
	facts   policy.Partner
	token   string // of the partner's TAXII account at Nordlys
}

// world is the four nodes.
type world struct {
	dir     string
	nordlys *member
	others  []*member // Meridian, Clearfeed, Karst
	log     func(format string, args ...any)
}

// cast says who plays, and what Nordlys holds to be true of each.
var cast = []struct {
	name, title, law string
	facts            policy.Partner
}{
	{"nordlys", "Nordlys, police of an invented state", "law enforcement under an EU-like law", policy.Partner{
		Country: "XN", Kind: "police", Regime: "led", Level: 3, Honours: []string{"no-court", "no-onward", "no-action", "delete-on-request"}}},
	{"meridian", "Meridian, border service of an invented third state", "safeguards by treaty, with assurances", policy.Partner{
		Country: "XM", Kind: "police", Regime: "safeguards", Level: 2, Honours: []string{"no-onward", "delete-on-request"},
		Assurances: []string{"no-death-penalty", "delete-on-request", "no-torture"}}},
	{"clearfeed", "Clearfeed, an invented platform", "private law and the GDPR", policy.Partner{
		Country: "XC", Kind: "platform", Regime: "gdpr", Level: 1, Honours: []string{"no-onward"}}},
	{"karst", "Karst, an invented state with risks", "no instrument of transfer; risks of torture and the death penalty", policy.Partner{
		Country: "XK", Kind: "police", Regime: "none", Level: 1, Risks: []string{"torture", "death-penalty", "onward-disclosure"}}},
}

// subscriptions of Nordlys' partners.
var subscriptions = []struct{ partner, agreement, purpose string }{
	{"meridian", "PUBLIC", "terrorism-investigation"},
	{"meridian", "MERIDIAN", "border-control"},
	{"meridian", "MERIDIAN", "terrorism-investigation"},
	{"clearfeed", "PUBLIC", "content-removal"},
	{"clearfeed", "CLEARFEED", "content-removal"},
	{"karst", "HUB", "terrorism-investigation"},
}

func build(ctx context.Context, dir string, log func(string, ...any)) (*world, error) {
	w := &world{dir: dir, log: log}
	for i, c := range cast {
		m, err := w.open(ctx, c.name, c.title)
		if err != nil {
			return w, err
		}
		m.law, m.facts = c.law, c.facts
		m.facts.ID = c.name
		if i == 0 {
			w.nordlys = m
		} else {
			w.others = append(w.others, m)
		}
	}
	for _, m := range w.all() {
		var err error
		if m.serving, err = m.Serve(ctx, node.Options{Dir: m.dir}); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (w *world) all() []*member {
	if w.nordlys == nil {
		return nil
	}
	return append([]*member{w.nordlys}, w.others...)
}

func (w *world) open(ctx context.Context, name, title string) (*member, error) {
	public, err1 := freeAddress()
	exchange, err2 := freeAddress()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	c := node.DefaultConfig(name)
	c.Title, c.Listen, c.Exchange, c.Endpoint = title, public, exchange, "https://"+exchange
	c.Contacts = []string{"duty officer (invented)"}
	dir := filepath.Join(w.dir, name)
	n, err := node.Init(ctx, dir, c, node.World{})
	if err != nil {
		return nil, err
	}
	// The operator adds an intake profile for a list of its region.
	text, err := data.ReadFile("data/aruvel-listing.toml")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(n.Close(), os.WriteFile(filepath.Join(dir, "policy", "profiles", "aruvel-listing.toml"), text, 0o600)); err != nil {
		return nil, err
	}
	n, err = node.Open(ctx, dir, node.World{})
	return &member{Node: n, dir: dir}, err
}

// freeAddress finds an address on loopback that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (w *world) close() error {
	var errs []error
	for _, m := range w.all() {
		if m.serving != nil {
			errs = append(errs, m.serving.Stop())
		}
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}

// meet pairs two nodes: three messages, then two people compare a code.
func meet(ctx context.Context, a, b *member) (code string, err error) {
	var invitation, reply, reveal, last partner.Step
	for _, step := range []func() error{
		func() error {
			return a.DB.Update(ctx, func(tx *db.Tx) (err error) { invitation, err = a.Partner.Invite(tx); return })
		},
		func() error {
			return b.DB.Update(ctx, func(tx *db.Tx) (err error) { reply, err = b.Partner.Accept(tx, invitation.Send); return })
		},
		func() error {
			return a.DB.Update(ctx, func(tx *db.Tx) (err error) { reveal, err = a.Partner.Accept(tx, reply.Send); return })
		},
		func() error {
			return b.DB.Update(ctx, func(tx *db.Tx) (err error) { last, err = b.Partner.Accept(tx, reveal.Send); return })
		},
		func() error { return confirm(ctx, a, b, last.Code) },
		func() error { return confirm(ctx, b, a, reveal.Code) },
	} {
		if err := step(); err != nil {
			return "", err
		}
	}
	return reveal.Code, nil
}

// confirm enters at one node the code that the other's people read out.
func confirm(ctx context.Context, at, with *member, code string) error {
	matched := false
	err := at.DB.Update(ctx, func(tx *db.Tx) (err error) {
		matched, err = at.Partner.Confirm(tx, with.Config.Name, code)
		return err
	})
	if err == nil && !matched {
		err = partner.ErrWrongCode
	}
	return err
}

// know says at one node what holds of another.
func know(ctx context.Context, at, of *member) error {
	return at.DB.Update(ctx, func(tx *db.Tx) error {
		if err := at.Release.SetParty(tx, release.Party{Partner: of.facts}); err != nil {
			return err
		}
		return at.Release.RefreshIn(tx)
	})
}

// eventually waits for something that takes a moment.
func eventually(ctx context.Context, what string, f func() (bool, error)) error {
	const patience = 20 * time.Second
	deadline := time.Now().Add(patience)
	for {
		ok, err := f()
		if err != nil || ok {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s did not happen within %v", what, patience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
