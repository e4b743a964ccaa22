package partner

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"entente/internal/db"
	"entente/internal/release"
	"entente/label"
	"entente/ledger"
	"entente/stix"
)

// A delivery is a page of a view for another node: one line, the signed header,
// then the objects' bytes one after the other, verbatim, as long as the header
// says. The header is the handling envelope: what the bytes cannot say of
// themselves, and for each object the proof that its release is in our ledger.
type deliveryHeader struct {
	From      string `json:"from"`
	To        string `json:"to"`
	View      string `json:"view"`
	Agreement string `json:"agreement"`
	Purpose   string `json:"purpose"`
	Policy    string `json:"policy"` // hash of the policies in force, so that a change shows
	After     int64  `json:"after"`
	Next      int64  `json:"next"` // where to go on
	More      bool   `json:"more"`

	Checkpoint  fixedNote `json:"checkpoint,omitempty"`  // of our ledger, signed
	Consistency []byte    `json:"consistency,omitempty"` // from the size that was asked with

	Labels      []json.RawMessage   `json:"labels,omitempty"`      // facts, cited by index
	Obligations map[string][]string `json:"obligations,omitempty"` // by rule
	Acts        []deliveryAct       `json:"acts,omitempty"`        // ledger entries, cited by index
	Items       []deliveryItem      `json:"items,omitempty"`
}

// deliveryAct is a ledger entry that released some of the objects.
type deliveryAct struct {
	Common []byte `json:"common"` // the facts of item 0
	Key    []byte `json:"key"`
	Vector []byte `json:"vector"`
	Proof  []byte `json:"proof"` // ledger.ProofSize bytes
}

// deliveryItem is one object.
type deliveryItem struct {
	No        int64   `json:"no"`
	ID        stix.ID `json:"id"`
	Version   string  `json:"version,omitempty"`
	Rule      string  `json:"rule"`
	DateAdded int64   `json:"date_added"` // microseconds since 1970
	Size      int     `json:"size"`
	Label     int     `json:"label"`
	Act       int     `json:"act"`
	Item      int     `json:"item"`
	Key       []byte  `json:"key"`
}

// Limits of a delivery.
const (
	maxDelivery  = 1000     // objects
	maxHeader    = 64 << 20 // bytes of the header line
	maxFullBytes = 32 << 20 // bytes of objects after which a page ends
)

// deliver builds the page of a view after a number, for a partner whose last
// verified checkpoint had have leaves. It ends before the first object whose
// release has not been sequenced: what cannot be proved is not delivered yet.
func (r *Room) deliver(tx *db.Tx, v *release.View, after int64, limit int, have int64) (header []byte, bodies []release.Bytes, err error) {
	page, more, next, err := r.release.Page(tx, v, release.Filter{After: after, Limit: min(max(limit, 1), maxDelivery), Versions: release.Versions{All: true}, Specs: allSpecs, Bodies: true})
	if err != nil {
		return nil, nil, err
	}
	policy := r.release.Policy().Hash()
	h := deliveryHeader{From: r.node, To: v.Partner, View: v.Collection, Agreement: v.Agreement, Purpose: v.Purpose,
		Policy: hex.EncodeToString(policy[:]), After: after, Next: next, More: more}
	size, checkpoint, err := r.journal.Checkpoint(tx)
	if err != nil {
		return nil, nil, err
	}
	if size > 0 {
		if have < 0 || have > size {
			return nil, nil, errAhead
		}
		h.Checkpoint = checkpoint
		if h.Consistency, err = r.journal.Consistency(tx, have, size); err != nil {
			return nil, nil, err
		}
	}
	b := &packing{r: r, tx: tx, h: &h, labels: map[int64]int{}}
	total := 0
	for i, item := range page {
		proved, err := r.journal.Sequenced(tx, item.Entry)
		if err != nil {
			return nil, nil, err
		}
		if total += item.Bytes.Len(); !proved || total > maxFullBytes && i > 0 {
			h.More, h.Next = true, after
			if i > 0 {
				h.Next = page[i-1].No
			}
			page = page[:i]
			break
		}
		bodies = append(bodies, item.Bytes)
	}
	if err := b.pack(page); err != nil {
		return nil, nil, err
	}
	header, err = seal(r.keys.Signing, typeDelivery, h)
	return header, bodies, err
}

// errAhead: the partner has verified more of our ledger than there is. Ours has
// been set back, or the partner is mistaken; either way people must look.
var errAhead = fmt.Errorf("the partner has seen more of this ledger than there is: was an old backup restored?")

// packing fills the header of a delivery.
type packing struct {
	r      *Room
	tx     *db.Tx
	h      *deliveryHeader
	labels map[int64]int
}

func (b *packing) pack(page []release.Released) error {
	for i := 0; i < len(page); {
		n := 1
		for i+n < len(page) && page[i+n].Entry == page[i].Entry {
			n++
		}
		if err := b.act(page[i : i+n]); err != nil {
			return err
		}
		i += n
	}
	return nil
}

// act packs objects that one ledger entry released.
func (b *packing) act(items []release.Released) error {
	from, to := items[0].Item, items[0].Item
	for _, it := range items {
		from, to = min(from, it.Item), max(to, it.Item)
	}
	rec, err := b.r.journal.Prove(b.tx, items[0].Entry, from, to, b.h.Checkpoint)
	if err != nil {
		return err
	}
	key := rec.Keys[0]
	b.h.Acts = append(b.h.Acts, deliveryAct{Common: rec.Common, Key: key[:], Vector: rec.Vector.Bytes(), Proof: rec.Proof})
	for _, it := range items {
		facts, err := b.label(it)
		if err != nil {
			return err
		}
		b.oblige(it)
		key := rec.Keys[it.Item]
		b.h.Items = append(b.h.Items, deliveryItem{No: it.No, ID: it.ID, Version: it.Version, Rule: it.Rule, DateAdded: it.At,
			Size: it.Bytes.Len(), Label: facts, Act: len(b.h.Acts) - 1, Item: it.Item, Key: key[:]})
	}
	return nil
}

func (b *packing) label(it release.Released) (int, error) {
	if i, ok := b.labels[int64(it.Class)]; ok {
		return i, nil
	}
	l, err := b.r.release.Travelling(b.tx, it.Class)
	if err != nil {
		return 0, err
	}
	i := len(b.h.Labels)
	b.h.Labels = append(b.h.Labels, l.Canonical())
	b.labels[int64(it.Class)] = i
	return i, nil
}

func (b *packing) oblige(it release.Released) {
	if len(it.Obliges) == 0 {
		return
	}
	if b.h.Obligations == nil {
		b.h.Obligations = map[string][]string{}
	}
	b.h.Obligations[it.Rule] = it.Obliges
}

// received is a delivery that has been verified.
type received struct {
	header  deliveryHeader
	objects [][]byte
	labels  []label.Label
	seen    []byte // the checkpoint to remember
}

// readDelivery reads a delivery and verifies all of it: who signed it, for whom
// and from where in which view; that the ledger of the partner only grew; and
// that each object, byte for byte, is what an entry of that ledger released to
// us under the rule that is stated. o is what was asked for, seen the last
// checkpoint verified, nil if there is none.
func (r *Room) readDelivery(p Partner, src io.Reader, o offer, after int64, seen []byte) (*received, error) {
	br := bufio.NewReaderSize(src, 64<<10)
	line, err := readLine(br, maxHeader)
	if err != nil {
		return nil, fmt.Errorf("delivery of %s: %w", p.ID, err)
	}
	d := &received{}
	if err := unseal(p.Card.Signing, typeDelivery, line, &d.header); err != nil {
		return nil, fmt.Errorf("delivery of %s: %w", p.ID, err)
	}
	h := &d.header
	if h.From != p.ID || h.To != r.node || h.View != o.View || h.Agreement != o.Agreement || h.Purpose != o.Purpose ||
		h.After != after || len(h.Items) > maxDelivery || h.Next < after {
		return nil, fmt.Errorf("delivery of %s: this is not the answer to what was asked (view %s, %s for %s, after %d)", p.ID, o.View, o.Agreement, o.Purpose, after)
	}
	last, total := after, 0
	for _, item := range h.Items {
		if item.Size < 2 || item.Size > stix.MaxObject {
			return nil, fmt.Errorf("delivery of %s: object %s is said to have %d bytes", p.ID, item.ID, item.Size)
		}
		if total += item.Size; total > maxFullBytes+stix.MaxObject {
			return nil, fmt.Errorf("delivery of %s: it is larger than %d bytes", p.ID, maxFullBytes+stix.MaxObject)
		}
		if item.No <= last || item.No > h.Next {
			return nil, fmt.Errorf("delivery of %s: number %d is out of order", p.ID, item.No)
		}
		last = item.No
		raw := make([]byte, item.Size)
		if _, err := io.ReadFull(br, raw); err != nil {
			return nil, fmt.Errorf("delivery of %s breaks off in object %s: %w", p.ID, item.ID, err)
		}
		d.objects = append(d.objects, raw)
	}
	return d, r.verifyDelivery(p, d, seen)
}

func (r *Room) verifyDelivery(p Partner, d *received, seen []byte) error {
	fail := func(err error) error {
		return fmt.Errorf("delivery of %s is refused: %w", p.ID, err)
	}
	for _, text := range d.header.Labels {
		l, err := label.ParseCanonical(text)
		if err != nil {
			return fail(err)
		}
		d.labels = append(d.labels, l)
	}
	v, err := ledger.NewVerifier(p.ID, p.Card.Ledger)
	if err != nil {
		return fail(err)
	}
	if len(d.header.Checkpoint) == 0 {
		if seen != nil || len(d.header.Items) > 0 {
			return fail(fmt.Errorf("it has no checkpoint"))
		}
		return nil
	}
	now, err := ledger.OpenCheckpoint(v, d.header.Checkpoint)
	if err != nil {
		return fail(err)
	}
	if err := consistent(v, now, seen, d.header.Consistency); err != nil {
		return fail(err)
	}
	d.seen = d.header.Checkpoint
	acts, err := openActs(r.node, d, v, now)
	if err != nil {
		return fail(err)
	}
	for i, item := range d.header.Items {
		if item.Act < 0 || item.Act >= len(acts) || item.Label < 0 || item.Label >= len(d.labels) || len(item.Key) != ledger.KeySize || item.Item < 1 {
			return fail(fmt.Errorf("object %s cites a ledger entry or a label that is not there", item.ID))
		}
		facts := release.Item{No: item.No, ID: item.ID, Version: item.Version, SHA: hexSum(d.objects[i]), Rule: item.Rule, At: item.DateAdded}.Facts()
		if err := acts[item.Act].Check(item.Item, ledger.Opening{Key: ledger.Key(item.Key), Facts: facts}); err != nil {
			return fail(fmt.Errorf("object %s is not what the partner's ledger says was released: %w", item.ID, err))
		}
	}
	return nil
}

// openActs verifies that the entries are in the ledger and are about this view.
func openActs(node string, d *received, v verifier, now ledger.Checkpoint) ([]ledger.Vector, error) {
	var out []ledger.Vector
	for _, a := range d.header.Acts {
		vector, err := ledger.ParseVector(a.Vector)
		if err != nil {
			return nil, err
		}
		proof, err := ledger.ParseProof(a.Proof)
		if err != nil {
			return nil, err
		}
		at, err := proof.Verify(vector.Root(), v)
		if err != nil {
			return nil, err
		}
		if at != now {
			return nil, fmt.Errorf("a proof is for another checkpoint than the delivery's")
		}
		if len(a.Key) != ledger.KeySize {
			return nil, fmt.Errorf("a key has %d bytes", len(a.Key))
		}
		if err := vector.Check(0, ledger.Opening{Key: ledger.Key(a.Key), Facts: a.Common}); err != nil {
			return nil, err
		}
		kind, facts, err := ledger.ParseCommonFacts(a.Common)
		if err != nil {
			return nil, err
		}
		var act release.Act
		if err := strict(facts, &act); err != nil {
			return nil, err
		}
		if kind != "release" || act.View != d.header.View || act.Partner != node || act.Agreement != d.header.Agreement || act.Purpose != d.header.Purpose {
			return nil, fmt.Errorf("a ledger entry is not about a release to this node in this view")
		}
		out = append(out, vector)
	}
	return out, nil
}

func consistent(v verifier, now ledger.Checkpoint, seen, proof []byte) error {
	before := ledger.Checkpoint{Origin: now.Origin}
	if seen != nil {
		var err error
		if before, err = ledger.OpenCheckpoint(v, seen); err != nil {
			return fmt.Errorf("the checkpoint we kept: %w", err)
		}
	}
	p, err := ledger.ParseConsistencyProof(proof)
	if err != nil {
		return err
	}
	if err := ledger.CheckConsistency(before, now, p); err != nil {
		return fmt.Errorf("its ledger contradicts what we saw of it before: %w", err)
	}
	return nil
}

// readLine reads up to and without a newline.
func readLine(br *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			return line[:len(line)-1], nil
		}
		if err != bufio.ErrBufferFull {
			return nil, fmt.Errorf("the header breaks off: %w", err)
		}
		if len(line) > most {
			return nil, fmt.Errorf("the header is longer than %d bytes", most)
		}
	}
}

// writeDelivery writes a delivery.
func writeDelivery(w io.Writer, header []byte, bodies []release.Bytes) error {
	if _, err := w.Write(append(header, '\n')); err != nil {
		return err
	}
	for _, b := range bodies {
		if _, err := b.WriteTo(w); err != nil {
			return err
		}
	}
	return nil
}
