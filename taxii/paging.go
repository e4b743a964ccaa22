package taxii

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ErrLoop says that a server sends the same page again and again, or says that
// there is more and gives no way to get it. What was delivered before is good.
var ErrLoop = errors.New("taxii: the server does not let us page on")

const (
	maxStale  = 1000    // pages in a row with nothing new before ErrLoop
	maxIdle   = 3       // empty pages in a row that lead to themselves
	maxBoost  = 10_000  // limit asked at most to get over many objects of one date
	minLimit  = 100     // below this a refused limit is not the reason
	dedupeGen = 1 << 16 // objects in one generation of dedupe
)

// ObjectPage is what one answer brought that was new.
type ObjectPage struct {
	Objects []json.RawMessage // verbatim slices of the answer; do not modify
	// Last is the date_added of the last object, zero if the server did not say.
	// To go on another day, ask with AddedAfter just before it and drop what is
	// known: some servers give many objects one date.
	Last time.Time
}

// Pages reads a collection, or with q.Object one object, page by page, oldest
// first (TAXII 2.1 §5.4, §5.6). Of q the fields After and Bodies have no meaning
// here. Nothing is delivered twice, as far as 65,536 objects back. It follows
// next where there is one and added_after where there is not, asks again with an
// overlap so that objects of one date are not lost between pages, asks for less
// when pages are refused or too long, and ends after the first error it yields.
func (c *Client) Pages(ctx context.Context, root, collection string, q Query) iter.Seq2[ObjectPage, error] {
	path := []string{"collections", collection, "objects"}
	if q.Object != "" {
		path = append(path, q.Object)
	}
	return c.pages(ctx, root, path, "objects", q)
}

// Objects reads like Pages, object by object.
func (c *Client) Objects(ctx context.Context, root, collection string, q Query) iter.Seq2[json.RawMessage, error] {
	return each(c.Pages(ctx, root, collection, q), func(raw json.RawMessage) (json.RawMessage, error) { return raw, nil })
}

// Manifest reads the manifest of a collection like Pages (§5.3).
func (c *Client) Manifest(ctx context.Context, root, collection string, q Query) iter.Seq2[ManifestRecord, error] {
	pages := c.pages(ctx, root, []string{"collections", collection, "manifest"}, "objects", q)
	return each(pages, parsed[ManifestRecord])
}

// Versions reads the versions of one object like Pages (§5.8).
func (c *Client) Versions(ctx context.Context, root, collection, object string, q Query) iter.Seq2[string, error] {
	q.Object = object
	pages := c.pages(ctx, root, []string{"collections", collection, "objects", object, "versions"}, "versions", q)
	return each(pages, parsed[string])
}

func parsed[T any](raw json.RawMessage) (v T, err error) {
	if err = json.Unmarshal(raw, &v); err != nil {
		err = fmt.Errorf("taxii: %.100q in a list: %w", raw, err)
	}
	return v, err
}

func each[T any](pages iter.Seq2[ObjectPage, error], read func(json.RawMessage) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for p, err := range pages {
			for _, raw := range p.Objects {
				v, err := read(raw)
				if !yield(v, err) || err != nil {
					return
				}
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
		}
	}
}

func (c *Client) pages(ctx context.Context, root string, path []string, list string, q Query) iter.Seq2[ObjectPage, error] {
	return func(yield func(ObjectPage, error) bool) {
		u, err := c.at(root, path...)
		if err != nil {
			yield(ObjectPage{}, err)
			return
		}
		p := &pager{c: c, url: u, list: list, q: q, limit: q.Limit, after: q.AddedAfter, seenPages: map[[16]byte]bool{}}
		p.seen.init()
		for !p.done {
			fresh, err := p.step(ctx)
			if err != nil {
				yield(ObjectPage{}, err)
				return
			}
			if len(fresh) > 0 && !yield(ObjectPage{Objects: fresh, Last: p.last}, nil) {
				return
			}
			if p.err != nil {
				yield(ObjectPage{}, p.err)
				return
			}
		}
	}
}

// pager walks through one listing. It belongs to one goroutine.
type pager struct {
	c    *Client
	url  *url.URL
	list string
	q    Query
	done bool
	err  error // to be given after what has come

	next  string    // to be sent; empty when going by date
	soft  bool      // next came without more: the end is no surprise
	after time.Time // added_after to be sent
	limit int       // to be sent; 0: none
	last  time.Time // greatest date_added of a page end

	byDate  bool // the coming answer overlaps what is known
	exact   bool // the coming answer begins exactly after last
	boost   int  // limit raised to get over one date
	count   int  // items in the last answer
	largest int  // items in the longest answer so far
	stale   int  // answers in a row that brought nothing new
	mended  int  // errors in a row that were got round

	seen      dedupe
	seenPages map[[16]byte]bool
}

// step asks once and returns what is new.
func (p *pager) step(ctx context.Context) ([]json.RawMessage, error) {
	a, err := p.c.ask(ctx, http.MethodGet, p.address(), nil)
	if err != nil {
		return nil, p.recover(err)
	}
	got, err := split(a.body, p.list)
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, p.url.Redacted())
	}
	if t, err := time.Parse(time.RFC3339Nano, a.header.Get("X-TAXII-Date-Added-Last")); err == nil && t.After(p.last) {
		p.last, p.boost = t.UTC(), 0
	}
	p.count, p.largest = len(got.items), max(p.largest, len(got.items))
	fresh := p.seen.fresh(got.items)
	if len(fresh) > 0 {
		p.stale, p.mended = 0, 0
	} else if p.stale++; p.stale > maxStale {
		return nil, fmt.Errorf("%w: %d pages in a row with nothing new", ErrLoop, p.stale)
	}
	// What came is good even if there is no way on: the error follows it.
	p.err = p.decide(got, fresh)
	return fresh, nil
}

// decide says how to go on after an answer.
func (p *pager) decide(got page, fresh []json.RawMessage) error {
	switch {
	case len(got.items) > 0 && len(fresh) == 0 && !p.byDate && p.soft:
		p.done = true // next without more led to what we have
		return nil
	case got.next == "" && !got.more, got.next != "" && !got.more && len(got.items) == 0:
		p.done = true
		return nil
	case got.next == "":
		return p.goByDate(got, fresh)
	}
	if len(got.items) > 0 {
		id := pageID(got.items)
		if !p.byDate && p.seenPages[id] {
			return fmt.Errorf("%w: it sent the same page twice (%s)", ErrLoop, p.url.Redacted())
		}
		p.seenPages[id] = true
	} else if got.next == p.next && p.stale > maxIdle {
		return fmt.Errorf("%w: an empty page leads to itself (%s)", ErrLoop, p.url.Redacted())
	}
	p.next, p.soft, p.byDate, p.exact = got.next, !got.more, false, false
	return nil
}

// goByDate goes on from the last date when there is more but no next. It asks
// from just before that date, since objects that share it may have been cut off,
// and relies on the duplicates being dropped.
func (p *pager) goByDate(got page, fresh []json.RawMessage) error {
	if p.last.IsZero() {
		return fmt.Errorf("%w: it says more, but gives neither next nor X-TAXII-Date-Added-Last", ErrLoop)
	}
	p.next, p.soft = "", false
	if len(fresh) > 0 || !p.byDate {
		p.overlap()
		return nil
	}
	// Nothing new, yet more: either a date with more objects than fit on a page,
	// or a server that always says more.
	raised := max(p.boost, p.limit, p.count) * 2
	switch {
	case p.exact:
		p.done = true // after the last date there is nothing
	case p.count > 0 && raised <= maxBoost && (p.boost == 0 || p.count >= p.boost):
		p.boost = raised
	default:
		return p.leave()
	}
	return nil
}

// overlap asks again from just before the last date.
func (p *pager) overlap() {
	p.byDate, p.exact = true, false
	if t := p.last.Add(-time.Microsecond); t.After(p.q.AddedAfter) {
		p.after = t
	}
}

// leave goes on after the last date, provided that nothing more can be there:
// the server has put more on a page before than it has of this date.
func (p *pager) leave() error {
	if p.count > 0 && p.count >= p.largest {
		return fmt.Errorf("%w: more than %d objects added at %s and no next", ErrLoop, p.count, NewTime(p.last))
	}
	p.after, p.exact, p.boost = p.last, true, 0
	return nil
}

// recover finds a way round an error of the server, or gives it back.
func (p *pager) recover(err error) error {
	var e *Error
	var big *oversizeError
	p.mended++
	limit := max(p.boost, p.limit)
	switch {
	case errors.As(err, &big):
		if limit == 1 {
			return err
		}
		if p.boost, p.limit = 0, limit/2; limit == 0 {
			p.limit = minLimit
		}
		return nil
	case !errors.As(err, &e):
		return err
	case p.soft && (e.Code() == http.StatusBadRequest || e.Code() == http.StatusNotFound):
		p.done = true // next without more was no way on
		return nil
	case e.Code() != http.StatusBadRequest && e.Code() != http.StatusRequestEntityTooLarge:
		return err
	case p.boost > 0: // it was asked for more than it gives
		return p.leave()
	case p.next != "" && !p.last.IsZero() && p.mended == 1: // a cursor that has run out
		p.next = ""
		clear(p.seenPages)
		p.overlap()
		return nil
	case p.limit > minLimit:
		p.limit = max(p.limit/2, minLimit)
		return nil
	}
	return err
}

// address is the URL of the coming request.
func (p *pager) address() *url.URL {
	v := url.Values{}
	list := func(name string, values []string) {
		if len(values) > 0 {
			v.Set("match["+name+"]", strings.Join(values, ","))
		}
	}
	list("id", p.q.IDs)
	list("type", p.q.Types)
	list("spec_version", p.q.SpecVersions)
	list("version", p.q.Versions.values())
	if !p.after.IsZero() {
		v.Set("added_after", NewTime(p.after).String())
	}
	if n := max(p.boost, p.limit); n > 0 {
		v.Set("limit", strconv.Itoa(n))
	}
	if p.next != "" {
		v.Set("next", p.next)
	}
	u := *p.url
	u.RawQuery = v.Encode()
	return &u
}

// values lists the match in the words of the standard (§3.4.1).
func (m VersionMatch) values() []string {
	if m.All {
		return []string{"all"}
	}
	var out []string
	if m.First {
		out = append(out, "first")
	}
	if m.Last {
		out = append(out, "last")
	}
	return append(out, m.Exact...)
}

// dedupe remembers the last items, between one and two generations of them.
type dedupe struct{ now, before map[[16]byte]bool }

func (d *dedupe) init() { d.now = map[[16]byte]bool{} }

// fresh returns the items not seen before and remembers them.
func (d *dedupe) fresh(items []json.RawMessage) []json.RawMessage {
	var out []json.RawMessage
	for _, item := range items {
		sum := sha256.Sum256(item)
		id := [16]byte(sum[:16])
		if d.now[id] || d.before[id] {
			continue
		}
		if len(d.now) >= dedupeGen {
			d.now, d.before = map[[16]byte]bool{}, d.now
		}
		d.now[id] = true
		out = append(out, item)
	}
	return out
}

// pageID is a hash over all items of a page.
func pageID(items []json.RawMessage) [16]byte {
	h := sha256.New()
	for _, item := range items {
		sum := sha256.Sum256(item)
		h.Write(sum[:])
	}
	return [16]byte(h.Sum(nil)[:16])
}
