// Package node puts the rooms of a node together: where its files lie, what its
// configuration says, which listeners it opens and what it does by itself.
package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/BurntSushi/toml"

	"entente/label"
	"entente/stix"
)

// Config is what the file node.toml says. A key that is not listed here is an
// error: a misspelt setting must not be ignored.
type Config struct {
	Name     string   `toml:"name"`     // by which partners and agreements know this node
	Title    string   `toml:"title"`    // for people
	Country  string   `toml:"country"`  // ISO 3166-1 alpha-2
	Identity stix.ID  `toml:"identity"` // the STIX identity under which it creates objects
	Contacts []string `toml:"contacts"` // how partners reach a person

	Listen   string `toml:"listen"`   // public listener: TAXII with credentials; empty: none
	Exchange string `toml:"exchange"` // exchange listener: other nodes; empty: none
	Endpoint string `toml:"endpoint"` // https://host:port under which other nodes reach the exchange listener

	Certificate string `toml:"certificate"` // PEM files of the public listener; empty: the node makes its own
	Key         string `toml:"key"`

	Poll Duration `toml:"poll"` // how often partners are asked even though they sent no notice
}

// Duration is written as in "90s" or "5m".
type Duration struct{ time.Duration }

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	d.Duration, err = time.ParseDuration(string(text))
	return err
}

// MarshalText writes a duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// DefaultConfig is the configuration of a new node.
func DefaultConfig(name string) Config {
	return Config{
		Name: name, Title: name, Identity: stix.DeterministicID("identity", "entente-node", name),
		Listen: "127.0.0.1:8443", Exchange: "127.0.0.1:8444", Endpoint: "https://127.0.0.1:8444",
		Poll: Duration{time.Minute},
	}
}

// The files of a node, all in its data folder.
const (
	configFile = "node.toml"
	keysFile   = "keys.json"
	dataFile   = "node.db"
	policyDir  = "policy"
)

func readConfig(dir string) (Config, error) {
	path := filepath.Join(dir, configFile)
	var c Config
	meta, err := toml.DecodeFile(path, &c)
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("there is no node in %s: make one with entente init --data %s", dir, dir)
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return c, fmt.Errorf("%s: unknown setting %q", path, unknown[0].String())
	}
	return c, c.check(path)
}

func (c *Config) check(path string) error {
	if c.Poll.Duration == 0 {
		c.Poll.Duration = time.Minute
	}
	switch {
	case !label.ValidName(c.Name):
		return fmt.Errorf("%s: name %q: use letters, digits, - _ . and : only", path, c.Name)
	case !c.Identity.Valid() || c.Identity.Type() != "identity":
		return fmt.Errorf("%s: identity %q is not the identifier of a STIX identity", path, c.Identity)
	case (c.Certificate == "") != (c.Key == ""):
		return fmt.Errorf("%s: certificate and key go together", path)
	case c.Poll.Duration < time.Second:
		return fmt.Errorf("%s: poll is below one second", path)
	}
	return nil
}

func (c Config) write(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, configFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	fmt.Fprintf(f, "# The configuration of this Entente node: see docs/manual/node.md.\n")
	return errors.Join(toml.NewEncoder(f).Encode(c), f.Close())
}
