package release

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"entente/internal/db"
	"entente/internal/store"
	"entente/label"
	"entente/policy"
)

func TestSubscribeRefuses(t *testing.T) {
	b := newBench(t, testPolicy(t), t.TempDir())
	for _, c := range []struct {
		partner, agreement, purpose, want string
	}{
		{"bravo", "NONE", "verification", "there is no agreement"},
		{"charlie", "TEST", "verification", "not a party"},
		{"bravo", "TEST", "targeting", "not a purpose"},
		{"bravo", "TEST", "border-control", "its purposes are"},
	} {
		err := b.db.Update(t.Context(), func(tx *db.Tx) error {
			_, err := b.Subscribe(tx, c.partner, c.agreement, c.purpose, false)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// Subscribing again is the same view; with and without an envelope are two.
func TestSubscribeTwice(t *testing.T) {
	b := newBench(t, testPolicy(t), t.TempDir())
	b.setParty(t, bravo())
	one, two, plain := b.subscribe(t, "verification", false), b.subscribe(t, "verification", false), b.subscribe(t, "verification", true)
	if one != two || one == plain {
		t.Errorf("%s, %s, %s", one, two, plain)
	}
	b.view(t, func(tx *db.Tx) error {
		vs, err := b.Views(tx, "bravo")
		if len(vs) != 2 || vs[0].Alias == vs[1].Alias || vs[1].Carriage != CarriagePlain {
			t.Errorf("%d views", len(vs))
		}
		for _, name := range []string{one, vs[0].Alias} {
			if v, err := b.View(tx, "bravo", name); err != nil || v == nil || v.Collection != one {
				t.Errorf("%q: %v, %v", name, v, err)
			}
			if v, err := b.View(tx, "charlie", name); err != nil || v != nil {
				t.Errorf("another finds it under %q: %v", name, err)
			}
		}
		if v, err := b.View(tx, "bravo", ""); v != nil || err != nil {
			t.Errorf("no name finds %v: %v", v, err)
		}
		return err
	})
}

// Nothing goes to a partner of whom nobody has said what it is.
func TestUnknownPartnerGetsNothing(t *testing.T) {
	b := newBench(t, testPolicy(t), t.TempDir())
	b.subscribe(t, "verification", false)
	b.arrive(t, clear(1, v0))
	// The request itself is malformed, which is reported.
	if got := b.shows(t); len(got) > 0 || len(b.alarms) == 0 {
		t.Errorf("%v is shown, alarms %v", got, b.alarms)
	}
}

func TestCheckParty(t *testing.T) {
	b := newBench(t, testPolicy(t), t.TempDir())
	for name, alter := range map[string]func(*Party){
		"":                       func(*Party) {},
		"another kind":           func(p *Party) { p.Kind = "pirate" },
		"another regime":         func(p *Party) { p.Regime = "" },
		"no country":             func(p *Party) { p.Country = "" },
		"a risk nobody knows":    func(p *Party) { p.Risks = []string{"rain"} },
		"no such agreement":      func(p *Party) { p.Intake = map[string]string{"NONE": "partner-delivery"} },
		"no such intake profile": func(p *Party) { p.Intake = map[string]string{"TEST": "none"} },
	} {
		p := bravo()
		alter(&p)
		if err := b.CheckParty(p); (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Why names the rule, or what stands in the way.
func TestWhy(t *testing.T) {
	b := ready(t)
	b.subscribe(t, "exercise", true)
	strict := clear(4, v0)
	strict.label = lab(4, true, "alfa")
	bare := clear(5, v0)
	bare.label = lab(0, false, "alfa")
	b.arrive(t, clear(1, v0), clear(2, v0, 1, 9, 4), strict, bare)
	why := func(object int) []Why {
		var out []Why
		b.view(t, func(tx *db.Tx) error {
			whys, known, err := b.Why(tx, objectID(object), "bravo")
			if known != (object < 9) {
				t.Errorf("object %d: known %v", object, known)
			}
			out = whys
			return err
		})
		return out
	}
	if w := why(1); len(w) != 2 || w[0].Submissions[0].Number == 0 || w[0].Submissions[0].Explanation.Verdict.Permit != "TEST.1" {
		t.Errorf("released: %+v", w)
	}
	s := why(2)[0].Submissions[0]
	barred := slices.SortedFunc(slices.Values(s.Barred), func(a, b Barred) int { return strings.Compare(string(a.Target), string(b.Target)) })
	if want := []Barred{{"x_ref", objectID(4), false}, {"x_ref", objectID(9), true}}; s.Number != 0 || !cmp.Equal(sortBarred(want), sortBarred(barred)) {
		t.Errorf("barred: %+v", s.Barred)
	}
	if s := why(4)[0].Submissions[0]; s.Explanation.Verdict.Allow || s.Number != 0 || s.Carriage {
		t.Errorf("not permitted: %+v", s)
	}
	if w := why(5); w[0].Submissions[0].Number == 0 || w[1].Submissions[0].Number != 0 || !w[1].Submissions[0].Carriage {
		t.Errorf("carriage: %+v", w)
	}
	why(9)
	why(99)
}

func sortBarred(all []Barred) []Barred {
	return slices.SortedFunc(slices.Values(all), func(a, b Barred) int { return strings.Compare(string(a.Target), string(b.Target)) })
}

// What travels says nothing of this node, of other partners, or of the bytes.
func TestTravelling(t *testing.T) {
	b := ready(t)
	l := lab(1, true, "charlie")
	l.Named, l.ConsentPartners, l.Own = label.Only("charlie", "delta"), label.Only("delta"), label.Yes
	b.update(t, func(tx *db.Tx) error {
		c, err := b.store.Class(tx, l.Canonical())
		if err != nil {
			return err
		}
		got, err := b.Travelling(tx, c)
		for _, secret := range []string{"charlie", "delta", "own", "marked"} {
			if bytes.Contains(got.Canonical(), []byte(secret)) {
				t.Errorf("%s travels: %s", secret, got.Canonical())
			}
		}
		if got.TLP != l.TLP || got.Content != l.Content {
			t.Errorf("the rest does not: %s", got.Canonical())
		}
		return err
	})
}

// What a partner brings is accepted under an agreement that it is party to, that
// is in force, for a partner that is known.
func TestWelcome(t *testing.T) {
	b := newBench(t, testPolicy(t), t.TempDir())
	b.setParty(t, bravo())
	for name, c := range map[string]struct {
		partner, agreement string
		tlp                int
		years              int
		want               bool
	}{
		"under it":                 {"bravo", "TEST", 2, 0, true},
		"under any":                {"bravo", "", 2, 0, true},
		"too secret":               {"bravo", "TEST", 3, 0, false},
		"no such agreement":        {"bravo", "NONE", 2, 0, false},
		"lapsed":                   {"bravo", "TEST", 2, 10, false},
		"a partner nobody knows":   {"alfa", "TEST", 2, 0, false},
		"somebody who is no party": {"charlie", "", 2, 0, false},
	} {
		clock := b.clock
		b.clock = b.clock.AddDate(c.years, 0, 0)
		b.view(t, func(tx *db.Tx) error {
			v, err := b.Welcome(tx, c.partner, c.agreement, "verification", lab(c.tlp, true, "bravo"))
			if v.Allow != c.want {
				t.Errorf("%s: %v", name, v)
			}
			return err
		})
		b.clock = clock
	}
}

// An inbox shows each version once, and what it shows is not judged by agreements.
func TestInbox(t *testing.T) {
	b := ready(t)
	strict := clear(1, v0)
	strict.label = lab(4, false, "bravo")
	subs := b.arrive(t, strict, clear(2, v0))
	b.update(t, func(tx *db.Tx) error {
		inbox, err := b.AddView(tx, View{Kind: Inbox, Partner: "bravo", Alias: "inbox", Carriage: CarriagePlain})
		if err != nil {
			return err
		}
		for range 2 {
			if err := b.Append(tx, inbox, []*store.Submission{&subs[0], &subs[1], &subs[0]}); err != nil {
				return err
			}
			subs[0].New, subs[1].New = false, false // the second time they are not
		}
		all, err := b.everything(tx, inbox)
		if diff := cmp.Diff([]int64{1, 2}, numbers(all)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n, err := b.Count(tx, inbox); n != 2 || err != nil {
			t.Errorf("count %d, %v", n, err)
		}
		return err
	})
	b.withhold(t, subs[0], store.Withdrawn)
	if err := b.verify(t); err != nil {
		t.Error(err)
	}
}

// Policies that another process has adopted are read before anything is decided;
// those that cannot be read decide nothing.
func TestAdoptedElsewhere(t *testing.T) {
	b := ready(t)
	b.arrive(t, clear(1, v0))
	b.update(t, b.Adopt)
	entries := func() (n int) {
		b.view(t, func(tx *db.Tx) error {
			_, err := tx.Row("SELECT count(*) FROM ledger_entry WHERE kind='policy'", nil, &n)
			return err
		})
		return n
	}
	b.update(t, b.Adopt)
	if n := entries(); n != 1 {
		t.Errorf("%d adoptions are noted, want 1", n)
	}
	stricter := testPolicyWith(t, strings.Replace(testRules, "resource.tlp <= 1", "resource.tlp <= 0", 1)+"\n")
	other := *b
	other.set = stricter
	other.restart()
	other.update(t, other.Adopt)

	no := errors.New("the folder is gone")
	b.load = func() (*policy.Set, error) { return nil, no }
	err := b.db.View(t.Context(), func(tx *db.Tx) error { _, err := b.Views(tx, "bravo"); return err })
	if !errors.Is(err, no) {
		t.Errorf("decided by policies that are not in force: %v", err)
	}
	b.load = func() (*policy.Set, error) { return b.Policy(), nil }
	if err := b.db.View(t.Context(), func(tx *db.Tx) error { _, err := b.Views(tx, "bravo"); return err }); err == nil {
		t.Error("decided by others than those that were adopted")
	}
	b.load = func() (*policy.Set, error) { return stricter, nil }
	b.view(t, func(tx *db.Tx) error {
		vs, err := b.Views(tx, "bravo")
		if err == nil && (!vs[0].Stale() || b.Policy() != stricter) {
			t.Error("the new policies are not in force here")
		}
		return err
	})
}

func TestBytes(t *testing.T) {
	b := Bytes{[]byte("abc")}
	var w bytes.Buffer
	if n, err := b.WriteTo(&w); n != 3 || err != nil || w.String() != "abc" || b.Len() != 3 {
		t.Errorf("%d %q %v", n, w.String(), err)
	}
	if n, err := (Bytes{}).WriteTo(&w); n != 0 || err != nil {
		t.Errorf("nothing: %d %v", n, err)
	}
}
