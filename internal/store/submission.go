package store

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"strings"

	"entente/internal/db"
	"entente/stix"
)

// Source is who brings objects.
type Source struct {
	N       int64
	Kind    string // "own": an import of this node; "partner"
	Name    string // the partner's id; "" for own
	Profile string // the intake profile or agreement it comes under
}

// Container is in what objects came together.
type Container struct {
	Kind string // file, taxii, delivery, demo
	Ref  string // its name or id, for people
}

// Submission is one object version as one source brought it.
type Submission struct {
	Seq     Seq
	Object  Object
	Version string // modified, else created, as sent; "" for most observables
	Spec    string // spec_version
	SHA     [sha256.Size]byte
	Body    Body
	Source  int64
	Class   Class
	Carried Class // facts that the container stated for it, 0 if none
	At      int64 // when it came, microseconds
	State   State
	Place   int64 // its place in Class

	ID         stix.ID  // on the way in, and from Numbered
	New        bool     // on the way in, and from Numbered: there is no other submission of the object
	Bytes      []byte   // on the way in only
	References []Edge   // on the way in, and from Numbered
	Unresolved []Object // markings its source has not brought
}

// Edge is a reference that a body makes.
type Edge struct {
	Target   Object
	Property string
}

// Source interns a source.
func (s *Store) Source(tx *db.Tx, src Source) (int64, error) {
	args := []any{src.Kind, src.Name, src.Profile}
	var n int64
	find := func() (bool, error) {
		return tx.Row("SELECT n FROM source WHERE kind=$1 AND name=$2 AND profile=$3", args, &n)
	}
	if found, err := find(); found || err != nil {
		return n, err
	}
	if err := tx.Insert("INSERT INTO source(kind,name,profile)", "", 3, args); err != nil {
		return 0, err
	}
	_, err := find()
	return n, err
}

// SourceOf returns the source with number n.
func (s *Store) SourceOf(tx *db.Tx, n int64) (Source, error) {
	src := Source{N: n}
	found, err := tx.Row("SELECT kind,name,profile FROM source WHERE n=$1", []any{n}, &src.Kind, &src.Name, &src.Profile)
	if err == nil && !found {
		err = fmt.Errorf("source %d is not in the database: run entente doctor", n)
	}
	return src, err
}

// Previous calls each with every submission there is of the given objects,
// oldest first for each object.
func (s *Store) Previous(tx *db.Tx, objects []Object, each func(Submission) error) error {
	return db.In(objects, func(list string, args []any) error {
		for i, a := range args {
			args[i] = int64(a.(Object))
		}
		return tx.Rows("SELECT "+columns+" FROM submission s JOIN place p ON p.seq=s.seq AND p.class=s.class WHERE s.object IN "+list+" ORDER BY s.seq",
			args, func(scan func(...any) error) error {
				sub, err := scanSubmission(scan)
				if err != nil {
					return err
				}
				return each(sub)
			})
	})
}

// Submissions calls each with the submissions of class c whose places are in [from, to].
func (s *Store) Submissions(tx *db.Tx, c Class, from, to int64, each func(Submission) error) error {
	return tx.Rows("SELECT "+columns+" FROM place p JOIN submission s ON s.seq=p.seq AND s.class=p.class WHERE p.class=$1 AND p.place BETWEEN $2 AND $3 ORDER BY p.place",
		[]any{int64(c), from, to}, func(scan func(...any) error) error {
			sub, err := scanSubmission(scan)
			if err != nil {
				return err
			}
			return each(sub)
		})
}

// Submission returns one submission. Found is false if there is none.
func (s *Store) Submission(tx *db.Tx, seq Seq) (sub Submission, found bool, err error) {
	err = tx.Rows("SELECT "+columns+" FROM submission s JOIN place p ON p.seq=s.seq AND p.class=s.class WHERE s.seq=$1",
		[]any{int64(seq)}, func(scan func(...any) error) (err error) {
			sub, err = scanSubmission(scan)
			found = true
			return err
		})
	return sub, found, err
}

// Numbered returns submissions by their numbers with what belongs to them: their
// identifiers and references, and whether each is the only one of its object.
func (s *Store) Numbered(tx *db.Tx, seqs []Seq) (subs []*Submission, err error) {
	by := map[Body][]*Submission{}
	var bodies []Body
	err = db.In(seqs, func(list string, args []any) error {
		for i, a := range args {
			args[i] = int64(a.(Seq))
		}
		return tx.Rows("SELECT "+columns+",o.id,NOT EXISTS (SELECT 1 FROM submission x WHERE x.object=s.object AND x.seq<>s.seq) FROM submission s JOIN place p ON p.seq=s.seq AND p.class=s.class JOIN object o ON o.n=s.object WHERE s.seq IN "+list+" ORDER BY s.seq",
			args, func(scan func(...any) error) error {
				var only bool
				var id string
				sub, err := scanSubmission(scan, &id, &only)
				if err != nil {
					return err
				}
				sub.ID, sub.New = stix.ID(id), only
				if by[sub.Body] == nil {
					bodies = append(bodies, sub.Body)
				}
				by[sub.Body] = append(by[sub.Body], &sub)
				subs = append(subs, &sub)
				return nil
			})
	})
	if err != nil {
		return nil, err
	}
	return subs, db.In(bodies, func(list string, args []any) error {
		for i, a := range args {
			args[i] = int64(a.(Body))
		}
		return tx.Rows("SELECT body,target,property FROM edge WHERE body IN "+list, args, func(scan func(...any) error) error {
			var b Body
			var e Edge
			if err := scan(&b, &e.Target, &e.Property); err != nil {
				return err
			}
			for _, sub := range by[b] {
				sub.References = append(sub.References, e)
			}
			return nil
		})
	})
}

const columns = "s.seq,s.object,s.version,s.spec,s.sha,s.body,s.source,s.class,s.carried,s.at,s.state,p.place"

func scanSubmission(scan func(...any) error, more ...any) (s Submission, err error) {
	var sha []byte
	err = scan(append([]any{&s.Seq, &s.Object, &s.Version, &s.Spec, &sha, &s.Body, &s.Source, &s.Class, &s.Carried, &s.At, &s.State, &s.Place}, more...)...)
	copy(s.SHA[:], sha)
	return s, err
}

// Bytes returns what came, byte for byte.
func (s *Store) Bytes(tx *db.Tx, b Body) ([]byte, error) {
	var bytes []byte
	found, err := tx.Row("SELECT bytes FROM body WHERE n=$1", []any{int64(b)}, &bytes)
	if err == nil && !found {
		err = fmt.Errorf("body %d is not in the database: run entente doctor", b)
	}
	return bytes, err
}

// References calls each with what a body refers to.
func (s *Store) References(tx *db.Tx, b Body, each func(Edge) error) error {
	return tx.Rows("SELECT target,property FROM edge WHERE body=$1", []any{int64(b)}, func(scan func(...any) error) error {
		var e Edge
		if err := scan(&e.Target, &e.Property); err != nil {
			return err
		}
		return each(e)
	})
}

// Range calls each with the submissions from one number to another, with their
// identifiers. Each body is hashed again: SHA is zero if what is stored as the
// hash is not that of the bytes that are there.
func (s *Store) Range(tx *db.Tx, from, to Seq, each func(Submission) error) error {
	return tx.Rows("SELECT s.seq,o.id,s.version,s.sha,b.bytes FROM submission s JOIN object o ON o.n=s.object JOIN body b ON b.n=s.body WHERE s.seq BETWEEN $1 AND $2 ORDER BY s.seq",
		[]any{int64(from), int64(to)}, func(scan func(...any) error) error {
			var sub Submission
			var sha, bytes sql.RawBytes
			if err := scan(&sub.Seq, &sub.ID, &sub.Version, &sha, &bytes); err != nil {
				return err
			}
			if sum := sha256.Sum256(bytes); string(sum[:]) == string(sha) {
				sub.SHA = sum
			}
			return each(sub)
		})
}

// InState calls each with submissions that stand in a state other than Active,
// oldest first.
func (s *Store) InState(tx *db.Tx, state State, most int, each func(Submission) error) error {
	return tx.Rows("SELECT "+columns+" FROM submission s JOIN place p ON p.seq=s.seq AND p.class=s.class WHERE s.state=$1 AND s.state<>0 ORDER BY s.seq LIMIT $2",
		[]any{int64(state), most}, func(scan func(...any) error) error {
			sub, err := scanSubmission(scan)
			if err != nil {
				return err
			}
			return each(sub)
		})
}

// ProfileName is the name of the intake profile.
func (s Source) ProfileName() string {
	return s.Profile[strings.LastIndexByte(s.Profile, '/')+1:]
}

// Agreement is the agreement that a partner brought things under, "" for what
// is brought under none in particular.
func (s Source) Agreement() string {
	agreement, _, _ := strings.Cut(s.Profile, "/")
	return agreement
}

// Count returns how many submissions there are.
func (s *Store) Count(tx *db.Tx) (n int64, err error) {
	_, err = tx.Row("SELECT count(*) FROM submission", nil, &n)
	return n, err
}

// Waiting counts what people have to look at.
type Waiting struct{ Conflicts, Quarantined, Unresolved int64 }

// Waiting counts what people have to look at.
func (s *Store) Waiting(tx *db.Tx) (w Waiting, err error) {
	_, err = tx.Row("SELECT (SELECT count(*) FROM conflict), (SELECT count(*) FROM submission WHERE state=$1 AND state<>0), (SELECT count(DISTINCT seq) FROM unresolved)",
		[]any{int64(Quarantined)}, &w.Conflicts, &w.Quarantined, &w.Unresolved)
	return w, err
}
