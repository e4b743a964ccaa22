package intake

import (
	"slices"
	"strings"
	"time"

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
		seqs, err := b.in.store.Resolve(b.tx, b.subs[i].Object, b.source.N)
		if err != nil {
			return nil, err
		}
		for _, seq := range seqs {
			s, err := b.again(seq)
			if err != nil {
				return nil, err
			}
			woken = append(woken, s)
		}
	}
	return woken, nil
}

func (b *batchIn) again(seq store.Seq) (*store.Submission, error) {
	s, _, err := b.in.store.Submission(b.tx, seq)
	if err != nil {
		return nil, err
	}
	raw, err := b.in.store.Bytes(b.tx, s.Body)
	if err != nil {
		return nil, err
	}
	o, err := stix.Parse(raw)
	if err != nil {
		return nil, err
	}
	if id := o.CreatedBy(); id != "" {
		if b.creators[id], err = creator(b.tx, id); err != nil {
			return nil, err
		}
	}
	var facts *label.Label
	if s.Carried != 0 {
		text, err := b.in.store.Facts(b.tx, s.Carried)
		if err != nil {
			return nil, err
		}
		l, err := label.ParseCanonical(text)
		if err != nil {
			return nil, err
		}
		facts = &l
	}
	l, _, _, err := b.build(o, facts, b.src.Profile)
	if err != nil {
		return nil, err
	}
	class, err := b.in.store.Class(b.tx, l.Canonical())
	if err != nil {
		return nil, err
	}
	return &s, b.in.store.Relabel(b.tx, &s, class)
}

// quarantine holds back what a partner brought and our own rules do not accept.
func (b *batchIn) quarantine(s *store.Submission, l label.Label, res *Result) error {
	if b.src.Partner == "" || s.State != store.Active {
		return nil
	}
	verdict, err := b.in.release.Welcome(b.tx, b.src.Partner, b.src.Agreement, b.src.Purpose, l)
	if err != nil || verdict.Allow {
		return err
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
