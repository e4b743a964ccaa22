package node

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"entente/internal/db"
	"entente/internal/intake"
	"entente/stix"
)

// newNode makes a node that listens on free ports of this machine.
func newNode(t *testing.T) (*Node, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "node")
	c := DefaultConfig("nordlys")
	c.Country, c.Listen, c.Exchange, c.Endpoint = "XN", "127.0.0.1:0", "127.0.0.1:0", ""
	n, err := Init(t.Context(), dir, c, World{})
	if err != nil {
		t.Fatal(err)
	}
	return n, dir
}

func closeNode(t *testing.T, n *Node) {
	t.Helper()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

func bring(t *testing.T, n *Node, texts ...string) {
	t.Helper()
	profile, err := n.Profile("public-reference")
	if err != nil {
		t.Fatal(err)
	}
	var batch []intake.Arrival
	for _, text := range texts {
		o, err := stix.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, intake.Arrival{Object: o})
	}
	if _, err := n.Intake.Accept(t.Context(), intake.Source{Profile: profile}, intake.Container{Kind: "test"}, batch, nil); err != nil {
		t.Fatal(err)
	}
}

func TestInitOpenClose(t *testing.T) {
	n, dir := newNode(t)
	bring(t, n, tool(1))
	key := n.Keys.Signing
	closeNode(t, n)
	for _, name := range []string{configFile, keysFile, dataFile} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, mode %v", name, err, fi.Mode())
		}
	}
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, mode %v", err, fi.Mode())
	}
	n, err := Open(t.Context(), dir, World{})
	if err != nil {
		t.Fatal(err)
	}
	if !n.Keys.Signing.Equal(key) || n.Config.Name != "nordlys" || n.Config.Country != "XN" || n.Config.Poll.Duration != time.Minute {
		t.Errorf("opened as %+v", n.Config)
	}
	// What was noted before the end has been sequenced.
	n.DB.View(t.Context(), func(tx *db.Tx) error {
		var waiting int
		_, err := tx.Row("SELECT count(*) FROM ledger_entry WHERE batch<0", nil, &waiting)
		if waiting != 0 {
			t.Errorf("%d entries wait after closing", waiting)
		}
		return err
	})
	for _, f := range n.Doctor(t.Context()) {
		if !f.OK {
			t.Errorf("%s: %s", f.Check, f.What)
		}
	}
	closeNode(t, n)
	if _, err := Init(t.Context(), dir, DefaultConfig("other"), World{}); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a second node in the same folder: %v", err)
	}
	if _, err := Open(t.Context(), t.TempDir(), World{}); err == nil || !strings.Contains(err.Error(), "entente init") {
		t.Errorf("no node there: %v", err)
	}
	if _, err := Init(t.Context(), t.TempDir(), DefaultConfig("no name"), World{}); err == nil {
		t.Error("a node without a usable name")
	}
}

// Policies that cannot be read stop the node; a key file that others can read does.
func TestOpenRefuses(t *testing.T) {
	n, dir := newNode(t)
	closeNode(t, n)
	for name, x := range map[string]struct {
		file, text string
		mode       os.FileMode
		want       string
	}{
		"a broken policy":      {filepath.Join(policyDir, "guards.cedar"), "forbid (", 0o600, "guards.cedar"},
		"a misspelt setting":   {configFile, "nmae = \"x\"\n", 0o600, `"nmae"`},
		"a nested one":         {configFile, "name=\"x\"\nidentity=\"identity--00000000-0000-4000-8000-000000000001\"\n[tls]\nlisten=\"x\"\n", 0o600, `"tls`},
		"not TOML":             {configFile, "=", 0o600, configFile},
		"no name":              {configFile, "title = \"x\"\n", 0o600, "name"},
		"no identity":          {configFile, "name = \"x\"\nidentity = \"report--00000000-0000-4000-8000-000000000001\"\n", 0o600, "identity"},
		"half a certificate":   {configFile, "name = \"x\"\nidentity = \"identity--00000000-0000-4000-8000-000000000001\"\nkey = \"x\"\n", 0o600, "go together"},
		"polling all the time": {configFile, "name = \"x\"\nidentity = \"identity--00000000-0000-4000-8000-000000000001\"\npoll = \"1ms\"\n", 0o600, "poll"},
		"a bad duration":       {configFile, "name = \"x\"\npoll = \"soon\"\n", 0o600, "soon"},
		"open keys":            {keysFile, "", 0o644, "read by others"},
		"no keys":              {keysFile, "{}", 0o600, "key file"},
	} {
		path := filepath.Join(dir, x.file)
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := []byte(x.text)
		if x.text == "" {
			text = was
		}
		os.WriteFile(path, text, 0o600)
		os.Chmod(path, x.mode)
		n, err := Open(t.Context(), dir, World{})
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want %q", name, err, x.want)
		}
		if err == nil {
			n.Close()
		}
		os.WriteFile(path, was, 0o600)
		os.Chmod(path, 0o600)
	}
	n, err := Open(t.Context(), dir, World{})
	if err != nil {
		t.Fatal(err)
	}
	closeNode(t, n)
}

func TestPlainHTTPIsForLoopback(t *testing.T) {
	n, dir := newNode(t)
	defer closeNode(t, n)
	n.Config.Exchange = ""
	for listen, ok := range map[string]bool{"127.0.0.1:0": true, "[::1]:0": true, "localhost:0": true, "0.0.0.0:0": false, ":0": false} {
		n.Config.Listen = listen
		s, err := n.Serve(t.Context(), Options{Dir: dir, PlainHTTP: true})
		if err != nil {
			if ok && !strings.Contains(listen, "::1") { // a machine may have no IPv6
				t.Errorf("%s: %v", listen, err)
			}
			continue
		}
		if !ok {
			t.Errorf("%s: served without TLS", listen)
		} else if res, err := http.Get("http://" + s.Public + "/healthz"); err != nil || res.StatusCode != 200 {
			t.Errorf("%s: %v", listen, err)
		} else {
			res.Body.Close()
		}
		if err := s.Stop(); err != nil {
			t.Errorf("%s: %v", listen, err)
		}
	}
}

// The public listener has a certificate of its own that stays the same, and a
// node that is served does by itself what has to be done.
func TestServe(t *testing.T) {
	n, dir := newNode(t)
	defer closeNode(t, n)
	var first string
	for range 2 {
		s, err := n.Serve(t.Context(), Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := tls.Dial("tcp", s.Public, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		leaf := conn.ConnectionState().PeerCertificates[0]
		conn.Close()
		if first == "" {
			first = string(leaf.Raw)
		}
		if string(leaf.Raw) != first || leaf.VerifyHostname("localhost") != nil || leaf.VerifyHostname("127.0.0.1") != nil {
			t.Error("another certificate, or one for something else")
		}
		if _, err := tls.Dial("tcp", s.Public, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
			t.Error("TLS 1.1 was spoken")
		}
		if _, err := tls.Dial("tcp", s.Exchange, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}); err == nil {
			t.Error("TLS 1.2 was spoken on the exchange listener")
		}
		bring(t, n, tool(1))
		until(t, func() bool { return waiting(t, n) == 0 })
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if _, err := tls.Dial("tcp", s.Public, &tls.Config{InsecureSkipVerify: true}); err == nil {
			t.Error("still answered after the end")
		}
	}
	if fi, err := os.Stat(filepath.Join(dir, "public.key")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("its key: %v", err)
	}
}

func waiting(t *testing.T, n *Node) (entries int) {
	t.Helper()
	err := n.DB.View(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Row("SELECT count(*) FROM ledger_entry WHERE batch<0", nil, &entries)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// until waits for something that happens by itself within a second or two.
func until(t *testing.T, f func() bool) {
	t.Helper()
	for range 200 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("it did not happen")
}

// An address that is taken leaves nothing open.
func TestServeFailsWhole(t *testing.T) {
	n, dir := newNode(t)
	defer closeNode(t, n)
	s, err := n.Serve(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	other, dir2 := newNode(t)
	defer closeNode(t, other)
	other.Config.Exchange = s.Exchange
	if _, err := other.Serve(t.Context(), Options{Dir: dir2}); err == nil || !strings.Contains(err.Error(), "exchange listener") {
		t.Errorf("two nodes on one address: %v", err)
	}
}

// Errands that say the same are one, and one is out at a time.
func TestCourier(t *testing.T) {
	var mu sync.Mutex
	var ran []string
	out, hold := make(chan string), make(chan struct{})
	c := newCourier(func(_ context.Context, memory map[string]int64, what string) {
		memory["runs"]++ // one at a time: the race detector would see it
		out <- what
		<-hold
		mu.Lock()
		ran = append(ran, what)
		mu.Unlock()
	})
	c.send(t.Context(), "a")
	<-out
	for range 5 {
		c.send(t.Context(), "b")
	}
	close(hold)
	<-out
	c.wait()
	if strings.Join(ran, " ") != "a b" || c.mem["runs"] != 2 {
		t.Errorf("ran %v", ran)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.send(ctx, "c")
	c.wait()
	if len(ran) != 2 {
		t.Error("an errand was begun after the end")
	}
}
