package policy

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"entente/label"
)

// requests draws requests near the border: one of the shipped cases with a few
// facts changed, so that both verdicts are common.
func requests(tb testing.TB, s *Set) *rapid.Generator[Request] {
	cases := shippedCases(tb)
	return rapid.Custom(func(t *rapid.T) Request {
		r := *clone(rapid.SampledFrom(cases).Draw(t, "case").Request)
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			if rapid.IntRange(0, 3).Draw(t, "what") > 0 {
				changeLabel(t, &r.Label)
			} else {
				changeRequest(t, s, &r)
			}
		}
		return r
	})
}

func some(t *rapid.T, of ...string) label.Set {
	return label.SetOf(rapid.SliceOfN(rapid.SampledFrom(of), 0, 3).Draw(t, "some")...)
}

func pick(t *rapid.T, of ...string) string { return rapid.SampledFrom(of).Draw(t, "pick") }

func yesNo(t *rapid.T) label.Flag {
	return rapid.SampledFrom([]label.Flag{label.Yes, label.No}).Draw(t, "flag")
}

func upTo(t *rapid.T, most int) label.Ordered { return label.Of(rapid.IntRange(0, most).Draw(t, "n")) }

// changeLabel changes one fact of a final label; it stays final.
func changeLabel(t *rapid.T, l *label.Label) {
	nodes := []string{"sundmark", "meridian", "clearfeed", "karst", "nordlys", "hub"}
	changes := []func(){
		func() { l.TLP = upTo(t, 4) }, func() { l.PAP = upTo(t, 3) }, func() { l.Level = upTo(t, 4) },
		func() { l.Handling = some(t, "H1", "H2", "H3") }, func() { l.Caveats = some(t, label.Caveats...) },
		func() { l.Scheme = pick(t, append(label.Schemes(), label.Mixed, label.Unknown)...) },
		func() { l.Source = pick(t, "A", "B", "C", "none", label.Mixed) }, func() { l.Info = upTo(t, 6) },
		func() { l.Content = pick(t, append(label.Contents, label.Mixed, label.Unknown)...) },
		func() { l.Data = upTo(t, 2) }, func() { l.Subjects = some(t, label.Subjects...) },
		func() { l.AtRiskFrom = some(t, "QS", "QM", "QK", "*") },
		func() {
			l.Designation = label.Only(some(t, "un", "regional", "national:QA", "national:QB", "court")...)
		},
		func() { l.Group = pick(t, "isil-k", "un-listed", "none", "invented-front", label.Mixed, label.Unknown) },
		func() { l.Basis = pick(t, label.Bases...) }, func() { l.Purposes = label.Only(some(t, label.Purposes...)...) },
		func() { l.Purposes = label.Only(label.Purposes...) },
		func() { l.Own = yesNo(t) }, func() { l.Origin = pick(t, append(nodes, label.Mixed)...) },
		func() { l.Named = label.Only(some(t, nodes...)...) }, func() { l.ConsentPartners = label.Only(some(t, nodes...)...) },
		func() { l.ConsentAgreements = label.Only(some(t, "NORDLYS", "HUB", "MERIDIAN")...) },
		func() {
			l.Taint = rapid.SampledFrom([]label.Ordered{label.TaintNone, label.TaintPossible, label.TaintKnown}).Draw(t, "taint")
		},
		func() { l.Reviewed = yesNo(t) }, func() { l.State = label.Of(rapid.IntRange(0, 5).Draw(t, "state")) },
		func() { l.Published = yesNo(t) }, func() { l.Marked = yesNo(t) },
	}
	changes[rapid.IntRange(0, len(changes)-1).Draw(t, "fact")]()
	*l = l.Final()
}

func changeRequest(t *rapid.T, s *Set, r *Request) {
	p := &r.Partner
	changes := []func(){
		func() { r.Action = rapid.SampledFrom(actions).Draw(t, "action") },
		func() { r.Agreement = pick(t, s.order...) }, func() { r.Member = rapid.Bool().Draw(t, "member") },
		func() { r.Purpose = pick(t, append(label.Purposes, "")...) }, func() { r.Basis = pick(t, append(transferBases, "")...) },
		func() { r.Urgency = pick(t, urgencies...) }, func() { r.Necessity = rapid.Bool().Draw(t, "necessity") },
		func() { r.Approvals, r.Roles = rapid.IntRange(1, 3).Draw(t, "approvals"), some(t, roles...) },
		func() { p.Kind = pick(t, kinds...) }, func() { p.Regime = pick(t, regimes...) }, func() { p.Level = rapid.IntRange(0, 4).Draw(t, "level") },
		func() { p.Honours = some(t, honours...) }, func() { p.Assurances = some(t, assurances...) },
		func() { p.Risks = some(t, append(risks, "onward-disclosure:QK")...) }, func() { p.Country = pick(t, "QS", "QM", "QK") },
		func() { p.Suspended = !p.Suspended }, func() { p.RecallOverdue = !p.RecallOverdue },
	}
	changes[rapid.IntRange(0, len(changes)-1).Draw(t, "context")]()
}

// TestMonotone: a stricter label never turns a refusal into a release, nor an
// answered hit out of an unanswered one, under any guard or agreement.
func TestMonotone(t *testing.T) {
	s := shippedSet(t)
	gen := requests(t, s)
	released, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		r := gen.Draw(t, "request")
		loose := r.Label
		stricter := gen.Draw(t, "other").Label
		if rapid.Bool().Draw(t, "one fact only") {
			stricter = loose
			changeLabel(t, &stricter)
		}
		before := s.Decide(r)
		r.Label = label.Join(loose, stricter).Final()
		after := s.Decide(r)
		if before.Fault+after.Fault != "" {
			t.Fatalf("fault: %q %q", before.Fault, after.Fault)
		}
		if !before.Allow && after.Allow {
			t.Fatalf("refused (%v)\n%s\nbut released by %s when stricter\n%s", before.Forbids, loose.Canonical(), after.Permit, r.Label.Canonical())
		}
		if before.Allow {
			released++
		} else {
			refused++
		}
	})
	if released == 0 || refused == 0 {
		t.Errorf("%d released, %d refused: the test does not reach both sides", released, refused)
	}
	t.Logf("%d released, %d refused", released, refused)
}

// TestSlicesDecideAsTheFiles: the rules sliced by action decide as the rules as
// they stand in the files, and every decision is evaluated without error.
func TestSlicesDecideAsTheFiles(t *testing.T) {
	s := shippedSet(t)
	gen := requests(t, s)
	rapid.Check(t, func(t *rapid.T) {
		r := gen.Draw(t, "request")
		a := s.agreements[r.Agreement]
		w := world(a, &r)
		w.see(a, &r.Partner, &r.Label)
		whole := *a
		whole.slices = map[Action]ruleList{r.Action: slices.Concat(s.guards, a.permits)}
		want, got := s.evaluate(&whole, w, r.Action), s.Decide(r)
		if got.Fault != "" || got.Allow != want.Allow || got.Permit != want.Permit || !slices.Equal(got.Forbids, want.Forbids) {
			t.Fatalf("sliced %+v, whole %+v", got, want)
		}
	})
}

func TestDecideEach(t *testing.T) {
	s := shippedSet(t)
	gen := requests(t, s)
	rapid.Check(t, func(t *rapid.T) {
		r := gen.Draw(t, "request")
		other := gen.Draw(t, "other").Label
		got := s.DecideEach(r, []label.Label{other, r.Label})[1]
		if want := s.Decide(r); got.Allow != want.Allow || got.Permit != want.Permit || !slices.Equal(got.Forbids, want.Forbids) {
			t.Fatalf("in company %+v, alone %+v", got, want)
		}
	})
}

// TestOracle compares every guard with the same rule written in plain Go.
func TestOracle(t *testing.T) {
	s := shippedSet(t)
	gen := requests(t, s)
	rapid.Check(t, func(t *rapid.T) {
		r := gen.Draw(t, "request")
		a, _ := s.Agreement(r.Agreement)
		want := oracle(a, r)
		v := s.Decide(r)
		if v.Fault != "" {
			t.Fatal(v.Fault)
		}
		if v.Allow && len(want) > 0 {
			t.Fatalf("released by %s although the oracle forbids it: %v\n%s", v.Permit, want, r.Label.Canonical())
		}
		if !v.Allow && !slices.Equal(v.Forbids, want) {
			t.Fatalf("forbids\n%v, the oracle says\n%v\n%+v\n%s", v.Forbids, want, r, r.Label.Canonical())
		}
	})
}
