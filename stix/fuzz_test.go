package stix

import (
	"bytes"
	"io"
	"testing"
	"time"
)

func FuzzParse(f *testing.F) {
	for _, c := range refused {
		if len(c.text) < 10_000 {
			f.Add([]byte(c.text))
		}
	}
	for _, text := range examples(f) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		agrees(t, text)
		o, err := Parse(text)
		if err != nil {
			_ = err.Error()
			return
		}
		if !bytes.Equal(o.Raw(), text) || !o.ID().Valid() || o.ID().Type() != o.Type() {
			t.Fatalf("%q came out as %q, %s", text, o.Raw(), o.ID())
		}
		for _, r := range o.Refs() {
			if !r.Target.Valid() {
				t.Fatalf("malformed reference %+v", r)
			}
		}
		o.Markings()
		o.Granular()
		o.ObservableID()
		for _, p := range Validate(o) {
			if p.Rule == "" || p.Message == "" || p.Object != o.ID() {
				t.Fatalf("a problem that says nothing: %+v", p)
			}
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"type":"bundle","id":"` + bundleID + `","objects":[` + object(1) + "," + object(2) + "]}"))
	f.Add([]byte(object(1) + "\n" + object(2)))
	f.Add([]byte(`{"more":true,"objects":[{},null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := NewReader(bytes.NewReader(text))
		for n := 0; ; n++ {
			item, err := r.Next()
			if err != nil {
				if err != io.EOF {
					_ = err.Error()
				}
				return
			}
			if n > len(text) {
				t.Fatal("more objects than bytes")
			}
			if item.Offset < 0 || item.Offset > int64(len(text)) || item.Line != 1+bytes.Count(text[:item.Offset], []byte("\n")) {
				t.Fatalf("item at line %d, byte %d", item.Line, item.Offset)
			}
			if item.Object != nil && !bytes.HasPrefix(text[item.Offset:], item.Object.Raw()) {
				t.Fatalf("%q is not in the text at %d", item.Object.Raw(), item.Offset)
			}
		}
	})
}

func FuzzTime(f *testing.F) {
	f.Add("2026-03-01T10:00:00.000Z", "2024-02-29T23:59:59Z")
	f.Fuzz(func(t *testing.T, a, b string) {
		if got, err := ParseTime(a); err == nil {
			want, err := time.Parse(time.RFC3339Nano, a)
			if err != nil || !got.Equal(want) {
				t.Fatalf("%q: %v, time.Parse says %v, %v", a, got, want, err)
			}
		}
		if CompareVersions(a, b) != -CompareVersions(b, a) || CompareVersions(a, a) != 0 {
			t.Fatalf("no order between %q and %q", a, b)
		}
	})
}

func FuzzMarking(f *testing.F) {
	f.Add([]byte(`{"extension_type":"property-extension","level":3,"grade":{"scheme":"s","source":"A","info":1}}`), []byte(`{"tlp":"red"}`))
	f.Fuzz(func(t *testing.T, handling, definition []byte) {
		text := marking(`"definition_type":"tlp","definition":` + string(definition) +
			`,"extensions":{"` + string(HandlingExtension) + `":` + string(handling) + `}`)
		o, err := Parse([]byte(text))
		if err != nil {
			return
		}
		m, err := ParseMarking(o)
		if err != nil {
			t.Fatalf("the gate let through what cannot be read: %v", err)
		}
		if m.TLP == nil && !m.Unknown || m.TLP != nil && (*m.TLP < 0 || *m.TLP > 4) {
			t.Fatalf("a TLP marking without a colour: %+v", m)
		}
		if h := m.Handling; h != nil && h.Level != nil && (*h.Level < 0 || *h.Level > 4) {
			t.Fatalf("level out of range: %d", *h.Level)
		}
	})
}
