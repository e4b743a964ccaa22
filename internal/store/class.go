package store

import (
	"crypto/sha256"
	"fmt"

	"entente/internal/db"
)

// Class interns a label given as its canonical facts.
func (s *Store) Class(tx *db.Tx, facts []byte) (Class, error) {
	sum := sha256.Sum256(facts)
	s.mu.RLock()
	c := s.classes[sum]
	s.mu.RUnlock()
	if c != 0 {
		return c, nil
	}
	find := func() (bool, error) {
		return tx.Row("SELECT n FROM class WHERE sha=$1", []any{sum[:]}, &c)
	}
	found, err := find()
	if err != nil {
		return 0, err
	}
	if !found {
		if err := tx.Insert("INSERT INTO class(sha,facts,size)", "", 3, []any{sum[:], string(facts), 0}); err != nil {
			return 0, err
		}
		if _, err := find(); err != nil {
			return 0, err
		}
	}
	tx.AfterCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.classes) >= maxClasses {
			s.classes, s.facts = map[[sha256.Size]byte]Class{}, map[Class][]byte{}
		}
		s.classes[sum] = c
	})
	return c, nil
}

// Facts returns the canonical facts of a class; the caller must not change them.
func (s *Store) Facts(tx *db.Tx, c Class) ([]byte, error) {
	s.mu.RLock()
	facts, ok := s.facts[c]
	s.mu.RUnlock()
	if ok {
		return facts, nil
	}
	found, err := tx.Row("SELECT facts FROM class WHERE n=$1", []any{int64(c)}, &facts)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("class %d is not in the database: run entente doctor", c)
	}
	// Only what is committed may be remembered: a number can be given again
	// after a rollback. A reader sees committed rows only; a writer waits.
	tx.AfterCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.facts) >= maxClasses {
			s.facts = map[Class][]byte{}
		}
		s.facts[c] = facts
	})
	return facts, nil
}

// Classes calls each for every class with the number of its places.
func (s *Store) Classes(tx *db.Tx, each func(c Class, size int64) error) error {
	type row struct {
		c    Class
		size int64
	}
	var all []row
	err := tx.Rows("SELECT n,size FROM class ORDER BY n", nil, func(scan func(...any) error) error {
		var r row
		defer func() { all = append(all, r) }()
		return scan(&r.c, &r.size)
	})
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := each(r.c, r.size); err != nil {
			return err
		}
	}
	return nil
}
