package partner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"entente/internal/access"
	"entente/internal/db"
	"entente/internal/intake"
	"entente/internal/release"
	"entente/label"
	"entente/stix"
	"entente/taxii"
)

// Collections answers TAXII requests. A collection is a view of the partner
// that asks; there is no way to name any other.
type Collections struct {
	room     *Room
	accounts *access.Room // nil on the exchange listener
	server   taxii.Server
	profile  *label.Profile // for what comes in by POST
	posts    chan struct{}  // bounds the bodies that are held in memory at once
	lenient  bool           // of a probe: the gate holds, the rules of the standard are not asked
}

// Options of a view as a collection, kept with the view.
type Options struct {
	Root        string   `json:"root,omitempty"`
	Description string   `json:"description,omitempty"`
	Read        bool     `json:"read"`
	Write       bool     `json:"write"`
	MaxPage     int      `json:"max_page,omitempty"`
	MediaTypes  []string `json:"media_types,omitempty"`
}

// Root is the API root of a node.
const Root = "/shared/"

// maxPost caps what is read of one POST, and with it what is held in memory.
const maxPost = 16 << 20

// maxPosts bounds the posts that are worked on at once; others wait.
const maxPosts = 4

// maxTAXIIPage caps a page however large a limit is asked for.
const maxTAXIIPage = 1000

// TAXII returns the collections for a listener. With accounts, callers show
// credentials that each belong to one partner; without, the partner is the one
// whose key is at the other end.
func (r *Room) TAXII(title string, accounts *access.Room) (*Collections, error) {
	profile, ok := r.profile("partner-delivery")
	if !ok {
		return nil, errors.New("the intake profile partner-delivery is not adopted")
	}
	return &Collections{room: r, accounts: accounts, profile: profile, posts: make(chan struct{}, maxPosts), server: taxii.Server{
		Title: title, Default: Root, Roots: []taxii.Root{{Path: Root, Title: "What is shared with you", MaxContentLength: maxPost}},
	}}, nil
}

// Probe makes the collections those of a probe, with API roots of its own.
func (c *Collections) Probe(s taxii.Server) {
	c.server, c.lenient = s, true
}

type caller struct{ partner string }

// CursorKey binds page cursors to the partner.
func (c caller) CursorKey() string { return c.partner }

// Caller implements taxii.Backend.
func (c *Collections) Caller(req *http.Request) (taxii.Caller, error) {
	if c.accounts == nil {
		p, err := c.room.peer(req.Context(), req.TLS)
		if err != nil {
			return nil, taxii.ErrUnauthorized
		}
		return caller{p.ID}, nil
	}
	a, err := c.account(req)
	if errors.Is(err, access.ErrWrong) || err == nil && a.Partner == "" {
		return nil, taxii.ErrUnauthorized
	}
	if err != nil {
		return nil, err
	}
	return caller{a.Partner}, c.admitted(req.Context(), a.Partner)
}

// admitted: the account of a partner that is suspended opens nothing.
func (c *Collections) admitted(ctx context.Context, id string) error {
	return c.room.db.View(ctx, func(tx *db.Tx) error {
		party, _, err := c.room.release.Party(tx, id)
		if err == nil && party.Suspended {
			err = taxii.ErrUnauthorized
		}
		return err
	})
}

func (c *Collections) account(req *http.Request) (access.Account, error) {
	if name, password, ok := req.BasicAuth(); ok {
		return c.accounts.Password(req.Context(), name, password)
	}
	if scheme, token, ok := strings.Cut(req.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return c.accounts.Token(req.Context(), strings.TrimSpace(token))
	}
	return access.Account{}, access.ErrWrong
}

// Server implements taxii.Backend.
func (c *Collections) Server(context.Context, taxii.Caller) (taxii.Server, error) {
	return c.server, nil
}

// Collections implements taxii.Backend: the plain subscriptions of the caller
// and its inbox.
func (c *Collections) Collections(ctx context.Context, who taxii.Caller, root string) ([]taxii.Collection, error) {
	var out []taxii.Collection
	err := c.room.db.View(ctx, func(tx *db.Tx) error {
		views, err := c.room.release.Views(tx, who.CursorKey())
		if err != nil {
			return err
		}
		for _, v := range views {
			o, err := options(v)
			if err != nil {
				return err
			}
			if o.Root != root || v.Carriage != release.CarriagePlain {
				continue
			}
			out = append(out, taxii.Collection{ID: v.Collection, Title: v.Title, Description: o.Description, Alias: v.Alias,
				CanRead: o.Read, CanWrite: o.Write, MediaTypes: o.MediaTypes})
		}
		return nil
	})
	return out, err
}

func options(v *release.View) (Options, error) {
	if v.Options == "" {
		return Options{Root: Root, Read: true, Write: v.Kind == release.Inbox}, nil
	}
	var o Options
	return o, strict([]byte(v.Options), &o)
}

// view finds a collection of the caller.
func (c *Collections) view(tx *db.Tx, who taxii.Caller, root, collection string) (*release.View, Options, error) {
	v, err := c.room.release.View(tx, who.CursorKey(), collection)
	if err != nil {
		return nil, Options{}, err
	}
	if v == nil || v.Carriage != release.CarriagePlain {
		return nil, Options{}, taxii.ErrNotFound
	}
	o, err := options(v)
	if err == nil && o.Root != root {
		err = taxii.ErrNotFound
	}
	return v, o, err
}

// List implements taxii.Backend.
func (c *Collections) List(ctx context.Context, who taxii.Caller, root, collection string, q taxii.Query) (taxii.Page, error) {
	var page taxii.Page
	err := c.room.release.Read(ctx, c.room.db, func(tx *db.Tx) error {
		v, o, err := c.view(tx, who, root, collection)
		if err != nil {
			return err
		}
		f := filter(q, o)
		items, more, next, err := c.room.release.Page(tx, v, f)
		if err != nil {
			return err
		}
		if len(items) == 0 && q.Object != "" {
			if err := c.visible(tx, v, q.Object); err != nil {
				return err
			}
		}
		page = taxii.Page{More: more, Next: next, Records: make([]taxii.Record, len(items))}
		for i, it := range items {
			page.Records[i] = record(it, q.Bodies)
		}
		return nil
	})
	return page, err
}

// visible: an object of which the caller sees nothing does not exist.
func (c *Collections) visible(tx *db.Tx, v *release.View, object string) error {
	all, _, _, err := c.room.release.Page(tx, v, release.Filter{Objects: []stix.ID{stix.ID(object)}, Versions: release.Versions{All: true}, Specs: allSpecs, Limit: 1})
	if err == nil && len(all) == 0 {
		err = taxii.ErrNotFound
	}
	return err
}

var allSpecs = []string{"2.0", "2.1"}

func filter(q taxii.Query, o Options) release.Filter {
	f := release.Filter{
		After: q.After, Types: q.Types, Specs: q.SpecVersions, Bodies: q.Bodies,
		Versions: release.Versions{All: q.Versions.All, First: q.Versions.First, Last: q.Versions.Last, Exact: q.Versions.Exact},
	}
	for _, v := range q.Versions.Exact {
		if stix.CompareVersions(v, unversioned) == 0 {
			f.Versions.Exact = append(slices.Clip(f.Versions.Exact), "")
		}
	}
	if !q.AddedAfter.IsZero() {
		f.AddedAfter = q.AddedAfter.UnixMicro()
	}
	for _, id := range q.IDs {
		f.Objects = append(f.Objects, stix.ID(id))
	}
	if q.Object != "" {
		f.Objects = []stix.ID{stix.ID(q.Object)}
	}
	most := maxTAXIIPage
	if o.MaxPage > 0 {
		most = min(most, o.MaxPage)
	}
	f.Limit = most
	if q.Limit > 0 {
		f.Limit = min(q.Limit, most)
	}
	return f
}

// unversioned is the version that is given for objects that have none, most
// observables among them (TAXII 2.1 §5.3.1).
const unversioned = "1970-01-01T00:00:00.000Z"

func versionOf(stated string) string {
	if stated == "" {
		return unversioned
	}
	return stated
}

func record(it release.Released, body bool) taxii.Record {
	r := taxii.Record{Position: it.No, ID: string(it.ID), Type: it.Type, Version: versionOf(it.Version), SpecVersion: it.Spec, DateAdded: time.UnixMicro(it.At).UTC()}
	if it.Spec != "2.1" {
		r.MediaType = "application/stix+json;version=" + it.Spec
	}
	if body {
		r.Body = it.Bytes
	}
	return r
}

// Add implements taxii.Backend: what a partner posts goes to its inbox, after
// the same gate as everything else.
func (c *Collections) Add(ctx context.Context, who taxii.Caller, root, collection string, body io.Reader, _ int64) (taxii.Status, error) {
	select {
	case c.posts <- struct{}{}:
		defer func() { <-c.posts }()
	case <-ctx.Done():
		return taxii.Status{}, taxii.ErrUnavailable
	}
	status := taxii.Status{Status: taxii.StatusComplete, RequestTimestamp: taxii.Time{Time: c.room.now().UTC()}}
	batch, err := c.read(body, &status)
	if err != nil {
		return status, err
	}
	if len(batch) == 0 {
		return status, taxii.ErrUnusable
	}
	id, err := uuid.NewRandomFromReader(c.room.random)
	if err != nil {
		return status, err
	}
	status.ID = id.String()
	src := intake.Source{Partner: who.CursorKey(), Agreement: "", Profile: c.profile}
	for part := range slices.Chunk(batch, intake.MaxBatch) {
		_, err := c.room.intake.Accept(ctx, src, intake.Container{Kind: "taxii", Ref: status.ID}, part, func(tx *db.Tx, results []intake.Result) error {
			v, _, err := c.view(tx, who, root, collection)
			if err != nil {
				return err
			}
			for _, a := range part {
				// Whatever else is known of these objects is no business of the caller's.
				status.Successes = append(status.Successes, taxii.StatusDetail{ID: string(a.Object.ID()), Version: versionOf(a.Object.Version())})
			}
			if err := c.room.intake.Show(tx, v, results); err != nil {
				return err
			}
			return c.keep(tx, who, &status)
		})
		if err != nil {
			return status, err
		}
	}
	return status, nil
}

// read takes the whole body in before anything of it is kept.
func (c *Collections) read(body io.Reader, status *taxii.Status) ([]intake.Arrival, error) {
	var batch []intake.Arrival
	rd := stix.NewReader(body)
	for {
		item, err := rd.Next()
		if errors.Is(err, io.EOF) {
			return batch, nil
		}
		if errors.Is(err, taxii.ErrTooLarge) {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", taxii.ErrUnusable, err)
		}
		o, err := item.Object, item.Err
		if err == nil && !c.lenient {
			err = intake.Valid(o)
		}
		if err != nil {
			status.Failures = append(status.Failures, taxii.StatusDetail{ID: failureID(item, len(status.Failures)), Version: failureVersion(o), Message: err.Error()})
			continue
		}
		batch = append(batch, intake.Arrival{Object: o})
	}
}

func failureID(item stix.Item, n int) string {
	if item.ID != "" {
		return item.ID
	}
	return fmt.Sprintf("object %d of the envelope", item.Index+1)
}

func failureVersion(o *stix.Object) string {
	if o == nil {
		return ""
	}
	return versionOf(o.Version())
}

// statusFor is how long a status can be asked for; the standard wants a day.
const statusFor = 48 * time.Hour

func (c *Collections) keep(tx *db.Tx, who taxii.Caller, s *taxii.Status) error {
	s.SuccessCount, s.FailureCount, s.PendingCount = len(s.Successes), len(s.Failures), len(s.Pendings)
	s.TotalCount = s.SuccessCount + s.FailureCount + s.PendingCount
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	now := c.room.now()
	if _, err := tx.Exec("DELETE FROM taxii_status WHERE until<$1", now.UnixMicro()); err != nil {
		return err
	}
	_, err = tx.Exec("INSERT INTO taxii_status(id,partner,body,until) VALUES ($1,$2,$3,$4) ON CONFLICT (id) DO UPDATE SET body=excluded.body",
		s.ID, who.CursorKey(), string(text), now.Add(statusFor).UnixMicro())
	return err
}

// Status implements taxii.Backend.
func (c *Collections) Status(ctx context.Context, who taxii.Caller, _, id string) (taxii.Status, error) {
	var s taxii.Status
	err := c.room.db.View(ctx, func(tx *db.Tx) error {
		var text []byte
		found, err := tx.Row("SELECT body FROM taxii_status WHERE id=$1 AND partner=$2 AND until>=$3", []any{id, who.CursorKey(), c.room.now().UnixMicro()}, &text)
		if err != nil {
			return err
		}
		if !found {
			return taxii.ErrNotFound
		}
		return json.Unmarshal(text, &s)
	})
	return s, err
}

// Delete implements taxii.Backend: what a partner brought it may take back. The
// record that it was here stays.
func (c *Collections) Delete(ctx context.Context, who taxii.Caller, root, collection, object string, q taxii.Query) error {
	return c.room.db.Update(ctx, func(tx *db.Tx) error {
		v, o, err := c.view(tx, who, root, collection)
		if err != nil {
			return err
		}
		if !o.Write {
			return taxii.ErrForbidden
		}
		q.Object, q.Limit = object, maxTAXIIPage
		f := filter(q, Options{})
		if f.Versions.All && len(f.Specs) == 0 {
			f.Specs = allSpecs
		}
		items, _, _, err := c.room.release.Page(tx, v, f)
		if err != nil {
			return err
		}
		if len(items) == 0 {
			return c.visible(tx, v, object)
		}
		for _, it := range items {
			if err := c.room.intake.TakeBack(tx, it.Seq); err != nil {
				return err
			}
		}
		return nil
	})
}
