package partner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"entente/internal/access"
	"entente/internal/db"
	"entente/internal/release"
	"entente/stix"
	"entente/taxii"
)

// clients are partners that come with a TAXII client, one account each.
func clients(t *testing.T, n *rig, partners ...string) map[string]*taxii.Client {
	t.Helper()
	c, err := n.TAXII("test", n.access)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(taxii.Handler(taxii.Config{Key: n.keys.Secret("taxii cursors")}, c))
	t.Cleanup(srv.Close)
	out := map[string]*taxii.Client{}
	for _, p := range partners {
		var token string
		n.update(func(tx *db.Tx) (err error) {
			if err := n.AddClient(tx, p); err != nil {
				return err
			}
			token, err = n.access.Add(tx, access.Account{Name: p, Role: "partner", Partner: p}, "")
			return err
		})
		n.know(p)
		if out[p], err = taxii.NewClient(srv.URL, taxii.WithBearer(token)); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func ids(t *testing.T, c *taxii.Client, collection string, q taxii.Query) (out []string) {
	t.Helper()
	for o, err := range c.Objects(t.Context(), Root, collection, q) {
		if err != nil {
			t.Fatal(err)
		}
		x, err := stix.Parse(o)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(x.ID())[len("report--00000000-0000-4000-8000-000000000"):])
	}
	return out
}

// A partner sees in its inbox what it brought, whatever others brought, and what
// was not usable is named.
func TestInboxShowsOnlyOwn(t *testing.T) {
	n := newRig(t, "alfa", 1)
	c := clients(t, n, "bravo", "charlie")
	post := func(p string, objects ...string) taxii.Status {
		t.Helper()
		var raw []json.RawMessage
		for _, o := range objects {
			raw = append(raw, json.RawMessage(o))
		}
		s, err := c[p].Add(t.Context(), Root, "inbox", raw)
		if err != nil {
			t.Fatal(err)
		}
		return s[0]
	}
	bad := strings.Replace(report(9), `"name":"r9"`, `"name":9`, 1)
	s := post("bravo", report(1), report(2), bad)
	if s.SuccessCount != 2 || s.FailureCount != 1 || len(s.Failures) != 1 || !strings.HasSuffix(s.Failures[0].ID, "009") || s.Failures[0].Message == "" {
		t.Errorf("status %+v", s)
	}
	post("charlie", report(2), report(3), report(1, `,"x_other":1`)) // the last says something else than bravo's
	if got := ids(t, c["bravo"], "inbox", taxii.Query{}); !slices.Equal(got, []string{"001", "002"}) {
		t.Errorf("bravo's inbox has %v", got)
	}
	if got := ids(t, c["charlie"], "inbox", taxii.Query{}); !slices.Equal(got, []string{"002", "003", "001"}) {
		t.Errorf("charlie's inbox has %v", got)
	}
	post("bravo", report(1))
	if got := ids(t, c["bravo"], "inbox", taxii.Query{}); len(got) != 2 {
		t.Errorf("posting again: %v", got)
	}
	if got, err := c["bravo"].Status(t.Context(), Root, s.ID); err != nil || got.SuccessCount != 2 {
		t.Errorf("own status: %+v, %v", got, err)
	}
	if _, err := c["charlie"].Status(t.Context(), Root, s.ID); !errors.Is(err, taxii.ErrNotFound) {
		t.Errorf("another's status: %v", err)
	}
	if _, err := c["bravo"].Add(t.Context(), Root, "inbox", []json.RawMessage{json.RawMessage(bad)}); !errors.Is(err, taxii.ErrUnusable) {
		t.Errorf("nothing usable: %v", err)
	}
	if n.count("submission") != 5 {
		t.Errorf("%d submissions", n.count("submission"))
	}
}

// A collection of another partner does not exist, by whatever name.
func TestNobodyNamesAnothersCollection(t *testing.T) {
	n := newRig(t, "alfa", 1)
	c := clients(t, n, "bravo", "charlie")
	subscribe := func(p string) (out *release.View) {
		n.update(func(tx *db.Tx) (err error) {
			out, err = n.engine.Subscribe(tx, p, "TEST", "verification", true)
			return err
		})
		return out
	}
	n.update(func(tx *db.Tx) error {
		_, err := n.engine.Subscribe(tx, "bravo", "TEST", "exercise", false)
		return err
	})
	b, ch := subscribe("bravo"), subscribe("charlie")
	var inbox string
	n.view(func(tx *db.Tx) error {
		v, err := n.engine.View(tx, "bravo", "inbox")
		if err == nil {
			inbox = v.Collection
		}
		return err
	})
	for p, own := range map[string]*release.View{"bravo": b, "charlie": ch} {
		list, err := c[p].Collections(t.Context(), Root)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range list {
			got = append(got, fmt.Sprintln(x.Alias, x.ID == own.Collection, x.CanRead, x.CanWrite))
		}
		// A subscription that travels with envelopes is for nodes, not for clients.
		if diff := cmp.Diff([]string{"inbox false true true\n", own.Alias + " true true false\n"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", p, diff)
		}
		if _, err := c[p].Add(t.Context(), Root, own.Collection, []json.RawMessage{json.RawMessage(report(1))}); err == nil {
			t.Errorf("%s could write to a subscription", p)
		}
	}
	for _, name := range []string{b.Collection, inbox, "11111111-1111-4111-8111-111111111111", "'"} {
		if _, err := c["charlie"].Collection(t.Context(), Root, name); !errors.Is(err, taxii.ErrNotFound) {
			t.Errorf("charlie asked for %q: %v", name, err)
		}
		for _, err := range c["charlie"].Objects(t.Context(), Root, name, taxii.Query{}) {
			if !errors.Is(err, taxii.ErrNotFound) {
				t.Errorf("charlie asked for the objects of %q: %v", name, err)
			}
		}
		if _, err := c["charlie"].Add(t.Context(), Root, name, []json.RawMessage{json.RawMessage(report(1))}); !errors.Is(err, taxii.ErrNotFound) {
			t.Errorf("charlie posted to %q: %v", name, err)
		}
	}
	if n.count("submission") != 0 {
		t.Error("something was kept")
	}
}

// Only what says of itself all that its label says is shown to a client.
func TestClientsSeeOnlyMarkedBytes(t *testing.T) {
	n := newRig(t, "alfa", 1)
	c := clients(t, n, "bravo")
	var collection string
	n.update(func(tx *db.Tx) error {
		v, err := n.engine.Subscribe(tx, "bravo", "TEST", "verification", true)
		if err == nil {
			collection = v.Collection
		}
		return err
	})
	profile, _ := n.set.Profile("open")
	green := *profile
	green.Default.TLP++ // TLP:GREEN unless the object says more
	const greenMark = `,"object_marking_refs":["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]`
	for i, more := range []string{greenMark, ""} {
		o, err := stix.Parse([]byte(report(i+1, more)))
		if err != nil {
			t.Fatal(err)
		}
		n.own(&green, o)
	}
	if got := ids(t, c["bravo"], collection, taxii.Query{}); !slices.Equal(got, []string{"001"}) {
		t.Errorf("shown %v", got)
	}
}

// What a partner brought it may take back, and nothing else.
func TestTakeBackByDelete(t *testing.T) {
	n := newRig(t, "alfa", 1)
	c := clients(t, n, "bravo", "charlie")
	id := func(i int) string { return fmt.Sprintf("report--00000000-0000-4000-8000-%012d", i) }
	for p, objects := range map[string][]string{"bravo": {report(1), report(2)}, "charlie": {report(1)}} {
		for _, o := range objects {
			if _, err := c[p].Add(t.Context(), Root, "inbox", []json.RawMessage{json.RawMessage(o)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := taxii.Query{Versions: taxii.VersionMatch{All: true}}
	if err := c["charlie"].Delete(t.Context(), Root, "inbox", id(2), all); !errors.Is(err, taxii.ErrNotFound) {
		t.Errorf("charlie took back what bravo brought: %v", err)
	}
	if err := c["bravo"].Delete(t.Context(), Root, "inbox", id(1), all); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, c["bravo"], "inbox", taxii.Query{}); !slices.Equal(got, []string{"002"}) {
		t.Errorf("bravo's inbox has %v", got)
	}
	if got := ids(t, c["charlie"], "inbox", taxii.Query{}); !slices.Equal(got, []string{"001"}) {
		t.Errorf("charlie's inbox has %v", got)
	}
	if err := c["bravo"].Delete(t.Context(), Root, "inbox", id(1), all); !errors.Is(err, taxii.ErrNotFound) {
		t.Errorf("taken back twice: %v", err)
	}
	if n.count("submission") != 3 || n.count("body") != 2 {
		t.Error("the record that it was here is gone")
	}
}

// Credentials belong to one partner, and open nothing once it is suspended.
func TestCredentials(t *testing.T) {
	n := newRig(t, "alfa", 1)
	c := clients(t, n, "bravo")
	b, err := n.TAXII("test", n.access)
	if err != nil {
		t.Fatal(err)
	}
	n.update(func(tx *db.Tx) error {
		_, err := n.access.Add(tx, access.Account{Name: "anna", Role: "analyst"}, "correct horse battery")
		return err
	})
	request := func(set func(*http.Request)) error {
		req := httptest.NewRequest("GET", "/taxii2/", nil)
		set(req)
		_, err := b.Caller(req)
		return err
	}
	for name, set := range map[string]func(*http.Request){
		"nothing":          func(*http.Request) {},
		"a wrong token":    func(r *http.Request) { r.Header.Set("Authorization", "Bearer entente_x") },
		"another scheme":   func(r *http.Request) { r.Header.Set("Authorization", "Digest x") },
		"a wrong password": func(r *http.Request) { r.SetBasicAuth("bravo", "wrong") },
		"a person of ours": func(r *http.Request) { r.SetBasicAuth("anna", "correct horse battery") },
	} {
		if err := request(set); !errors.Is(err, taxii.ErrUnauthorized) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c["bravo"].Collections(t.Context(), Root); err != nil {
		t.Fatal(err)
	}
	n.update(func(tx *db.Tx) error { return n.Suspend(tx, "bravo", true) })
	if _, err := c["bravo"].Collections(t.Context(), Root); !errors.Is(err, taxii.ErrUnauthorized) {
		t.Errorf("suspended: %v", err)
	}
	if _, err := c["bravo"].Add(t.Context(), Root, "inbox", []json.RawMessage{json.RawMessage(report(1))}); err == nil || n.count("submission") != 0 {
		t.Errorf("a suspended partner could post: %v", err)
	}
}

// A body that breaks off, or is no JSON, leaves nothing; what is posted is
// bounded by what a root says.
func TestBodiesThatBreakOff(t *testing.T) {
	n := newRig(t, "alfa", 1)
	clients(t, n, "bravo")
	b, err := n.TAXII("test", n.access)
	if err != nil {
		t.Fatal(err)
	}
	whole := `{"objects":[` + report(1) + "," + report(2) + `]}`
	for name, body := range map[string]io.Reader{
		"cut":       strings.NewReader(whole[:len(whole)-40]),
		"not JSON":  strings.NewReader("objects"),
		"empty":     strings.NewReader(""),
		"too large": io.MultiReader(strings.NewReader(whole[:400]), failing{taxii.ErrTooLarge}),
	} {
		_, err := b.Add(t.Context(), caller{"bravo"}, Root, "inbox", body, -1)
		if err == nil || n.count("submission") != 0 {
			t.Errorf("%s: %d kept, %v", name, n.count("submission"), err)
		}
	}
	if b.server.Roots[0].MaxContentLength != maxPost {
		t.Errorf("the root takes %d bytes", b.server.Roots[0].MaxContentLength)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
