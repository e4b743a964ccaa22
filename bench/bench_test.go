package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"entente/stix"
)

// The goals are those of the project, word for word.
func TestGoalsAreThoseOfTheProject(t *testing.T) {
	text, err := os.ReadFile("../../shared/design/goals.json")
	if errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("the goals of the project are not here; they are read from ../shared/design beside the repository")
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []Goal
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for suite := range suites {
		if got, want := ofSuite(goals(), suite), ofSuite(all, suite); !reflect.DeepEqual(got, want) {
			t.Errorf("suite %s:\n have %+v\n want %+v", suite, got, want)
		}
	}
}

func ofSuite(gs []Goal, suite string) (out []Goal) {
	for _, g := range gs {
		if g.Suite == suite {
			out = append(out, g)
		}
	}
	return out
}

func TestSuitesThatAreNotThereSaySo(t *testing.T) {
	for _, suite := range []string{"", "no-such-suite"} {
		if _, err := find(suite); err == nil || !strings.Contains(err.Error(), "spine") {
			t.Errorf("suite %q: %v", suite, err)
		}
	}
	if _, err := find("spine"); err != nil {
		t.Error(err)
	}
}

func TestFigures(t *testing.T) {
	b := &bench{people: &bytes.Buffer{}, data: dataset{what: "Data: none"}}
	b.report(spineSuite, "import_file", 16_004, "")
	b.report(spineSuite, "rss_idle", 256, "a note")
	if got := b.figures[0]; got.Value != 16_000 || got.ratio() != 2 {
		t.Errorf("higher is better: %+v, ratio %v", got, got.ratio())
	}
	if got := b.figures[1].ratio(); got != 0.5 {
		t.Errorf("lower is better: ratio %v", got)
	}
	var out bytes.Buffer
	b.table(&out)
	for _, want := range []string{"Data: none", "import_file", "not met", "a note"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, out.String())
		}
	}
	text, err := json.Marshal(b.figures[1])
	if want := `{"suite":"spine","name":"rss_idle","value":256,"unit":"MB","goal":128,"better":"lower"}`; err != nil || string(text) != want {
		t.Errorf("as data: %s, %v", text, err)
	}
}

func TestQuantiles(t *testing.T) {
	var values []float64
	for i := range 21 {
		values = append(values, float64(21-i))
	}
	if got := quantile(values, 0.95); got != 20 {
		t.Errorf("the 95th percentile of 1..21 is %v", got)
	}
	if got := median(values); got != 11 {
		t.Errorf("the median of 1..21 is %v", got)
	}
	if !math.IsNaN(median(nil)) {
		t.Error("nothing has a median")
	}
}

func TestStat(t *testing.T) {
	got, err := parseStat("4711 (a (name) 1 2) S 1 4711 4711 0 -1 4194304 100 0 0 0 150 25 0 0 20 0 9 0 1 1 1")
	if err != nil || got != 1750*time.Millisecond {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "4711 (name) S 1", "4711 (name) S 1 1 1 0 -1 1 1 0 0 0 x 25 0"} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if _, err := cpuOf(os.Getpid()); err != nil {
		t.Error(err)
	}
	if mb, err := rssOf(os.Getpid()); err != nil || mb < 1 {
		t.Errorf("%v MB, %v", mb, err)
	}
}

// Generated objects pass the gate, are as many as asked for and refer to nothing
// that is not among them.
func TestGenerated(t *testing.T) {
	const n = 2000
	objects := generated(n)
	if len(objects) != n {
		t.Fatalf("%d objects", len(objects))
	}
	there := map[string]bool{}
	size := 0
	for _, raw := range objects {
		o, err := stix.Parse(raw)
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		for _, p := range stix.Validate(o) {
			t.Error(p)
		}
		if there[string(o.ID())] {
			t.Errorf("%s is there twice", o.ID())
		}
		there[string(o.ID())] = true
		for _, r := range o.Refs() {
			if !there[string(r.Target)] {
				t.Errorf("%s refers to %s, which is not there yet", o.ID(), r.Target)
			}
		}
		size += len(raw)
	}
	if mean := size / n; mean < 1200 || mean > 1600 { // ATT&CK: 1,370 bytes
		t.Errorf("an object has %d bytes in the mean", mean)
	}
	envelopes := dataset{objects: objects}.envelopes(900)
	if len(envelopes) != 3 || !json.Valid(envelopes[2]) {
		t.Errorf("%d envelopes", len(envelopes))
	}
}
