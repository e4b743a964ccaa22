package intake

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"entente/internal/db"
	"entente/internal/store"
	"entente/stix"
)

// What two parties say under one version: who wins, who is put aside, and what
// people are shown.
func TestConflicts(t *testing.T) {
	type arrival struct{ partner, profile, text string }
	type conflict struct {
		First, Second store.Seq
		Creator       bool
	}
	for name, c := range map[string]struct {
		creator   stix.ID
		bring     []arrival
		outcomes  []Outcome
		states    []store.State // by submission
		head      store.Seq
		conflicts []conflict
		released  []store.Seq
	}{
		"the creator first, then a stranger": {bravos, []arrival{{"bravo", "open", "a"}, {"charlie", "open", "b"}},
			[]Outcome{Accepted, Foreign}, []store.State{store.Active, store.Foreign}, 1, []conflict{{1, 2, false}}, []store.Seq{1}},
		"a stranger first, then the creator": {bravos, []arrival{{"charlie", "open", "b"}, {"bravo", "open", "a"}},
			[]Outcome{Accepted, Accepted}, []store.State{store.Foreign, store.Active}, 2, []conflict{{1, 2, true}}, []store.Seq{2}},
		"the creator contradicts itself": {bravos, []arrival{{"bravo", "open", "a"}, {"bravo", "open", "b"}},
			[]Outcome{Accepted, Disputed}, []store.State{store.Active, store.Disputed}, 1, []conflict{{1, 2, true}}, []store.Seq{1}},
		"the creator contradicts itself by another way": {bravos, []arrival{{"bravo", "open", "a"}, {"bravo", "other", "b"}},
			[]Outcome{Accepted, Disputed}, []store.State{store.Active, store.Disputed}, 1, []conflict{{1, 2, true}}, []store.Seq{1}},
		"a stranger contradicts itself": {bravos, []arrival{{"charlie", "open", "a"}, {"charlie", "open", "b"}},
			[]Outcome{Accepted, Disputed}, []store.State{store.Active, store.Disputed}, 0, []conflict{{1, 2, false}}, []store.Seq{1}},
		"this node speaks for itself": {ours, []arrival{{"bravo", "open", "b"}, {"", "open", "a"}},
			[]Outcome{Accepted, Accepted}, []store.State{store.Foreign, store.Active}, 2, []conflict{{1, 2, true}}, []store.Seq{2}},
		"this node does not speak for a partner": {bravos, []arrival{{"bravo", "open", "a"}, {"", "open", "b"}},
			[]Outcome{Accepted, Foreign}, []store.State{store.Active, store.Foreign}, 1, []conflict{{1, 2, false}}, []store.Seq{1}},
		"of nobody: what a partner brought first does not stand in this node's way": {nobody, []arrival{{"charlie", "open", "b"}, {"", "open", "a"}},
			[]Outcome{Accepted, Accepted}, []store.State{store.Active, store.Active}, 2, nil, []store.Seq{1}},
		"of nobody: what this node has goes before": {nobody, []arrival{{"", "open", "a"}, {"charlie", "open", "b"}},
			[]Outcome{Accepted, Foreign}, []store.State{store.Active, store.Foreign}, 1, []conflict{{1, 2, false}}, []store.Seq{1}},
		"without a creator": {"", []arrival{{"bravo", "open", "a"}, {"charlie", "open", "b"}},
			[]Outcome{Accepted, Foreign}, []store.State{store.Active, store.Foreign}, 0, []conflict{{1, 2, false}}, []store.Seq{1}},
		"what is in quarantine stands in nobody's way": {nobody, []arrival{{"charlie", "secret", "b"}, {"bravo", "open", "a"}},
			[]Outcome{Accepted, Accepted}, []store.State{store.Quarantined, store.Active}, 0, nil, []store.Seq{2}},
		"the creator in quarantine sets nobody aside yet": {bravos, []arrival{{"charlie", "open", "b"}, {"bravo", "secret", "a"}},
			[]Outcome{Accepted, Accepted}, []store.State{store.Active, store.Quarantined}, 0, nil, []store.Seq{1}},
		"the same bytes from several": {bravos, []arrival{{"charlie", "open", "a"}, {"bravo", "open", "a"}, {"", "open", "a"}},
			[]Outcome{Accepted, Accepted, Accepted}, []store.State{store.Active, store.Active, store.Active}, 2, nil, []store.Seq{1}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.bring(d.by("", "open"), parse(t, identity(ours)), parse(t, identity(bravos)), parse(t, identity(nobody)))
			base := store.Seq(d.count("submission"))
			var outcomes []Outcome
			for _, a := range c.bring {
				r := d.bring(d.by(a.partner, a.profile), object(t, 1, monday, c.creator, `,"name":"`+a.text+`"`))
				outcomes = append(outcomes, r[0].Outcome)
			}
			if diff := cmp.Diff(c.outcomes, outcomes); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			var states []store.State
			for i := range c.states {
				states = append(states, d.state(base+store.Seq(i)+1))
			}
			if diff := cmp.Diff(c.states, states); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
			if head := d.head(reportID(1)); head != c.head && head-base != c.head {
				t.Errorf("head is %d, want %d", head-base, c.head)
			}
			var conflicts []conflict
			d.view(func(tx *db.Tx) error {
				all, err := d.Conflicts(tx, 10)
				for _, x := range all {
					conflicts = append(conflicts, conflict{x.First - base, x.Second - base, x.Creator})
				}
				return err
			})
			if diff := cmp.Diff(c.conflicts, conflicts); diff != "" {
				t.Errorf("conflicts (-want +got):\n%s", diff)
			}
			var released []store.Seq
			for _, seq := range d.released() {
				if seq > base {
					released = append(released, seq-base)
				}
			}
			if diff := cmp.Diff(c.released, released); diff != "" {
				t.Errorf("released (-want +got):\n%s", diff)
			}
		})
	}
}

func identity(id stix.ID) string {
	return `{"type":"identity","spec_version":"2.1","id":"` + string(id) + `","created":"2020-01-01T00:00:00Z","modified":"2020-01-01T00:00:00Z","name":"x"}`
}

// A version that contradicts another of its own batch names it.
func TestConflictWithinABatch(t *testing.T) {
	d := newDesk(t)
	d.bring(d.by("", "open"), object(t, 1, monday, "", `,"name":"a"`), object(t, 1, monday, "", `,"name":"b"`))
	d.view(func(tx *db.Tx) error {
		all, err := d.Conflicts(tx, 10)
		want := []Conflict{{ID: reportID(1), Version: monday, First: 1, Second: 2, Creator: true}}
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		return err
	})
}

// Only who speaks for the creator moves the head, and never back.
func TestHeads(t *testing.T) {
	d := newDesk(t)
	step := func(partner, version string, want store.Seq) {
		t.Helper()
		d.bring(d.by(partner, "open"), object(t, 1, version, bravos))
		if got := d.head(reportID(1)); got != want {
			t.Errorf("%s brought %s: the head is %d, want %d", partner, version, got, want)
		}
	}
	step("charlie", "2024-01-09T00:00:00Z", 0)
	step("", "2024-01-08T00:00:00Z", 0)
	step("bravo", "2024-01-02T00:00:00Z", 3)
	step("bravo", "2024-01-01T00:00:00Z", 3)
	step("charlie", "2024-02-01T00:00:00Z", 3)
	step("bravo", "2024-01-02T00:00:00.5Z", 6)
}

// Bringing the same again changes nothing; two sources are two submissions.
func TestUnchanged(t *testing.T) {
	d := newDesk(t)
	o, p := object(t, 1, monday, ""), object(t, 2, monday, "")
	first := d.bring(d.by("", "open"), o, p, o)
	if got := []Outcome{first[0].Outcome, first[1].Outcome, first[2].Outcome}; !cmp.Equal(got, []Outcome{Accepted, Accepted, Unchanged}) {
		t.Errorf("twice in a batch: %v", got)
	}
	if got := first[2].Submission.Seq; got != 1 {
		t.Errorf("what came twice in a batch is submission %d, want 1", got)
	}
	submissions, entries, containers := d.count("submission"), d.count("ledger_entry"), d.count("container")
	for range 3 {
		again := d.bring(d.by("", "open"), o, p)
		for i, r := range again {
			if r.Outcome != Unchanged || r.Submission.Seq != first[i].Submission.Seq || r.Submission.ID != first[i].Submission.ID {
				t.Errorf("again: %s, submission %+v", r.Outcome, r.Submission)
			}
		}
	}
	if d.count("submission") != submissions || d.count("ledger_entry") != entries || d.count("container") != containers {
		t.Error("bringing the same again left a trace")
	}
	if r := d.bring(d.by("bravo", "open"), o); r[0].Outcome != Accepted || d.count("body") != 2 {
		t.Errorf("another source: %s, %d bodies", r[0].Outcome, d.count("body"))
	}
}

// Who took something back may bring it again, the same or corrected.
func TestTakeBackAndBringAgain(t *testing.T) {
	d := newDesk(t)
	o := object(t, 1, monday, "")
	d.bring(d.by("bravo", "open"), o)
	takeBack := func(seq store.Seq) {
		t.Helper()
		d.update(func(tx *db.Tx) error { return d.TakeBack(tx, seq) })
		if got := d.released(); len(got) > 0 {
			t.Errorf("taken back, and released as %v", got)
		}
	}
	takeBack(1)
	if r := d.bring(d.by("bravo", "open"), o); r[0].Outcome != Accepted || !cmp.Equal(d.released(), []store.Seq{2}) || d.count("body") != 1 {
		t.Errorf("brought again: %s, released %v, %d bodies", r[0].Outcome, d.released(), d.count("body"))
	}
	takeBack(2)
	if r := d.bring(d.by("bravo", "open"), object(t, 1, monday, "", `,"name":"corrected"`)); r[0].Outcome != Accepted || !cmp.Equal(d.released(), []store.Seq{3}) {
		t.Errorf("brought corrected: %s, released %v", r[0].Outcome, d.released())
	}
}

// Two profiles that see different references in the same bytes each keep their
// own view of them: the looser must not decide for the stricter.
func TestReferencesAreThoseOfTheProfile(t *testing.T) {
	d := newDesk(t)
	o := object(t, 1, monday, "", `,"x_hint_ref":"`+string(reportID(9))+`"`)
	d.bring(d.by("charlie", "loose"), o)
	if got := d.released(); !cmp.Equal(got, []store.Seq{1}) {
		t.Fatalf("released %v: the profile says that this is no reference", got)
	}
	d.bring(d.by("bravo", "open"), o)
	d.update(func(tx *db.Tx) error { return d.TakeBack(tx, 1) })
	if got := d.released(); len(got) > 0 {
		t.Errorf("released %v without what it refers to", got)
	}
	if r := d.bring(d.by("", "loose"), o); r[0].Outcome != Accepted || !cmp.Equal(d.released(), []store.Seq{3}) {
		t.Errorf("released %v, want the looser one again", d.released())
	}
}
