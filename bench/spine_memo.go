package main

import (
	"fmt"

	"entente/internal/db"
	ententenode "entente/internal/node"
	"entente/label"
)

// memoFill measures the verdicts of 500 classes for a new subscription, the
// memo empty, as entente partner subscribe has them decided. It runs in this
// process, because a command's start costs more than they do.
func (b *bench) memoFill(w world) error {
	c, err := w.copy()
	if err != nil {
		return err
	}
	n, err := ententenode.Open(b.ctx, c.dir, ententenode.World{})
	if err != nil {
		return err
	}
	defer n.Close()
	const classes = 500
	if err := n.DB.Update(b.ctx, func(tx *db.Tx) error { return addClasses(tx, n, classes) }); err != nil {
		return err
	}
	agreement, _ := n.Release.Policy().Agreement("PUBLIC")
	var ms []float64
	for _, purpose := range agreement.Purposes {
		before := cpuHere()
		err := n.DB.Update(b.ctx, func(tx *db.Tx) error {
			_, err := n.Release.Subscribe(tx, reader, agreement.ID, purpose, false)
			return err
		})
		if err != nil {
			return err
		}
		ms = append(ms, float64((cpuHere()-before).Microseconds())/1000)
	}
	b.report(spineSuite, "memo_fill_500", median(ms), fmt.Sprintf("%d subscriptions in turn", len(ms)))
	return nil
}

// addClasses has the store know n different classes.
func addClasses(tx *db.Tx, node *ententenode.Node, n int) error {
	p, err := node.Profile(public)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range n {
		l := p.Default
		l.TLP, l.PAP, l.Level, l.Content = label.Of(i%5), label.Of(i/5%4), label.Of(i/20%5), label.Contents[i/100%len(label.Contents)]
		l.Origin, l.Published, l.Marked = tested, label.Yes, label.Yes
		facts := l.Final().Canonical()
		seen[string(facts)] = true
		if _, err := node.Store.Class(tx, facts); err != nil {
			return err
		}
	}
	if len(seen) != n {
		return fmt.Errorf("%d of %d classes are different", len(seen), n)
	}
	return nil
}
