// Package store keeps what came in: every object version once per submission,
// its bytes exactly as they came, what they refer to, and the class (label)
// that a release decision takes them for.
//
// It is the only room that writes these tables and, with room release, the
// only one whose queries read bodies. Nothing here decides anything.
//
// Every function runs in the caller's transaction, so that an object, its
// label, its releases and its ledger entry stand or fall together.
package store

import (
	"crypto/sha256"
	"sync"

	"entente/internal/db"
	"entente/stix"
)

// Object is an interned identifier. 0 is none.
type Object int64

// Seq numbers submissions in commit order, from 1.
type Seq int64

// Class is an interned label. 0 is none.
type Class int64

// Body numbers the bytes of a submission; two submissions of the same bytes of
// one object share them.
type Body int64

// State says what stands in the way of a submission, apart from its label.
type State int

// The states of a submission.
const (
	Active    State = 0
	Foreign   State = 1 // same id and version as another's, other bytes, not from the creator
	Disputed  State = 2 // same id and version, other bytes, from the creator: a person decides
	Withdrawn State = 3 // taken back by who brought it
	// Quarantined: a partner brought it and our own rules do not accept it.
	Quarantined State = 4
)

// Store remembers what never changes (which number an identifier has, what a
// class says), so that the usual object costs no look-up. It is safe for
// concurrent use.
type Store struct {
	mu      sync.RWMutex
	objects map[stix.ID]Object
	classes map[[sha256.Size]byte]Class
	facts   map[Class][]byte
}

// The caches are emptied when they reach these sizes: about 20 MB together.
const (
	maxObjects = 100_000
	maxClasses = 20_000
)

// New returns a Store that has remembered nothing yet.
func New() *Store {
	s := &Store{}
	s.forget()
	return s
}

func (s *Store) forget() {
	s.objects = map[stix.ID]Object{}
	s.classes = map[[sha256.Size]byte]Class{}
	s.facts = map[Class][]byte{}
}

// Intern returns the numbers of ids, giving new ones to those it has not met.
// fresh says which identifiers were not in the database before.
func (s *Store) Intern(tx *db.Tx, ids []stix.ID) (numbers map[stix.ID]Object, fresh map[stix.ID]bool, err error) {
	numbers, fresh = make(map[stix.ID]Object, len(ids)), map[stix.ID]bool{}
	var unknown []stix.ID
	s.mu.RLock()
	for _, id := range ids {
		if _, ok := numbers[id]; ok {
			continue
		}
		n := s.objects[id]
		numbers[id] = n
		if n == 0 {
			unknown = append(unknown, id)
		}
	}
	s.mu.RUnlock()
	if len(unknown) == 0 {
		return numbers, fresh, nil
	}
	if err := s.find(tx, unknown, numbers); err != nil {
		return nil, nil, err
	}
	for _, id := range unknown {
		if numbers[id] == 0 {
			fresh[id] = true
		}
	}
	if err := s.number(tx, unknown, fresh, numbers); err != nil {
		return nil, nil, err
	}
	tx.AfterCommit(func() { s.remember(unknown, numbers) })
	return numbers, fresh, nil
}

// number gives the fresh ones of ids the next numbers.
func (s *Store) number(tx *db.Tx, ids []stix.ID, fresh map[stix.ID]bool, into map[stix.ID]Object) error {
	if len(fresh) == 0 {
		return nil
	}
	var last Object
	if _, err := tx.Row("UPDATE counter SET n=n+$1 WHERE name='object' RETURNING n", []any{len(fresh)}, &last); err != nil {
		return err
	}
	next := last - Object(len(fresh)) + 1
	rows := make([]any, 0, 3*len(fresh))
	for _, id := range ids {
		if fresh[id] {
			into[id] = next
			rows = append(rows, int64(next), string(id), id.Type())
			next++
		}
	}
	return tx.Insert("INSERT INTO object(n,id,type)", "", 3, rows)
}

func (s *Store) remember(ids []stix.ID, numbers map[stix.ID]Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.objects)+len(ids) > maxObjects {
		s.objects = map[stix.ID]Object{}
	}
	for _, id := range ids {
		s.objects[id] = numbers[id]
	}
}

func (s *Store) find(tx *db.Tx, ids []stix.ID, into map[stix.ID]Object) error {
	return db.In(ids, func(list string, args []any) error {
		for i, a := range args {
			args[i] = string(a.(stix.ID))
		}
		return tx.Rows("SELECT n,id FROM object WHERE id IN "+list, args, numbered(into))
	})
}

// numbered scans rows of numbers and identifiers.
func numbered(into map[stix.ID]Object) func(scan func(...any) error) error {
	return func(scan func(...any) error) error {
		var n Object
		var id string
		if err := scan(&n, &id); err != nil {
			return err
		}
		into[stix.ID(id)] = n
		return nil
	}
}

// Lookup returns the number of id, 0 if it was never met.
func (s *Store) Lookup(tx *db.Tx, id stix.ID) (Object, error) {
	s.mu.RLock()
	n := s.objects[id]
	s.mu.RUnlock()
	if n != 0 {
		return n, nil
	}
	_, err := tx.Row("SELECT n FROM object WHERE id=$1", []any{string(id)}, &n)
	return n, err
}

// Identifier returns the identifier behind a number.
func (s *Store) Identifier(tx *db.Tx, n Object) (stix.ID, error) {
	var id string
	_, err := tx.Row("SELECT id FROM object WHERE n=$1", []any{int64(n)}, &id)
	return stix.ID(id), err
}
