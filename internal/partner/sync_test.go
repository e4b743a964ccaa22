package partner

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"entente/internal/db"
	"entente/internal/release"
	"entente/ledger"
	"entente/stix"
)

// Everything of a view arrives, byte for byte, and asking again brings nothing.
func TestSync(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	pair(a, b)
	a.subscribe("bravo", "verification")
	a.publish(1, 1200)
	a.serve(nil)
	got, err := b.Sync(t.Context(), "alfa")
	if diff := cmp.Diff(Synced{Partner: "alfa", Objects: 1200}, got); diff != "" || err != nil {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff(a.raw(), b.raw()); diff != "" {
		t.Errorf("bytes (-sent +kept):\n%.2000s", diff)
	}
	entries := b.count("ledger_entry")
	for range 2 {
		if got, err := b.Sync(t.Context(), "alfa"); err != nil || got.Objects+got.Unchanged > 0 {
			t.Errorf("again: %+v, %v", got, err)
		}
	}
	if n := b.count("ledger_entry"); n != entries {
		t.Errorf("asking again left %d entries in the ledger", n-entries)
	}
	a.publish(1201, 1201)
	if got, err := b.Sync(t.Context(), "alfa"); err != nil || got.Objects != 1 {
		t.Errorf("what is new: %+v, %v", got, err)
	}
	// What was brought under an agreement is labelled by it, and does not go back
	// as anything but what it is.
	if n := b.count("submission WHERE state<>0"); n != 0 {
		t.Errorf("%d held back", n)
	}
}

// A link that breaks anywhere is no matter: the next attempt goes on, and nothing
// is lost or doubled.
func TestSyncResumes(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	pair(a, b)
	a.subscribe("bravo", "verification")
	a.publish(1, 2100)
	var left atomic.Int64 // bytes until the link breaks
	a.serve(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(&thin{w, &left}, r) })
	})
	done, broken := 0, 0
	for budget := int64(1000); done < 2100; budget += 120_000 {
		left.Store(budget)
		got, err := b.Sync(t.Context(), "alfa")
		done += got.Objects
		if err != nil {
			broken++
		}
		if got.Unchanged > 0 || budget > 10<<20 {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if broken < 3 || done != 2100 || b.count("submission") != 2100 {
		t.Errorf("%d objects in %d submissions, over a link that broke %d times", done, b.count("submission"), broken)
	}
	if diff := cmp.Diff(a.raw(), b.raw()); diff != "" {
		t.Errorf("bytes (-sent +kept):\n%.2000s", diff)
	}
}

// thin is a link over which only so many bytes go.
type thin struct {
	http.ResponseWriter
	left *atomic.Int64
}

func (w *thin) Write(p []byte) (int, error) {
	if w.left.Add(-int64(len(p))) < 0 {
		panic(http.ErrAbortHandler)
	}
	return w.ResponseWriter.Write(p)
}

// Only one of several takes a page, whoever else fetches it at the same time.
func TestTakeIsIdempotent(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	pair(a, b)
	collection := a.subscribe("bravo", "verification")
	a.publish(1, 10)
	p := a.mustPack("bravo", collection, 0)
	for i := range 2 {
		d, err := b.read("alfa", p, nil)
		if err != nil {
			t.Fatal(err)
		}
		var out Synced
		moved, err := b.take(t.Context(), b.partner("alfa"), p.o, link{profile: "open"}, d, &out)
		if err != nil || !moved || b.count("submission") != 10 {
			t.Errorf("time %d: moved %v, %+v, %v", i+1, moved, out, err)
		}
	}
	if n := b.count("ledger_entry WHERE kind='receipt'"); n != 1 {
		t.Errorf("%d receipts", n)
	}
}

// What the gate refuses is named, and the rest of the page is taken.
func TestSyncRefusesObjectByObject(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	pair(a, b)
	a.subscribe("bravo", "verification")
	profile, _ := a.set.Profile("open")
	bad, err := stix.Parse([]byte(strings.Replace(report(2), `"name":"r2"`, `"name":2`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	good, _ := stix.Parse([]byte(report(1)))
	a.own(profile, good, bad) // alfa is not as careful as it should be
	a.sequence()
	a.serve(nil)
	got, err := b.Sync(t.Context(), "alfa")
	if err != nil || got.Objects != 1 || len(got.Refused) != 1 || got.Refused[0].ID != bad.ID() || got.Refused[0].Why == "" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := b.Sync(t.Context(), "alfa"); err != nil || len(got.Refused) > 0 {
		t.Errorf("asked for again: %+v, %v", got, err)
	}
}

// A partner shows one ledger to everyone, always. One that has been set back or
// has another history is refused, and two signed histories of one length are kept.
func TestForkIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		leaves   int // of the other history
		evidence bool
	}{"shorter": {1, false}, "as long": {2, true}, "longer": {3, false}} {
		a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
		pair(a, b)
		collection := a.subscribe("bravo", "verification")
		a.publish(1, 1)
		a.publish(2, 2)
		seen, err := b.read("alfa", a.mustPack("bravo", collection, 0), nil)
		if err != nil {
			t.Fatal(err)
		}
		// The same node with another history: made from the same keys anew.
		other := newRig(t, "alfa", 1)
		other.Room.card, other.keys = a.card, a.keys
		otherB := newRig(t, "bravo", 2)
		pair(other, otherB)
		collection = other.subscribe("bravo", "verification")
		for i := range c.leaves {
			other.publish(10+i, 10+i)
		}
		p, err := other.pack("bravo", collection, 0, 10, min(2, int64(c.leaves)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.read("alfa", p, seen.seen)
		if err == nil || errors.Is(err, ledger.ErrFork) != c.evidence {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Signed twice at one length, the two checkpoints go into our own ledger.
func TestForkLeavesEvidence(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	pair(a, b)
	a.subscribe("bravo", "verification")
	a.publish(1, 1)
	a.serve(nil)
	if _, err := b.Sync(t.Context(), "alfa"); err != nil {
		t.Fatal(err)
	}
	before := seenBy(b)
	// alfa forgets its history and writes another.
	a.update(func(tx *db.Tx) error {
		for _, table := range []string{"ledger_entry", "ledger_batch", "ledger_hash", "ledger_checkpoint", "ledger_item", "released"} {
			if _, err := tx.Exec("DELETE FROM " + table); err != nil {
				return err
			}
		}
		_, err := tx.Exec("UPDATE view SET next=1")
		return err
	})
	a.publish(2, 2)
	for range 2 {
		if _, err := b.Sync(t.Context(), "alfa"); !errors.Is(err, ledger.ErrFork) {
			t.Fatalf("another history was taken: %v", err)
		}
	}
	if got := seenBy(b); got != before {
		t.Error("the checkpoint that was seen first is gone")
	}
	if b.count("ledger_entry WHERE kind='contradiction'") == 0 || b.count("submission") != 1 {
		t.Error("no evidence was kept, or something was taken in")
	}
}

func seenBy(b *rig) (text string) {
	b.view(func(tx *db.Tx) error {
		_, err := tx.Row("SELECT note FROM seen_checkpoint", nil, &text)
		return err
	})
	return text
}

// get asks the exchange listener of to as from would.
func (n *rig) ask(to *rig, method, path string, body []byte) (int, error) {
	n.t.Helper()
	client := n.client(Partner{ID: to.node, Card: Card{Exchange: mustCard(to).Exchange, Endpoint: "https://" + to.listener.Addr().String()}})
	defer client.CloseIdleConnections()
	req, err := http.NewRequest(method, "https://"+to.listener.Addr().String()+path, bytes.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

func mustCard(n *rig) Card {
	n.t.Helper()
	c, err := ParseCard(n.card)
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

// The exchange listener is for partners: by the key at the other end, at every
// handshake and at every request.
func TestExchangeAdmitsPartnersOnly(t *testing.T) {
	a, b, c := newRig(t, "alfa", 1), newRig(t, "bravo", 2), newRig(t, "charlie", 3)
	pair(a, b)
	collection := a.subscribe("bravo", "verification")
	pair(a, c)
	others := a.subscribe("charlie", "verification")
	a.publish(1, 1)
	a.serve(nil)
	page := func(view, q string) string { return "/exchange/v1/views/" + view + "/delivery?" + q }
	const first = "after=0&limit=10&have=0"
	for name, x := range map[string]struct {
		path string
		want int
	}{
		"views": {"/exchange/v1/views", 200}, "a page": {page(collection, first), 200},
		"another's view": {page(others, first), 404}, "no such view": {page("x", first), 404}, "the inbox": {page("inbox", first), 404},
		"no numbers": {page(collection, ""), 400}, "negative": {page(collection, "after=-1&limit=10&have=0"), 400}, "huge": {page(collection, "after=99999999999999999999&limit=1&have=0"), 400},
		"ahead": {page(collection, "after=0&limit=10&have=99"), 409}, "no limit to speak of": {page(collection, "after=0&limit=0&have=0"), 200}, "elsewhere": {"/exchange/v2/views", 404},
	} {
		if got, err := b.ask(a, "GET", x.path, nil); got != x.want || err != nil {
			t.Errorf("%s: %d, %v, want %d", name, got, err, x.want)
		}
	}
	stranger := newRig(t, "bravo", 9) // the right name, another key
	if got, err := stranger.ask(a, "GET", "/exchange/v1/views", nil); err == nil {
		t.Errorf("an unknown key was answered %d", got)
	}
	bare := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	if _, err := bare.Get("https://" + a.listener.Addr().String() + "/exchange/v1/views"); err == nil {
		t.Error("a client without a certificate was answered")
	}
	old := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}}}
	if _, err := old.Get("https://" + a.listener.Addr().String() + "/exchange/v1/views"); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("TLS 1.2: %v", err)
	}
	// Between handshake and request things may change.
	client := b.client(b.partner("alfa"))
	defer client.CloseIdleConnections()
	ask := func() int {
		res, err := client.Get("https://" + a.listener.Addr().String() + "/exchange/v1/views")
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body) // so that the connection is used again
		res.Body.Close()
		return res.StatusCode
	}
	if got := ask(); got != 200 {
		t.Fatalf("answered %d", got)
	}
	a.update(func(tx *db.Tx) error { return a.Suspend(tx, "bravo", true) })
	if got := ask(); got != 401 {
		t.Errorf("a suspended partner on an open connection was answered %d", got)
	}
	if _, err := b.Sync(t.Context(), "alfa"); err == nil {
		t.Error("a suspended partner could synchronise")
	}
	if _, err := a.Sync(t.Context(), "bravo"); err == nil || !strings.Contains(err.Error(), "not a partner") {
		t.Errorf("something was asked of a suspended partner: %v", err)
	}
	a.update(func(tx *db.Tx) error { return a.Suspend(tx, "bravo", false) })
	if got, err := b.Sync(t.Context(), "alfa"); err != nil || got.Objects != 1 {
		t.Errorf("after it was taken back: %+v, %v", got, err)
	}
}

// Whoever answers in a partner's place is noticed, and a redirect is not followed.
func TestSyncPinsThePartner(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	pair(a, b)
	impostor := newRig(t, "alfa", 7)
	pair(impostor, newRig(t, "bravo", 2))
	impostor.listener.Close()
	impostor.listener = a.listener
	impostor.serve(nil)
	if _, err := b.Sync(t.Context(), "alfa"); err == nil || !strings.Contains(err.Error(), "does not have the key") {
		t.Errorf("somebody else was asked: %v", err)
	}
	c, d := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	pair(c, d)
	c.serve(func(http.Handler) http.Handler { return http.RedirectHandler("https://example.org/", http.StatusFound) })
	if _, err := d.Sync(t.Context(), "alfa"); err == nil || !strings.Contains(err.Error(), "redirects") {
		t.Errorf("a redirect: %v", err)
	}
}

// A partner that is suspended while it delivers is not taken from any more.
func TestSuspendedWhileDelivering(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	pair(a, b)
	a.subscribe("bravo", "verification")
	a.publish(1, 3)
	a.serve(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r)
			if strings.HasSuffix(r.URL.Path, "/delivery") {
				b.update(func(tx *db.Tx) error { return b.Suspend(tx, "alfa", true) })
			}
		})
	})
	if _, err := b.Sync(t.Context(), "alfa"); err == nil || b.count("submission") != 0 {
		t.Errorf("%d objects were taken: %v", b.count("submission"), err)
	}
}

// A view under an agreement that we do not know, are no party to, or that is not
// in force is not taken, and what is refused is not asked for.
func TestSyncTakesOnlyWhatIsAgreed(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	pair(a, b)
	a.subscribe("bravo", "verification")
	a.publish(1, 1)
	a.serve(nil)
	b.clock = b.clock.AddDate(10, 0, 0) // for bravo the agreement has lapsed
	if got, err := b.Sync(t.Context(), "alfa"); err != nil || got.Objects > 0 || b.count("subscription") != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// A notice says that there is something new, to the one it is for, once.
func TestNotices(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	pair(a, b)
	collection := a.subscribe("bravo", "verification")
	a.publish(1, 1)
	told := map[string]int64{}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Notices(gone, told); err == nil || len(told) > 0 {
		t.Errorf("bravo could not be reached, and was told %v: %v", told, err)
	}
	b.serve(nil)
	for range 2 {
		if err := a.Notices(t.Context(), told); err != nil || told[collection] != 1 {
			t.Errorf("told %v: %v", told, err)
		}
	}
	if len(b.told) != 1 || <-b.told != "alfa" {
		t.Errorf("bravo heard it %d times", len(b.told))
	}
	c := newRig(t, "charlie", 3)
	for name, x := range map[string]struct {
		body []byte
		want int
	}{
		"a good one":       {mustSeal(t, a, typeNotice, notice{"alfa", "bravo", collection, 1}), 204},
		"another's":        {mustSeal(t, c, typeNotice, notice{"alfa", "bravo", collection, 1}), 400},
		"for another":      {mustSeal(t, a, typeNotice, notice{"alfa", "charlie", collection, 1}), 400},
		"from another":     {mustSeal(t, a, typeNotice, notice{"charlie", "bravo", collection, 1}), 400},
		"of another type":  {mustSeal(t, a, typeCard, notice{"alfa", "bravo", collection, 1}), 400},
		"with more to say": {mustSeal(t, a, typeNotice, map[string]any{"from": "alfa", "to": "bravo", "also": 1}), 400},
		"too long":         {append(bytes.Repeat([]byte(" "), 64<<10), mustSeal(t, a, typeNotice, notice{"alfa", "bravo", collection, 1})...), 400},
		"nothing":          {nil, 400},
	} {
		if got, err := a.ask(b, "POST", "/exchange/v1/notice", x.body); got != x.want || err != nil {
			t.Errorf("%s: %d, %v, want %d", name, got, err, x.want)
		}
	}
}

// What a suspended partner has been shown leaves its views, and comes back anew.
func TestSuspendEmptiesTheViews(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	pair(a, b)
	a.subscribe("bravo", "verification")
	a.publish(1, 3)
	shown := func() (out []int64) {
		if err := a.engine.Refresh(context.Background(), a.db); err != nil {
			t.Fatal(err)
		}
		a.view(func(tx *db.Tx) error {
			vs, err := a.engine.Views(tx, "bravo")
			if err != nil {
				return err
			}
			for _, v := range vs {
				if v.Kind == release.Subscription {
					page, _, _, err := a.engine.Page(tx, v, release.Filter{Limit: 10})
					for _, r := range page {
						out = append(out, r.No)
					}
					return err
				}
			}
			return nil
		})
		return out
	}
	a.update(func(tx *db.Tx) error { return a.Suspend(tx, "bravo", true) })
	if got := shown(); len(got) > 0 {
		t.Errorf("a suspended partner is shown %v", got)
	}
	a.update(func(tx *db.Tx) error { return a.Suspend(tx, "bravo", false) })
	if diff := cmp.Diff([]int64{4, 5, 6}, shown()); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
	for _, id := range []string{"nobody", ""} {
		if err := a.db.Update(t.Context(), func(tx *db.Tx) error { return a.Suspend(tx, id, true) }); err == nil {
			t.Errorf("%q was suspended", id)
		}
	}
}
