package partner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"golang.org/x/mod/sumdb/note"

	"entente/internal/db"
	"entente/internal/intake"
	"entente/ledger"
	"entente/stix"
)

type verifier = note.Verifier

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// offer is a view that a partner has for us.
type offer struct {
	View      string `json:"view"`
	Agreement string `json:"agreement"`
	Purpose   string `json:"purpose"`
	Title     string `json:"title"`
}

// Synced says what a synchronisation brought.
type Synced struct {
	Partner     string         `json:"partner"`
	Objects     int            `json:"objects"`
	Unchanged   int            `json:"unchanged"`
	Quarantined int            `json:"quarantined"`
	Refused     []RefusedEntry `json:"refused,omitempty"`
}

// RefusedEntry is an object that a partner delivered and the gate refused.
type RefusedEntry struct {
	ID  stix.ID `json:"id"`
	Why string  `json:"why"`
}

// Sync takes in what a partner has for us that we have not taken yet. It may be
// interrupted at any point and goes on where it stopped: a page and the number
// up to which it goes are kept in one transaction.
func (r *Room) Sync(ctx context.Context, id string) (Synced, error) {
	out := Synced{Partner: id}
	var p Partner
	err := r.db.View(ctx, func(tx *db.Tx) error {
		var found bool
		var err error
		p, found, err = r.find(tx, id)
		if err == nil && (!found || p.State != Paired) {
			err = fmt.Errorf("%q is not a partner that we are paired with: see entente partner list", id)
		}
		return err
	})
	if err != nil {
		return out, err
	}
	if p.Card.Endpoint == "" {
		return out, fmt.Errorf("the card of %s names no endpoint: it cannot be reached", id)
	}
	client := r.client(p)
	defer client.CloseIdleConnections()
	offers, err := r.offers(ctx, client, p)
	if err != nil {
		return out, err
	}
	for _, o := range offers {
		if err := r.syncView(ctx, client, p, o, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (r *Room) offers(ctx context.Context, client *http.Client, p Partner) ([]offer, error) {
	res, err := get(ctx, client, p.Card.Endpoint+"/exchange/v1/views")
	if err != nil {
		return nil, fmt.Errorf("ask %s what it has for us: %w", p.ID, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxMessage))
	if err != nil {
		return nil, fmt.Errorf("ask %s what it has for us: %w", p.ID, err)
	}
	var offers []offer
	if err := strict(text, &offers); err != nil {
		return nil, fmt.Errorf("what %s says it has for us cannot be read: %w", p.ID, err)
	}
	return offers, nil
}

func get(ctx context.Context, client *http.Client, u string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 500))
		res.Body.Close()
		return nil, fmt.Errorf("%s: %s", res.Status, bytes.TrimSpace(text))
	}
	return res, nil
}

// evidence keeps two checkpoints that a partner signed and that contradict each
// other, in our own ledger.
func (r *Room) evidence(ctx context.Context, p Partner, seen []byte, d *received) error {
	if d == nil {
		return nil
	}
	return r.db.Update(ctx, func(tx *db.Tx) error {
		_, err := r.journal.Note(tx, "contradiction", map[string]string{"partner": p.ID, "seen": string(seen), "shown": string(d.header.Checkpoint)}, nil)
		return err
	})
}

// link is where we stand with a view of a partner.
type link struct {
	done    int64
	profile string
	seen    []byte
}

// syncPage is how many objects are asked for at once.
const syncPage = maxDelivery

func (r *Room) syncView(ctx context.Context, client *http.Client, p Partner, o offer, out *Synced) error {
	for {
		at, ok, err := r.standing(ctx, p, o)
		if err != nil || !ok {
			return err
		}
		size, err := seenSize(at.seen)
		if err != nil {
			return err
		}
		q := url.Values{"after": {strconv.FormatInt(at.done, 10)}, "limit": {strconv.Itoa(syncPage)}, "have": {strconv.FormatInt(size, 10)}}
		res, err := get(ctx, client, p.Card.Endpoint+"/exchange/v1/views/"+url.PathEscape(o.View)+"/delivery?"+q.Encode())
		if err != nil {
			return fmt.Errorf("fetch from %s: %w", p.ID, err)
		}
		d, err := r.readDelivery(p, res.Body, o, at.done, at.seen)
		res.Body.Close()
		if errors.Is(err, ledger.ErrFork) {
			err = errors.Join(err, r.evidence(ctx, p, at.seen, d))
		}
		if err != nil {
			return err
		}
		moved, err := r.take(ctx, p, o, at, d, out)
		if err != nil {
			return err
		}
		if !d.header.More || !moved {
			return nil
		}
	}
}

// standing reads where we stand; ok is false if we do not take this view: we know
// no agreement of this name that is in force and that we are both party to.
func (r *Room) standing(ctx context.Context, p Partner, o offer) (at link, ok bool, err error) {
	err = r.db.View(ctx, func(tx *db.Tx) error {
		party, _, err := r.release.Party(tx, p.ID)
		if err != nil {
			return err
		}
		a, known := r.release.Policy().Agreement(o.Agreement)
		ok = known && a.Party(p.ID) && a.Party(r.node) && a.InForce(r.now())
		at.profile = party.Intake[o.Agreement]
		if at.profile == "" {
			at.profile = a.IntakeProfile
		}
		if _, err = tx.Row("SELECT done FROM subscription WHERE partner=$1 AND id=$2", []any{p.ID, o.View}, &at.done); err != nil {
			return err
		}
		var text string
		if found, err := tx.Row("SELECT note FROM seen_checkpoint WHERE partner=$1", []any{p.ID}, &text); err != nil || !found {
			return err
		}
		at.seen = []byte(text)
		return nil
	})
	return at, ok, err
}

// take hands a verified delivery to the intake, and with it how far we are.
func (r *Room) take(ctx context.Context, p Partner, o offer, at link, d *received, out *Synced) (moved bool, err error) {
	if len(d.header.Items) == 0 && d.header.Next == at.done {
		return false, nil
	}
	profile, ok := r.profile(at.profile)
	if !ok {
		return false, fmt.Errorf("intake profile %q, set for what %s brings under %s, is not adopted", at.profile, p.ID, o.Agreement)
	}
	var batch []intake.Arrival
	for i, item := range d.header.Items {
		obj, err := intake.Check(d.objects[i])
		if err == nil && (obj.ID() != item.ID || obj.Version() != item.Version) {
			err = fmt.Errorf("the bytes are those of %s, version %s", obj.ID(), obj.Version())
		}
		if err != nil {
			out.Refused = append(out.Refused, RefusedEntry{item.ID, err.Error()})
			continue
		}
		batch = append(batch, intake.Arrival{Object: obj, Facts: &d.labels[item.Label]})
	}
	src := intake.Source{Partner: p.ID, Agreement: o.Agreement, Purpose: o.Purpose, Profile: profile}
	ref := fmt.Sprintf("%s %d-%d", o.View, at.done, d.header.Next)
	_, err = r.intake.Accept(ctx, src, intake.Container{Kind: "delivery", Ref: ref}, batch, func(tx *db.Tx, results []intake.Result) error {
		for _, res := range results {
			switch {
			case res.Outcome == intake.Unchanged:
				out.Unchanged++
			case res.Quarantined != "":
				out.Quarantined++
			default:
				out.Objects++
			}
		}
		return r.received(tx, p, o, at, d)
	})
	if errors.Is(err, errMoved) {
		return true, nil // another process took this page: go on from where it is now
	}
	return d.header.Next > at.done, err
}

var errMoved = errors.New("this page has been taken already")

// received remembers, in the transaction of the objects, that a page is done.
func (r *Room) received(tx *db.Tx, p Partner, o offer, at link, d *received) error {
	if now, found, err := r.find(tx, p.ID); err != nil {
		return err
	} else if !found || now.State != Paired {
		return fmt.Errorf("%s was suspended while it delivered: nothing of the page is kept", p.ID)
	}
	n, err := tx.Exec(`INSERT INTO subscription(partner,id,agreement,purpose,title,done,at) VALUES ($1,$2,$3,$4,$5,$6,$7)
		ON CONFLICT (partner,id) DO UPDATE SET done=excluded.done, at=excluded.at WHERE subscription.done=$8`,
		p.ID, o.View, o.Agreement, o.Purpose, o.Title, d.header.Next, r.now().UnixMicro(), at.done)
	if err != nil {
		return err
	}
	if n == 0 {
		return errMoved
	}
	if d.seen != nil && !bytes.Equal(d.seen, at.seen) {
		_, err := tx.Exec("INSERT INTO seen_checkpoint(partner,note,at) VALUES ($1,$2,$3) ON CONFLICT (partner) DO UPDATE SET note=excluded.note, at=excluded.at",
			p.ID, string(d.seen), r.now().UnixMicro())
		if err != nil {
			return err
		}
	}
	if len(d.header.Items) == 0 {
		return nil
	}
	header, err := json.Marshal(d.header)
	if err != nil {
		return err
	}
	_, err = r.journal.Note(tx, "receipt", map[string]any{"partner": p.ID, "view": o.View, "after": at.done, "next": d.header.Next,
		"objects": len(d.header.Items), "header": hexSum(header)}, nil)
	return err
}

// seenSize reads the size out of a checkpoint that we verified when we kept it.
func seenSize(signed []byte) (int64, error) {
	if signed == nil {
		return 0, nil
	}
	lines := bytes.SplitN(signed, []byte("\n"), 3)
	if len(lines) < 3 {
		return 0, errors.New("a stored checkpoint is damaged: run entente doctor")
	}
	return strconv.ParseInt(string(lines[1]), 10, 64)
}

// Taken returns how many objects have been taken from a partner's views.
func (r *Room) Taken(ctx context.Context, id string) (n int64, err error) {
	err = r.db.View(ctx, func(tx *db.Tx) error {
		_, err := tx.Row("SELECT coalesce(sum(done),0) FROM subscription WHERE partner=$1", []any{id}, &n)
		return err
	})
	return n, err
}
