package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"entente/internal/db"
	"entente/stix"
)

// items reads objects out of a text, and ends in fault if that is not nil.
func items(text string, fault error) iter.Seq2[stix.Item, error] {
	return func(yield func(stix.Item, error) bool) {
		for rd := stix.NewReader(strings.NewReader(text)); ; {
			item, err := rd.Next()
			if errors.Is(err, io.EOF) {
				if fault != nil {
					yield(stix.Item{}, fault)
				}
				return
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

func lines(from, to int) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintf(&b, `{"type":"report","spec_version":"2.1","id":%q,"created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":"x","published":"2020-01-01T00:00:00.000Z","object_refs":["report--00000000-0000-4000-8000-000000000001"]}`+"\n", reportID(i))
	}
	return b.String()
}

func (d *desk) load(text string, fault error, dry bool) (Report, error) {
	return d.Import(context.Background(), Import{Source: d.by("", "open"), Container: Container{Kind: "file", Ref: "x.ndjson"},
		Items: items(text, fault), DryRun: dry, Resume: [32]byte{1}})
}

// An import that breaks off keeps what it had, goes on from there when it is
// given again, and looks at everything anew once it has been through.
func TestImportResumes(t *testing.T) {
	d := newDesk(t)
	broken := errors.New("the stick was pulled out")
	rep, err := d.load(lines(1, 1500), broken, false)
	if !errors.Is(err, broken) || rep.Accepted != 1500 {
		t.Fatalf("%d accepted, %d refused, %v", rep.Accepted, len(rep.Refused), err)
	}
	rep, err = d.load(lines(1, 2300), nil, false)
	want := Report{Accepted: 800, Skipped: 1500, Refused: []Refusal{}}
	if diff := cmp.Diff(want, rep); diff != "" || err != nil {
		t.Errorf("resumed: %v (-want +got):\n%s", err, diff)
	}
	rep, err = d.load(lines(1, 2300), nil, false)
	want = Report{Unchanged: 2300, Refused: []Refusal{}}
	if diff := cmp.Diff(want, rep); diff != "" || err != nil {
		t.Errorf("again: %v (-want +got):\n%s", err, diff)
	}
	if n := d.count("submission"); n != 2300 {
		t.Errorf("%d submissions, want 2300", n)
	}
}

// When a batch cannot be kept, how far the import has come is not kept either.
func TestImportStopsWithItsBatch(t *testing.T) {
	d := newDesk(t)
	d.update(func(tx *db.Tx) error {
		_, err := tx.Exec("CREATE TRIGGER full BEFORE INSERT ON submission WHEN NEW.seq>2000 BEGIN SELECT RAISE(ABORT,'the disk is full'); END")
		return err
	})
	rep, err := d.load(lines(1, 4300), nil, false)
	if err == nil || !strings.Contains(err.Error(), "disk is full") || rep.Accepted == 0 || rep.Accepted > 2000 || d.count("submission") != rep.Accepted {
		t.Fatalf("%d accepted, %v, %d submissions", rep.Accepted, err, d.count("submission"))
	}
	d.update(func(tx *db.Tx) error {
		_, err := tx.Exec("DROP TRIGGER full")
		return err
	})
	rep, err = d.load(lines(1, 4300), nil, false)
	kept := d.count("submission") - rep.Accepted
	want := Report{Accepted: 4300 - kept, Skipped: kept, Refused: []Refusal{}}
	if diff := cmp.Diff(want, rep); diff != "" || err != nil {
		t.Errorf("resumed: %v (-want +got):\n%s", err, diff)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	d := newDesk(t)
	var before, after int
	version := func(into *int) {
		d.update(func(tx *db.Tx) error {
			_, err := tx.Row("SELECT total_changes()", nil, into)
			return err
		})
	}
	version(&before)
	rep, err := d.load(lines(1, 1200)+"{}\n", nil, true)
	if err != nil || rep.Accepted != 1200 || len(rep.Refused) != 1 {
		t.Errorf("%d accepted, %d refused, %v", rep.Accepted, len(rep.Refused), err)
	}
	if version(&after); after != before || d.count("submission") != 0 || d.count("object") != 0 || d.count("import") != 0 {
		t.Errorf("%d rows were touched", after-before)
	}
}

// What is refused is named by identifier, line and path, and the rest is taken in.
func TestRefusedSaysWhatWhereWhy(t *testing.T) {
	d := newDesk(t)
	text := lines(1, 1) +
		`{"type":"report","id":"` + string(reportID(2)) + `","id":"` + string(reportID(3)) + `","spec_version":"2.1"}` + "\n" +
		"\n" +
		`{"type":"report","spec_version":"2.1","id":"` + string(reportID(4)) + `","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":5,"published":"2020-01-01T00:00:00.000Z","object_refs":["` + string(reportID(1)) + `"]}` + "\n" +
		"not an object\n" +
		lines(5, 5)
	rep, err := d.load(text, nil, false)
	if err != nil || rep.Accepted != 2 || len(rep.Refused) != 3 {
		t.Fatalf("%d accepted, %d refused, %v", rep.Accepted, len(rep.Refused), err)
	}
	for i, want := range []Refusal{{string(reportID(2)), 2, "", "twice"}, {string(reportID(4)), 4, "name", "name"}, {"", 5, "", ""}} {
		got := rep.Refused[i]
		if got.ID != want.ID || got.Line != want.Line || !strings.Contains(got.Path, want.Path) || got.Why == "" {
			t.Errorf("refusal %d: %+v, want %+v", i, got, want)
		}
	}
}

// A batch and what runs with it stand or fall together.
func TestAcceptIsOneTransaction(t *testing.T) {
	d := newDesk(t)
	no := errors.New("no")
	o := object(t, 1, monday, "")
	_, err := d.Accept(t.Context(), d.by("", "open"), Container{}, []Arrival{{Object: o}}, func(tx *db.Tx, results []Result) error {
		if len(results) != 1 || results[0].Submission.Seq != 1 {
			t.Errorf("results %+v", results)
		}
		return no
	})
	if !errors.Is(err, no) || d.count("submission")+d.count("object")+d.count("class") > 0 || len(d.released()) > 0 {
		t.Errorf("%v; something was kept", err)
	}
	if r := d.bring(d.by("", "open"), o); r[0].Outcome != Accepted || r[0].Submission.Seq != 1 {
		t.Errorf("after a rollback: %s as %d", r[0].Outcome, r[0].Submission.Seq)
	}
	if _, err := d.Accept(t.Context(), d.by("", "open"), Container{}, make([]Arrival, MaxBatch+1), nil); err == nil {
		t.Error("a batch over the limit was taken")
	}
}
