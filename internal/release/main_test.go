package release

import (
	"flag"
	"os"
	"testing"
)

// TestMain keeps the random runs short, unless others are asked for: each opens
// a database of its own.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		flag.Set("rapid.checks", "25")
	}
	os.Exit(m.Run())
}
