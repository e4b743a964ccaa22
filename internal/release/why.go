package release

import (
	"entente/internal/db"
	"entente/internal/store"
	"entente/label"
	"entente/policy"
	"entente/stix"
)

// Why says for one view of a partner what becomes of an object, and by which
// rules. It is for people of this node: a partner never sees it.
type Why struct {
	View        *View
	Submissions []WhySubmission
}

// WhySubmission is about one version of the object as one source brought it.
type WhySubmission struct {
	Seq         store.Seq
	Version     string
	Source      store.Source
	State       store.State
	Label       label.Label
	Number      int64    // in the view, 0 if it is not there
	Carriage    bool     // withheld because the bytes say less than the label
	Barred      []Barred // what it refers to and the partner may not have
	Explanation policy.Explanation
}

// Barred is a reference that keeps an object back.
type Barred struct {
	Property string
	Target   stix.ID
	Absent   bool // we do not have it; otherwise no submission of it may go
}

// Why explains an object to a partner, view by view. known is false if this
// node has never had the object.
func (e *Engine) Why(tx *db.Tx, id stix.ID, partner string) (whys []Why, known bool, err error) {
	o, err := e.store.Lookup(tx, id)
	if err != nil || o == 0 {
		return nil, false, err
	}
	var subs []*store.Submission
	err = e.store.Previous(tx, []store.Object{o}, func(s store.Submission) error {
		subs = append(subs, &s)
		return nil
	})
	if err != nil || len(subs) == 0 {
		return nil, false, err
	}
	views, err := e.Views(tx, partner)
	if err != nil {
		return nil, false, err
	}
	for _, v := range views {
		if v.Kind != Subscription {
			continue
		}
		w := Why{View: v}
		for _, s := range subs {
			ws, err := e.whySubmission(tx, v, s)
			if err != nil {
				return nil, false, err
			}
			w.Submissions = append(w.Submissions, ws)
		}
		whys = append(whys, w)
	}
	return whys, true, nil
}

func (e *Engine) whySubmission(tx *db.Tx, v *View, s *store.Submission) (w WhySubmission, err error) {
	w = WhySubmission{Seq: s.Seq, Version: s.Version, State: s.State}
	if w.Source, err = e.store.SourceOf(tx, s.Source); err != nil {
		return w, err
	}
	if w.Label, err = e.label(tx, s.Class); err != nil {
		return w, err
	}
	w.Explanation = v.set.Explain(v.request(w.Label))
	verdict := e.decide(v, w.Label)
	w.Carriage = w.Explanation.Verdict.Allow && !verdict.Allow
	w.Explanation.Verdict = verdict
	all, err := e.shown(tx, v, s.Object)
	if err != nil {
		return w, err
	}
	for _, x := range all {
		if x.seq == s.Seq {
			w.Number = x.no
		}
	}
	if verdict.Allow && w.Number == 0 {
		w.Barred, err = e.barred(tx, v, s)
	}
	return w, err
}

// barred lists what a submission refers to and the view does not show.
func (e *Engine) barred(tx *db.Tx, v *View, s *store.Submission) (out []Barred, err error) {
	var edges []store.Edge
	err = e.store.References(tx, s.Body, func(g store.Edge) error {
		edges = append(edges, g)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, g := range edges {
		in, err := e.holds(tx, v, g.Target)
		if err != nil {
			return nil, err
		}
		if in {
			continue
		}
		id, err := e.store.Identifier(tx, g.Target)
		if err != nil {
			return nil, err
		}
		absent := true
		err = e.store.Previous(tx, []store.Object{g.Target}, func(store.Submission) error {
			absent = false
			return nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, Barred{g.Property, id, absent})
	}
	return out, nil
}
