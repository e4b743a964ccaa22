package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// bench is one run of the program: where it works, what it has built and what
// it has measured.
type bench struct {
	ctx     context.Context
	people  io.Writer
	dataDir string
	large   bool

	work    string // temporary folder, removed at the end
	entente string // the program under test
	data    dataset
	figures []Figure
	postRSS float64 // MB of the servers that were given everything by POST, the largest
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.people, format+"\n", args...) }

// open builds the program and reads the data.
func (b *bench) open() (err error) {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("processor time and memory of a child are read from /proc, which %s does not have", runtime.GOOS)
	}
	if b.work, err = os.MkdirTemp("", "entente-bench-"); err != nil {
		return err
	}
	b.entente = filepath.Join(b.work, "entente")
	start := time.Now()
	build := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-o", b.entente, "entente/cmd/entente")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		b.close()
		return fmt.Errorf("build the program: %w\n%s", err, text)
	}
	b.say("built the program in %.0f s", time.Since(start).Seconds())
	if b.data, err = b.attack(); err != nil {
		b.close()
		return err
	}
	b.say("%s", b.data.what)
	return nil
}

func (b *bench) close() { os.RemoveAll(b.work) }

// dir names a new folder to work in.
func (b *bench) dir(name string) string {
	dir, err := os.MkdirTemp(b.work, name+"-")
	if err != nil {
		panic(err) // the parent is ours
	}
	return dir
}
