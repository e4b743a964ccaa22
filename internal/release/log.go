package release

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"slices"

	"entente/internal/db"
	"entente/internal/journal"
	"entente/internal/store"
	"entente/ledger"
	"entente/stix"
)

// Act is what the ledger keeps of what entered or left a view together.
type Act struct {
	View      string `json:"view"` // the collection's id
	Partner   string `json:"partner"`
	Agreement string `json:"agreement,omitempty"`
	Purpose   string `json:"purpose,omitempty"`
	Epoch     string `json:"epoch,omitempty"` // what decided; the table epoch holds it in full
	First     int64  `json:"first"`
	Count     int    `json:"count"`
}

// Item is what the ledger keeps of one object in an Act.
type Item struct {
	No      int64   `json:"no"`
	ID      stix.ID `json:"id"`
	Version string  `json:"version,omitempty"`
	SHA     string  `json:"sha256"`
	Rule    string  `json:"rule,omitempty"` // the one rule of the agreement that the release rests on
	At      int64   `json:"at,omitempty"`   // date_added, microseconds since 1970; 0 where it left
}

// Facts are the bytes that the ledger commits to.
func (i Item) Facts() []byte {
	b, err := json.Marshal(i)
	if err != nil {
		panic(err) // strings and a number
	}
	return b
}

// write gives subs the next numbers of a view, in the order given, and notes it.
func (e *Engine) write(tx *db.Tx, v *View, kind string, subs []*store.Submission) error {
	return e.writeAt(tx, v, kind, subs, e.now().UnixMicro())
}

// writeAt is write at a given time, or later where the view is later already.
func (e *Engine) writeAt(tx *db.Tx, v *View, kind string, subs []*store.Submission, at int64) error {
	if len(subs) == 0 {
		return nil
	}
	act := Act{View: v.Collection, Partner: v.Partner, Agreement: v.Agreement, Purpose: v.Purpose, First: v.next, Count: len(subs)}
	if v.Kind == Subscription {
		act.Epoch = hex.EncodeToString(v.now[:])
	}
	at = max(at, v.last+1)
	items, err := e.items(tx, v, subs, at)
	if err != nil {
		return err
	}
	facts := make([][]byte, len(items))
	for i, item := range items {
		facts[i] = item.Facts()
	}
	entry, err := e.journal.Note(tx, kind, act, facts)
	if err != nil {
		return err
	}
	var rows []any
	for i := 0; i < len(subs); {
		n := 1
		for i+n < len(subs) && subs[i+n].Class == subs[i].Class && subs[i+n].Place == subs[i].Place+int64(n) {
			n++
		}
		rows = append(rows, v.N, v.next+int64(i), n, int64(subs[i].Class), subs[i].Place, at+int64(i), int64(entry), i+1, items[i].Rule)
		i += n
	}
	if err := tx.Insert("INSERT INTO released(view,first,count,class,place,at,entry,item,rule)", "", 9, rows); err != nil {
		return err
	}
	if err := e.replace(tx, v, subs); err != nil {
		return err
	}
	v.next += int64(len(subs))
	v.last = at + int64(len(subs)) - 1
	bits := e.bits(v)
	tx.AfterCommit(func() {
		for _, s := range subs {
			bits.set(s.Object)
		}
	})
	_, err = tx.Exec("UPDATE view SET next=$1, last=$2 WHERE n=$3", v.next, v.last, v.N)
	return err
}

func (e *Engine) items(tx *db.Tx, v *View, subs []*store.Submission, at int64) ([]Item, error) {
	items := make([]Item, len(subs))
	for i, s := range subs {
		if s.ID == "" {
			id, err := e.store.Identifier(tx, s.Object)
			if err != nil {
				return nil, err
			}
			s.ID = id
		}
		items[i] = Item{No: v.next + int64(i), ID: s.ID, Version: s.Version, SHA: hex.EncodeToString(s.SHA[:]), At: at + int64(i)}
		if v.Kind == Subscription {
			verdict, err := e.verdict(tx, v, s.Class)
			if err != nil {
				return nil, err
			}
			items[i].Rule = verdict.Permit
		}
	}
	return items, nil
}

// Said says again what the items of a ledger entry of this room were, as far as
// the log still has them, given the facts that are common to them. What two rows
// of the log claim, and what a row of another view claims, is not said.
func (e *Engine) Said(tx *db.Tx, n journal.Entry, facts []byte) (map[int][]byte, error) {
	var act Act
	if err := json.Unmarshal(facts, &act); err != nil {
		return nil, nil // the entry's own commitment will not match
	}
	said := map[int][]byte{}
	err := tx.Rows(`SELECT r.item+p.place-r.place, `+number+`, r.at+p.place-r.place, o.id, s.version, s.sha, r.rule
		FROM released r CROSS JOIN view v CROSS JOIN place p CROSS JOIN submission s CROSS JOIN object o
		WHERE r.entry=$1 AND v.n=r.view AND v.collection=$2 AND p.class=r.class AND p.place>=r.place AND p.place<r.place+r.count AND s.seq=p.seq AND o.n=s.object`,
		[]any{int64(n), act.View}, func(scan func(...any) error) error {
			var item int
			var x Item
			var sha []byte
			if err := scan(&item, &x.No, &x.At, &x.ID, &x.Version, &sha, &x.Rule); err != nil {
				return err
			}
			x.SHA = hex.EncodeToString(sha)
			if _, twice := said[item]; twice {
				said[item] = nil
				return nil
			}
			said[item] = x.Facts()
			return nil
		})
	return said, err
}

// replace marks, for every object of subs of which the view has several
// versions, all numbers but that of the latest. It runs once subs are in.
func (e *Engine) replace(tx *db.Tx, v *View, subs []*store.Submission) error {
	seen := map[store.Object]int{}
	for _, s := range subs {
		seen[s.Object]++
	}
	var rows []any
	for _, s := range subs {
		if s.New && seen[s.Object] == 1 {
			continue
		}
		all, err := e.shown(tx, v, s.Object)
		if err != nil {
			return err
		}
		if len(all) < 2 {
			continue
		}
		newest := latest(all)
		for _, other := range all {
			if other.no != newest.no {
				rows = append(rows, v.N, other.no)
			}
		}
	}
	return tx.Insert("INSERT INTO replaced(view,no)", " ON CONFLICT DO NOTHING", 2, rows)
}

// latest is the one that is shown by default: the newest version in the newest
// specification that the object has.
func latest(all []shown) shown {
	return slices.MaxFunc(all, func(a, b shown) int { return cmp.Or(cmp.Compare(a.spec, b.spec), byAge(a, b)) })
}

// byAge orders versions by time. Of two that name the same time in different ways
// the one that the view got later is the later, so that the order is always one.
func byAge(a, b shown) int {
	return cmp.Or(stix.CompareVersions(a.version, b.version), cmp.Compare(a.no, b.no))
}

// maxAct bounds the objects of one ledger entry.
const maxAct = ledger.MaxItems

// Append shows submissions of a partner in its inbox, unless they are there.
func (e *Engine) Append(tx *db.Tx, inbox *View, subs []*store.Submission) error {
	subs, err := e.missing(tx, inbox, subs)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(subs, maxAct) {
		if err := e.write(tx, inbox, "inbox", part); err != nil {
			return err
		}
	}
	return nil
}

// AppendAt shows one submission in a view as if it had been added at a given
// time, in microseconds. For probes.
func (e *Engine) AppendAt(tx *db.Tx, v *View, s *store.Submission, at int64) error {
	return e.writeAt(tx, v, "inbox", []*store.Submission{s}, at)
}

// missing leaves those of which a view does not show the version yet.
func (e *Engine) missing(tx *db.Tx, v *View, subs []*store.Submission) (out []*store.Submission, err error) {
	type key struct {
		o       store.Object
		version string
	}
	seen := map[key]bool{}
	for _, s := range subs {
		k := key{s.Object, s.Version}
		there := seen[k]
		seen[k] = true
		if !s.New && !there {
			all, err := e.shown(tx, v, s.Object)
			if err != nil {
				return nil, err
			}
			there = slices.ContainsFunc(all, func(x shown) bool { return x.version == s.Version })
		}
		if !there {
			out = append(out, s)
		}
	}
	return out, nil
}
