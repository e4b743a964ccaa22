package intake

import (
	"slices"
	"strings"
	"time"

	"entente/internal/db"
	"entente/internal/store"
	"entente/label"
	"entente/policy"
	"entente/stix"
)

// label builds the label of each submission and finds its class.
func (b *batchIn) label() error {
	b.markings = map[stix.ID][]stix.Marking{}
	for _, i := range b.which { // definitions count wherever in the batch they stand
		o := b.arrivals[i].Object
		if o.Type() != "marking-definition" {
			continue
		}
		m, err := stix.ParseMarking(o)
		if err != nil {
			return err // cannot be: the gate reads it too
		}
		if _, err := b.definitions(o.ID()); err != nil {
			return err
		}
		b.markings[o.ID()] = append(b.markings[o.ID()], m)
	}
	for i := range b.subs {
		a := b.arrivals[b.which[i]]
		s := &b.subs[i]
		l, findings, unresolved, err := b.build(a.Object, a.Facts, b.src.Profile)
		if err != nil {
			return err
		}
		for _, id := range unresolved {
			s.Unresolved = append(s.Unresolved, b.numbers[id])
		}
		if s.Class, err = b.in.store.Class(b.tx, l.Canonical()); err != nil {
			return err
		}
		if a.Facts != nil {
			if s.Carried, err = b.in.store.Class(b.tx, a.Facts.Canonical()); err != nil {
				return err
			}
		}
		res := &b.results[b.which[i]]
		res.Findings = findings
		if err := b.quarantine(s, l, res); err != nil {
			return err
		}
	}
	return nil
}

func (b *batchIn) build(o *stix.Object, facts *label.Label, profile *label.Profile) (label.Label, []label.Finding, []stix.ID, error) {
	in := label.Input{
		Object: o, Container: facts, Profile: profile, Origin: b.src.Partner,
		IsOwn: b.src.Partner == "" && !profile.Always.Published.Is() && b.speaks(o),
		Now:   time.UnixMicro(b.at),
	}
	if in.Origin == "" {
		in.Origin = b.in.node
	}
	cited := slices.Clone(o.Markings())
	for _, g := range o.Granular() {
		if g.Marking != "" && !slices.Contains(cited, g.Marking) {
			cited = append(cited, g.Marking)
		}
	}
	for _, id := range cited {
		known, err := b.definitions(id)
		if err != nil {
			return label.Label{}, nil, nil, err
		}
		if len(known) == 0 {
			in.Unresolved = append(in.Unresolved, id)
		}
		in.Own = append(in.Own, known...)
	}
	l, findings := label.Build(in)
	return l, findings, in.Unresolved, nil
}

// definitions returns what this source, or this node, says a marking means. A
// definition that another source brings under the same identifier changes
// nothing: labels do not cross submissions. Where there are several, all hold.
func (b *batchIn) definitions(id stix.ID) ([]stix.Marking, error) {
	if m, ok := b.markings[id]; ok {
		return m, nil
	}
	if m, ok := stix.WellKnownMarking(id); ok {
		b.markings[id] = []stix.Marking{m}
		return b.markings[id], nil
	}
	b.markings[id] = nil
	o, err := b.in.store.Lookup(b.tx, id)
	if err != nil || o == 0 {
		return nil, err
	}
	var found []store.Submission
	err = b.in.store.Previous(b.tx, []store.Object{o}, func(s store.Submission) error {
		found = append(found, s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		src, err := b.in.store.SourceOf(b.tx, s.Source)
		if err != nil {
			return nil, err
		}
		if src.Kind != "own" && (src.Kind != b.source.Kind || src.Name != b.source.Name) {
			continue
		}
		raw, err := b.in.store.Bytes(b.tx, s.Body)
		if err != nil {
			return nil, err
		}
		def, err := stix.Parse(raw)
		if err != nil {
			return nil, err
		}
		m, err := stix.ParseMarking(def)
		if err != nil {
			return nil, err
		}
		b.markings[id] = append(b.markings[id], m)
	}
	return b.markings[id], nil
}

// relabel builds the labels anew of what waited for definitions of this batch.
func (b *batchIn) relabel() ([]*store.Submission, error) {
	var woken []*store.Submission
	for i := range b.subs {
		o := b.arrivals[b.which[i]].Object
		if o.Type() != "marking-definition" || b.fresh[o.ID()] {
			continue
		}
		seqs, err := b.in.store.Resolve(b.tx, b.subs[i].Object, b.source)
		if err != nil {
			return nil, err
		}
		for _, seq := range seqs {
			s, err := b.in.again(b.tx, seq, b.at)
			if err != nil {
				return nil, err
			}
			woken = append(woken, s)
		}
	}
	return woken, nil
}

// again labels a submission anew, as its own source would have brought it now.
// What was in quarantine for its label may leave it.
func (in *Intake) again(tx *db.Tx, seq store.Seq, at int64) (*store.Submission, error) {
	s, _, err := in.store.Submission(tx, seq)
	if err != nil {
		return nil, err
	}
	b, o, err := in.as(tx, &s, at)
	if err != nil {
		return nil, err
	}
	var facts *label.Label
	if s.Carried != 0 {
		l, err := in.label(tx, s.Carried)
		if err != nil {
			return nil, err
		}
		facts = &l
	}
	l, _, _, err := b.build(o, facts, b.src.Profile)
	if err != nil {
		return nil, err
	}
	class, err := in.store.Class(tx, l.Canonical())
	if err != nil {
		return nil, err
	}
	if err := in.store.Relabel(tx, &s, class); err != nil {
		return nil, err
	}
	if s.State != store.Quarantined {
		return &s, nil
	}
	verdict, err := in.release.Welcome(tx, b.src.Partner, b.src.Agreement, "", l)
	if err != nil || !verdict.Allow {
		return &s, err
	}
	return &s, b.letOut(&s, o)
}

// letOut ends the quarantine of s. Where something else has been accepted under
// the same version meanwhile, that steps back for the creator's own word, and
// the word of anyone else is put aside.
func (b *batchIn) letOut(s *store.Submission, o *stix.Object) error {
	var others []store.Submission
	err := b.in.store.Previous(b.tx, []store.Object{s.Object}, func(was store.Submission) error {
		if was.Version == s.Version && was.SHA != s.SHA && was.State == store.Active {
			others = append(others, was)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.State = store.Active
	for _, was := range others {
		if b.speaks(o) && b.creator(o) != unbound {
			err = b.displace(&was, s)
		} else {
			s.State = store.Foreign
			err = b.conflict(s, was.Seq, false)
		}
		if err != nil {
			return err
		}
	}
	if err := b.in.store.SetState(b.tx, s.Seq, s.State); err != nil || s.State != store.Active || !b.speaks(o) {
		return err
	}
	return b.in.forward(b.tx, s)
}

// as returns a batch of the source that brought s, to judge it again, and the
// object. A profile that is no longer adopted states nothing.
func (in *Intake) as(tx *db.Tx, s *store.Submission, at int64) (*batchIn, *stix.Object, error) {
	src, err := in.store.SourceOf(tx, s.Source)
	if err != nil {
		return nil, nil, err
	}
	raw, err := in.store.Bytes(tx, s.Body)
	if err != nil {
		return nil, nil, err
	}
	o, err := stix.Parse(raw)
	if err != nil {
		return nil, nil, err
	}
	b := &batchIn{in: in, tx: tx, source: src, at: at, creators: map[stix.ID]string{}, markings: map[stix.ID][]stix.Marking{}}
	b.src.Partner, b.src.Agreement = src.Name, src.Agreement()
	var adopted bool
	if b.src.Profile, adopted = in.release.Policy().Profile(src.ProfileName()); !adopted {
		b.src.Profile = &label.Profile{}
	}
	if id := o.CreatedBy(); id != "" {
		b.creators[id], err = creator(tx, id)
	}
	return b, o, err
}

func (in *Intake) label(tx *db.Tx, c store.Class) (label.Label, error) {
	facts, err := in.store.Facts(tx, c)
	if err != nil {
		return label.Label{}, err
	}
	return label.ParseCanonical(facts)
}

// quarantine holds back what a partner brought and our own rules do not accept.
func (b *batchIn) quarantine(s *store.Submission, l label.Label, res *Result) error {
	// Also where it is put aside for somebody else's word: before the partner itself
	// it counts as if there were none.
	if b.src.Partner == "" || s.State != store.Active && s.State != store.Foreign {
		return nil
	}
	verdict, ok := b.welcome[s.Class]
	if !ok { // once for a class: it knows nothing of the object but its label
		var err error
		if verdict, err = b.in.release.Welcome(b.tx, b.src.Partner, b.src.Agreement, b.src.Purpose, l); err != nil {
			return err
		}
		if b.welcome == nil {
			b.welcome = map[store.Class]policy.Verdict{}
		}
		b.welcome[s.Class] = verdict
	}
	if verdict.Allow {
		return nil
	}
	s.State = store.Quarantined
	res.Quarantined = why(verdict)
	return nil
}

func why(v policy.Verdict) string {
	switch {
	case v.Fault != "":
		return "a policy could not be evaluated: " + v.Fault
	case len(v.Forbids) > 0:
		return "forbidden by " + strings.Join(v.Forbids, ", ")
	}
	return "no rule of ours accepts it"
}
