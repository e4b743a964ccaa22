package store

import (
	"fmt"

	"entente/internal/db"
)

// Add keeps submissions that have arrived together and gives them their
// numbers: Seq, Place, and Body where Body is 0 (where it is not, the bytes are
// those of an earlier submission). Every submission needs its Class.
//
// The counter row is taken first and held until commit, so numbers are in
// commit order on every engine; a database sequence would not be.
func (s *Store) Add(tx *db.Tx, src Source, c Container, at int64, subs []Submission) error {
	if len(subs) == 0 {
		return nil
	}
	var last int64
	if _, err := tx.Row("UPDATE counter SET n=n+$1 WHERE name='submission' RETURNING n", []any{len(subs)}, &last); err != nil {
		return err
	}
	container, err := s.container(tx, src, c, at)
	if err != nil {
		return err
	}
	first := last - int64(len(subs)) + 1
	for i := range subs {
		subs[i].Seq = Seq(first + int64(i))
		subs[i].Source, subs[i].At = src.N, at
	}
	if err := s.seat(tx, subs); err != nil {
		return err
	}
	var bodies, edges, rows, waits []any
	for i := range subs {
		sub := &subs[i]
		if sub.Body == 0 {
			sub.Body = Body(sub.Seq)
			bodies = append(bodies, int64(sub.Body), sub.Bytes)
			for _, e := range sub.References {
				edges = append(edges, int64(sub.Body), int64(e.Target), e.Property)
			}
		}
		rows = append(rows, int64(sub.Seq), int64(sub.Object), sub.Version, sub.Spec, sub.SHA[:], int64(sub.Body),
			sub.Source, container, int64(sub.Class), int64(sub.Carried), sub.At, int64(sub.State))
		for _, m := range sub.Unresolved {
			waits = append(waits, int64(m), int64(sub.Seq))
		}
	}
	for _, in := range []struct {
		head  string
		tail  string
		width int
		rows  []any
	}{
		{"INSERT INTO body(n,bytes)", "", 2, bodies},
		{"INSERT INTO edge(body,target,property)", " ON CONFLICT DO NOTHING", 3, edges},
		{"INSERT INTO submission(seq,object,version,spec,sha,body,source,container,class,carried,at,state)", "", 12, rows},
		{"INSERT INTO unresolved(marking,seq)", " ON CONFLICT DO NOTHING", 2, waits},
	} {
		if err := tx.Insert(in.head, in.tail, in.width, in.rows); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) container(tx *db.Tx, src Source, c Container, at int64) (n int64, err error) {
	_, err = tx.Row("INSERT INTO container(source,kind,ref,at) VALUES ($1,$2,$3,$4) RETURNING n", []any{src.N, c.Kind, c.Ref, at}, &n)
	return n, err
}

// seat gives each submission the next place in its class.
func (s *Store) seat(tx *db.Tx, subs []Submission) error {
	want := map[Class]int64{}
	var order []Class
	for _, sub := range subs {
		if sub.Class == 0 {
			return fmt.Errorf("submission of object %d has no class", sub.Object)
		}
		if want[sub.Class] == 0 {
			order = append(order, sub.Class)
		}
		want[sub.Class]++
	}
	next := map[Class]int64{}
	for _, c := range order {
		var size int64
		if _, err := tx.Row("UPDATE class SET size=size+$1 WHERE n=$2 RETURNING size", []any{want[c], int64(c)}, &size); err != nil {
			return err
		}
		next[c] = size - want[c] + 1
	}
	rows := make([]any, 0, 3*len(subs))
	for i := range subs {
		c := subs[i].Class
		subs[i].Place = next[c]
		next[c]++
		rows = append(rows, int64(c), subs[i].Place, int64(subs[i].Seq))
	}
	return tx.Insert("INSERT INTO place(class,place,seq)", "", 3, rows)
}

// Relabel moves a submission to another class. Its old place stays behind, so
// that a release log which names it still finds it, and is taken again should
// the submission come back.
func (s *Store) Relabel(tx *db.Tx, sub *Submission, c Class) error {
	if c == sub.Class {
		return nil
	}
	sub.Class = c
	back, err := tx.Row("SELECT place FROM place WHERE class=$1 AND seq=$2", []any{int64(c), int64(sub.Seq)}, &sub.Place)
	if err != nil {
		return err
	}
	if !back {
		moved := []Submission{*sub}
		if err := s.seat(tx, moved); err != nil {
			return err
		}
		sub.Place = moved[0].Place
	}
	_, err = tx.Exec("UPDATE submission SET class=$1 WHERE seq=$2", int64(c), int64(sub.Seq))
	return err
}

// Resolve returns the submissions that waited for the definition of a marking
// from whoever has brought it, and forgets that they did: those of the same
// partner, or all if it was this node.
func (s *Store) Resolve(tx *db.Tx, marking Object, by Source) ([]Seq, error) {
	var seqs []Seq
	err := tx.Rows(`SELECT u.seq FROM unresolved u JOIN submission s ON s.seq=u.seq JOIN source o ON o.n=s.source
		WHERE u.marking=$1 AND ($2='own' OR o.kind=$2 AND o.name=$3) ORDER BY u.seq`,
		[]any{int64(marking), by.Kind, by.Name}, func(scan func(...any) error) error {
			var seq Seq
			defer func() { seqs = append(seqs, seq) }()
			return scan(&seq)
		})
	if err != nil {
		return nil, err
	}
	for _, seq := range seqs {
		if _, err := tx.Exec("DELETE FROM unresolved WHERE marking=$1 AND seq=$2", int64(marking), int64(seq)); err != nil {
			return nil, err
		}
	}
	return seqs, nil
}

// SetState records what stands in the way of a submission.
func (s *Store) SetState(tx *db.Tx, seq Seq, state State) error {
	_, err := tx.Exec("UPDATE submission SET state=$1 WHERE seq=$2", int64(state), int64(seq))
	return err
}

// Advance makes seq the head of its object: what the creator said last.
func (s *Store) Advance(tx *db.Tx, o Object, seq Seq) error {
	_, err := tx.Exec("UPDATE object SET head=$1 WHERE n=$2", int64(seq), int64(o))
	return err
}

// Head returns the version and submission that object o stands at; seq is 0 if
// nobody entitled has brought it.
func (s *Store) Head(tx *db.Tx, o Object) (seq Seq, version string, err error) {
	_, err = tx.Row("SELECT s.seq, s.version FROM object o JOIN submission s ON s.seq=o.head WHERE o.n=$1", []any{int64(o)}, &seq, &version)
	return seq, version, err
}

// Conflict records that a person must look at two submissions of one version.
func (s *Store) Conflict(tx *db.Tx, o Object, version string, first, second Seq, creator bool, at int64) error {
	flag := 0
	if creator {
		flag = 1
	}
	return tx.Insert("INSERT INTO conflict(object,version,first,second,creator,at)", "", 6,
		[]any{int64(o), version, int64(first), int64(second), flag, at})
}
