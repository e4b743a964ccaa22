package partner

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"entente/internal/db"
	"entente/stix"
)

// parcel is a delivery as it is on the wire, with what it answers.
type parcel struct {
	header, body []byte
	o            offer
	after        int64
}

// pack makes the delivery of a view of a partner after a number.
func (n *rig) pack(partner, collection string, after int64, limit int, have int64) (p parcel, err error) {
	n.t.Helper()
	err = n.db.View(n.t.Context(), func(tx *db.Tx) error {
		v, err := n.engine.View(tx, partner, collection)
		if err != nil {
			return err
		}
		header, bodies, err := n.deliver(tx, v, after, limit, have)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := writeDelivery(&b, header, bodies); err != nil {
			return err
		}
		p = parcel{header, b.Bytes()[len(header)+1:], offer{View: v.Collection, Agreement: v.Agreement, Purpose: v.Purpose}, after}
		return nil
	})
	return p, err
}

func (n *rig) mustPack(partner, collection string, after int64) parcel {
	n.t.Helper()
	p, err := n.pack(partner, collection, after, maxDelivery, 0)
	if err != nil {
		n.t.Fatal(err)
	}
	return p
}

func (n *rig) partner(id string) (p Partner) {
	n.t.Helper()
	n.view(func(tx *db.Tx) (err error) {
		p, _, err = n.find(tx, id)
		return err
	})
	return p
}

func (n *rig) read(from string, p parcel, seen []byte) (*received, error) {
	n.t.Helper()
	return n.readDelivery(n.partner(from), bytes.NewReader(slices.Concat(p.header, []byte("\n"), p.body)), p.o, p.after, seen)
}

// two are partners; alfa has released four objects to bravo in two acts.
func two(t testing.TB) (a, b *rig, p parcel) {
	a, b = newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	pair(a, b)
	collection := a.subscribe("bravo", "verification")
	a.publish(1, 3)
	a.publish(4, 4)
	return a, b, a.mustPack("bravo", collection, 0)
}

func TestDeliveryVerifies(t *testing.T) {
	a, b, p := two(t)
	d, err := b.read("alfa", p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.objects) != 4 || d.header.Next != 4 || d.header.More || len(d.header.Acts) != 2 || d.seen == nil {
		t.Errorf("%d objects, next %d, more %v, %d acts", len(d.objects), d.header.Next, d.header.More, len(d.header.Acts))
	}
	for i, raw := range d.objects {
		if string(raw) != report(i+1) {
			t.Errorf("object %d is %s", i+1, raw)
		}
	}
	l := d.labels[d.header.Items[0].Label]
	if l.TLP.Value() != 0 || l.Origin != "" || l.Named.Words() != nil {
		t.Errorf("label %s", l.Canonical())
	}
	if got := d.header.Obligations["TEST.1"]; !slices.Equal(got, []string{"keep-secret"}) {
		t.Errorf("obligations %v", got)
	}
	// A later page, from the checkpoint that was seen.
	a.publish(5, 5)
	later, err := a.pack("bravo", p.o.View, 4, 10, 2)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := b.read("alfa", later, d.seen); err != nil || len(d.objects) != 1 {
		t.Errorf("the next page: %v", err)
	}
	if _, err := b.read("alfa", later, nil); err == nil {
		t.Error("a proof from a size that we did not see was taken")
	}
	if _, err := a.pack("bravo", p.o.View, 0, 10, 99); !errors.Is(err, errAhead) {
		t.Errorf("a partner that has seen more than there is: %v", err)
	}
}

// What the ledger cannot prove yet is not delivered yet.
func TestUnsequencedIsNotDelivered(t *testing.T) {
	a, b, p := two(t)
	profile, _ := a.set.Profile("open")
	o, err := stix.Parse([]byte(report(5)))
	if err != nil {
		t.Fatal(err)
	}
	a.own(profile, o)
	next := a.mustPack("bravo", p.o.View, 4)
	d, err := b.read("alfa", next, nil)
	if err != nil || len(d.objects) != 0 || !d.header.More || d.header.Next != 4 {
		t.Errorf("%v; %d objects, next %d", err, len(d.objects), d.header.Next)
	}
	all := a.mustPack("bravo", p.o.View, 0)
	if d, err := b.read("alfa", all, nil); err != nil || len(d.objects) != 4 || !d.header.More || d.header.Next != 4 {
		t.Errorf("%v; the page does not end before it", err)
	}
	a.sequence()
	if d, err := b.read("alfa", a.mustPack("bravo", p.o.View, 4), nil); err != nil || len(d.objects) != 1 {
		t.Errorf("once it is sequenced: %v", err)
	}
}

// No byte of a delivery can change on its way.
func TestNoByteOfADeliveryCanChange(t *testing.T) {
	_, b, p := two(t)
	good, err := b.read("alfa", p, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.body {
		q := p
		q.body = bytes.Clone(p.body)
		q.body[i] ^= 1
		if _, err := b.read("alfa", q, nil); err == nil {
			t.Fatalf("byte %d of the objects was flipped, and nobody noticed", i)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		q := p
		q.header = bytes.Clone(p.header)
		at := rapid.IntRange(0, len(q.header)-1).Draw(rt, "at")
		q.header[at] ^= byte(1 << rapid.IntRange(0, 7).Draw(rt, "bit"))
		if d, err := b.read("alfa", q, nil); err == nil && !sameHeader(d.header, good.header) {
			rt.Fatalf("byte %d of the header was flipped to %q, and nobody noticed", at, q.header[at])
		}
	})
	for name, alter := range map[string]func(*parcel){
		"cut off":               func(p *parcel) { p.body = p.body[:len(p.body)-1] },
		"without objects":       func(p *parcel) { p.body = nil },
		"only half a header":    func(p *parcel) { p.header, p.body = p.header[:len(p.header)/2], nil },
		"for another view":      func(p *parcel) { p.o.View = "11111111-1111-4111-8111-111111111111" },
		"for another purpose":   func(p *parcel) { p.o.Purpose = "exercise" },
		"for another agreement": func(p *parcel) { p.o.Agreement = "PUBLIC" },
		"after another number":  func(p *parcel) { p.after = 1 },
	} {
		q := p
		alter(&q)
		if _, err := b.read("alfa", q, nil); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func sameHeader(a, b deliveryHeader) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// A partner that signs what is not so is refused by its own ledger.
func TestDishonestDeliveries(t *testing.T) {
	a, b, p := two(t)
	c := newRig(t, "charlie", 3)
	pair(a, c)
	a.subscribe("charlie", "verification")
	var good deliveryHeader
	if err := unseal(b.partner("alfa").Card.Signing, typeDelivery, p.header, &good); err != nil {
		t.Fatal(err)
	}
	// Another view of the same partner, under the same agreement, for the same purpose.
	var other string
	a.update(func(tx *db.Tx) error {
		v, err := a.engine.Subscribe(tx, "bravo", "TEST", "verification", true)
		if err == nil {
			other = v.Collection
		}
		return err
	})
	a.sequence()
	otherView := a.mustPack("bravo", other, 0)
	var wrong deliveryHeader
	if err := unseal(b.partner("alfa").Card.Signing, typeDelivery, otherView.header, &wrong); err != nil {
		t.Fatal(err)
	}
	long := make([]byte, stix.MaxObject+1)
	for name, alter := range map[string]func(h *deliveryHeader, body *[]byte){
		"":                           func(*deliveryHeader, *[]byte) {},
		"from another":               func(h *deliveryHeader, _ *[]byte) { h.From = "charlie" },
		"for another":                func(h *deliveryHeader, _ *[]byte) { h.To = "charlie" },
		"another view":               func(h *deliveryHeader, _ *[]byte) { h.View = other },
		"another agreement":          func(h *deliveryHeader, _ *[]byte) { h.Agreement = "HUB" },
		"another purpose":            func(h *deliveryHeader, _ *[]byte) { h.Purpose = "exercise" },
		"after":                      func(h *deliveryHeader, _ *[]byte) { h.After = 1 },
		"going back":                 func(h *deliveryHeader, _ *[]byte) { h.Next = -1 },
		"next before the last":       func(h *deliveryHeader, _ *[]byte) { h.Next = 3 },
		"no checkpoint":              func(h *deliveryHeader, _ *[]byte) { h.Checkpoint = nil },
		"a checkpoint of its own":    func(h *deliveryHeader, _ *[]byte) { h.Checkpoint[len(h.Checkpoint)-5] ^= 1 },
		"no proof that it only grew": func(h *deliveryHeader, _ *[]byte) { h.Consistency = nil },
		"no acts":                    func(h *deliveryHeader, _ *[]byte) { h.Acts = nil },
		"no proof":                   func(h *deliveryHeader, _ *[]byte) { h.Acts[0].Proof = nil },
		"the proof of another act":   func(h *deliveryHeader, _ *[]byte) { h.Acts[0].Proof = h.Acts[1].Proof },
		"another vector":             func(h *deliveryHeader, _ *[]byte) { h.Acts[0].Vector[40] ^= 1 },
		"another key of the act":     func(h *deliveryHeader, _ *[]byte) { h.Acts[0].Key[0] ^= 1 },
		"a short key of the act":     func(h *deliveryHeader, _ *[]byte) { h.Acts[0].Key = h.Acts[0].Key[:8] },
		"other facts of the act": func(h *deliveryHeader, _ *[]byte) {
			h.Acts[0].Common = bytes.Replace(h.Acts[0].Common, []byte("bravo"), []byte("br4vo"), 1)
		},
		"all of another view": func(h *deliveryHeader, _ *[]byte) { view := h.View; *h = wrong; h.View = view },
		"acts of another view": func(h *deliveryHeader, _ *[]byte) {
			h.Acts, h.Checkpoint, h.Consistency = wrong.Acts, wrong.Checkpoint, wrong.Consistency
		},
		"another object":       func(h *deliveryHeader, _ *[]byte) { h.Items[1].ID = h.Items[0].ID },
		"another version":      func(h *deliveryHeader, _ *[]byte) { h.Items[1].Version = "2021-01-01T00:00:00.000Z" },
		"another rule":         func(h *deliveryHeader, _ *[]byte) { h.Items[1].Rule = "TEST.2" },
		"another date":         func(h *deliveryHeader, _ *[]byte) { h.Items[1].DateAdded++ },
		"another number":       func(h *deliveryHeader, _ *[]byte) { h.Items[3].No, h.Next = 9, 9 },
		"numbers out of order": func(h *deliveryHeader, _ *[]byte) { h.Items[1], h.Items[0] = h.Items[0], h.Items[1] },
		"an item twice": func(h *deliveryHeader, b *[]byte) {
			h.Items[1], *b = h.Items[0], append([]byte(report(1)), (*b)[len(report(1)):]...)
		},
		"another act":                 func(h *deliveryHeader, _ *[]byte) { h.Items[1].Act = 1 },
		"an act that is not there":    func(h *deliveryHeader, _ *[]byte) { h.Items[1].Act = 2 },
		"an act before the first":     func(h *deliveryHeader, _ *[]byte) { h.Items[1].Act = -1 },
		"another item":                func(h *deliveryHeader, _ *[]byte) { h.Items[1].Item = 1 },
		"item 0":                      func(h *deliveryHeader, _ *[]byte) { h.Items[1].Item = 0 },
		"an item that is not there":   func(h *deliveryHeader, _ *[]byte) { h.Items[1].Item = 99 },
		"another key":                 func(h *deliveryHeader, _ *[]byte) { h.Items[1].Key[0] ^= 1 },
		"no key":                      func(h *deliveryHeader, _ *[]byte) { h.Items[1].Key = nil },
		"a label that is not there":   func(h *deliveryHeader, _ *[]byte) { h.Items[1].Label = 9 },
		"a label before the first":    func(h *deliveryHeader, _ *[]byte) { h.Items[1].Label = -1 },
		"a label that cannot be read": func(h *deliveryHeader, _ *[]byte) { h.Labels[0] = json.RawMessage(`{"tlp":9}`) },
		"other bytes":                 func(_ *deliveryHeader, b *[]byte) { *b = bytes.Replace(*b, []byte(`"r2"`), []byte(`"r9"`), 1) },
		"an object of no bytes":       func(h *deliveryHeader, _ *[]byte) { h.Items[1].Size = 0 },
		"an object that is too long":  func(h *deliveryHeader, b *[]byte) { h.Items[0].Size, *b = len(long), append(long, *b...) },
		"more objects than one may":   func(h *deliveryHeader, _ *[]byte) { h.Items = slices.Repeat(h.Items, maxDelivery) },
	} {
		var h deliveryHeader
		text, _ := json.Marshal(good)
		if err := json.Unmarshal(text, &h); err != nil {
			t.Fatal(err)
		}
		body := bytes.Clone(p.body)
		alter(&h, &body)
		header, err := seal(a.keys.Signing, typeDelivery, h)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.read("alfa", parcel{header, body, p.o, 0}, nil)
		if (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
	// Signed by somebody else, or as something else.
	for name, header := range map[string][]byte{
		"another's signature": mustSeal(t, c, typeDelivery, good), "another type": mustSeal(t, a, typeNotice, good), "nothing": nil, "not JSON": []byte("{"),
	} {
		if _, err := b.read("alfa", parcel{header, p.body, p.o, 0}, nil); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func mustSeal(t *testing.T, n *rig, payloadType string, v any) []byte {
	t.Helper()
	text, err := seal(n.keys.Signing, payloadType, v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A page of objects that are large together ends early, and one that claims to
// be larger than that is refused before it is read.
func TestLargeDeliveries(t *testing.T) {
	a, b := newRig(t, "alfa", 1), newRig(t, "bravo", 2)
	pair(a, b)
	collection := a.subscribe("bravo", "verification")
	profile, _ := a.set.Profile("open")
	const size, many = 900_000, 40
	for i := 1; i <= many; i++ {
		o, err := stix.Parse([]byte(report(i, `,"description":"`+strings.Repeat("x", size)+`"`)))
		if err != nil {
			t.Fatal(err)
		}
		a.own(profile, o)
	}
	a.sequence()
	p := a.mustPack("bravo", collection, 0)
	d, err := b.read("alfa", p, nil)
	if err != nil || !d.header.More || len(d.objects) == many || len(p.body) > maxFullBytes || d.header.Next != int64(len(d.objects)) {
		t.Fatalf("%v; %d objects of %d bytes, more %v", err, len(d.objects), len(p.body), d.header.More)
	}
	h := d.header
	for len(h.Items)*size <= maxFullBytes+stix.MaxObject {
		item := h.Items[len(h.Items)-1]
		item.No++
		h.Items, h.Next = append(h.Items, item), item.No
	}
	huge := parcel{mustSeal(t, a, typeDelivery, h), bytes.Repeat(p.body, 2), p.o, 0}
	if _, err := b.read("alfa", huge, nil); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a delivery of %d objects: %v", len(h.Items), err)
	}
	header := append(bytes.Repeat([]byte(" "), maxHeader+100_000), p.header...)
	if _, err := b.read("alfa", parcel{header, nil, p.o, 0}, nil); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("an endless header: %v", err)
	}
}

// Whatever comes instead of a delivery, nothing is taken that the partner's key
// did not sign for us.
func FuzzReadDelivery(f *testing.F) {
	_, b, p := two(f)
	from := b.partner("alfa")
	f.Add(slices.Concat(p.header, []byte("\n"), p.body))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := b.readDelivery(from, bytes.NewReader(text), p.o, 0, nil)
		if err != nil {
			return
		}
		line, _, _ := bytes.Cut(text, []byte("\n"))
		e, err := parseEnvelope(line, typeDelivery)
		if err != nil || !ed25519.Verify(from.Card.Signing, pae(e.PayloadType, e.Payload), e.Signatures[0].Sig) || d.header.To != "bravo" || len(d.objects) != len(d.header.Items) {
			t.Errorf("a forgery was taken: %+v", d.header)
		}
	})
}
