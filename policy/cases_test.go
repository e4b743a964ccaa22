package policy

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// shippedCases reads every policy test in testdata.
func shippedCases(tb testing.TB) []Case {
	tb.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		tb.Fatal(err)
	}
	var all []Case
	for _, f := range files {
		if filepath.Base(f) == "README.txt" {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		cases, err := ParseCases(filepath.ToSlash(f), text)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, cases...)
	}
	return all
}

func TestCases(t *testing.T) {
	s := shippedSet(t)
	cases := shippedCases(t)
	if len(cases) < 40 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, c := range cases {
		if err := c.Check(s); err != nil {
			t.Error(err)
		}
	}
}

// TestEveryRuleHasACase: a rule that no case mentions could be dropped or
// misspelt without anybody noticing.
func TestEveryRuleHasACase(t *testing.T) {
	s := shippedSet(t)
	seen := map[string]bool{}
	for _, c := range shippedCases(t) {
		for _, id := range c.Because {
			seen[id] = true
		}
	}
	for _, g := range s.Guards() {
		if !seen[g.ID] {
			t.Errorf("no case expects the guard %s", g.ID)
		}
	}
}

// without returns the set with one guard taken out.
func (s *Set) withoutGuard(id string) *Set {
	cut := *s
	cut.agreements = map[string]*agreement{}
	for name, a := range s.agreements {
		b := *a
		b.slices = map[Action]ruleList{}
		for action, rules := range a.slices {
			b.slices[action] = slices.DeleteFunc(slices.Clone(rules), func(r *rule) bool { return r.ID == id })
		}
		cut.agreements[name] = &b
	}
	return &cut
}

// TestMutation removes the guards one at a time: at least one case must fail.
// Guards that are the only reason of some refusal are counted; the others overlap.
func TestMutation(t *testing.T) {
	s := shippedSet(t)
	cases := shippedCases(t)
	alone := 0
	for _, g := range s.Guards() {
		cut := s.withoutGuard(g.ID)
		failed, released := 0, false
		for _, c := range cases {
			if c.Check(cut) != nil {
				failed++
				released = released || cut.Decide(c.Request).Allow
			}
		}
		if failed == 0 {
			t.Errorf("without the guard %s every case still passes", g.ID)
		}
		if released {
			alone++
		} else {
			t.Logf("%s: no case shows a release without it", g.ID)
		}
	}
	t.Logf("%d of %d guards are the only thing between some case and a release", alone, len(s.Guards()))
}
