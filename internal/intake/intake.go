// Package intake is the one door in: objects that have passed the gate become
// submissions with a label, enter the views that they may enter, and are noted
// in the ledger, all in one transaction.
//
// A batch is accepted as a whole or not at all, so that whoever brings it can
// remember in the same transaction how far it has come. What is refused is
// refused before, object by object, by the gate (stix.Parse) and the rules of
// the standard (stix.Validate).
package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"entente/internal/db"
	"entente/internal/journal"
	"entente/internal/release"
	"entente/internal/store"
	"entente/label"
	"entente/policy"
	"entente/stix"
)

// Intake accepts objects. It is safe for concurrent use.
type Intake struct {
	db      *db.DB
	store   *store.Store
	release *release.Engine
	journal *journal.Journal
	node    string
	now     func() time.Time
}

// New returns an Intake for the node called node.
func New(node string, d *db.DB, s *store.Store, r *release.Engine, j *journal.Journal, now func() time.Time) *Intake {
	return &Intake{db: d, store: s, release: r, journal: j, node: node, now: now}
}

// MaxBatch is the most arrivals of one call of Accept.
const MaxBatch = 2000

// Source is who brings objects, and what is known about all it brings.
type Source struct {
	Partner   string // "" for this node itself
	Agreement string // under which the partner brings it; "" for this node, and by TAXII
	Purpose   string // for which the partner brings it, "" if it did not say
	Profile   *label.Profile
}

func (s Source) row() store.Source {
	if s.Partner == "" {
		return store.Source{Kind: "own", Profile: s.Profile.Name}
	}
	return store.Source{Kind: "partner", Name: s.Partner, Profile: s.Agreement + "/" + s.Profile.Name}
}

// Container is in what objects come together.
type Container = store.Container

// Arrival is one object that comes in.
type Arrival struct {
	Object *stix.Object
	Facts  *label.Label // what its container states of it; nil: nothing
}

// Outcome says what became of an arrival.
type Outcome string

// The outcomes.
const (
	Accepted  Outcome = "accepted"
	Unchanged Outcome = "unchanged" // we had these bytes from this source
	Foreign   Outcome = "foreign"   // kept apart: the same version exists with other bytes, and this is not from its creator
	Disputed  Outcome = "disputed"  // kept apart: the creator sent other bytes for the same version; a person decides
)

// Result is what became of an arrival.
type Result struct {
	Outcome     Outcome
	Submission  *store.Submission // what is here now; of an unchanged one, the earlier submission
	Quarantined string            // why it is held back, "" if it is not
	Findings    []label.Finding
}

// Check passes bytes through the gate and the rules of the standard.
func Check(raw []byte) (*stix.Object, error) {
	o, err := stix.Parse(raw)
	if err != nil {
		return nil, err
	}
	return o, Valid(o)
}

// Valid applies the rules of the standard to an object that passed the gate.
func Valid(o *stix.Object) error {
	problems := stix.Validate(o)
	if len(problems) == 0 {
		return nil
	}
	errs := make([]error, 0, len(problems))
	for _, p := range problems {
		errs = append(errs, p)
	}
	return errors.Join(errs...)
}

// Accept takes a batch in. within, if not nil, runs in the same transaction
// once everything is in, with one result for each arrival in order.
func (in *Intake) Accept(ctx context.Context, src Source, c Container, batch []Arrival, within func(*db.Tx, []Result) error) ([]Result, error) {
	if len(batch) > MaxBatch {
		return nil, fmt.Errorf("a batch of %d objects is larger than %d", len(batch), MaxBatch)
	}
	var results []Result
	err := in.db.Update(ctx, func(tx *db.Tx) error {
		b := &batchIn{in: in, tx: tx, src: src, arrivals: batch, at: in.now().UnixMicro()}
		if err := b.run(c); err != nil {
			return err
		}
		results = b.results
		if within == nil {
			return nil
		}
		return within(tx, results)
	})
	return results, err
}

// batchIn is one call of Accept at work.
type batchIn struct {
	in       *Intake
	tx       *db.Tx
	src      Source
	source   store.Source
	arrivals []Arrival
	at       int64

	refs     [][]stix.Ref // what each arrival refers to, without what its profile says is no reference
	numbers  map[stix.ID]store.Object
	fresh    map[stix.ID]bool
	previous map[store.Object][]store.Submission
	parties  map[int64]store.Source     // by number
	stepBack map[int][]store.Submission // for each of subs, whom it sets aside
	creators map[stix.ID]string
	markings map[stix.ID][]stix.Marking
	welcome  map[store.Class]policy.Verdict // whether what a partner brings may leave quarantine
	results  []Result
	subs     []store.Submission
	which    []int // for each of subs, the arrival it is of
}

func (b *batchIn) run(c Container) error {
	for _, step := range []func() error{b.intern, b.known, b.classify, b.label} {
		if err := step(); err != nil {
			return err
		}
	}
	if len(b.subs) == 0 {
		return nil
	}
	if err := b.in.store.Add(b.tx, b.source, c, b.at, b.subs); err != nil {
		return err
	}
	if err := b.heads(); err != nil {
		return err
	}
	if err := b.note(c); err != nil {
		return err
	}
	woken, err := b.relabel()
	if err != nil {
		return err
	}
	news := make([]*store.Submission, 0, len(b.subs)+len(woken))
	for i := range b.subs {
		b.results[b.which[i]].Submission = &b.subs[i]
		news = append(news, &b.subs[i])
	}
	for _, r := range b.results {
		r.Submission.Seq = b.seq(r.Submission) // one that came twice in this batch
	}
	fresh := make(map[store.Object]bool, len(b.fresh))
	for id := range b.fresh {
		fresh[b.numbers[id]] = true
	}
	return b.in.release.Advance(b.tx, append(news, woken...), fresh)
}

// Act is what the ledger keeps of a batch that was accepted.
type Act struct {
	Partner   string `json:"partner,omitempty"`
	Agreement string `json:"agreement,omitempty"`
	Profile   string `json:"profile"`
	Container string `json:"container"`
	First     int64  `json:"first"` // the number of the first submission
	Count     int    `json:"count"`
}

// Item is what the ledger keeps of one submission.
type Item struct {
	Seq     int64   `json:"seq"`
	ID      stix.ID `json:"id"`
	Version string  `json:"version,omitempty"`
	SHA     string  `json:"sha256"`
}

// Facts are the bytes that the ledger commits to.
func (i Item) Facts() []byte {
	text, err := json.Marshal(i)
	if err != nil {
		panic(err) // strings and a number
	}
	return text
}

func (b *batchIn) note(c Container) error {
	items := make([][]byte, len(b.subs))
	for i := range b.subs {
		s := &b.subs[i]
		items[i] = Item{int64(s.Seq), s.ID, s.Version, hex.EncodeToString(s.SHA[:])}.Facts()
	}
	act := Act{b.src.Partner, b.src.Agreement, b.src.Profile.Name, c.Kind + " " + c.Ref, int64(b.subs[0].Seq), len(b.subs)}
	_, err := b.in.journal.Note(b.tx, "accept", act, items)
	return err
}

func sum(o *stix.Object) [sha256.Size]byte { return sha256.Sum256(o.Raw()) }

// Show lets a partner see in its inbox what it has just brought.
func (in *Intake) Show(tx *db.Tx, inbox *release.View, results []Result) error {
	var subs []*store.Submission
	for _, r := range results {
		if r.Submission != nil {
			subs = append(subs, r.Submission)
		}
	}
	return in.release.Append(tx, inbox, subs)
}

// TakeBack withdraws a submission on behalf of whoever brought it: it leaves
// every view and is not released again. That it was here stays on record.
func (in *Intake) TakeBack(tx *db.Tx, seq store.Seq) error {
	if err := in.store.SetState(tx, seq, store.Withdrawn); err != nil {
		return err
	}
	return in.release.Withhold(tx, seq)
}

// Said says again what the items of a ledger entry of this room were.
func (in *Intake) Said(tx *db.Tx, facts []byte) (map[int][]byte, error) {
	var act Act
	if err := json.Unmarshal(facts, &act); err != nil {
		return nil, nil // the entry's own commitment will not match
	}
	said := map[int][]byte{}
	err := in.store.Range(tx, store.Seq(act.First), store.Seq(act.First+int64(act.Count)-1), func(s store.Submission) error {
		said[int(int64(s.Seq)-act.First)+1] = Item{int64(s.Seq), s.ID, s.Version, hex.EncodeToString(s.SHA[:])}.Facts()
		return nil
	})
	return said, err
}

// Has tells whether this node has some version of an object.
func (in *Intake) Has(tx *db.Tx, id stix.ID) (has bool, err error) {
	o, err := in.store.Lookup(tx, id)
	if err != nil || o == 0 {
		return false, err
	}
	err = in.store.Previous(tx, []store.Object{o}, func(store.Submission) error {
		has = true
		return nil
	})
	return has, err
}
