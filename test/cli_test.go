package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cli is a node that is used as people use it: through the program.
type cli struct {
	t    testing.TB
	dir  string
	name string

	public, exchange string // addresses
}

// newCLI makes a node with entente init.
func newCLI(t testing.TB, name string) *cli {
	c := &cli{t: t, dir: filepath.Join(t.TempDir(), name), name: name, public: freeAddress(t), exchange: freeAddress(t)}
	c.run("init", "--yes", "--name", name, "--listen", c.public, "--exchange", c.exchange, "--endpoint", "https://"+c.exchange)
	config := filepath.Join(c.dir, "node.toml")
	text := must(os.ReadFile(config))(t)
	text = bytes.Replace(text, []byte(`poll = "1m0s"`), []byte(`poll = "1s"`), 1)
	ok(t, os.WriteFile(config, text, 0o600))
	return c
}

func freeAddress(t testing.TB) string {
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer l.Close()
	return l.Addr().String()
}

// command prepares a call of the program on this node.
func (c *cli) command(args ...string) *exec.Cmd {
	return exec.Command(program, append(args, "--data", c.dir)...)
}

// run calls the program and returns what it wrote; it must end well.
func (c *cli) run(args ...string) string {
	c.t.Helper()
	cmd := c.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		c.t.Fatalf("entente %s at %s: %v\n%s%s", strings.Join(args, " "), c.name, err, errs.String(), out.String())
	}
	return out.String()
}

// ask calls the program with --json and reads its answer.
func (c *cli) ask(into any, args ...string) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(c.run(append(args, "--json")...)), into); err != nil {
		c.t.Fatalf("entente %s: %v", strings.Join(args, " "), err)
	}
}

// pair pairs two nodes as two people would.
func pair(a, b *cli) {
	a.t.Helper()
	dir := a.t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	var atA, atB struct{ Code string }
	a.run("partner", "invite", "--out", file("invitation"))
	b.run("partner", "accept", file("invitation"), "--out", file("reply"))
	a.ask(&atA, "partner", "accept", file("reply"), "--out", file("reveal"))
	b.ask(&atB, "partner", "accept", file("reveal"))
	if atA.Code != atB.Code || len(atA.Code) != 14 {
		a.t.Fatalf("the two sides show %q and %q", atA.Code, atB.Code)
	}
	a.run("partner", "confirm", b.name, atB.Code)
	b.run("partner", "confirm", a.name, atA.Code)
}

// police says what holds of a partner: police of a state under the same law.
func (c *cli) police(partner string, more ...string) {
	c.run(append([]string{"partner", "set", partner, "--kind", "police", "--regime", "led", "--level", "2", "--country", "SE"}, more...)...)
}

// healthy asks the program itself whether the node is whole.
func (c *cli) healthy() {
	c.t.Helper()
	c.run("ledger", "verify")
	c.run("doctor")
}

// process is a running entente that can be killed.
type process struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	errs bytes.Buffer
	done chan error
	base int64 // bytes written before the work began
}

func start(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, done: make(chan error, 1)}
	cmd.Stdout, cmd.Stderr = &p.out, &p.errs
	ok(t, cmd.Start())
	go func() { p.done <- cmd.Wait() }()
	return p
}

// kill ends the process with SIGKILL. ended says that it had ended by itself,
// and err how; written is how many bytes it had written to anything.
func (p *process) kill() (ended bool, err error, written int64) {
	select {
	case err := <-p.done:
		return true, err, 0
	default:
	}
	written = p.written() - p.base
	p.cmd.Process.Kill()
	err = <-p.done
	// It may have ended well between the question and the signal.
	return p.cmd.ProcessState.ExitCode() >= 0, err, written
}

// until waits until the process has written so much since its work began, or
// ended, or most has passed: so that a kill hits the same point of the work on a
// slow machine as on a fast one. Half the time it waits a little longer, since
// otherwise kills would hit commits and never what comes between them.
func (p *process) until(r *rand.Rand, written int64, most time.Duration) {
	if r.IntN(2) == 0 {
		defer time.Sleep(between(r, 0, 100*time.Millisecond))
	}
	for end := time.Now().Add(most); time.Now().Before(end) && len(p.done) == 0; time.Sleep(500 * time.Microsecond) {
		if p.written()-p.base >= written {
			return
		}
	}
}

// written reads what the process has written from what Linux knows of it.
func (p *process) written() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.cmd.Process.Pid))
	if err != nil {
		return -1
	}
	for _, line := range strings.Split(string(text), "\n") {
		if v, found := strings.CutPrefix(line, "wchar: "); found {
			n, _ := strconv.ParseInt(v, 10, 64)
			return n
		}
	}
	return -1
}

// serve starts the node's listeners and waits until they answer.
func (c *cli) serve(args ...string) *process {
	c.t.Helper()
	p := start(c.t, c.command(append([]string{"serve", "--plain-http"}, args...)...))
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if res, err := http.Get("http://" + c.public + "/healthz"); err == nil {
			res.Body.Close()
			p.base = p.written() + 1
			return p
		}
		select {
		case err := <-p.done:
			c.t.Fatalf("serve at %s ended: %v\n%s", c.name, err, p.errs.String())
		default:
		}
	}
	c.t.Fatalf("serve at %s does not answer", c.name)
	return nil
}

// stop ends a process in good order.
func (p *process) stop(t testing.TB) {
	t.Helper()
	p.cmd.Process.Signal(os.Interrupt)
	if err := <-p.done; err != nil {
		t.Fatalf("serve did not end well: %v\n%s", err, p.errs.String())
	}
}

// kills counts where kills hit.
type kills struct {
	before, during, after int
}

// idle is more than a process writes between its start and the first thing that
// it commits.
const idle = 100 << 10

func (k *kills) count(ended bool, written, least int64) {
	switch {
	case ended:
		k.after++
	case written < least:
		k.before++
	default:
		k.during++
	}
}

func (k *kills) total() int { return k.before + k.during }

func (k kills) String() string {
	return fmt.Sprintf("%d kills: %d while it worked, %d before it wrote much; %d times it had ended by itself", k.total(), k.during, k.before, k.after)
}
