package intake

import (
	"entente/internal/db"
	"entente/internal/store"
	"entente/stix"
)

// intern gives numbers to the source and to every identifier of the batch.
func (b *batchIn) intern() (err error) {
	b.source = b.src.row()
	if b.source.N, err = b.in.store.Source(b.tx, b.source); err != nil {
		return err
	}
	var ids []stix.ID
	for _, a := range b.arrivals {
		ids = append(ids, a.Object.ID())
		for _, r := range a.Object.Refs() {
			if b.isReference(r) {
				ids = append(ids, r.Target)
			}
		}
		ids = append(ids, a.Object.Markings()...)
	}
	b.numbers, b.fresh, err = b.in.store.Intern(b.tx, ids)
	return err
}

// isReference: not what the profile says is none, and not the markings that
// everybody knows by their fixed identifiers.
func (b *batchIn) isReference(r stix.Ref) bool {
	if b.src.Profile.NotReferences.Has(r.Property) {
		return false
	}
	_, known := stix.WellKnownMarking(r.Target)
	return !known
}

// known reads what we have of the objects of the batch, and who speaks for
// their creators.
func (b *batchIn) known() error {
	b.previous = map[store.Object][]store.Submission{}
	var old []store.Object
	seen := map[store.Object]bool{}
	for _, a := range b.arrivals {
		if id := a.Object.ID(); !b.fresh[id] && !seen[b.numbers[id]] {
			seen[b.numbers[id]] = true
			old = append(old, b.numbers[id])
		}
	}
	err := b.in.store.Previous(b.tx, old, func(s store.Submission) error {
		b.previous[s.Object] = append(b.previous[s.Object], s)
		return nil
	})
	if err != nil {
		return err
	}
	b.creators = map[stix.ID]string{}
	for _, a := range b.arrivals {
		id := a.Object.CreatedBy()
		if _, ok := b.creators[id]; ok || id == "" {
			continue
		}
		who, err := creator(b.tx, id)
		if err != nil {
			return err
		}
		b.creators[id] = who
	}
	return nil
}

// unbound stands for a creator for whom nobody we know speaks.
const unbound = "*"

func creator(tx *db.Tx, id stix.ID) (string, error) {
	who := unbound
	_, err := tx.Row("SELECT partner FROM creator WHERE identity=$1", []any{string(id)}, &who)
	return who, err
}

// BindCreator records that a partner ("" for this node) speaks for an identity.
func BindCreator(tx *db.Tx, id stix.ID, partner string) error {
	_, err := tx.Exec("INSERT INTO creator(identity,partner) VALUES ($1,$2) ON CONFLICT (identity) DO UPDATE SET partner=excluded.partner", string(id), partner)
	return err
}

// speaks tells whether the source of the batch speaks for the creator of o: the
// partner bound to it, or this node unless the creator is bound to a partner.
func (b *batchIn) speaks(o *stix.Object) bool {
	who := unbound
	if id := o.CreatedBy(); id != "" {
		who = b.creators[id]
	}
	if b.src.Partner == "" {
		return who == "" || who == unbound
	}
	return who == b.src.Partner
}

// classify decides for each arrival whether it is new, and what stands against it.
func (b *batchIn) classify() error {
	b.results = make([]Result, len(b.arrivals))
	for i, a := range b.arrivals {
		o := a.Object
		sub := store.Submission{
			ID: o.ID(), Object: b.numbers[o.ID()], Version: o.Version(), Spec: o.SpecVersion(),
			SHA: sum(o), Source: b.source.N, Bytes: o.Raw(),
		}
		earlier := b.previous[sub.Object]
		sub.New = len(earlier) == 0
		b.results[i].Outcome = b.compare(o, &sub, earlier)
		if b.results[i].Outcome == Unchanged {
			sub.ID = o.ID()
			b.results[i].Submission = &sub
			continue
		}
		b.refer(o, &sub)
		b.subs, b.which = append(b.subs, sub), append(b.which, i)
		// The next arrival of the same object in this batch must see this one.
		b.previous[sub.Object] = append(earlier, sub)
	}
	return nil
}

func (b *batchIn) compare(o *stix.Object, sub *store.Submission, earlier []store.Submission) Outcome {
	outcome := Accepted
	for i := range earlier {
		was := &earlier[i]
		switch {
		case was.SHA == sub.SHA && was.Source == sub.Source && was.State != store.Withdrawn:
			*sub = *was
			return Unchanged
		case was.SHA == sub.SHA:
			sub.Body = was.Body // 0 within a batch: kept twice, which does no harm
		case was.Version != sub.Version:
		case b.speaks(o) || was.Source == sub.Source:
			outcome, sub.State = Disputed, store.Disputed
		case outcome != Disputed:
			outcome, sub.State = Foreign, store.Foreign
		}
	}
	return outcome
}

func (b *batchIn) refer(o *stix.Object, sub *store.Submission) {
	for _, r := range o.Refs() {
		if b.isReference(r) && r.Target != o.ID() {
			sub.References = append(sub.References, store.Edge{Target: b.numbers[r.Target], Property: r.Property})
		}
	}
}

// heads lets those who speak for an object's creator move it forward, and shows
// a person what contradicts.
func (b *batchIn) heads() error {
	for i := range b.subs {
		s := &b.subs[i]
		o := b.arrivals[b.which[i]].Object
		if s.State != store.Active {
			if err := b.conflict(s, b.speaks(o)); err != nil {
				return err
			}
			continue
		}
		if !b.speaks(o) {
			continue
		}
		if !s.New {
			seq, version, err := b.in.store.Head(b.tx, s.Object)
			if err != nil {
				return err
			}
			if seq != 0 && stix.CompareVersions(version, s.Version) >= 0 {
				continue
			}
		}
		if err := b.in.store.Advance(b.tx, s.Object, s.Seq); err != nil {
			return err
		}
	}
	return nil
}

func (b *batchIn) conflict(s *store.Submission, creator bool) error {
	for _, was := range b.previous[s.Object] {
		if was.Version == s.Version && was.SHA != s.SHA {
			return b.in.store.Conflict(b.tx, s.Object, s.Version, was.Seq, s.Seq, creator, b.at)
		}
	}
	return nil
}
