package release

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"

	"entente/internal/db"
	"entente/internal/journal"
	"entente/internal/store"
	"entente/stix"
)

// Filter is a question about one view. The zero Filter asks for the latest
// version of everything.
type Filter struct {
	After      int64 // numbers above this
	AddedAfter int64 // released later than this, microseconds; 0: no bound
	Limit      int   // most objects wanted, at least 1
	Objects    []stix.ID
	Types      []string
	Specs      []string // nil: the newest specification of each object
	Versions   Versions
	Bodies     bool // whether Bytes is wanted
	BytesOnly  bool // for a file that carries nothing beside the bytes: only what says itself all that its label says
}

// Versions selects versions of an object. The zero value selects the latest.
type Versions struct {
	All, First, Last bool
	Exact            []string
}

// Released is an object as a view shows it.
type Released struct {
	No      int64 // its number in the view
	ID      stix.ID
	Type    string
	Version string
	Spec    string
	At      int64 // date_added, microseconds
	SHA     [32]byte
	Class   store.Class
	Rule    string   // the rule of the agreement that its release rests on
	Obliges []string // what the release entails for the partner
	Seq     store.Seq
	Entry   journal.Entry // where the ledger has it
	Item    int           // which item of the entry
	Bytes   Bytes         // empty unless asked for
}

// maxScan bounds the objects that one question may look at; where a filter
// leaves few of many, the answer says that there may be more and where to go on.
const maxScan = 20_000

// maxPage is the size of the pages that are usual at most: room for more is made
// when it is needed.
const maxPage = 1001

// maxBytes bounds the bodies of one page, so that a page of large objects does
// not fill the memory; it ends early instead, after one object at least.
const maxBytes = 32 << 20

// Page answers a question. more says that there is, or may be, more after next.
// A view that is stale shows nothing: see Read.
func (e *Engine) Page(tx *db.Tx, v *View, f Filter) (page []Released, more bool, next int64, err error) {
	if v.Stale() {
		return nil, false, 0, ErrStale
	}
	if f.AddedAfter > 0 {
		if err := e.skip(tx, v, &f); err != nil {
			return nil, false, 0, err
		}
	}
	next = f.After
	for scanned := 0; scanned < maxScan; {
		want := f.Limit - len(page) + 1
		rows, full, err := e.read(tx, v, f, next, want)
		if err != nil {
			return nil, false, 0, err
		}
		scanned += len(rows)
		if page == nil {
			page = make([]Released, 0, min(f.Limit, len(rows)))
		}
		for _, r := range rows {
			keep, err := e.matches(tx, v, f, r)
			if err != nil {
				return nil, false, 0, err
			}
			if keep && len(page) == f.Limit {
				return page, true, next, nil
			}
			if keep {
				page = append(page, r)
			}
			next = r.No
		}
		if full {
			return page, true, next, nil
		}
		if len(rows) < want {
			return page, false, next, nil
		}
	}
	return page, true, next, nil
}

// skip turns a date into the number it stands for.
func (e *Engine) skip(tx *db.Tx, v *View, f *Filter) error {
	var first, count, at int64
	found, err := tx.Row("SELECT first,count,at FROM released WHERE view=$1 AND at<=$2 ORDER BY at DESC LIMIT 1", []any{v.N, f.AddedAfter}, &first, &count, &at)
	if found {
		f.After = max(f.After, first+min(count-1, f.AddedAfter-at))
	}
	return err
}

// read returns rows of the log after a number, with every filter applied that
// the database can apply. full says that it stopped because they are large.
func (e *Engine) read(tx *db.Tx, v *View, f Filter, after int64, limit int) (out []Released, full bool, err error) {
	start := int64(0)
	if _, err := tx.Row("SELECT first FROM released WHERE view=$1 AND first<=$2 ORDER BY first DESC LIMIT 1", []any{v.N, after + 1}, &start); err != nil {
		return nil, false, err
	}
	q, args := query(v, f, start, after, limit)
	size := 0
	var row [13]any
	out = make([]Released, 0, min(limit, maxPage))
	err = tx.Rows(q, args, func(scan func(...any) error) error {
		if size > maxBytes {
			full = true
			return errFull
		}
		out = append(out, Released{})
		r := &out[len(out)-1]
		var sha sql.RawBytes
		into := append(row[:0], &r.No, &r.At, &r.Entry, &r.Item, &r.Rule, &r.Class, &r.Seq, &r.Version, &r.Spec, &sha, &r.ID, &r.Type)
		if f.Bodies {
			into = append(into, &r.Bytes.b)
		}
		if err := scan(into...); err != nil {
			return err
		}
		copy(r.SHA[:], sha)
		size += r.Bytes.Len()
		return nil
	})
	if err != nil && !full {
		return nil, false, err
	}
	out, err = e.judged(tx, v, out)
	return out, full, err
}

var errFull = errors.New("the page is full")

// ErrStale means that something has changed on which a view rests, and that it
// has to be considered anew before it shows anything.
var ErrStale = errors.New("the view is being considered anew")

// Read runs f on one state of the database, and again if it met a stale view,
// once that has been considered.
func (e *Engine) Read(ctx context.Context, d *db.DB, f func(*db.Tx) error) error {
	err := d.View(ctx, f)
	if !errors.Is(err, ErrStale) {
		return err
	}
	if err := d.Update(ctx, e.RefreshIn); err != nil {
		return err
	}
	return d.View(ctx, f)
}

// judged is the last look before the door: what the present epoch does not let
// go is not shown, whatever the log says.
func (e *Engine) judged(tx *db.Tx, v *View, rows []Released) ([]Released, error) {
	if v.Kind != Subscription {
		return rows, nil
	}
	for i := range rows {
		verdict, err := e.verdict(tx, v, rows[i].Class)
		if err != nil {
			return nil, err
		}
		if !verdict.Allow {
			// Cannot be, since the view is not stale; if it is, nothing leaves.
			e.alarm("the log of view " + v.Collection + " holds an object that may not go; run entente doctor")
			return nil, nil
		}
		rows[i].Obliges = verdict.Obligations
	}
	return rows, nil
}

func query(v *View, f Filter, start, after int64, limit int) (string, []any) {
	var q strings.Builder
	args := []any{v.N, start, after}
	param := func(x any) string {
		args = append(args, x)
		return "$" + strconv.Itoa(len(args))
	}
	list := func(n int, at func(int) any) string {
		var p []string
		for i := range n {
			p = append(p, param(at(i)))
		}
		return "(" + strings.Join(p, ",") + ")"
	}
	q.WriteString("SELECT r.first+p.place-r.place, r.at+p.place-r.place, r.entry, r.item+p.place-r.place, r.rule, r.class, s.seq, s.version, s.spec, s.sha, o.id, o.type")
	if f.Bodies {
		q.WriteString(", b.bytes")
	}
	// CROSS JOIN: in this order, the log first, so that a page costs a page.
	// Asked for certain objects, they come first instead.
	if len(f.Objects) > 0 {
		q.WriteString(" FROM object o CROSS JOIN submission s CROSS JOIN place p CROSS JOIN released r")
	} else {
		q.WriteString(" FROM released r CROSS JOIN place p CROSS JOIN submission s CROSS JOIN object o")
	}
	if f.Bodies {
		q.WriteString(" CROSS JOIN body b")
	}
	q.WriteString(" WHERE r.view=$1 AND r.first>=$2 AND p.class=r.class AND p.place<r.place+r.count" +
		" AND p.place>=r.place+CASE WHEN $3>=r.first THEN $3+1-r.first ELSE 0 END AND s.seq=p.seq AND o.n=s.object")
	if f.Bodies {
		q.WriteString(" AND b.n=s.body")
	}
	if len(f.Objects) > 0 {
		q.WriteString(" AND s.object=o.n AND " + inRange + " AND o.id IN " + list(len(f.Objects), func(i int) any { return string(f.Objects[i]) }))
	}
	if len(f.Types) > 0 {
		q.WriteString(" AND o.type IN " + list(len(f.Types), func(i int) any { return f.Types[i] }))
	}
	if len(f.Specs) > 0 {
		q.WriteString(" AND s.spec IN " + list(len(f.Specs), func(i int) any { return f.Specs[i] }))
	}
	if f.latest() {
		q.WriteString(" AND NOT EXISTS (SELECT 1 FROM replaced x WHERE x.view=r.view AND x.no=r.first+p.place-r.place)")
	}
	q.WriteString(" ORDER BY r.first, p.place LIMIT " + param(limit))
	return q.String(), args
}

// latest tells whether only the latest version of each object is wanted, which
// the table replaced answers. With a filter on specifications it does not: the
// latest of those that are left is wanted.
func (f Filter) latest() bool {
	v := f.Versions
	return !v.All && !v.First && len(v.Exact) == 0 && len(f.Specs) == 0
}

// matches applies what the database did not.
func (e *Engine) matches(tx *db.Tx, v *View, f Filter, r Released) (bool, error) {
	if f.BytesOnly {
		if l, err := e.label(tx, r.Class); err != nil || !l.Marked.Is() {
			return false, err
		}
	}
	if f.latest() {
		return true, nil
	}
	if f.Versions.All && len(f.Specs) > 0 {
		return true, nil
	}
	o, err := e.store.Lookup(tx, r.ID)
	if err != nil {
		return false, err
	}
	all, err := e.shown(tx, v, o)
	if err != nil {
		return false, err
	}
	var of []shown // the specifications wanted
	for _, x := range all {
		if f.wantsSpec(x, all) {
			of = append(of, x)
		}
	}
	if !slices.ContainsFunc(of, func(x shown) bool { return x.no == r.No }) {
		return false, nil
	}
	w := f.Versions
	switch {
	case w.All,
		w.First && slices.MinFunc(of, byAge).no == r.No,
		(w.Last || !w.First && len(w.Exact) == 0) && slices.MaxFunc(of, byAge).no == r.No:
		return true, nil
	}
	return slices.ContainsFunc(w.Exact, func(x string) bool { return stix.CompareVersions(x, r.Version) == 0 }), nil
}

// wantsSpec: one of those asked for, or else the newest that the object has.
func (f Filter) wantsSpec(x shown, all []shown) bool {
	if len(f.Specs) > 0 {
		return slices.Contains(f.Specs, x.spec)
	}
	return !slices.ContainsFunc(all, func(y shown) bool { return y.spec > x.spec })
}
