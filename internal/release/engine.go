// Package release decides what may leave to whom, keeps what each partner has,
// and is the one door out: release.Bytes.
//
// A view is what one TAXII collection shows to one partner: a subscription
// (partner, agreement, purpose) or the partner's inbox. An object version
// enters a subscription's release log when the class of one of its submissions
// may go (package policy, memoised per epoch) and everything it refers to is in
// the view too or can enter with it: what is absent and what is withheld are
// alike. Numbers of a view are dense and its dates strictly increasing, so that
// nothing shows of what was withheld.
//
// An epoch is all that decides for a view: guards, agreement, the partner's
// facts, whether the agreement is in force today. When it changes the view is
// considered anew before anything else is done with it.
//
// What can go wrong: a policy that cannot be evaluated denies and is reported
// (Engine.Alarm); a view whose epoch is stale serves nothing until it has been
// considered.
package release

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"entente/internal/db"
	"entente/internal/journal"
	"entente/internal/store"
	"entente/label"
	"entente/policy"
)

// Epoch names everything that decides for a view.
type Epoch [sha256.Size]byte

// Engine decides. It is safe for concurrent use.
type Engine struct {
	store   *store.Store
	set     atomic.Pointer[policy.Set]
	load    func() (*policy.Set, error)
	journal *journal.Journal
	random  io.Reader
	now     func() time.Time
	alarm   func(what string)
	key     [32]byte

	mu   sync.Mutex
	memo map[int64]*memo // by view
	have map[int64]*have // by view
}

// memo holds the verdicts of one view in one epoch, by class.
type memo struct {
	epoch    Epoch
	verdicts map[store.Class]policy.Verdict
}

// have remembers which objects a view holds: a bit that is set is true, one
// that is not says nothing. Only the writer uses it.
type have struct {
	withdrawals int64
	bits        []uint64
}

// Config is what an Engine needs.
type Config struct {
	Store   *store.Store
	Policy  *policy.Set
	Load    func() (*policy.Set, error) // reads the policies again when another process has adopted new ones
	Journal *journal.Journal
	Random  io.Reader
	Now     func() time.Time
	Key     [32]byte          // of the names of epochs
	Alarm   func(what string) // told of policies that could not be evaluated
}

// New returns an Engine.
func New(c Config) *Engine {
	e := &Engine{store: c.Store, load: c.Load, journal: c.Journal, random: c.Random, now: c.Now, alarm: c.Alarm, key: c.Key,
		memo: map[int64]*memo{}, have: map[int64]*have{}}
	e.set.Store(c.Policy)
	return e
}

// Policy returns the policies in force.
func (e *Engine) Policy() *policy.Set { return e.set.Load() }

// maxVerdicts bounds the memo of one view; a node with more classes than this
// labels objects one by one, which its operator should know.
const maxVerdicts = 50_000

// verdict decides whether class c may go to view v.
func (e *Engine) verdict(tx *db.Tx, v *View, c store.Class) (policy.Verdict, error) {
	e.mu.Lock()
	m := e.memo[v.N]
	if m == nil || m.epoch != v.now {
		m = &memo{epoch: v.now, verdicts: map[store.Class]policy.Verdict{}}
		e.memo[v.N] = m
	}
	verdict, ok := m.verdicts[c]
	e.mu.Unlock()
	if !ok {
		verdict, ok = v.verdicts[c]
	}
	if ok {
		return verdict, nil
	}
	l, err := e.label(tx, c)
	if err != nil {
		return verdict, err
	}
	verdict = e.decide(v, l)
	if v.verdicts == nil {
		v.verdicts = map[store.Class]policy.Verdict{}
	}
	v.verdicts[c] = verdict
	// A class of a transaction that is rolled back may lose its number.
	tx.AfterCommit(func() { e.remember(v.N, v.now, c, verdict) })
	return verdict, nil
}

func (e *Engine) remember(view int64, epoch Epoch, c store.Class, verdict policy.Verdict) {
	e.mu.Lock()
	defer e.mu.Unlock()
	m := e.memo[view]
	if m == nil || m.epoch != epoch {
		return
	}
	if len(m.verdicts) >= maxVerdicts {
		m.verdicts = map[store.Class]policy.Verdict{}
	}
	m.verdicts[c] = verdict
}

// label reads the label of a class.
func (e *Engine) label(tx *db.Tx, c store.Class) (label.Label, error) {
	facts, err := e.store.Facts(tx, c)
	if err != nil {
		return label.Label{}, err
	}
	l, err := label.ParseCanonical(facts)
	if err != nil {
		err = fmt.Errorf("class %d: %w", c, err)
	}
	return l, err
}

// RuleCarriage stands for the rule that is the program's own: bytes whose
// markings say less than their label do not go over a channel that carries
// nothing but bytes.
const RuleCarriage = "carriage"

func (e *Engine) decide(v *View, l label.Label) policy.Verdict {
	verdict := v.set.Decide(v.request(l))
	if verdict.Fault != "" {
		e.alarm(fmt.Sprintf("policy could not be evaluated for partner %s under %s: %s", v.Partner, v.Agreement, verdict.Fault))
		verdict.Allow = false
	}
	if v.Carriage == CarriagePlain && !l.Marked.Is() {
		verdict.Allow = false
		verdict.Forbids = append(verdict.Forbids, RuleCarriage)
	}
	return verdict
}

func (v *View) request(l label.Label) policy.Request {
	return policy.Request{
		Partner: v.party.Partner, Agreement: v.Agreement, Member: v.member, Label: l,
		Action: policy.Release, Purpose: v.Purpose, Basis: v.basis, Urgency: "routine",
	}
}

// epoch is the hash of all that decides for v.
func (e *Engine) epoch(v *View) (Epoch, []byte, error) {
	set := v.set.Hash()
	facts, err := json.Marshal(struct {
		Policy    []byte `json:"policy"`
		Party     Party  `json:"party"`
		Agreement string `json:"agreement"`
		Purpose   string `json:"purpose"`
		Basis     string `json:"basis"`
		Member    bool   `json:"member"`
		Carriage  string `json:"carriage"`
	}{set[:], v.party, v.Agreement, v.Purpose, v.basis, v.member, v.Carriage})
	if err != nil {
		return Epoch{}, nil, err
	}
	// Keyed: it stands in records that partners receive, and what we hold to be
	// true of them must not be there for the guessing.
	mac := hmac.New(sha256.New, e.key[:])
	mac.Write(facts)
	return Epoch(mac.Sum(nil)), facts, nil
}
