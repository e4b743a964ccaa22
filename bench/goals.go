package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// Goal is one promise: the figure called Name is at least (better higher) or at
// most (better lower) Goal.
type Goal struct {
	Suite  string  `json:"suite"`
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Better string  `json:"better"` // higher, lower
	Goal   float64 `json:"goal"`
	What   string  `json:"what"`
}

//go:embed goals.json
var goalsFile []byte

func goals() []Goal {
	var gs []Goal
	if err := json.Unmarshal(goalsFile, &gs); err != nil {
		panic(err) // compiled in, and tested
	}
	return gs
}

// Figure is one measured value beside its goal.
type Figure struct {
	Suite  string  `json:"suite"`
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Goal   float64 `json:"goal"`
	Better string  `json:"better"`
	note   string
}

// ratio is 1 when the goal is just met, above 1 when the figure is better.
func (f Figure) ratio() float64 {
	if f.Better == "lower" {
		return f.Goal / f.Value
	}
	return f.Value / f.Goal
}

// report adds a figure; note is for people and may be empty.
func (b *bench) report(suite, name string, value float64, note string) {
	gs := goals()
	i := slices.IndexFunc(gs, func(g Goal) bool { return g.Suite == suite && g.Name == name })
	if i < 0 {
		panic("no goal is called " + suite + "/" + name)
	}
	g := gs[i]
	f := Figure{Suite: suite, Name: name, Value: round(value), Unit: g.Unit, Goal: g.Goal, Better: g.Better, note: note}
	b.figures = append(b.figures, f)
	b.say("%s: %v %s (goal %v)%s", name, f.Value, f.Unit, f.Goal, comma(note))
}

func comma(note string) string {
	if note == "" {
		return ""
	}
	return ", " + note
}

// round keeps three digits: there are no more in a measurement.
func round(x float64) float64 {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return x
	}
	scale := math.Pow(10, 2-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}

// table shows the figures to people.
func (b *bench) table(out io.Writer) {
	fmt.Fprintf(out, "\n%s\n\n", b.data.what)
	w := tabwriter.NewWriter(out, 2, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tvalue\tgoal\tunit\t\tratio\tnote")
	for _, f := range b.figures {
		verdict := "met"
		if f.ratio() < 1 {
			verdict = "not met"
		}
		fmt.Fprintf(w, "%s\t%v\t%v\t%s\t%s\t%.2f\t%s\n", f.Name, f.Value, f.Goal, f.Unit, verdict, f.ratio(), f.note)
	}
	w.Flush()
}

// median of values, which it sorts.
func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile is the smallest of values (which it sorts) that at least the share q
// of them do not exceed.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return values[min(max(int(math.Ceil(q*float64(len(values))))-1, 0), len(values)-1)]
}
