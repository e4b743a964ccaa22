package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"entente/internal/access"
	"entente/internal/db"
	"entente/internal/intake"
	"entente/internal/partner"
	"entente/internal/release"
	"entente/stix"
	"entente/taxii"
)

// Seed is the content of a probe: users, and API roots with collections and
// objects that have been added at given times.
type Seed struct {
	Users []struct {
		Name     string `json:"name"`
		Password string `json:"password"`
	} `json:"users"`
	Roots []struct {
		Path        string           `json:"path"`
		Title       string           `json:"title"`
		Description string           `json:"description"`
		Collections []SeedCollection `json:"collections"`
	} `json:"roots"`
}

// SeedCollection is a collection of a Seed.
type SeedCollection struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Alias       string   `json:"alias"`
	CanRead     bool     `json:"can_read"`
	CanWrite    bool     `json:"can_write"`
	MaxPage     int      `json:"max_page"`
	MediaTypes  []string `json:"media_types"`
	Objects     []struct {
		DateAdded string          `json:"date_added"`
		Object    json.RawMessage `json:"object"`
	} `json:"objects"`
}

// prober is the one partner that a probe has: all users of the seed are clients
// of it, so that they see the same collections.
const prober = "probe"

// Probe makes an empty node in a temporary folder and fills it from a seed, for
// conformance probes of the TAXII server. clean closes and removes it. The gate
// is that of any node; the rules of STIX itself are not asked, since probes
// bring objects of other versions.
func Probe(ctx context.Context, file string, w World, o *Options) (n *Node, clean func(), err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	seed, err := parseSeed(text)
	if err != nil {
		return nil, nil, fmt.Errorf("seed %s: %w", file, err)
	}
	dir, err := os.MkdirTemp("", "entente-probe-")
	if err != nil {
		return nil, nil, err
	}
	c := DefaultConfig("probe-node")
	c.Title = "Entente probe: an empty temporary node"
	if n, err = Init(ctx, dir, c, w); err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	clean = func() {
		n.Close()
		os.RemoveAll(dir)
	}
	o.Dir = dir
	o.Probe = &taxii.Server{Title: c.Title, Description: "Filled from a seed for conformance probes; nothing is kept."}
	if err := n.seed(ctx, seed, o.Probe); err != nil {
		clean()
		return nil, nil, fmt.Errorf("seed %s: %w", file, err)
	}
	return n, clean, nil
}

// parseSeed reads a seed. What it does not know of it passes over: a seed may be
// written for several servers.
func parseSeed(text []byte) (seed Seed, err error) {
	return seed, json.Unmarshal(text, &seed)
}

func (n *Node) seed(ctx context.Context, seed Seed, server *taxii.Server) error {
	err := n.DB.Update(ctx, func(tx *db.Tx) error {
		for _, u := range seed.Users {
			if err := n.Access.AddProbe(tx, access.Account{Name: u.Name, Role: "partner", Partner: prober}, u.Password); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range seed.Roots {
		server.Roots = append(server.Roots, taxii.Root{Path: r.Path, Title: r.Title, Description: r.Description})
		if server.Default == "" {
			server.Default = r.Path
		}
		for _, c := range r.Collections {
			if err := n.seedCollection(ctx, r.Path, c); err != nil {
				return fmt.Errorf("collection %s: %w", c.ID, err)
			}
		}
	}
	return nil
}

func (n *Node) seedCollection(ctx context.Context, root string, c SeedCollection) error {
	options, err := json.Marshal(partner.Options{Root: root, Description: c.Description, Read: c.CanRead, Write: c.CanWrite, MaxPage: c.MaxPage, MediaTypes: c.MediaTypes})
	if err != nil {
		return err
	}
	// Purpose tells collections apart here: an inbox has none.
	v := &release.View{Kind: release.Inbox, Partner: prober, Purpose: c.ID, Collection: c.ID, Alias: c.Alias, Title: c.Title, Carriage: release.CarriagePlain, Options: string(options)}
	err = n.DB.Update(ctx, func(tx *db.Tx) error {
		v, err = n.Release.AddView(tx, *v)
		return err
	})
	if err != nil {
		return err
	}
	profile, err := n.Profile("partner-delivery")
	if err != nil {
		return err
	}
	for _, s := range c.Objects {
		at, err := stix.ParseTime(s.DateAdded)
		if err != nil {
			return err
		}
		o, err := stix.Parse(s.Object)
		if err != nil {
			return err
		}
		_, err = n.Intake.Accept(ctx, intake.Source{Partner: prober, Profile: profile}, intake.Container{Kind: "seed", Ref: c.ID}, []intake.Arrival{{Object: o}},
			func(tx *db.Tx, results []intake.Result) error {
				return n.Release.AppendAt(tx, v, results[0].Submission, at.UnixMicro())
			})
		if err != nil {
			return err
		}
	}
	return nil
}
