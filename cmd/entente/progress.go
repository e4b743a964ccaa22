package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

// progress shows how far a long command is: in place on a terminal, a line now
// and then elsewhere, nothing for what takes less than a second.
type progress struct {
	a        *app
	what     string
	start    time.Time
	last     time.Time
	terminal bool
	shown    bool
}

func (a *app) progress(what string) *progress {
	f, ok := a.err.(*os.File)
	return &progress{a: a, what: what, start: time.Now(), last: time.Now(), terminal: ok && term.IsTerminal(int(f.Fd()))}
}

func (p *progress) at(n int) {
	every := 10 * time.Second
	if p.terminal {
		every = 200 * time.Millisecond
	}
	now := time.Now()
	if now.Sub(p.start) < time.Second || now.Sub(p.last) < every {
		return
	}
	p.last = now
	rate := float64(n) / now.Sub(p.start).Seconds()
	if p.terminal {
		fmt.Fprintf(p.a.err, "\r%s: %d objects, %.0f a second ", p.what, n, rate)
		p.shown = true
		return
	}
	p.a.say("%s: %d objects, %.0f a second", p.what, n, rate)
}

func (p *progress) done() {
	if p.shown {
		fmt.Fprintln(p.a.err)
	}
}
