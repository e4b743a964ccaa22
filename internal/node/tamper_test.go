package node

import (
	"errors"
	"fmt"
	"testing"

	"entente/internal/db"
	"entente/internal/release"
	"entente/internal/store"
	"entente/policy"
)

func tool(n int) string {
	return fmt.Sprintf(`{"type":"tool","spec_version":"2.1","id":"tool--00000000-0000-4000-8000-%012d","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":"t%d"}`, n, n)
}

var errRollback = errors.New("rolled back on purpose")

// Each value that a release rests on is altered in turn, in every row: what came
// in, what went out to whom, when and by which rule. The ledger must not agree.
//
// Not covered, since no entry is committed to it: labels (submission.class,
// class), what stands in the way of a submission (state), and what a body is
// taken to refer to (edge). Doctor's other checks look at those.
func TestVerifyNoticesAlteredObjectsAndReleases(t *testing.T) {
	n, _ := newNode(t)
	defer closeNode(t, n)
	seedReleases(t, n)
	if _, err := n.VerifyLedger(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ table, column, key string }{
		{"body", "bytes", "n"}, {"body", "n", "n"},
		{"submission", "seq", "seq"}, {"submission", "object", "seq"}, {"submission", "version", "seq"}, {"submission", "body", "seq"}, {"submission", "sha", "seq"},
		{"object", "id", "n"}, {"object", "n", "n"},
		{"released", "view", "rowkey"}, {"released", "first", "rowkey"}, {"released", "count", "rowkey"}, {"released", "class", "rowkey"}, {"released", "place", "rowkey"},
		{"released", "at", "rowkey"}, {"released", "entry", "rowkey"}, {"released", "item", "rowkey"}, {"released", "rule", "rowkey"},
	} {
		n.alterEach(t, c.table, c.column, c.key)
	}
	for _, stmt := range []string{
		"DELETE FROM released WHERE first=1 AND view=1", "DELETE FROM submission WHERE seq=1", "DELETE FROM body WHERE n=1", "DELETE FROM ledger_item",
		"DELETE FROM place WHERE seq=1",
		// Something nobody accepted, something nobody released.
		"INSERT INTO submission SELECT 99,object,version,spec,sha,body,source,container,class,carried,at,state FROM submission WHERE seq=1",
		"INSERT INTO released SELECT view,first+100,1,class,place+100,at+100,entry,item,rule FROM released WHERE first=1 AND view=1",
		"INSERT INTO released SELECT view,first+100,1,class,place+100,at+100,entry,item+100,rule FROM released WHERE first=1 AND view=1",
		"INSERT INTO released SELECT view,first+100,1,class,place+100,at+100,entry+100,item,rule FROM released WHERE first=1 AND view=1",
	} {
		n.alter(t, stmt)
	}
}

// seedReleases brings objects in and releases them to two partners, one of
// which has an inbox and loses something again.
func seedReleases(t *testing.T, n *Node) {
	t.Helper()
	err := n.DB.Update(t.Context(), func(tx *db.Tx) error {
		for _, p := range []string{"meridian", "clearfeed"} {
			if err := n.Partner.AddClient(tx, p); err != nil {
				return err
			}
			if err := n.Release.SetParty(tx, release.Party{Partner: policy.Partner{ID: p, Country: "XM", Kind: "police", Regime: "safeguards", Level: 2}}); err != nil {
				return err
			}
			if _, err := n.Release.Subscribe(tx, p, "PUBLIC", "verification", false); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for i := 1; i <= 4; i++ {
		texts = append(texts, tool(i))
	}
	bring(t, n, texts...)
	err = n.DB.Update(t.Context(), func(tx *db.Tx) error {
		vs, err := n.Release.Views(tx, "meridian")
		if err != nil {
			return err
		}
		for _, v := range vs {
			if v.Kind == release.Inbox {
				sub, _, err := n.Store.Submission(tx, 1)
				if err != nil {
					return err
				}
				if err := n.Release.Append(tx, v, []*store.Submission{&sub}); err != nil {
					return err
				}
			}
		}
		return n.Intake.TakeBack(tx, 3)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Journal.Sequence(t.Context(), n.DB); err != nil {
		t.Fatal(err)
	}
}

// alterEach changes one column in every row of a table, one row at a time.
func (n *Node) alterEach(t *testing.T, table, column, key string) {
	t.Helper()
	type row struct {
		where string
		value any
	}
	var rows []row
	err := n.DB.View(t.Context(), func(tx *db.Tx) error {
		q := fmt.Sprintf("SELECT %s,%s,0 FROM %s", column, key, table)
		if key == "rowkey" {
			q = fmt.Sprintf("SELECT %s,view,first FROM %s", column, table)
		}
		return tx.Rows(q, nil, func(scan func(...any) error) error {
			var r row
			var a, b int64
			if err := scan(&r.value, &a, &b); err != nil {
				return err
			}
			r.where = fmt.Sprintf("%s=%d", key, a)
			if key == "rowkey" {
				r.where = fmt.Sprintf("view=%d AND first=%d", a, b)
			}
			rows = append(rows, r)
			return nil
		})
	})
	if err != nil || len(rows) == 0 {
		t.Fatalf("%s.%s: %d rows, %v", table, column, len(rows), err)
	}
	for _, r := range rows {
		if table == "object" && !n.cited(t, r.where) {
			continue // only referred to; there is nothing of it
		}
		var changed []any
		switch v := r.value.(type) {
		case int64:
			changed = []any{v + 1, v + 1000}
		case string:
			changed = []any{v + "x"}
			if v != "" {
				changed = append(changed, string([]byte{v[0] ^ 1})+v[1:])
			}
		case []byte:
			for _, at := range []int{0, len(v) / 2, len(v) - 1} {
				c := append([]byte(nil), v...)
				c[at] ^= 1
				changed = append(changed, c)
			}
		}
		for _, c := range changed {
			n.alter(t, fmt.Sprintf("UPDATE %s SET %s=$1 WHERE %s", table, column, r.where), c)
		}
	}
}

func (n *Node) cited(t *testing.T, where string) bool {
	t.Helper()
	var one int
	var found bool
	err := n.DB.View(t.Context(), func(tx *db.Tx) (err error) {
		found, err = tx.Row("SELECT 1 FROM submission WHERE object=(SELECT n FROM object WHERE "+where+")", nil, &one)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (n *Node) alter(t *testing.T, stmt string, args ...any) {
	t.Helper()
	err := n.DB.Update(t.Context(), func(tx *db.Tx) error {
		if _, err := tx.Exec(stmt, args...); err != nil {
			return errRollback // the database itself does not allow it
		}
		if _, err := n.verify(tx); err == nil {
			t.Errorf("%s %.80q: not noticed", stmt, args)
		}
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		t.Fatal(err)
	}
}
