package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"time"

	"entente/internal/db"
)

// publishings is how many objects are sent one after the other: the worst but
// one is the 95th percentile.
const publishings = 21

// publishFor ends the measurement with fewer objects when they take too long.
const publishFor = time.Minute

// publish measures how long it takes from the moment that an object is given to
// a node until its partner's node, which is online, has accepted it.
func (b *bench) publish(world) error {
	from, to, err := b.neighbours()
	if err != nil {
		return err
	}
	var servers []*server
	for _, n := range []node{from, to} {
		s, err := n.serve()
		if err != nil {
			return err
		}
		defer s.stop()
		servers = append(servers, s)
	}
	// The other node's database is looked at, because that costs it nothing.
	d, err := db.Open(b.ctx, filepath.Join(to.dir, "node.db"))
	if err != nil {
		return err
	}
	defer d.Close()
	objects := generated(10 * publishings)
	var ms []float64
	for i, began := 0, time.Now(); i < publishings && time.Since(began) < publishFor; i++ {
		took, err := from.hand(d, objects[2+i])
		if err != nil {
			return fmt.Errorf("object %d: %w\n%s: %s\n%s: %s", i+1, err, from.name, servers[0].said.String(), to.name, servers[1].said.String())
		}
		ms = append(ms, float64(took.Microseconds())/1000)
	}
	note := fmt.Sprintf("median %v, of %d, given by entente import while both serve", round(median(ms)), len(ms))
	b.report(spineSuite, "publish_to_partner", quantile(ms, 0.95), note)
	return errors.Join(servers[0].stop(), servers[1].stop())
}

// neighbours makes two nodes that are paired and can reach each other.
func (b *bench) neighbours() (from, to node, err error) {
	var both [2]node
	for i, name := range []string{tested, reader} {
		at, err := freeAddress()
		if err != nil {
			return from, to, err
		}
		if both[i], err = b.init(name, at); err != nil {
			return from, to, err
		}
	}
	from, to = both[0], both[1]
	if err := pair(from, to); err != nil {
		return from, to, err
	}
	if _, err := from.subscribe(); err != nil {
		return from, to, err
	}
	if _, err = to.cli(nil, "partner", "set", from.name, "--kind", "police", "--regime", "led", "--country", "ND", "--level", "2"); err != nil {
		return from, to, err
	}
	// What every object refers to goes ahead.
	ahead := generated(10 * publishings)[:2]
	_, err = from.importText(bytes.Join(ahead, []byte("\n")))
	return from, to, err
}

// hand gives one object to a node and waits until the database d has it. The
// command that brings it is started first and waits for it: starting is no part
// of publishing.
func (n node) hand(d *db.DB, object []byte) (time.Duration, error) {
	start, err := n.importText(object)
	if err != nil {
		return 0, err
	}
	var o struct{ ID string }
	if err := json.Unmarshal(object, &o); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(n.b.ctx, 90*time.Second)
	defer cancel()
	for {
		there := false
		err := d.View(ctx, func(tx *db.Tx) (err error) {
			var one int
			there, err = tx.Row("SELECT 1 FROM submission s JOIN object o ON o.n=s.object WHERE o.id=$1 AND s.state=0", []any{o.ID}, &one)
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("%s does not arrive: %w", o.ID, err)
		}
		if there {
			return time.Since(start), nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// importText gives text to entente import on standard input once it waits for
// it, and returns when that was.
func (n node) importText(text []byte) (start time.Time, err error) {
	cmd := exec.CommandContext(n.b.ctx, n.b.entente, "import", "-", "--profile", public, "--json", "--data", n.dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		return start, err
	}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Start(); err != nil {
		return start, err
	}
	n.b.untilIdle(cmd.Process.Pid)
	start = time.Now()
	_, err = io.Copy(in, bytes.NewReader(append(text, '\n')))
	if err = errors.Join(err, in.Close(), cmd.Wait()); err != nil {
		return start, fmt.Errorf("entente import: %w\n%s", err, said.String())
	}
	var rep imported
	if err := json.Unmarshal(out.Bytes(), &rep); err != nil {
		return start, err
	}
	if rep.Accepted == 0 {
		return start, fmt.Errorf("entente import accepted nothing: %s", out.String())
	}
	return start, nil
}

// untilIdle waits until a process has used no processor time for a while.
func (b *bench) untilIdle(pid int) {
	last, quiet := time.Duration(0), 0
	for range 500 {
		time.Sleep(30 * time.Millisecond)
		now, err := cpuOf(pid)
		if err != nil || b.ctx.Err() != nil {
			return
		}
		if quiet++; now != last || now == 0 {
			last, quiet = now, 0
		}
		if quiet == 8 {
			return
		}
	}
}
