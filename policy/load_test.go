package policy

import "testing"

// shippedSet is the policy set that comes with the program.
func shippedSet(tb testing.TB) *Set {
	tb.Helper()
	s, err := Load(Shipped())
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestShippedPoliciesLoad(t *testing.T) {
	s := shippedSet(t)
	if len(s.Guards()) < 40 || len(s.Agreements()) != 5 || len(s.Profiles()) != 7 {
		t.Fatalf("%d guards, %d agreements, %d profiles", len(s.Guards()), len(s.Agreements()), len(s.Profiles()))
	}
}
