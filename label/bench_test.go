package label

import (
	"bufio"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"entente/stix"
)

// attack returns the objects of the ATT&CK file, or skips: the data is not part
// of the repository.
func attack(tb testing.TB) []*stix.Object {
	tb.Helper()
	f, err := os.Open("../../shared/data/stix/attack-enterprise-21.ndjson.zst")
	if err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatal(err)
		}
		tb.Skip("the ATT&CK file is not here; it is read from ../shared/data beside the repository")
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	defer z.Close()
	var out []*stix.Object
	r := bufio.NewReaderSize(z, 1<<20)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return out
		}
		o, err := stix.Parse(line[:len(line)-1])
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, o)
	}
}

var now = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

func BenchmarkBuildAttack(b *testing.B) {
	objects := attack(b)
	statement := []stix.Marking{{ID: "marking-definition--fa42a846-8d90-4e51-bc29-71d5b4802168", Statement: "Copyright"}}
	p, err := ParseProfile([]byte(referenceProfile))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	start, n := cpu(), 0
	for b.Loop() {
		Build(Input{Object: objects[n%len(objects)], Own: statement, Profile: p, Origin: "nordlys", Now: now})
		n++
	}
	b.ReportMetric(float64((cpu()-start).Nanoseconds())/float64(n), "CPU-ns/op")
}

// cpu is the processor time of this process: other work on the machine does not
// count.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkJoinFinalCanonical(b *testing.B) {
	p, err := ParseProfile([]byte(referenceProfile))
	if err != nil {
		b.Fatal(err)
	}
	own := Label{TLP: Of(1), Caveats: Set{"no-onward"}, Purposes: Only("exercise")}
	b.ReportAllocs()
	for b.Loop() {
		_ = Join(own, p.Default).Final().Canonical()
	}
}

const referenceProfile = `
name = "reference"
title = "Invented reference data"
source = "An invented publisher"
public_fields = ["external_references"]
[default]
tlp = 0
pap = 0
level = 0
scheme = "ungraded"
data = 0
designation = ["none"]
group = "none"
basis = "public-interest"
purposes = ["exercise", "prevention-of-attack", "terrorism-investigation"]
taint = "none"
reviewed = true
state = "active"
[always]
published = true
[content]
other = "report"
`
