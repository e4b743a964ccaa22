// Command entente runs an Entente node: see README.md and "entente help".
//
// Results go to standard output, words for people to standard error. Exit
// codes: 0 done, 1 failed, 2 wrong usage, 3 refused by policy.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"entente/internal/node"
)

func main() { os.Exit(run(os.Args[1:])) }

// Exit codes.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3
)

// app is what commands share: flags that every one takes, and where to write.
type app struct {
	data string
	json bool
	out  io.Writer
	err  io.Writer
}

// usageError is a mistake in how a command was called.
type usageError struct{ error }

// refusedError means that policy said no.
type refusedError struct{ error }

// hintedError says what to do next.
type hintedError struct {
	error
	hint string
}

func (h hintedError) Unwrap() error { return h.error }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{out: os.Stdout, err: os.Stderr}
	root := a.root()
	root.SetArgs(args)
	return a.exit(root.ExecuteContext(ctx))
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "entente",
		Short:         "Share what is known of violent groups, each partner under its own law",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.PersistentFlags().StringVar(&a.data, "data", env("DATA", "entente-data"), "folder of the node (or ENTENTE_DATA)")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "write the result as JSON")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(a.demoCommand(), a.initCommand(), a.serveCommand(), a.importCommand(), a.exportCommand(), a.partnerCommand(),
		a.releaseCommand(), a.ledgerCommand(), a.userCommand(), a.doctorCommand(), a.versionCommand())
	return root
}

func env(name, otherwise string) string {
	if v := os.Getenv("ENTENTE_" + name); v != "" {
		return v
	}
	return otherwise
}

// exit tells people of an error and returns the code for it.
func (a *app) exit(err error) int {
	if err == nil {
		return exitDone
	}
	code := exitFailed
	var usage usageError
	var refused refusedError
	text := err.Error()
	switch {
	case errors.As(err, &refused):
		code = exitRefused
	case errors.As(err, &usage), strings.HasPrefix(text, "unknown command"), strings.HasPrefix(text, "accepts "), strings.HasPrefix(text, "requires "), strings.HasPrefix(text, "required flag"):
		code = exitUsage
	}
	hint := ""
	var hinted hintedError
	if errors.As(err, &hinted) {
		hint = hinted.hint
	} else if code == exitUsage {
		hint = "see entente help"
	}
	if a.json {
		a.write(map[string]any{"error": text, "hint": hint, "code": code})
	}
	fmt.Fprintln(a.err, "error:", text)
	if hint != "" {
		fmt.Fprintln(a.err, "hint: ", hint)
	}
	return code
}

// write puts a result on standard output as JSON.
func (a *app) write(v any) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// say tells people something.
func (a *app) say(format string, args ...any) { fmt.Fprintf(a.err, format+"\n", args...) }

// print puts a line of the result on standard output.
func (a *app) print(format string, args ...any) { fmt.Fprintf(a.out, format+"\n", args...) }

// open opens the node that the command is about.
func (a *app) open(ctx context.Context) (*node.Node, error) {
	return node.Open(ctx, a.data, node.World{})
}

// with runs f on the node and closes it.
func (a *app) with(ctx context.Context, f func(*node.Node) error) error {
	n, err := a.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f(n), n.Close())
}
