package intake

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"entente/internal/db"
	"entente/internal/store"
	"entente/label"
	"entente/stix"
)

const (
	open1  = stix.ID("marking-definition--00000000-0000-4000-8000-0000000000a1")
	open2  = stix.ID("marking-definition--00000000-0000-4000-8000-0000000000a2")
	amber  = stix.ID("marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421") // TLP:AMBER of TLP 2.0
	noSuch = stix.ID("marking-definition--00000000-0000-4000-8000-0000000000ff")
)

// level is a marking definition that states a protective level, and nothing else.
func definition(t *testing.T, id stix.ID, more string) *stix.Object {
	t.Helper()
	return parse(t, `{"type":"marking-definition","spec_version":"2.1","id":"`+string(id)+`","created":"2020-01-01T00:00:00Z","name":"x","extensions":{"`+
		string(stix.HandlingExtension)+`":{"extension_type":"property-extension"`+more+`}}}`)
}

func marked(t *testing.T, n int, markings ...stix.ID) *stix.Object {
	t.Helper()
	list := ""
	for i, m := range markings {
		if i > 0 {
			list += ","
		}
		list += `"` + string(m) + `"`
	}
	return object(t, n, monday, "", `,"object_marking_refs":[`+list+`]`)
}

// A marking means what the definition says that its source, or this node, has
// brought: before, with or after the object. Until then it says everything.
func TestMarkings(t *testing.T) {
	const nothing = `,"level":1`
	type delivery struct {
		partner, profile string
		definition       stix.ID // or
		object           []stix.ID
	}
	for name, c := range map[string]struct {
		deliveries [][]delivery // each inner list is a batch of one source
		level      int          // of the object in the end; 4 while unreadable
		released   bool
	}{
		"before":            {[][]delivery{{{"bravo", "open", open1, nil}}, {{"bravo", "open", "", []stix.ID{open1}}}}, 1, true},
		"in the same batch": {[][]delivery{{{"bravo", "open", "", []stix.ID{open1}}, {"bravo", "open", open1, nil}}}, 1, true},
		"after":             {[][]delivery{{{"bravo", "open", "", []stix.ID{open1}}}, {{"bravo", "open", open1, nil}}}, 1, true},
		"after, own":        {[][]delivery{{{"", "open", "", []stix.ID{open1}}}, {{"", "open", open1, nil}}}, 1, true},
		"never":             {[][]delivery{{{"bravo", "open", "", []stix.ID{noSuch}}}}, 4, false},
		"one of two":        {[][]delivery{{{"bravo", "open", "", []stix.ID{open1, open2}}}, {{"bravo", "open", open1, nil}}}, 4, false},
		"both, one by one":  {[][]delivery{{{"bravo", "open", "", []stix.ID{open1, open2}}}, {{"bravo", "open", open1, nil}}, {{"bravo", "open", open2, nil}}}, 1, true},
		"another partner's does not count, after":  {[][]delivery{{{"bravo", "open", "", []stix.ID{open1}}}, {{"charlie", "open", open1, nil}}}, 4, false},
		"another partner's, then its own":          {[][]delivery{{{"bravo", "open", "", []stix.ID{open1}}}, {{"charlie", "open", open1, nil}}, {{"bravo", "open", open1, nil}}}, 1, true},
		"another partner's does not count, before": {[][]delivery{{{"charlie", "open", open1, nil}}, {{"bravo", "open", "", []stix.ID{open1}}}}, 4, false},
		"this node's counts for a partner, before": {[][]delivery{{{"", "open", open1, nil}}, {{"bravo", "open", "", []stix.ID{open1}}}}, 1, true},
		"this node's counts for a partner, after":  {[][]delivery{{{"bravo", "open", "", []stix.ID{open1}}}, {{"", "open", open1, nil}}}, 1, true},
		"a partner's does not count for this node": {[][]delivery{{{"bravo", "open", open1, nil}}, {{"", "open", "", []stix.ID{open1}}}}, 4, false},
		"the same partner under another profile":   {[][]delivery{{{"bravo", "open", "", []stix.ID{open1}}}, {{"bravo", "other", open1, nil}}}, 1, true},
		"everybody knows TLP":                      {[][]delivery{{{"bravo", "open", "", []stix.ID{amber}}}}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			var subject store.Seq
			for _, batch := range c.deliveries {
				var objects []*stix.Object
				subjectAt := -1
				for i, x := range batch {
					if x.definition != "" {
						objects = append(objects, definition(t, x.definition, nothing))
					} else {
						objects, subjectAt = append(objects, marked(t, 1, x.object...)), i
					}
				}
				results := d.bring(d.by(batch[0].partner, batch[0].profile), objects...)
				if subjectAt >= 0 {
					subject = results[subjectAt].Submission.Seq
				}
			}
			if got := d.labelOf(subject).Level.Value(); got != c.level {
				t.Errorf("level %d, want %d", got, c.level)
			}
			shown := false
			for _, seq := range d.released() {
				shown = shown || seq == subject
			}
			if shown != c.released {
				t.Errorf("released: %v, want %v (state %d)", shown, c.released, d.state(subject))
			}
		})
	}
}

// The second definition of one identifier can make a label stricter, never looser.
func TestSecondDefinitionIsJoined(t *testing.T) {
	d := newDesk(t)
	d.bring(d.by("bravo", "open"), definition(t, open1, `,"level":3`))
	d.bring(d.by("bravo", "open"), definition(t, open1, `,"level":1`))
	r := d.bring(d.by("bravo", "open"), marked(t, 1, open1))
	if got := d.labelOf(r[0].Submission.Seq).Level.Value(); got != 3 {
		t.Errorf("level %d, want the stricter, 3", got)
	}
}

// A granular marking counts for the whole object.
func TestGranularMarkingCounts(t *testing.T) {
	d := newDesk(t)
	o := object(t, 1, monday, "", `,"name":"x","granular_markings":[{"marking_ref":"`+string(amber)+`","selectors":["name"]}]`)
	r := d.bring(d.by("", "open"), o)
	if got := d.labelOf(r[0].Submission.Seq).TLP.Value(); got != 2 {
		t.Errorf("TLP %d, want 2", got)
	}
}

// What the container states is kept, and holds when the object is labelled anew.
func TestContainerFactsSurviveRelabelling(t *testing.T) {
	d := newDesk(t)
	facts := label.Label{Caveats: label.SetOf("no-court")}
	_, err := d.Accept(t.Context(), d.by("bravo", "open"), Container{Kind: "test"}, []Arrival{{Object: marked(t, 1, open1), Facts: &facts}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.bring(d.by("bravo", "open"), definition(t, open1, `,"level":1`))
	if got := d.labelOf(1); !got.Caveats.Has("no-court") || got.Level.Value() != 1 {
		t.Errorf("label %s", got.Canonical())
	}
}

// What our own rules do not accept is held back, with the reason, until a person
// admits it; then it is released and moves the head.
func TestQuarantine(t *testing.T) {
	d := newDesk(t)
	r := d.bring(d.by("bravo", "secret"), object(t, 1, monday, bravos))
	if r[0].Quarantined == "" || d.state(1) != store.Quarantined || d.head(reportID(1)) != 0 || len(d.released()) > 0 {
		t.Fatalf("%q, state %d", r[0].Quarantined, d.state(1))
	}
	if own := d.bring(d.by("", "secret"), object(t, 2, monday, "")); own[0].Quarantined != "" {
		t.Errorf("what this node brings is in quarantine: %s", own[0].Quarantined)
	}
	d.view(func(tx *db.Tx) error {
		held, err := d.Quarantine(tx, 10)
		want := []Held{{Seq: 1, ID: reportID(1), Version: monday, Partner: "bravo", Under: "TEST/secret", Why: "no rule of ours accepts it"}}
		if diff := cmp.Diff(want, held); diff != "" {
			t.Errorf("held (-want +got):\n%s", diff)
		}
		return err
	})
	d.bring(d.by("", "open"), parse(t, identity(bravos)))
	d.update(func(tx *db.Tx) error { return d.Admit(tx, 1, "anna") })
	if d.state(1) != store.Active || d.head(reportID(1)) != 1 {
		t.Errorf("admitted: state %d, head %d", d.state(1), d.head(reportID(1)))
	}
	for _, seq := range []store.Seq{1, 99} {
		if err := d.db.Update(t.Context(), func(tx *db.Tx) error { return d.Admit(tx, seq, "anna") }); err == nil {
			t.Errorf("submission %d was admitted, which is not in quarantine", seq)
		}
	}
}

// What is admitted late meets what has been accepted under the same version.
func TestAdmitMeetsAnother(t *testing.T) {
	for name, c := range map[string]struct {
		held, other string
		creator     stix.ID
		want        [2]store.State // of the admitted and of the other
	}{
		"a stranger's is put aside":          {"charlie", "bravo", nobody, [2]store.State{store.Foreign, store.Active}},
		"the creator's sets the other aside": {"bravo", "charlie", bravos, [2]store.State{store.Active, store.Foreign}},
		"a stranger's, beside the creator's": {"charlie", "bravo", bravos, [2]store.State{store.Foreign, store.Active}},
	} {
		d := newDesk(t)
		d.bring(d.by(c.held, "secret"), object(t, 1, monday, c.creator, `,"name":"a"`))
		d.bring(d.by(c.other, "open"), object(t, 1, monday, c.creator, `,"name":"b"`))
		d.update(func(tx *db.Tx) error { return d.Admit(tx, 1, "anna") })
		if got := [2]store.State{d.state(1), d.state(2)}; got != c.want {
			t.Errorf("%s: states %v, want %v", name, got, c.want)
		}
	}
}
