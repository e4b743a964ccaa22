package ledger

import "fmt"

// erasure is what is known of a commitment whose opening is absent or which an
// entry names as erased. Both should become true.
type erasure struct {
	absent, named bool
	leaf          int64 // of the absent item, else of the entry that names it
	entry, item   int   // likewise; item -1 in an entry that names it
}

// items checks the openings of one entry that are there and notes those that
// are not, to be settled when all erasures have been read.
func (c *check) items(e StoredEntry, vector Vector) error {
	for i, commitment := range vector {
		o, err := c.openings.peek()
		if err != nil {
			return err
		}
		if o == nil || o.Leaf != e.Leaf || o.Entry != e.Entry || o.Item != i {
			known := c.erasures[commitment]
			c.erasures[commitment] = erasure{true, known.named, e.Leaf, e.Entry, i}
			continue
		}
		if err := c.opening(*o, commitment); err != nil {
			return err
		}
		c.openings.drop()
		c.report.Opened++
	}
	// An opening that sorts before the next entry belongs to no item.
	if o, err := c.openings.peek(); err != nil {
		return err
	} else if o != nil && (o.Leaf < e.Leaf || o.Leaf == e.Leaf && o.Entry <= e.Entry) {
		return o.misplaced()
	}
	return nil
}

func (c *check) opening(o StoredOpening, commitment Hash) error {
	wrong := func(part Part, what string) error {
		return &Discrepancy{part, o.Leaf, o.Entry, o.Item, what}
	}
	if len(o.Key) != KeySize || len(o.Facts) > MaxFacts {
		return wrong(PartOpening, fmt.Sprintf("key has %d bytes and facts %d, not %d and at most %d", len(o.Key), len(o.Facts), KeySize, MaxFacts))
	}
	if !(Opening{Key(o.Key), o.Facts}).Matches(commitment) {
		return wrong(PartOpening, "key and facts do not match the commitment; the key or the facts were altered")
	}
	if o.Item != 0 {
		return nil
	}
	kind, facts, err := ParseCommonFacts(o.Facts)
	if err != nil {
		return wrong(PartOpening, err.Error())
	}
	if c.log.Erasures == nil {
		return nil
	}
	names, err := c.log.Erasures(kind, facts)
	if err != nil {
		return wrong(PartErasure, "cannot read what it names: "+err.Error())
	}
	for _, name := range names {
		known, ok := c.erasures[name]
		if !ok {
			known = erasure{leaf: o.Leaf, entry: o.Entry, item: -1}
		}
		known.named = true
		c.erasures[name] = known
	}
	return nil
}

// settleErasures demands that every absent opening is named by an erasure and
// that everything named is absent, and reports the earliest exception.
func (c *check) settleErasures() error {
	var first *Discrepancy
	for commitment, e := range c.erasures {
		d := &Discrepancy{PartOpening, e.leaf, e.entry, e.item, "absent, and no erasure names it"}
		switch {
		case e.absent && e.named:
			c.report.Erased++
			continue
		case e.named:
			d.Part = PartErasure
			d.What = fmt.Sprintf("names commitment %s, whose opening is still stored or which is not in this log", commitment)
		}
		if first == nil || d.before(first) {
			first = d
		}
	}
	if first != nil {
		return first
	}
	return nil
}

func (d *Discrepancy) before(e *Discrepancy) bool {
	if d.Leaf != e.Leaf {
		return d.Leaf < e.Leaf
	}
	if d.Entry != e.Entry {
		return d.Entry < e.Entry
	}
	if d.Item != e.Item {
		return d.Item < e.Item
	}
	return d.What < e.What // one entry can name several
}

func (o *StoredOpening) misplaced() error {
	return &Discrepancy{PartOpening, o.Leaf, o.Entry, o.Item, "stored for an item that does not exist, twice, or out of order"}
}
