package intake

import (
	"fmt"
	"maps"

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
		var refs []stix.Ref
		for _, r := range a.Object.Refs() {
			if b.isReference(r) {
				ids, refs = append(ids, r.Target), append(refs, r)
			}
		}
		b.refs = append(b.refs, refs)
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
	b.previous, b.parties = map[store.Object][]store.Submission{}, map[int64]store.Source{}
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

// SpeaksFor tells which partner ("" for this node) speaks for an identity; bound
// is false if nobody does.
func SpeaksFor(tx *db.Tx, id stix.ID) (partner string, bound bool, err error) {
	who, err := creator(tx, id)
	if who == unbound {
		return "", false, err
	}
	return who, true, err
}

// BindCreator records that a partner ("" for this node) speaks for an identity.
// An identity that somebody else speaks for is refused: a card may claim any.
func BindCreator(tx *db.Tx, id stix.ID, partner string) error {
	who, err := creator(tx, id)
	if err != nil || who == partner {
		return err
	}
	if who != unbound {
		if who == "" {
			who = "this node"
		}
		return fmt.Errorf("%s already speaks for %s, so %q cannot", who, id, partner)
	}
	return tx.Insert("INSERT INTO creator(identity,partner)", "", 2, []any{string(id), partner})
}

// speaks tells whether the source of the batch speaks for the creator of o: the
// partner bound to it, or this node unless the creator is bound to a partner.
func (b *batchIn) speaks(o *stix.Object) bool {
	who := b.creator(o)
	if b.src.Partner == "" {
		return who == "" || who == unbound
	}
	return who == b.src.Partner
}

func (b *batchIn) creator(o *stix.Object) string {
	if id := o.CreatedBy(); id != "" {
		return b.creators[id]
	}
	return unbound
}

// classify decides for each arrival whether it is new, and what stands against it.
func (b *batchIn) classify() error {
	b.results = make([]Result, len(b.arrivals))
	b.stepBack = map[int][]store.Submission{}
	for i, a := range b.arrivals {
		o := a.Object
		sub := store.Submission{
			ID: o.ID(), Object: b.numbers[o.ID()], Version: o.Version(), Spec: o.SpecVersion(),
			SHA: sum(o), Source: b.source.N, Bytes: o.Raw(),
		}
		earlier := b.previous[sub.Object]
		sub.New = len(earlier) == 0
		outcome, stepBack, err := b.compare(o, &sub, earlier)
		if err != nil {
			return err
		}
		b.results[i].Outcome = outcome
		if outcome == Unchanged {
			sub.ID = o.ID()
			b.results[i].Submission = &sub
			continue
		}
		b.refer(o, b.refs[i], &sub)
		if sub.Body != 0 {
			if same, err := b.refersAlike(&sub); err != nil {
				return err
			} else if !same {
				sub.Body = 0
			}
		}
		b.stepBack[len(b.subs)] = stepBack
		b.subs, b.which = append(b.subs, sub), append(b.which, i)
		// The next arrival of the same object in this batch must see this one.
		b.previous[sub.Object] = append(earlier, sub)
	}
	return nil
}

// compare says what becomes of sub, given what there is of the same object. It
// also returns the submissions that have to step back: somebody else's, that say
// something else than the creator, who now speaks, under the same version.
func (b *batchIn) compare(o *stix.Object, sub *store.Submission, earlier []store.Submission) (outcome Outcome, stepBack []store.Submission, err error) {
	outcome = Accepted
	for i := range earlier {
		was := &earlier[i]
		if was.SHA == sub.SHA {
			if was.Source == sub.Source && was.State != store.Withdrawn {
				*sub = *was
				return Unchanged, nil, nil
			}
			sub.Body = was.Body // 0 within a batch: kept twice, which does no harm
			continue
		}
		if was.Version != sub.Version || was.State == store.Withdrawn {
			continue
		}
		ours, err := b.ours(was)
		if err != nil {
			return "", nil, err
		}
		switch {
		case ours: // whoever brings it contradicts himself
			outcome, sub.State = Disputed, store.Disputed
		case b.speaks(o):
			if b.creator(o) != unbound && was.State == store.Active {
				stepBack = append(stepBack, *was)
			}
		case was.State == store.Quarantined: // nobody has accepted that one
		case outcome != Disputed:
			outcome, sub.State = Foreign, store.Foreign
		}
	}
	if outcome == Disputed {
		stepBack = nil
	}
	return outcome, stepBack, nil
}

// ours tells whether a submission came from the same party as this batch.
func (b *batchIn) ours(s *store.Submission) (bool, error) {
	if s.Source == b.source.N {
		return true, nil
	}
	if _, known := b.parties[s.Source]; !known {
		src, err := b.in.store.SourceOf(b.tx, s.Source)
		if err != nil {
			return false, err
		}
		b.parties[s.Source] = src
	}
	src := b.parties[s.Source]
	return src.Kind == b.source.Kind && src.Name == b.source.Name, nil
}

// refersAlike tells whether the bytes that sub shares with an earlier submission
// are taken to refer to the same objects: another intake profile may see that
// differently, and what is kept of a body must hold for both.
func (b *batchIn) refersAlike(sub *store.Submission) (bool, error) {
	mine, theirs := map[store.Edge]bool{}, map[store.Edge]bool{}
	for _, e := range sub.References {
		mine[e] = true
	}
	err := b.in.store.References(b.tx, sub.Body, func(e store.Edge) error {
		theirs[e] = true
		return nil
	})
	return maps.Equal(mine, theirs), err
}

func (b *batchIn) refer(o *stix.Object, refs []stix.Ref, sub *store.Submission) {
	for _, r := range refs {
		if r.Target != o.ID() {
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
		if s.State == store.Disputed || s.State == store.Foreign {
			if err := b.conflict(s, b.contradicted(s), b.speaks(o)); err != nil {
				return err
			}
		}
		if s.State != store.Active || !b.speaks(o) {
			continue
		}
		for _, was := range b.stepBack[i] {
			if err := b.displace(&was, s); err != nil {
				return err
			}
		}
		if err := b.in.forward(b.tx, s); err != nil {
			return err
		}
	}
	return nil
}

// forward makes s the head of its object if it is the latest.
func (in *Intake) forward(tx *db.Tx, s *store.Submission) error {
	if !s.New {
		seq, version, err := in.store.Head(tx, s.Object)
		if err != nil {
			return err
		}
		if seq != 0 && stix.CompareVersions(version, s.Version) >= 0 {
			return nil
		}
	}
	return in.store.Advance(tx, s.Object, s.Seq)
}

// displace puts a submission aside that contradicts the creator's own word, s.
func (b *batchIn) displace(was, s *store.Submission) error {
	if err := b.in.store.SetState(b.tx, was.Seq, store.Foreign); err != nil {
		return err
	}
	if err := b.conflict(s, was.Seq, true); err != nil {
		return err
	}
	return b.in.release.Withhold(b.tx, was.Seq)
}

func (b *batchIn) conflict(s *store.Submission, with store.Seq, creator bool) error {
	return b.in.store.Conflict(b.tx, s.Object, s.Version, with, s.Seq, creator, b.at)
}

// contradicted is the first submission that says something else than s under the
// same version.
func (b *batchIn) contradicted(s *store.Submission) store.Seq {
	for _, was := range b.previous[s.Object] {
		if was.Version == s.Version && was.SHA != s.SHA && was.State != store.Withdrawn {
			return b.seq(&was)
		}
	}
	return 0
}

// seq is the number of a submission that may have come in this batch, when it
// had none yet.
func (b *batchIn) seq(s *store.Submission) store.Seq {
	if s.Seq != 0 {
		return s.Seq
	}
	for i := range b.subs {
		if b.subs[i].Object == s.Object && b.subs[i].SHA == s.SHA {
			return b.subs[i].Seq
		}
	}
	return 0
}
