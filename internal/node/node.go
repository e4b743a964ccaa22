package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"crypto/ed25519"

	"entente/internal/access"
	"entente/internal/db"
	"entente/internal/intake"
	"entente/internal/journal"
	"entente/internal/keys"
	"entente/internal/partner"
	"entente/internal/release"
	"entente/internal/store"
	"entente/label"
	"entente/policy"
)

// Node is an open node. The rooms in it are safe for concurrent use.
type Node struct {
	Config  Config
	Keys    *keys.Keys
	DB      *db.DB
	Store   *store.Store
	Journal *journal.Journal
	Release *release.Engine
	Intake  *intake.Intake
	Partner *partner.Room
	Access  *access.Room

	log    *slog.Logger
	now    func() time.Time
	random io.Reader

	policies string // folder of the policy files
}

// World is what a node takes from outside itself: a test fixes it.
type World struct {
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
}

func (w World) complete() World {
	if w.Now == nil {
		w.Now = time.Now
	}
	if w.Random == nil {
		w.Random = rand.Reader
	}
	if w.Log == nil {
		w.Log = slog.New(slog.DiscardHandler)
	}
	return w
}

// Init makes a node in dir, which must not hold one: keys, configuration,
// database, the policies that ship with the program as files to be changed.
func Init(ctx context.Context, dir string, c Config, w World) (*Node, error) {
	w = w.complete()
	if err := c.check(filepath.Join(dir, configFile)); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, configFile)); err == nil {
		return nil, fmt.Errorf("there is a node in %s already; remove it or choose another folder", dir)
	}
	k, err := keys.Generate(w.Random)
	if err != nil {
		return nil, err
	}
	if err := k.Save(filepath.Join(dir, keysFile)); err != nil {
		return nil, err
	}
	if err := copyPolicies(filepath.Join(dir, policyDir)); err != nil {
		return nil, err
	}
	if err := c.write(dir); err != nil {
		return nil, err
	}
	return Open(ctx, dir, w)
}

func copyPolicies(dir string) error {
	shipped := policy.Shipped()
	return fs.WalkDir(shipped, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(name))
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		text, err := fs.ReadFile(shipped, name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o600)
	})
}

// Open opens the node in dir.
func Open(ctx context.Context, dir string, w World) (*Node, error) {
	w = w.complete()
	c, err := readConfig(dir)
	if err != nil {
		return nil, err
	}
	k, err := keys.Load(filepath.Join(dir, keysFile))
	if err != nil {
		return nil, err
	}
	n := &Node{Config: c, Keys: k, log: w.Log, now: w.Now, random: w.Random, policies: filepath.Join(dir, policyDir)}
	set, err := n.loadPolicy()
	if err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, filepath.Join(dir, dataFile))
	if err != nil {
		return nil, err
	}
	n.DB = d
	if err := n.furnish(ctx, set); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return n, nil
}

// furnish makes the rooms and sees to what must hold before they are used.
func (n *Node) furnish(ctx context.Context, set *policy.Set) (err error) {
	if n.Journal, err = journal.New(n.Config.Name, n.Keys.Ledger, n.random, n.now); err != nil {
		return err
	}
	n.Store = store.New()
	n.Release = release.New(release.Config{Store: n.Store, Policy: set, Load: n.loadPolicy, Journal: n.Journal, Random: n.random, Now: n.now, Key: n.Keys.Secret("epochs"),
		Alarm: func(what string) { n.log.Error("alarm", "what", what) }})
	n.Intake = intake.New(n.Config.Name, n.DB, n.Store, n.Release, n.Journal, n.now)
	if n.Access, err = access.New(n.DB, n.Journal, n.random, n.now); err != nil {
		return err
	}
	card := partner.Card{Node: n.Config.Name, Title: n.Config.Title, Country: n.Config.Country, Identity: n.Config.Identity,
		Endpoint: n.Config.Endpoint, Contacts: n.Config.Contacts}
	n.Partner, err = partner.New(partner.Config{Card: card, Keys: n.Keys, DB: n.DB, Release: n.Release, Intake: n.Intake,
		Journal: n.Journal, Profile: n.profile, Random: n.random, Now: n.now})
	if err != nil {
		return err
	}
	if err := n.DB.Update(ctx, n.adopt); err != nil {
		return err
	}
	return n.Release.Refresh(ctx, n.DB)
}

// adopt signs and notes every intake profile that is new or has changed, and
// binds this node's own identity to it.
func (n *Node) adopt(tx *db.Tx) error {
	if err := intake.BindCreator(tx, n.Config.Identity, ""); err != nil {
		return err
	}
	if err := n.Release.Adopt(tx); err != nil {
		return err
	}
	for _, p := range n.Release.Policy().Profiles() {
		text := p.Canonical()
		sum := sha256.Sum256(text)
		var known []byte
		if _, err := tx.Row("SELECT hash FROM profile WHERE name=$1", []any{p.Name}, &known); err != nil {
			return err
		}
		if string(known) == string(sum[:]) {
			continue
		}
		sig := ed25519.Sign(n.Keys.Signing, append([]byte("entente intake profile v1\n"), text...))
		_, err := tx.Exec("INSERT INTO profile(name,hash,facts,signature,at) VALUES ($1,$2,$3,$4,$5) ON CONFLICT (name) DO UPDATE SET hash=excluded.hash, facts=excluded.facts, signature=excluded.signature, at=excluded.at",
			p.Name, sum[:], string(text), sig, n.now().UnixMicro())
		if err != nil {
			return err
		}
		if _, err := n.Journal.Note(tx, "profile", map[string]any{"name": p.Name, "hash": fmt.Sprintf("%x", sum)}, nil); err != nil {
			return err
		}
	}
	return nil
}

// loadPolicy reads the policies as they are in the folder now.
func (n *Node) loadPolicy() (*policy.Set, error) {
	set, err := policy.Load(os.DirFS(n.policies))
	if err != nil {
		return nil, fmt.Errorf("policies in %s: %w", n.policies, err)
	}
	return set, nil
}

// profile returns an intake profile of the policies in force.
func (n *Node) profile(name string) (*label.Profile, bool) { return n.Release.Policy().Profile(name) }

// Close closes the node. What has been noted but not sequenced is sequenced.
func (n *Node) Close() error {
	_, err := n.Journal.Sequence(context.Background(), n.DB)
	return errors.Join(err, n.DB.Close())
}

// Profile returns an intake profile that this node has adopted.
func (n *Node) Profile(name string) (*label.Profile, error) {
	p, ok := n.profile(name)
	if !ok {
		var names []string
		for _, p := range n.Release.Policy().Profiles() {
			names = append(names, p.Name)
		}
		return nil, fmt.Errorf("there is no intake profile %q: use one of %v, or add a file to %s", name, names, filepath.Join(policyDir, "profiles"))
	}
	return p, nil
}
