package intake

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"iter"
	"time"

	"entente/internal/db"
	"entente/stix"
)

// Import is a run of objects from a file.
type Import struct {
	Source    Source
	Container Container
	Items     iter.Seq2[stix.Item, error] // as of stix.Reader; an error ends it
	DryRun    bool                        // look at everything, keep nothing
	Resume    [32]byte                    // names this import (its file and profile): one that broke off goes on
	Progress  func(done int)              // called now and then; may be nil
}

// Report says what became of an import.
type Report struct {
	Accepted    int       `json:"accepted"`
	Unchanged   int       `json:"unchanged"`
	Disputed    int       `json:"disputed,omitempty"`
	Foreign     int       `json:"foreign,omitempty"`
	Quarantined int       `json:"quarantined,omitempty"`
	Skipped     int       `json:"skipped,omitempty"` // done by an earlier run of this import
	Refused     []Refusal `json:"refused"`
}

// Refusal is an object that was not accepted.
type Refusal struct {
	ID   string `json:"id"`
	Line int    `json:"line"`
	Path string `json:"path"`
	Why  string `json:"why"`
}

// Import takes a file in, batch by batch. When it is interrupted, what has been
// accepted stays, and the same import goes on from there.
func (in *Intake) Import(ctx context.Context, im Import) (rep Report, err error) {
	rep.Refused = []Refusal{}
	done := 0
	if !im.DryRun {
		if done, err = in.imported(ctx, im.Resume); err != nil {
			return rep, err
		}
	}
	var batch []Arrival
	n, size := 0, 0
	flush := func() error {
		size = 0
		if im.Progress != nil {
			im.Progress(n)
		}
		if im.DryRun {
			rep.Accepted += len(batch)
			batch = batch[:0]
			return nil
		}
		results, err := in.Accept(ctx, im.Source, im.Container, batch, func(tx *db.Tx, _ []Result) error {
			_, err := tx.Exec("INSERT INTO import(sha,name,profile,done,at) VALUES ($1,$2,$3,$4,$5) ON CONFLICT (sha) DO UPDATE SET done=excluded.done, at=excluded.at",
				im.Resume[:], im.Container.Ref, im.Source.Profile.Name, n, in.now().UnixMicro())
			return err
		})
		rep.count(results)
		batch = batch[:0]
		return err
	}
	for item, err := range im.Items {
		if err != nil {
			return rep, errors.Join(flush(), err)
		}
		n++
		if n <= done {
			rep.Skipped++
			continue
		}
		err = item.Err
		if err == nil {
			err = Valid(item.Object)
		}
		if err != nil {
			rep.refuse(item, err)
			continue
		}
		batch = append(batch, Arrival{Object: item.Object})
		if size += len(item.Object.Raw()); len(batch) >= im.batchSize(n) || size >= maxBatchBytes {
			if err := flush(); err != nil {
				return rep, err
			}
		}
	}
	if err := flush(); err != nil || im.DryRun {
		return rep, err
	}
	// Done: a later import of the same file looks at all of it again.
	return rep, in.db.Update(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("DELETE FROM import WHERE sha=$1 OR at<$2", im.Resume[:], in.now().Add(-30*24*time.Hour).UnixMicro())
		return err
	})
}

// maxBatchBytes bounds the objects that an import holds in memory at once.
const maxBatchBytes = 16 << 20

// batchSize is how many objects go into the batch that object n is in: different
// from batch to batch. If it were always the same, a partner who sees what one
// batch released would know how much of it was not.
func (im *Import) batchSize(n int) int {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(im.Resume[:], uint64(n/MaxBatch)))
	return MaxBatch/2 + int(binary.BigEndian.Uint16(sum[:]))%(MaxBatch/2)
}

func (in *Intake) imported(ctx context.Context, id [32]byte) (done int, err error) {
	err = in.db.View(ctx, func(tx *db.Tx) error {
		_, err := tx.Row("SELECT done FROM import WHERE sha=$1", []any{id[:]}, &done)
		return err
	})
	return done, err
}

func (rep *Report) count(results []Result) {
	for _, r := range results {
		switch {
		case r.Outcome == Unchanged:
			rep.Unchanged++
		case r.Outcome == Disputed:
			rep.Disputed++
		case r.Outcome == Foreign:
			rep.Foreign++
		default:
			rep.Accepted++
		}
		if r.Quarantined != "" {
			rep.Quarantined++
		}
	}
}

func (rep *Report) refuse(item stix.Item, err error) {
	r := Refusal{ID: item.ID, Line: item.Line, Why: err.Error()}
	var gate *stix.GateError
	var problem stix.Problem
	switch {
	case errors.As(err, &gate):
		r.Path = gate.Path
	case errors.As(err, &problem):
		r.Path = problem.Path
	}
	if r.ID == "" && item.Object != nil {
		r.ID = string(item.Object.ID())
	}
	rep.Refused = append(rep.Refused, r)
}
