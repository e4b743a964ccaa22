package db

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func open(t *testing.T) *DB {
	t.Helper()
	d, err := Open(context.Background(), filepath.Join(t.TempDir(), "node.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func count(t *testing.T, d *DB) (n int) {
	t.Helper()
	err := d.View(t.Context(), func(tx *Tx) error {
		_, err := tx.Row("SELECT count(*) FROM counter WHERE name LIKE 't%'", nil, &n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestUpdateCommitsOrNothing(t *testing.T) {
	d := open(t)
	insert := func(tx *Tx, name string) error {
		return tx.Insert("INSERT INTO counter(name,n)", "", 2, []any{name, 1})
	}
	if err := d.Update(t.Context(), func(tx *Tx) error { return insert(tx, "t1") }); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	ran := false
	err := d.Update(t.Context(), func(tx *Tx) error {
		tx.AfterCommit(func() { ran = true })
		if err := insert(tx, "t2"); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) || ran {
		t.Fatalf("err = %v, after-commit ran = %v; want boom and no", err, ran)
	}
	func() {
		defer func() { recover() }()
		d.Update(t.Context(), func(tx *Tx) error { insert(tx, "t3"); panic("x") })
	}()
	if n := count(t, d); n != 1 {
		t.Fatalf("%d rows, want the committed one only", n)
	}
}

func TestViewSeesOneState(t *testing.T) {
	d := open(t)
	err := d.View(t.Context(), func(tx *Tx) error {
		var before, after int
		if _, err := tx.Row("SELECT count(*) FROM counter", nil, &before); err != nil {
			return err
		}
		err := d.Update(t.Context(), func(w *Tx) error {
			_, err := w.Exec("INSERT INTO counter(name,n) VALUES ('t',1)")
			return err
		})
		if err != nil {
			return err
		}
		if _, err := tx.Row("SELECT count(*)  FROM counter", nil, &after); err != nil {
			return err
		}
		if before != after {
			t.Errorf("a reader saw %d rows, then %d", before, after)
		}
		if _, err := tx.Exec("DELETE FROM counter"); err == nil {
			t.Error("a reader could write")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Four writers draw numbers from the counter; whoever reads sees them without
// a gap, because the counter's lock is held until commit.
func TestCommitOrderIsCounterOrder(t *testing.T) {
	d := open(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				err := d.Update(t.Context(), func(tx *Tx) error {
					var n int
					if _, err := tx.Row("UPDATE counter SET n=n+1 WHERE name='submission' RETURNING n", nil, &n); err != nil {
						return err
					}
					_, err := tx.Exec("INSERT INTO body(n,bytes) VALUES ($1,$2)", n, []byte("x"))
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 100 {
			var n, top int
			d.View(t.Context(), func(tx *Tx) error {
				_, err := tx.Row("SELECT count(*), coalesce(max(n),0) FROM body", nil, &n, &top)
				return err
			})
			if n != top {
				t.Errorf("saw %d rows up to number %d", n, top)
			}
		}
	})
	wg.Wait()
}

func TestMigrateAgainAndNewer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	for range 2 {
		d, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
	}
	d, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	d.Update(t.Context(), func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO migration VALUES ('migrations/9999_future.sql')")
		return err
	})
	d.Close()
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "newer entente") {
		t.Fatalf("a database from the future was opened: %v", err)
	}
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "no", "node.db")); err == nil || !strings.Contains(err.Error(), "entente init") {
		t.Fatalf("a missing folder: %v", err)
	}
}

// A parameter is the one that its number says, in whatever order they stand.
func TestParametersByNumber(t *testing.T) {
	d := open(t)
	err := d.View(t.Context(), func(tx *Tx) error {
		var a, b, c string
		_, err := tx.Row("SELECT $3, $1, $2 WHERE $2='two'", []any{"one", "two", "three"}, &c, &a, &b)
		if a != "one" || b != "two" || c != "three" {
			t.Errorf("got %q, %q, %q", a, b, c)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A scratch database is the same in everything but what a power cut leaves of it.
func TestScratch(t *testing.T) {
	for name, f := range map[string]struct {
		open func(context.Context, string) (*DB, error)
		want int
	}{"full": {Open, 2}, "off": {OpenScratch, 0}} {
		d, err := f.open(t.Context(), filepath.Join(t.TempDir(), "node.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		err = d.Update(t.Context(), func(tx *Tx) error {
			var got int
			if _, err := tx.Row("PRAGMA synchronous", nil, &got); err != nil {
				return err
			}
			if got != f.want {
				t.Errorf("%s: synchronous is %d, want %d", name, got, f.want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestParams(t *testing.T) {
	if got := Params(2, 3); got != "($1,$2,$3),($4,$5,$6)" {
		t.Fatal(got)
	}
}

// Closing leaves one whole file behind; what comes later is told, not left waiting.
func TestClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.db")
	d, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.View(t.Context(), func(*Tx) error { return nil }); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a closed database answered: %v", err)
	}
	if _, err := os.Stat(path + "-wal"); err == nil {
		t.Error("the log was left beside the file")
	}
}
