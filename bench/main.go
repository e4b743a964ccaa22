// Command bench measures what Entente promises about speed and memory, and
// compares each figure with its goal (goals.json).
//
//	go run ./bench SUITE [--data DIR] [--json] [--large]
//
// It measures what a user would see: the real program is built and run as a
// child process, prepared through its command line, with gate, validation,
// labels, policy and ledger on and synchronous=FULL; only the child's processor
// time counts. Figures are medians of a few repetitions.
//
// What can go wrong: other work on the machine. Processor time suffers little
// from it, waiting times a lot. The numbers of a busy machine are too bad,
// never too good.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// suites are the suites that have measurements.
var suites = map[string]func(*bench) error{"spine": spine}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, people io.Writer) (err error) {
	b := &bench{ctx: ctx, people: people}
	var asJSON bool
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(people)
	f.StringVar(&b.dataDir, "data", "", "folder with the data (default ../shared/data beside the repository); without it, generated data of the same shape")
	f.BoolVar(&asJSON, "json", false, "write the figures as JSON")
	f.BoolVar(&b.large, "large", false, "first_page_ratio at 1 million objects instead of 200 thousand; takes many minutes")
	suite := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") { // flags may follow the suite
		suite, args = args[0], args[1:]
	}
	if err := f.Parse(args); err != nil {
		return err
	}
	if suite == "" {
		suite = f.Arg(0)
	}
	measure, err := find(suite)
	if err != nil {
		return err
	}
	if err := b.open(); err != nil {
		return err
	}
	defer b.close()
	failed := measure(b)
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", " ")
		return errors.Join(failed, e.Encode(b.figures))
	}
	b.table(out)
	return failed
}

// find returns the measurements of a suite.
func find(suite string) (func(*bench) error, error) {
	if f := suites[suite]; f != nil {
		return f, nil
	}
	for _, g := range goals() {
		if g.Suite == suite {
			return nil, fmt.Errorf("suite %q has goals but no measurements yet", suite)
		}
	}
	var names []string
	for name := range suites {
		names = append(names, name)
	}
	slices.Sort(names)
	return nil, fmt.Errorf("there is no suite %q: use one of %s", suite, strings.Join(names, ", "))
}
