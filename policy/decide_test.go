package policy

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
	"pgregory.net/rapid"

	"entente/label"
)

func TestMalformedRequestsDenyWithFault(t *testing.T) {
	s := shippedSet(t)
	good := Request{Partner: police, Agreement: "NORDLYS", Member: true, Label: listedPerson(t), Action: Release, Purpose: "border-control"}
	if v := s.Decide(good); !v.Allow || v.Permit != "NORDLYS.2" || v.Fault != "" {
		t.Fatalf("%+v", v)
	}
	if v := s.Decide(good); strings.Join(v.Obligations, " ") != "delete-on-recall report-use" {
		t.Errorf("obligations %v", v.Obligations)
	}
	for name, change := range map[string]func(*Request){
		"agreement":     func(r *Request) { r.Agreement = "NOBODY" },
		"no agreement":  func(r *Request) { r.Agreement = "" },
		"no partner":    func(r *Request) { r.Partner.ID = "" },
		"country":       func(r *Request) { r.Partner.Country = "qs" },
		"kind":          func(r *Request) { r.Partner.Kind = "army" },
		"no regime":     func(r *Request) { r.Partner.Regime = "" },
		"level":         func(r *Request) { r.Partner.Level = 5 },
		"honours":       func(r *Request) { r.Partner.Honours = []string{"unmapped"} },
		"assurances":    func(r *Request) { r.Partner.Assurances = []string{"no-problem"} },
		"risks":         func(r *Request) { r.Partner.Risks = []string{"Torture"} },
		"risk country":  func(r *Request) { r.Partner.Risks = []string{"onward-disclosure:x"} },
		"action":        func(r *Request) { r.Action = "Publish" },
		"purpose":       func(r *Request) { r.Purpose = "immigration-enforcement" },
		"basis":         func(r *Request) { r.Basis = "because" },
		"urgency":       func(r *Request) { r.Urgency = "now" },
		"approvals":     func(r *Request) { r.Approvals = -1 },
		"roles":         func(r *Request) { r.Approvals, r.Roles = 1, []string{"boss"} },
		"ghost roles":   func(r *Request) { r.Roles = []string{"dpo"} },
		"label":         func(r *Request) { r.Label = label.Label{} },
		"tlp":           func(r *Request) { r.Label.TLP = label.Of(5) },
		"content":       func(r *Request) { r.Label.Content = "gossip" },
		"no subjects":   func(r *Request) { r.Label.Subjects = nil },
		"unsorted sets": func(r *Request) { r.Label.Subjects = label.Set{"witness", "listed"} },
		"caveats":       func(r *Request) { r.Label.Caveats = label.Set{"no-such"} },
		"label purpose": func(r *Request) { r.Label.Purposes = label.Only("targeting") },
	} {
		r := *clone(good)
		change(&r)
		if v := s.Decide(r); v.Allow || v.Fault == "" {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// TestEvaluationErrorDenies: Cedar skips a rule that fails, also a guard; here it
// denies and says so. (Load would refuse this rule; it is put in behind its back.)
func TestEvaluationErrorDenies(t *testing.T) {
	s := shippedSet(t)
	var broken cedar.Policy
	if err := broken.UnmarshalCedar([]byte(`forbid (principal, action, resource) when { resource.nowhere > 1 };`)); err != nil {
		t.Fatal(err)
	}
	a := s.agreements["NORDLYS"]
	a.slices[Release] = append(ruleList{{Rule: Rule{ID: "broken"}, policy: &broken}}, a.slices[Release]...)
	v := s.Decide(Request{Partner: police, Agreement: "NORDLYS", Member: true, Label: listedPerson(t), Action: Release, Purpose: "border-control"})
	if v.Allow || !strings.Contains(v.Fault, "broken") {
		t.Errorf("%+v", v)
	}
}

// TestRequestsConformToTheSchema: what Decide states to the engine is what the
// schema promises to the policies.
func TestRequestsConformToTheSchema(t *testing.T) {
	text, err := fs.ReadFile(Shipped(), "schema.cedarschema")
	if err != nil {
		t.Fatal(err)
	}
	var file schema.Schema
	if err := file.UnmarshalCedar(text); err != nil {
		t.Fatal(err)
	}
	r, err := file.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	v := validate.New(r, validate.WithStrict())
	s := shippedSet(t)
	gen := requests(t, s)
	rapid.Check(t, func(t *rapid.T) {
		r := gen.Draw(t, "request")
		a := s.agreements[r.Agreement]
		w := world(a, &r)
		w.see(a, &r.Partner, &r.Label)
		for _, e := range []cedar.Entity{w.partner, w.agreement, w.resource} {
			if err := v.Entity(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := v.Request(w.request(r.Action)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAgreementDates(t *testing.T) {
	a, ok := shippedSet(t).Agreement("HUB")
	if !ok {
		t.Fatal("no HUB")
	}
	day := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for at, want := range map[string]bool{
		"2025-12-31T23:59:59Z": false, "2026-01-01T00:00:00Z": true,
		"2031-12-31T23:59:59Z": true, "2032-01-01T00:00:00Z": false,
	} {
		if a.InForce(day(at)) != want {
			t.Errorf("in force at %s: %v", at, !want)
		}
	}
	if !a.Party("karst") || a.Party("clearfeed") {
		t.Error("parties")
	}
}

func TestExplain(t *testing.T) {
	s := shippedSet(t)
	l := listedPerson(t)
	r := Request{Partner: police, Agreement: "NORDLYS", Member: true, Label: l, Action: Release, Purpose: "border-control"}
	if e := s.Explain(r); e.Cited == nil || e.Cited.ID != "NORDLYS.2" || len(e.Ways) > 0 {
		t.Errorf("a release: %+v", e)
	}
	r.Label.TLP = label.Of(4) // now the third-party rule and TLP:RED forbid
	e := s.Explain(r)
	if len(e.Forbids) != 2 || e.Forbids[0].ID != "tlp-red" || e.Forbids[0].Who != "originator" {
		t.Errorf("forbids %+v", e.Forbids)
	}
	if len(e.Ways) == 0 || len(e.Ways[0].Changes) != 2 {
		t.Errorf("ways %+v", e.Ways)
	}
	r.Label = l
	r.Label.Own, r.Label.Published, r.Label.Subjects = label.Yes, label.No, label.Set{"contact"}
	e = s.Explain(r)
	if len(e.Forbids) != 0 || len(e.Nearest) == 0 || len(e.Nearest[0].Failing) == 0 {
		t.Errorf("near miss %+v", e.Nearest)
	}
	r.Partner.Risks = []string{"torture"}
	for _, w := range s.Explain(r).Ways {
		if s.rules[w.Permit].Agreement != "NORDLYS" || !strings.Contains(w.Changes[0].What+w.Changes[len(w.Changes)-1].What, "sanitised") {
			t.Errorf("a way around torture: %+v", w)
		}
	}
}

// TestExplainNeverLies: every refused case is explained by a guard, a near miss
// or a fault, and every way it names works.
func TestExplainNeverLies(t *testing.T) {
	s := shippedSet(t)
	for _, c := range shippedCases(t) {
		e := s.Explain(c.Request)
		if e.Verdict.Allow != c.Release || e.Verdict.Allow != (e.Cited != nil) {
			t.Errorf("%s: %+v", c.Name, e.Verdict)
		}
		if !e.Verdict.Allow && len(e.Forbids) == 0 && len(e.Nearest) == 0 {
			t.Errorf("%s: refused without a reason", c.Name)
		}
		for _, w := range e.Ways {
			if w.Permit == "" || len(w.Changes) == 0 || len(w.Changes) > maxWay {
				t.Errorf("%s: %+v", c.Name, w)
			}
		}
	}
}

func TestParseCasesRefuses(t *testing.T) {
	for _, text := range []string{
		"hello", "partner p: kind police; size 3", "label l: colour red", "label l: tlp high", "label l: tlp 9", "label l, like m: tlp 1",
		"case x\n  nobody to nowhere under A for b\n  expect release because C", "case x\n", "case x\n  expect release because A",
		"partner p: kind police; kind bank", "label l: own maybe", "label l: purposes targeting",
	} {
		if _, err := ParseCases("x.txt", []byte(text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func FuzzParseCases(f *testing.F) {
	f.Add("partner p: kind police\nlabel l: tlp 1; purposes all\ncase c\n l to p under HUB for exercise\n with tlp 2\n context basis art37\n expect refusal because torture")
	s := shippedSet(f)
	f.Fuzz(func(t *testing.T, text string) {
		cases, err := ParseCases("x.txt", []byte(text))
		if err != nil {
			return
		}
		for _, c := range cases {
			_ = c.Check(s) // must not panic
		}
	})
}

func FuzzParseAgreement(f *testing.F) {
	text, err := fs.ReadFile(Shipped(), "agreements/hub.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		if a, err := parseAgreement(text); err == nil && (a.ID == "" || len(a.Parties) == 0) {
			t.Fatalf("%+v", a)
		}
	})
}

// FuzzGuards reads rules as they may come from elsewhere: refused or sound, never
// a panic.
func FuzzGuards(f *testing.F) {
	files, err := readFiles(Shipped())
	if err != nil {
		f.Fatal(err)
	}
	l, err := newLinter(files["schema.cedarschema"])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(files["guards.cedar"][:2000])
	f.Add([]byte(`@id("x-y") @title("t") @cite("c") @text("x") @fix("f") @who("w") forbid (principal, action, resource) unless { [1].contains(resource.tlp) };`))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = l.parse("guards.cedar", text, "")
	})
}
