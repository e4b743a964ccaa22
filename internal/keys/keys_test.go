package keys

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
)

func TestSaveLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	k, err := Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Save(path); err != nil {
		t.Fatal(err)
	}
	if err := k.Save(path); err == nil {
		t.Error("keys were overwritten")
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Signing.Equal(k.Signing) || !got.Exchange.Equal(k.Exchange) || !got.Ledger.Equal(k.Ledger) || got.Secret("x") != k.Secret("x") {
		t.Error("the keys that were read are not those that were written")
	}
	if got.Secret("a") == got.Secret("b") {
		t.Error("two purposes share a key")
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil {
		t.Error("a key file that others can read was taken")
	}
}

func TestLoadRefusesDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	for _, text := range []string{"", "{}", `{"version":1,"signing":"AAAA"}`, `{"version":2}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil {
			t.Errorf("%q was taken for keys", text)
		}
	}
}

// The same random bytes give the same keys: tests that fix them rely on it.
func TestGenerateIsDeterministic(t *testing.T) {
	seed := bytes.Repeat([]byte{7}, 128)
	a, _ := Generate(bytes.NewReader(seed))
	b, _ := Generate(bytes.NewReader(seed))
	if !a.Signing.Equal(b.Signing) || a.Secret("x") != b.Secret("x") {
		t.Error("the same seed gave other keys")
	}
	if _, err := Generate(bytes.NewReader(seed[:100])); err == nil {
		t.Error("too few random bytes gave keys")
	}
}
