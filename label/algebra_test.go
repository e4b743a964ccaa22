package label

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func ordered(most int) *rapid.Generator[Ordered] {
	return rapid.Custom(func(t *rapid.T) Ordered { return Ordered(rapid.IntRange(0, most+1).Draw(t, "ordered")) })
}

func subset(of ...string) *rapid.Generator[Set] {
	return rapid.Custom(func(t *rapid.T) Set {
		return SetOf(rapid.SliceOfN(rapid.SampledFrom(of), 0, 4).Draw(t, "set")...)
	})
}

func limits(of ...string) *rapid.Generator[Limit] {
	return rapid.Custom(func(t *rapid.T) Limit {
		if rapid.Bool().Draw(t, "unstated") {
			return Limit{}
		}
		return Only(subset(of...).Draw(t, "limit")...)
	})
}

func one(of ...string) *rapid.Generator[string] {
	return rapid.SampledFrom(append([]string{""}, of...))
}

// labels draws any label, final or not, also such as only joins produce.
var labels = rapid.Custom(func(t *rapid.T) Label {
	flag := rapid.SampledFrom([]Flag{Unstated, Yes, No})
	return Label{
		TLP: ordered(maxTLP).Draw(t, "tlp"), PAP: ordered(maxPAP).Draw(t, "pap"), Level: ordered(maxLevel).Draw(t, "level"),
		Handling: subset(handlingCodes...).Draw(t, "handling"), Caveats: subset(Caveats...).Draw(t, "caveats"),
		Scheme: one("admiralty", "europol-4x4", Ungraded, Mixed, Unknown).Draw(t, "scheme"),
		Source: one("A", "B", None, Mixed).Draw(t, "source"), Info: ordered(maxInfo).Draw(t, "info"),
		Content: one("report", "person", Mixed, Unknown).Draw(t, "content"), Data: ordered(maxData).Draw(t, "data"),
		Subjects: subset(Subjects...).Draw(t, "subjects"), AtRiskFrom: subset("QA", "QM", Anywhere).Draw(t, "risk"),
		Designation: limits("un", "regional", "national:QA", None).Draw(t, "designation"),
		Group:       one("isil-k", None, Mixed).Draw(t, "group"), Basis: one("police-task", "consent", None).Draw(t, "basis"),
		Purposes: limits(Purposes...).Draw(t, "purposes"), Own: flag.Draw(t, "own"), Origin: one("a", "b", Mixed).Draw(t, "origin"),
		Named: limits("a", "b", "c").Draw(t, "named"), ConsentPartners: limits("a", "b").Draw(t, "cp"), ConsentAgreements: limits("X", "Y").Draw(t, "ca"),
		Taint: ordered(2).Draw(t, "taint"), Reviewed: flag.Draw(t, "reviewed"), State: ordered(5).Draw(t, "state"),
		Published: flag.Draw(t, "published"), Marked: flag.Draw(t, "marked"),
	}
})

func TestJoinIsASemilattice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := labels.Draw(t, "a"), labels.Draw(t, "b"), labels.Draw(t, "c")
		if !Join(a, b).Equal(Join(b, a)) {
			t.Error("Join is not commutative")
		}
		if !Join(Join(a, b), c).Equal(Join(a, Join(b, c))) {
			t.Error("Join is not associative")
		}
		if !Join(a, a).Equal(a) {
			t.Error("Join is not idempotent")
		}
		if !Join(a, Label{}).Equal(a) {
			t.Error("the zero Label is not the identity")
		}
		if j := Join(a, b); !j.AtLeast(a) || !j.AtLeast(b) {
			t.Error("Join is looser than what was joined")
		}
		if a.AtLeast(b) && !Join(a, c).AtLeast(Join(b, c)) {
			t.Error("Join is not monotone")
		}
	})
}

// stricter reports, without Join, whether final label b allows nothing that
// final label a does not.
func stricter(a, b Label) bool {
	words := func(x, y, top string) bool { return x == y || y == top }
	return b.TLP >= a.TLP && b.PAP >= a.PAP && b.Level >= a.Level && b.Info >= a.Info && b.Data >= a.Data &&
		b.Taint >= a.Taint && b.State >= a.State &&
		b.Own >= a.Own && b.Reviewed >= a.Reviewed && b.Published >= a.Published && b.Marked >= a.Marked &&
		b.Handling.HasAll(a.Handling) && b.Caveats.HasAll(a.Caveats) && b.Subjects.HasAll(a.Subjects) && b.AtRiskFrom.HasAll(a.AtRiskFrom) &&
		a.Designation.Words().HasAll(b.Designation.Words()) && a.Purposes.Words().HasAll(b.Purposes.Words()) &&
		a.Named.Words().HasAll(b.Named.Words()) && a.ConsentPartners.Words().HasAll(b.ConsentPartners.Words()) &&
		a.ConsentAgreements.Words().HasAll(b.ConsentAgreements.Words()) &&
		words(a.Scheme, b.Scheme, Mixed) && words(a.Source, b.Source, Mixed) && words(a.Content, b.Content, Mixed) &&
		words(a.Group, b.Group, Mixed) && words(a.Origin, b.Origin, Mixed) && words(a.Basis, b.Basis, None)
}

func TestJoinOfFinalLabelsIsStricter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := labels.Draw(t, "a").Final(), labels.Draw(t, "b").Final()
		if j := Join(a, b); !stricter(a, j) || !stricter(b, j) {
			t.Errorf("joined label allows more:\n%s\n%s\n%s", a.Canonical(), b.Canonical(), j.Canonical())
		}
	})
}

func TestFinalStatesEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := labels.Draw(t, "label")
		f := l.Final()
		if !f.Final().Equal(f) {
			t.Error("Final is not idempotent")
		}
		if !f.AtLeast(l) {
			t.Error("Final is looser than the label")
		}
		if err := f.CheckFinal(); err != nil {
			t.Errorf("a final label is refused: %v", err)
		}
	})
	nothing := Label{}.Final()
	want := `{"basis":"none","consentA":[],"consentP":[],"content":"unknown","data":2,"designation":[],"group":"unknown","info":6,"level":4,` +
		`"marked":false,"named":[],"origin":"unknown","own":false,"pap":3,"published":false,"purposes":[],"reviewed":false,` +
		`"scheme":"unknown","source":"unknown","state":"recalled","subjects":["unknown"],"taint":"known","tlp":4}`
	if got := string(nothing.Canonical()); got != want {
		t.Errorf("nothing stated, made final:\n got %s\nwant %s", got, want)
	}
}

func TestUnstatedIsNotEmpty(t *testing.T) {
	a := Label{Purposes: Only("exercise")}
	if got := Join(a, Label{}).Purposes; !got.Has("exercise") {
		t.Error("an unstated purpose limit took a purpose away")
	}
	if got := Join(a, Label{Purposes: Only()}).Purposes; got.Has("exercise") || !got.Stated() {
		t.Error("an empty purpose limit left a purpose")
	}
	d := Label{Designation: Only(None)}
	if d.OneStatesWord() {
		t.Error("what rests on no list rests on one state's word")
	}
	if !Join(d, Label{Designation: Only("un")}).OneStatesWord() {
		t.Error("sources that disagree about the designation count as a designation")
	}
}

func TestOneStatesWord(t *testing.T) {
	for _, c := range []struct {
		words []string
		want  bool
	}{
		{nil, true}, {[]string{"national:QA"}, true}, {[]string{"none"}, false}, {[]string{"un"}, false},
		{[]string{"national:QA", "un"}, false}, {[]string{"national:QA", "national:QB"}, false}, {[]string{"court"}, false},
	} {
		if got := (Label{Designation: Only(c.words...)}).OneStatesWord(); got != c.want {
			t.Errorf("%v: %v", c.words, got)
		}
	}
}

func TestCanonicalRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := labels.Draw(t, "label").Final()
		b := l.Canonical()
		got, err := ParseCanonical(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if !got.Equal(l) {
			t.Fatalf("%s reads back as %s", b, got.Canonical())
		}
		other := labels.Draw(t, "other").Final()
		if l.Equal(other) != bytes.Equal(b, other.Canonical()) {
			t.Fatal("equal labels and equal bytes are not the same thing")
		}
	})
}

func TestParseCanonicalRefuses(t *testing.T) {
	for _, s := range []string{
		``, `[]`, `{"tlp":5}`, `{"tlp":-1}`, `{"TLP":1}`, `{"tlp":1,"tlp":1}`, `{ "tlp":1}`, `{"tlp":1,"pap":1}`, `{"x":1}`,
		`{"purposes":["targeting"]}`, `{"state":"lost"}`, `{"taint":""}`, `{"subjects":["b","a"]}`, `{"group":"a b"}`, `{"tlp":1}{}`,
		`{"handling":["H0"]}`, `{"scheme":"nato"}`, `{"named":null}`,
	} {
		if _, err := ParseCanonical([]byte(s)); err == nil {
			t.Errorf("%s is accepted", s)
		}
	}
	if _, err := ParseCanonical([]byte(`{"named":[],"tlp":1}`)); err != nil {
		t.Error(err)
	}
}

func FuzzParseCanonical(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add(Label{}.Final().Canonical())
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ParseCanonical(b)
		if err == nil && !bytes.Equal(l.Canonical(), b) {
			t.Fatalf("%q reads as %s", b, l.Canonical())
		}
	})
}

func TestVocabulariesAreSorted(t *testing.T) {
	for _, s := range []Set{Purposes, CrimePurposes, Caveats, Contents, Subjects, Bases, handlingCodes} {
		if !s.sorted() {
			t.Errorf("%v is not sorted: Has would miss words", s)
		}
	}
	if !Purposes.HasAll(CrimePurposes) {
		t.Error("H0 leaves a purpose that does not exist")
	}
	for _, gone := range []string{"targeting", "immigration-enforcement", "protest", "vetting", "identifying-sources"} {
		if Purposes.Has(gone) {
			t.Errorf("there is a purpose %s", gone)
		}
	}
	if len(Purposes) != 10 {
		t.Errorf("%d purposes; adding one is a logged change that oversight sees, and this test is where it is noticed", len(Purposes))
	}
}

func TestSets(t *testing.T) {
	a, b := SetOf("b", "a", "b"), SetOf("c", "b")
	if got := a.union(b); !slices.Equal(got, Set{"a", "b", "c"}) {
		t.Errorf("union %v", got)
	}
	if got := a.intersect(b); !slices.Equal(got, Set{"b"}) {
		t.Errorf("intersection %v", got)
	}
	if !a.HasAny(b) || a.HasAny(SetOf("x")) || a.HasAny(nil) || !a.HasAll(nil) {
		t.Error("HasAny or HasAll")
	}
	if (Limit{}).Has("a") || (Limit{}).Stated() || !Only().Stated() {
		t.Error("an unstated limit allows or states something")
	}
}
