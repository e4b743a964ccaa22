// Package keys makes, keeps and reads the keys of a node: one file that only
// its owner may read. What each key is for stands beside it in the type Keys.
//
// Whoever has the file is the node. It is never logged, never exported, and not
// part of any message; the public halves travel in the introduction card.
package keys

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Keys are the secrets of one node. Immutable once read.
type Keys struct {
	// Signing signs cards, deliveries, notices and intake profiles (Ed25519).
	Signing ed25519.PrivateKey
	// Exchange is the key of the TLS certificate between nodes; partners pin it.
	Exchange ed25519.PrivateKey
	// Ledger signs checkpoints, and nothing else.
	Ledger ed25519.PrivateKey
	// root is what symmetric keys are derived from; see Secret.
	root [32]byte
}

// file is how keys lie on disk: seeds in base64.
type file struct {
	Version  int    `json:"version"`
	Signing  []byte `json:"signing"`
	Exchange []byte `json:"exchange"`
	Ledger   []byte `json:"ledger"`
	Root     []byte `json:"root"`
}

const version = 1

// Generate makes new keys from random bytes.
func Generate(random io.Reader) (*Keys, error) {
	var seeds [4][32]byte
	for i := range seeds {
		if _, err := io.ReadFull(random, seeds[i][:]); err != nil {
			return nil, fmt.Errorf("make keys: %w", err)
		}
	}
	return &Keys{
		Signing:  ed25519.NewKeyFromSeed(seeds[0][:]),
		Exchange: ed25519.NewKeyFromSeed(seeds[1][:]),
		Ledger:   ed25519.NewKeyFromSeed(seeds[2][:]),
		root:     seeds[3],
	}, nil
}

// Secret derives the symmetric key that is used for one purpose, named so that
// no two purposes share one (HKDF-SHA-256, RFC 5869).
func (k *Keys) Secret(purpose string) (key [32]byte) {
	b, err := hkdf.Key(sha256.New, k.root[:], nil, "entente "+purpose, len(key))
	if err != nil {
		panic(err) // only if the length were absurd
	}
	copy(key[:], b)
	return key
}

// Save writes the keys to a new file at path, readable by its owner only. It
// refuses to replace a file: keys that are lost cannot be had again.
func (k *Keys) Save(path string) error {
	text, err := json.MarshalIndent(file{version, k.Signing.Seed(), k.Exchange.Seed(), k.Ledger.Seed(), k.root[:]}, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists: a node's keys are never overwritten", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Load reads the keys at path. It refuses a file that others can read.
func Load(path string) (*Keys, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the node's keys: %w", err)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others (mode %04o): chmod 600 it, and consider whether the keys are still secret", path, fi.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the node's keys: %w", err)
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil || f.Version != version {
		return nil, fmt.Errorf("%s is not a key file of this version of entente", path)
	}
	for _, seed := range [][]byte{f.Signing, f.Exchange, f.Ledger, f.Root} {
		if len(seed) != ed25519.SeedSize {
			return nil, fmt.Errorf("%s is damaged: a key has %d bytes, not %d", path, len(seed), ed25519.SeedSize)
		}
	}
	return &Keys{
		Signing:  ed25519.NewKeyFromSeed(f.Signing),
		Exchange: ed25519.NewKeyFromSeed(f.Exchange),
		Ledger:   ed25519.NewKeyFromSeed(f.Ledger),
		root:     [32]byte(f.Root),
	}, nil
}
