package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"entente/internal/access"
	"entente/internal/db"
	"entente/internal/intake"
	"entente/internal/register"
	"entente/internal/release"
	"entente/stix"
)

// Options of Run.
type Options struct {
	Out  io.Writer
	Once bool // tell the story and end; otherwise the nodes stay until ctx is over
}

// Run plays the story.
func Run(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp("", "entente-demo-")
	if err != nil {
		return err
	}
	w, err := build(ctx, dir, func(format string, args ...any) { fmt.Fprintf(o.Out, format+"\n", args...) })
	defer func() { err = errors.Join(err, w.close(), os.RemoveAll(dir)) }()
	if err != nil {
		return err
	}
	for _, chapter := range []func(context.Context) error{w.introduce, w.comesIn, w.goesOut, w.nothing, w.comesBack, w.ledgers} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	w.log("\nEvery line above was checked as it was written.")
	if !o.Once {
		w.stay(ctx)
	}
	return nil
}

func (w *world) introduce(ctx context.Context) error {
	w.log("1. Four nodes, four laws (all invented)\n")
	for _, m := range w.all() {
		w.log("   %-10s %s: %s", m.Config.Name, m.Config.Title, m.law)
	}
	w.log("\n   Nordlys pairs with each; two people compare a code by telephone:")
	for _, m := range w.others {
		code, err := meet(ctx, w.nordlys, m)
		if err != nil {
			return err
		}
		w.log("   nordlys – %-10s %s", m.Config.Name, code)
		if err := know(ctx, w.nordlys, m); err != nil {
			return err
		}
		if err := know(ctx, m, w.nordlys); err != nil {
			return err
		}
	}
	return w.nordlys.DB.Update(ctx, func(tx *db.Tx) error {
		for _, s := range subscriptions {
			if _, err := w.nordlys.Release.Subscribe(tx, s.partner, s.agreement, s.purpose, false); err != nil {
				return err
			}
		}
		for _, m := range w.others {
			token, err := w.nordlys.Access.Add(tx, access.Account{Name: m.Config.Name + "-taxii", Role: "partner", Partner: m.Config.Name}, "")
			if err != nil {
				return err
			}
			m.token = token
		}
		return nil
	})
}

func (w *world) comesIn(ctx context.Context) error {
	w.log("\n2. What comes in at Nordlys\n")
	groups, err := w.bring(ctx, "listed-groups", "names of listed groups (real, public)", listings(register.Groups()))
	if err != nil {
		return err
	}
	list, err := w.bringFile(ctx, "data/listing.json", "aruvel-listing", "an invented list with invented persons")
	if err != nil {
		return err
	}
	report, err := w.bringFile(ctx, "data/report.json", "own-report", "a report of its own analysts (invented)")
	if err != nil {
		return err
	}
	bad, err := w.bringFile(ctx, "data/refused.ndjson", "own-report", "three objects that readers would disagree on")
	if err != nil {
		return err
	}
	for _, r := range bad.Refused {
		w.log("     refused, line %d: %s", r.Line, r.Why)
	}
	if groups.Accepted < 80 || list.Accepted != 4 || report.Accepted != 8 || bad.Accepted != 0 || len(bad.Refused) != 3 {
		return fmt.Errorf("what came in is not what should have: %d groups, %d listings, %d of the report, %d refused", groups.Accepted, list.Accepted, report.Accepted, len(bad.Refused))
	}
	return nil
}

func (w *world) bringFile(ctx context.Context, name, profile, what string) (intake.Report, error) {
	text, err := data.ReadFile(name)
	if err != nil {
		return intake.Report{}, err
	}
	rd := stix.NewReader(bytes.NewReader(text))
	return w.bring(ctx, profile, what, func(yield func(stix.Item, error) bool) {
		for {
			item, err := rd.Next()
			if errors.Is(err, io.EOF) || !yield(item, err) || err != nil {
				return
			}
		}
	})
}

func (w *world) bring(ctx context.Context, profile, what string, items iter.Seq2[stix.Item, error]) (intake.Report, error) {
	p, err := w.nordlys.Profile(profile)
	if err != nil {
		return intake.Report{}, err
	}
	rep, err := w.nordlys.Intake.Import(ctx, intake.Import{Source: intake.Source{Profile: p}, Container: intake.Container{Kind: "demo", Ref: what}, Items: items})
	w.log("   %-48s profile %-15s %3d accepted, %d refused", what, profile, rep.Accepted, len(rep.Refused))
	return rep, err
}

func listings(all iter.Seq2[register.Listing, error]) iter.Seq2[stix.Item, error] {
	return func(yield func(stix.Item, error) bool) {
		for l, err := range all {
			if err != nil {
				yield(stix.Item{}, err)
				return
			}
			o, err := stix.Parse(l.Object)
			if !yield(stix.Item{Object: o, Err: err, Line: l.Line, ID: string(l.ID)}, nil) {
				return
			}
		}
	}
}

// The objects whose way the story follows, and who must have each of them.
var followed = []struct {
	id, what string
	has      []string
}{
	{"report--00000000-0000-4000-8000-000000000011", "report without persons, TLP:GREEN", []string{"meridian", "clearfeed"}},
	{"file--00000000-0000-4000-8000-000000000012", "fingerprint of a file, TLP:GREEN", []string{"meridian", "clearfeed"}},
	{"identity--00000000-0000-4000-8000-000000000014", "person, suspect", nil},
	{"report--00000000-0000-4000-8000-000000000015", "report that refers to that person", nil},
	{"note--00000000-0000-4000-8000-000000000016", "note on the source, TLP:RED", nil},
	{"identity--00000000-0000-4000-8000-000000000031", "person on a public listing", []string{"meridian"}},
	{"identity--00000000-0000-4000-8000-000000000033", "group on a public listing", []string{"meridian", "clearfeed"}},
}

func (w *world) goesOut(ctx context.Context) error {
	w.log("\n3. What each partner has of it, and why\n")
	for _, m := range w.others {
		if err := w.arrives(ctx, m); err != nil {
			return err
		}
	}
	for _, f := range followed {
		w.log("   %s (%s)", f.what, f.id)
		for _, m := range w.others {
			if err := w.follow(ctx, m, stix.ID(f.id), slices.Contains(f.has, m.Config.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// arrives waits until a partner's node has what Nordlys' logs show for it.
func (w *world) arrives(ctx context.Context, m *member) error {
	var want, has int64
	err := eventually(ctx, m.Config.Name+" receiving all that is its", func() (bool, error) {
		err := w.nordlys.DB.View(ctx, func(tx *db.Tx) error {
			want = 0
			views, err := w.nordlys.Release.Views(tx, m.Config.Name)
			for _, v := range views {
				if v.Kind == release.Subscription {
					want += v.Last()
				}
			}
			return err
		})
		if err != nil {
			return false, err
		}
		has, err = m.Partner.Taken(ctx, "nordlys")
		return has == want, err
	})
	w.log("   %-10s has received %d objects over its link with Nordlys, each with a proof", m.Config.Name, has)
	return err
}

// follow says whether a partner has an object and why, and checks it at both ends.
func (w *world) follow(ctx context.Context, m *member, id stix.ID, should bool) error {
	var whys []release.Why
	there := false
	err := w.nordlys.DB.View(ctx, func(tx *db.Tx) (err error) {
		whys, _, err = w.nordlys.Release.Why(tx, id, m.Config.Name)
		return err
	})
	if err != nil {
		return err
	}
	err = m.DB.View(ctx, func(tx *db.Tx) (err error) {
		there, err = m.Intake.Has(tx, id)
		return err
	})
	if err != nil {
		return err
	}
	if there != should {
		return fmt.Errorf("%s has %s: %v, but should: %v (%s)", m.Config.Name, id, there, should, reason(whys))
	}
	mark := "–"
	if there {
		mark = "has it"
	}
	w.log("     %-10s %-7s %s", m.Config.Name, mark, reason(whys))
	return nil
}

// reason puts the explanation of a release or refusal into one line: that of
// the agreement that comes closest.
func reason(whys []release.Why) string {
	closest, fewest := "it has no subscription", 1<<30
	for _, y := range whys {
		for _, s := range y.Submissions {
			if s.Number > 0 && s.Explanation.Cited != nil {
				return fmt.Sprintf("%s: %s", s.Explanation.Cited.ID, s.Explanation.Cited.Title)
			}
			why := obstacles(y.View.Agreement, s)
			weight := len(why)
			if y.View.Carriage == release.CarriagePlain {
				weight += 10 // public reference data; the report is none
			}
			if weight < fewest {
				closest, fewest = y.View.Agreement+": "+strings.Join(why, "; "), weight
			}
		}
	}
	return closest
}

// obstacles lists what keeps a submission back under one agreement.
func obstacles(agreement string, s release.WhySubmission) (why []string) {
	for _, r := range s.Explanation.Forbids {
		why = append(why, r.Title)
	}
	if len(why) == 0 && !s.Explanation.Verdict.Allow {
		why = append(why, "no rule of "+agreement+" permits it")
	}
	for _, b := range s.Barred {
		why = append(why, "it refers to "+string(b.Target)+", which may not go")
	}
	return why
}
