package main

import (
	"errors"
	"fmt"
)

const spineSuite = "spine"

// spine measures one object's way from the gate to a partner.
func spine(b *bench) error {
	w, err := b.world()
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range []struct {
		name string
		run  func(world) error
	}{
		{"an idle node", b.idle},
		{"import", b.importFile},
		{"TAXII POST", b.taxiiPost},
		{"TAXII pages", b.taxiiPages},
		{"verdicts", b.memoFill},
		{"a partner's node", b.publish},
		{"the first page", b.firstPage},
	} {
		if err := m.run(w); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.name, err))
			b.say("%s: could not be measured: %v", m.name, err)
		}
		if b.ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// The parties of the sample agreements that the measurements use. nordlys is
// the node under test. Under PUBLIC vestholm gets all that is imported; karst,
// of which nothing good is known, gets nothing under HUB, so that refusals are
// decided on too.
const (
	tested  = "nordlys"
	reader  = "vestholm"
	refused = "karst"
	public  = "public-reference" // intake profile of all that is imported
)

// world is a node with two partners and nothing else, to be copied.
type world struct {
	node
	token      string // of the TAXII client of reader
	collection string // what reader has under PUBLIC
}

// world makes a node through the command line, as its operator would.
func (b *bench) world() (w world, err error) {
	if w.node, err = b.init(tested, ""); err != nil {
		return w, err
	}
	for _, name := range []string{reader, refused} {
		partner, err := b.init(name, "")
		if err != nil {
			return w, err
		}
		if err := pair(w.node, partner); err != nil {
			return w, err
		}
	}
	if w.collection, err = w.subscribe(); err != nil {
		return w, err
	}
	for _, args := range [][]string{
		{"partner", "set", refused, "--kind", "intelligence", "--regime", "none", "--country", "XK", "--risks", "death-penalty,torture"},
		{"partner", "subscribe", refused, "HUB", "terrorism-investigation"},
	} {
		if _, err := w.cli(nil, args...); err != nil {
			return w, err
		}
	}
	var account struct{ Token string }
	_, err = w.cli(&account, "user", "add", "client", "--role", "partner", "--partner", reader)
	w.token = account.Token
	return w, err
}

// subscribe says what holds of reader and gives it what is public.
func (n node) subscribe() (collection string, err error) {
	if _, err := n.cli(nil, "partner", "set", reader, "--kind", "police", "--regime", "led", "--country", "VE", "--level", "2"); err != nil {
		return "", err
	}
	var view struct{ Collection string }
	_, err = n.cli(&view, "partner", "subscribe", reader, "PUBLIC", "verification")
	return view.Collection, err
}

// imported is what import says.
type imported struct {
	Accepted int
	Refused  []struct{ ID, Why string }
}

// take imports a file of n objects, all of which must be accepted.
func (n node) take(file string, objects int) (perCPUSecond float64, err error) {
	var rep imported
	cpu, err := n.cli(&rep, "import", file, "--profile", public)
	if err == nil && (rep.Accepted != objects || len(rep.Refused) > 0) {
		err = fmt.Errorf("%d of %d objects of %s were accepted, %d refused", rep.Accepted, objects, file, len(rep.Refused))
	}
	return float64(rep.Accepted) / cpu.Seconds(), err
}
