package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// node is a node under test: its name, and the folder that it lives in.
type node struct {
	b    *bench
	name string
	dir  string
}

// cli runs a command on the node and reads what it answers as JSON into v (nil:
// the answer does not matter). It returns the processor time of the command.
func (n node) cli(v any, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(n.b.ctx, n.b.entente, append(args, "--data", n.dir, "--json")...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("entente %s: %w\n%s", strings.Join(args, " "), err, said.String())
	}
	if v != nil {
		if err := json.Unmarshal(out.Bytes(), v); err != nil {
			return 0, fmt.Errorf("entente %s: %w", strings.Join(args, " "), err)
		}
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// init makes a node whose exchange listener is at the given address; "" for
// one that no other node reaches.
func (b *bench) init(name, exchange string) (node, error) {
	n := node{b, name, filepath.Join(b.dir(name), "data")}
	endpoint := ""
	if exchange != "" {
		endpoint = "https://" + exchange
	}
	_, err := n.cli(nil, "init", "--yes", "--name", name, "--listen", "127.0.0.1:0", "--exchange", exchange, "--endpoint", endpoint)
	return n, err
}

// copy makes a copy of a node that does not run.
func (n node) copy() (node, error) {
	c := n
	c.dir = filepath.Join(n.b.dir(n.name), "data")
	return c, filepath.WalkDir(n.dir, func(from string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(c.dir, strings.TrimPrefix(from, n.dir))
		if d.IsDir() {
			return os.Mkdir(to, 0o700)
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o600) // os.CopyFS would make keys readable by others
	})
}

// pair pairs two nodes, as two people with a removable disk and a telephone.
func pair(a, b node) error {
	var step struct{ Send, Code string }
	give := func(n node, args ...string) error {
		file := filepath.Join(n.b.dir("pairing"), "message")
		if err := os.WriteFile(file, []byte(step.Send), 0o600); err != nil {
			return err
		}
		step.Send = ""
		_, err := n.cli(&step, append(args, file)...)
		return err
	}
	if _, err := a.cli(&step, "partner", "invite"); err != nil {
		return err
	}
	for _, n := range []node{b, a, b} { // reply, reveal, code
		if err := give(n, "partner", "accept"); err != nil {
			return err
		}
	}
	_, errA := a.cli(nil, "partner", "confirm", b.name, step.Code)
	_, errB := b.cli(nil, "partner", "confirm", a.name, step.Code)
	return errors.Join(errA, errB)
}

// server is a node that serves.
type server struct {
	cmd    *exec.Cmd
	url    string // of the public listener
	said   bytes.Buffer
	exited chan struct{}
	err    error // of the process, once it has exited
}

// serve starts a node and waits until its listeners are open.
func (n node) serve() (*server, error) {
	s := &server{exited: make(chan struct{})}
	s.cmd = exec.CommandContext(n.b.ctx, n.b.entente, "serve", "--json", "--data", n.dir)
	s.cmd.Stderr = &s.said
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay = 15 * time.Second
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	var at struct{ Public string }
	if err := json.NewDecoder(out).Decode(&at); err != nil || at.Public == "" {
		s.cmd.Cancel()
		return nil, fmt.Errorf("entente serve did not open its listeners: %w\n%s", errors.Join(err, s.cmd.Wait()), s.said.String())
	}
	s.url = at.Public
	go func() {
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	return s, nil
}

// stop ends the server, unless it has ended, and waits for it.
func (s *server) stop() error {
	select {
	case <-s.exited:
	default:
		s.cmd.Cancel()
		<-s.exited
	}
	if s.err != nil {
		return fmt.Errorf("entente serve: %w\n%s", s.err, s.said.String())
	}
	return nil
}

// settle gives the server time for what it does after it has answered, such as
// sequencing the ledger.
const settle = 400 * time.Millisecond

// cost is the processor time that the server uses for what f has it do, up to
// the time that it has settled.
func (s *server) cost(f func() error) (time.Duration, error) {
	before, err := cpuOf(s.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, fmt.Errorf("%w\n%s", err, s.said.String())
	}
	time.Sleep(settle)
	after, err := cpuOf(s.cmd.Process.Pid)
	return after - before, err
}

// rss is the resident memory of the server, MB.
func (s *server) rss() (float64, error) { return rssOf(s.cmd.Process.Pid) }

// freeAddress finds a loopback address that nobody listens at.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
