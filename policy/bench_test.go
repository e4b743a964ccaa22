package policy

import (
	"syscall"
	"testing"
	"time"

	"entente/label"
)

func ints(n int) *int            { return &n }
func bools(b bool) *bool         { return &b }
func list(w ...string) *[]string { return &w }

// listedPerson is the label of a person on a public UN listing.
func listedPerson(tb testing.TB) label.Label {
	l, err := label.Facts{
		TLP: ints(0), PAP: ints(0), Level: ints(0), Scheme: "ungraded", Source: "none", Info: ints(0),
		Content: "person", Data: ints(1), Subjects: []string{"listed"}, Designation: list("un"), Group: "un-listed",
		Basis: "legal-obligation", Purposes: list(label.Purposes...), Own: bools(false), Origin: "centre",
		Taint: "none", Reviewed: bools(true), State: "active", Published: bools(true), Marked: bools(true),
	}.Label()
	if err != nil {
		tb.Fatal(err)
	}
	return l.Final()
}

var police = Partner{ID: "sundmark", Country: "QS", Kind: "police", Regime: "led", Level: 3,
	Honours: []string{"no-court", "no-action", "no-onward", "pap-red"}, Assurances: []string{"no-death-penalty"}}

func BenchmarkDecide(b *testing.B) {
	s := shippedSet(b)
	r := Request{Partner: police, Agreement: "NORDLYS", Member: true, Label: listedPerson(b), Action: Release, Purpose: "border-control"}
	if v := s.Decide(r); !v.Allow {
		b.Fatal(v)
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Decide(r)
	}
}

// BenchmarkMemoFill500 is the goal memo_fill_500: the verdicts of 500 classes for
// one subscription.
func BenchmarkMemoFill500(b *testing.B) {
	s := shippedSet(b)
	var classes []label.Label
	for i := range 500 {
		l := listedPerson(b)
		l.TLP, l.Level, l.Data = label.Of(i%5), label.Of(i/5%5), label.Of(i/25%3)
		l.Content = label.Contents[i/75%len(label.Contents)]
		classes = append(classes, l)
	}
	b.ResetTimer()
	start, rounds := cpu(), 0
	for b.Loop() {
		rounds++
		r := Request{Partner: police, Agreement: "NORDLYS", Member: true, Action: Release, Purpose: "border-control"}
		if v := s.DecideEach(r, classes); v[0].Fault != "" {
			b.Fatal(v[0].Fault)
		}
	}
	b.ReportMetric(float64((cpu()-start).Microseconds())/1000/float64(rounds), "CPU-ms/500-classes")
}

// cpu is the processor time of this process, collector included: other work on
// the machine does not count.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkExplain(b *testing.B) {
	s := shippedSet(b)
	l := listedPerson(b)
	l.Published, l.TLP = label.No, label.Of(2)
	r := Request{Partner: police, Agreement: "NORDLYS", Member: true, Label: l, Action: Release, Purpose: "border-control"}
	for b.Loop() {
		s.Explain(r)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		shippedSet(b)
	}
}
