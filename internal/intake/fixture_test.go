package intake

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"entente/internal/db"
	"entente/internal/journal"
	"entente/internal/release"
	"entente/internal/store"
	"entente/label"
	"entente/policy"
	"entente/stix"
)

// The policy of these tests: what is TLP:GREEN or less goes to bravo and is
// taken in from bravo and charlie.
var policyFiles = map[string]string{
	"guards.cedar": `@id("suspended") @title("t") @cite("c") @text("t") @fix("f") @who("w")
forbid (principal, action, resource) when { principal.suspended };`,
	"agreements/test.cedar": `@id("TEST.1") @title("t") @cite("c") @text("t")
permit (principal in Agreement::"TEST", action in [Action::"Release", Action::"LeaveQuarantine"], resource) when { resource.tlp <= 1 };`,
	"agreements/test.toml": `id = "TEST"
title = "An agreement for tests"
parties = ["alfa", "bravo", "charlie"]
covered_groups = ["*", "none"]
purposes = ["verification"]
schemes = ["ungraded"]
obligations = []
transfer_basis = "none"
intake_profile = "open"
carriage = "envelope"
from = 2020-01-01
until = 2029-12-31`,
	"profiles/open.toml":   openProfile("open", ""),
	"profiles/other.toml":  openProfile("other", ""),
	"profiles/loose.toml":  openProfile("loose", `not_references = ["x_hint_ref"]`),
	"profiles/secret.toml": strings.Replace(openProfile("secret", ""), "tlp = 0", "tlp = 4", 1),
}

func openProfile(name, more string) string {
	return fmt.Sprintf(`name = %q
title = "For tests"
source = "Tests"
%s
[default]
tlp = 0
pap = 0
level = 0
scheme = "ungraded"
data = 0
designation = ["none"]
group = "none"
basis = "public-interest"
purposes = ["verification"]
taint = "none"
reviewed = true
state = "active"
[always]
published = false
[content]
other = "report"
`, name, more)
}

// desk is an intake with everything behind it, on a database of its own.
type desk struct {
	*Intake
	t       *testing.T
	db      *db.DB
	store   *store.Store
	engine  *release.Engine
	journal *journal.Journal
	set     *policy.Set
	clock   time.Time
}

const (
	ours   = stix.ID("identity--00000000-0000-4000-8000-00000000000a") // this node's
	bravos = stix.ID("identity--00000000-0000-4000-8000-00000000000b") // the partner bravo's
	nobody = stix.ID("identity--00000000-0000-4000-8000-00000000000f") // of whom nobody is known to speak
)

func newDesk(t *testing.T) *desk {
	t.Helper()
	files := fstest.MapFS{}
	for name, text := range policyFiles {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	schema, err := fs.ReadFile(policy.Shipped(), "schema.cedarschema")
	if err != nil {
		t.Fatal(err)
	}
	files["schema.cedarschema"] = &fstest.MapFile{Data: schema}
	d := &desk{t: t, store: store.New(), clock: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	if d.set, err = policy.Load(files); err != nil {
		t.Fatal(err)
	}
	if d.db, err = db.OpenScratch(t.Context(), filepath.Join(t.TempDir(), "node.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.db.Close() })
	now, random := func() time.Time { return d.clock }, rand.NewChaCha8([32]byte{7})
	if d.journal, err = journal.New("alfa", ed25519.NewKeyFromSeed(make([]byte, 32)), random, now); err != nil {
		t.Fatal(err)
	}
	d.engine = release.New(release.Config{Store: d.store, Policy: d.set, Journal: d.journal, Random: random, Now: now, Alarm: func(what string) { t.Error(what) }})
	d.Intake = New("alfa", d.db, d.store, d.engine, d.journal, now)
	d.update(func(tx *db.Tx) error {
		for id, who := range map[stix.ID]string{ours: "", bravos: "bravo"} {
			if err := BindCreator(tx, id, who); err != nil {
				return err
			}
		}
		for _, p := range []string{"bravo", "charlie"} {
			if err := d.engine.SetParty(tx, release.Party{Partner: policy.Partner{ID: p, Country: "XB", Kind: "ngo", Regime: "gdpr"}}); err != nil {
				return err
			}
		}
		_, err := d.engine.Subscribe(tx, "bravo", "TEST", "verification", false)
		return err
	})
	return d
}

func (d *desk) update(f func(*db.Tx) error) {
	d.t.Helper()
	if err := d.db.Update(context.Background(), f); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) view(f func(*db.Tx) error) {
	d.t.Helper()
	if err := d.db.View(context.Background(), f); err != nil {
		d.t.Fatal(err)
	}
}

// by is a source: a partner ("" for this node) and a profile.
func (d *desk) by(partner, profile string) Source {
	d.t.Helper()
	p, ok := d.set.Profile(profile)
	if !ok {
		d.t.Fatalf("no profile %q", profile)
	}
	s := Source{Partner: partner, Profile: p}
	if partner != "" {
		s.Agreement, s.Purpose = "TEST", "verification"
	}
	return s
}

func (d *desk) bring(src Source, objects ...*stix.Object) []Result {
	d.t.Helper()
	var batch []Arrival
	for _, o := range objects {
		batch = append(batch, Arrival{Object: o})
	}
	results, err := d.Accept(context.Background(), src, Container{Kind: "test"}, batch, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return results
}

func reportID(n int) stix.ID { return stix.ID(fmt.Sprintf("report--00000000-0000-4000-8000-%012d", n)) }

// object makes a report; more are further members, each with a comma before it.
func object(t *testing.T, n int, modified string, creator stix.ID, more ...string) *stix.Object {
	t.Helper()
	created := ""
	if creator != "" {
		created = fmt.Sprintf(`,"created_by_ref":%q`, creator)
	}
	return parse(t, fmt.Sprintf(`{"type":"report","spec_version":"2.1","id":%q,"created":"2020-01-01T00:00:00Z","modified":%q%s%s}`,
		reportID(n), modified, created, strings.Join(more, "")))
}

func parse(t *testing.T, text string) *stix.Object {
	t.Helper()
	o, err := stix.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return o
}

const (
	monday  = "2024-01-01T00:00:00Z"
	tuesday = "2024-01-02T00:00:00Z"
)

// released lists what bravo is shown: the submissions, in order.
func (d *desk) released() (seqs []store.Seq) {
	d.t.Helper()
	d.view(func(tx *db.Tx) error {
		vs, err := d.engine.Views(tx, "bravo")
		if err != nil {
			return err
		}
		page, _, _, err := d.engine.Page(tx, vs[0], release.Filter{Limit: 1000, Versions: release.Versions{All: true}})
		for _, r := range page {
			seqs = append(seqs, r.Seq)
		}
		if err == nil {
			err = d.engine.Check(tx)
		}
		return err
	})
	return seqs
}

func (d *desk) state(seq store.Seq) (s store.State) {
	d.t.Helper()
	d.view(func(tx *db.Tx) error {
		sub, _, err := d.store.Submission(tx, seq)
		s = sub.State
		return err
	})
	return s
}

func (d *desk) labelOf(seq store.Seq) (l label.Label) {
	d.t.Helper()
	d.view(func(tx *db.Tx) error {
		sub, _, err := d.store.Submission(tx, seq)
		if err == nil {
			l, err = d.label(tx, sub.Class)
		}
		return err
	})
	return l
}

// head is the submission that an object stands at, 0 for none.
func (d *desk) head(id stix.ID) (seq store.Seq) {
	d.t.Helper()
	d.view(func(tx *db.Tx) error {
		o, err := d.store.Lookup(tx, id)
		if err == nil {
			seq, _, err = d.store.Head(tx, o)
		}
		return err
	})
	return seq
}

// count counts the rows of a table.
func (d *desk) count(table string) (n int) {
	d.t.Helper()
	d.view(func(tx *db.Tx) error {
		_, err := tx.Row("SELECT count(*) FROM "+table, nil, &n)
		return err
	})
	return n
}
