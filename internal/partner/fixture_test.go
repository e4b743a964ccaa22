package partner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"entente/internal/access"
	"entente/internal/db"
	"entente/internal/intake"
	"entente/internal/journal"
	"entente/internal/keys"
	"entente/internal/release"
	"entente/internal/store"
	"entente/label"
	"entente/policy"
	"entente/stix"
)

// The policy of these tests: what is TLP:GREEN or less goes to every party and
// is taken in from every party.
var policyFiles = map[string]string{
	"guards.cedar": `@id("suspended") @title("t") @cite("c") @text("t") @fix("f") @who("w")
forbid (principal, action, resource) when { principal.suspended };`,
	"agreements/test.cedar": `@id("TEST.1") @title("t") @cite("c") @text("t") @oblige("keep-secret")
permit (principal in Agreement::"TEST", action in [Action::"Release", Action::"LeaveQuarantine"], resource) when { resource.tlp <= 1 };`,
	"agreements/test.toml": `id = "TEST"
title = "An agreement for tests"
parties = ["alfa", "bravo", "charlie"]
covered_groups = ["*", "none"]
purposes = ["verification", "exercise"]
schemes = ["ungraded"]
obligations = []
transfer_basis = "none"
intake_profile = "open"
carriage = "envelope"
from = 2020-01-01
until = 2029-12-31`,
	"profiles/open.toml": `name = "open"
title = "For tests"
source = "Tests"
[default]
tlp = 0
pap = 0
level = 0
scheme = "ungraded"
data = 0
designation = ["none"]
group = "none"
basis = "public-interest"
purposes = ["verification", "exercise"]
taint = "none"
reviewed = true
state = "active"
[always]
published = false
[content]
other = "report"`,
}

func testPolicy(t testing.TB) *policy.Set {
	t.Helper()
	files := fstest.MapFS{}
	for name, text := range policyFiles {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for _, name := range []string{"schema.cedarschema", "profiles/partner-delivery.toml"} {
		text, err := fs.ReadFile(policy.Shipped(), name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	set, err := policy.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// rig is a node as far as this room is concerned, with an exchange listener that
// is not served until serve is called.
type rig struct {
	*Room
	t        testing.TB
	db       *db.DB
	set      *policy.Set
	engine   *release.Engine
	intake   *intake.Intake
	journal  *journal.Journal
	access   *access.Room
	keys     *keys.Keys
	clock    time.Time
	listener net.Listener
	told     chan string // who said that it has something new
}

func newRig(t testing.TB, name string, seed byte) *rig {
	t.Helper()
	n := &rig{t: t, set: testPolicy(t), clock: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), told: make(chan string, 100)}
	var err error
	check := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	random, now := rand.NewChaCha8([32]byte{seed}), func() time.Time { return n.clock }
	n.keys, err = keys.Generate(random)
	check()
	n.db, err = db.OpenScratch(context.Background(), filepath.Join(t.TempDir(), "node.db"))
	check()
	t.Cleanup(func() { n.db.Close() })
	n.journal, err = journal.New(name, n.keys.Ledger, random, now)
	check()
	s := store.New()
	n.engine = release.New(release.Config{Store: s, Policy: n.set, Journal: n.journal, Random: random, Now: now, Alarm: func(what string) { t.Error(what) }})
	n.intake = intake.New(name, n.db, s, n.engine, n.journal, now)
	n.access, err = access.New(n.db, n.journal, random, now)
	check()
	n.listener, err = net.Listen("tcp", "127.0.0.1:0")
	check()
	t.Cleanup(func() { n.listener.Close() })
	card := Card{Node: name, Title: name, Country: "XX", Identity: stix.DeterministicID("identity", "test", name), Endpoint: "https://" + n.listener.Addr().String()}
	n.Room, err = New(Config{Card: card, Keys: n.keys, DB: n.db, Release: n.engine, Intake: n.intake, Journal: n.journal,
		Profile: n.set.Profile, Random: random, Now: now})
	check()
	n.update(func(tx *db.Tx) error { return intake.BindCreator(tx, card.Identity, "") })
	return n
}

func (n *rig) update(f func(*db.Tx) error) {
	n.t.Helper()
	if err := n.db.Update(context.Background(), f); err != nil {
		n.t.Fatal(err)
	}
}

func (n *rig) view(f func(*db.Tx) error) {
	n.t.Helper()
	if err := n.db.View(context.Background(), f); err != nil {
		n.t.Fatal(err)
	}
}

// serve answers on the exchange listener; wrap, if not nil, stands before it.
func (n *rig) serve(wrap func(http.Handler) http.Handler) {
	n.t.Helper()
	config, err := n.ServerTLS()
	if err != nil {
		n.t.Fatal(err)
	}
	h := n.Exchange(func(p string) { n.told <- p })
	if wrap != nil {
		h = wrap(h)
	}
	srv := &http.Server{Handler: h, TLSConfig: config, ErrorLog: quiet}
	go srv.ServeTLS(n.listener, "", "")
	n.t.Cleanup(func() { srv.Close() })
}

// know says that a partner is one to whom things may go.
func (n *rig) know(partner string) {
	n.t.Helper()
	n.update(func(tx *db.Tx) error {
		return n.engine.SetParty(tx, release.Party{Partner: policy.Partner{ID: partner, Country: "XX", Kind: "ngo", Regime: "gdpr"}})
	})
}

func (n *rig) accept(text []byte) (Step, error) {
	var s Step
	err := n.db.Update(context.Background(), func(tx *db.Tx) (err error) {
		s, err = n.Accept(tx, text)
		return err
	})
	return s, err
}

func (n *rig) mustAccept(text []byte) Step {
	n.t.Helper()
	s, err := n.accept(text)
	if err != nil {
		n.t.Fatal(err)
	}
	return s
}

func (n *rig) invite() []byte {
	n.t.Helper()
	var s Step
	n.update(func(tx *db.Tx) (err error) {
		s, err = n.Invite(tx)
		return err
	})
	return s.Send
}

func (n *rig) confirm(partner, code string) (matched bool, err error) {
	err = n.db.Update(context.Background(), func(tx *db.Tx) (err error) {
		matched, err = n.Confirm(tx, partner, code)
		return err
	})
	return matched, err
}

// pair makes two nodes partners, each knowing the other.
func pair(a, b *rig) {
	a.t.Helper()
	reply := b.mustAccept(a.invite())
	reveal := a.mustAccept(reply.Send)
	last := b.mustAccept(reveal.Send)
	for _, side := range []struct {
		at      *rig
		partner string
	}{{a, b.node}, {b, a.node}} {
		if ok, err := side.at.confirm(side.partner, last.Code); !ok || err != nil {
			a.t.Fatalf("confirm %s: %v %v", side.partner, ok, err)
		}
		side.at.know(side.partner)
	}
}

func (n *rig) subscribe(partner, purpose string) (collection string) {
	n.t.Helper()
	n.update(func(tx *db.Tx) error {
		v, err := n.engine.Subscribe(tx, partner, "TEST", purpose, false)
		if err == nil {
			collection = v.Collection
		}
		return err
	})
	return collection
}

func report(n int, more ...string) string {
	return fmt.Sprintf(`{"type":"report","spec_version":"2.1","id":"report--00000000-0000-4000-8000-%012d","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":"r%d","published":"2020-01-01T00:00:00Z","object_refs":["report--00000000-0000-4000-8000-000000000001"]%s}`, n, n, strings.Join(more, ""))
}

// publish brings reports from…to in as this node's own, and sequences the ledger.
func (n *rig) publish(from, to int) {
	n.t.Helper()
	p, _ := n.set.Profile("open")
	for at := from; at <= to; at += 500 {
		var batch []intake.Arrival
		for i := at; i <= min(to, at+499); i++ {
			o, err := intake.Check([]byte(report(i)))
			if err != nil {
				n.t.Fatal(err)
			}
			batch = append(batch, intake.Arrival{Object: o})
		}
		if _, err := n.intake.Accept(context.Background(), intake.Source{Profile: p}, intake.Container{Kind: "test"}, batch, nil); err != nil {
			n.t.Fatal(err)
		}
	}
	n.sequence()
}

// own brings objects in as this node's own, without sequencing.
func (n *rig) own(profile *label.Profile, objects ...*stix.Object) {
	n.t.Helper()
	var batch []intake.Arrival
	for _, o := range objects {
		batch = append(batch, intake.Arrival{Object: o})
	}
	if _, err := n.intake.Accept(context.Background(), intake.Source{Profile: profile}, intake.Container{Kind: "test"}, batch, nil); err != nil {
		n.t.Fatal(err)
	}
}

func (n *rig) sequence() {
	n.t.Helper()
	if _, err := n.journal.Sequence(context.Background(), n.db); err != nil {
		n.t.Fatal(err)
	}
}

func (n *rig) count(table string) (c int) {
	n.t.Helper()
	n.view(func(tx *db.Tx) error {
		_, err := tx.Row("SELECT count(*) FROM "+table, nil, &c)
		return err
	})
	return c
}

// raw is all the bytes that a node holds of its objects, by identifier.
func (n *rig) raw() map[string]string {
	n.t.Helper()
	out := map[string]string{}
	n.view(func(tx *db.Tx) error {
		return tx.Rows("SELECT o.id,b.bytes FROM submission s JOIN object o ON o.n=s.object JOIN body b ON b.n=s.body", nil, func(scan func(...any) error) error {
			var id string
			var bytes []byte
			err := scan(&id, &bytes)
			out[id] = string(bytes)
			return err
		})
	})
	return out
}

var errRollback = errors.New("rolled back on purpose")
