package label

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// maxCanonical caps what ParseCanonical reads: a label has no reason to be longer.
const maxCanonical = 1 << 20

// Canonical returns the label as JSON in which equal labels have equal bytes:
// members in alphabetical order, sets sorted, no spaces, unstated facts absent,
// stated empty sets present. It is the key under which a class is interned; its
// words are ASCII except in group, origin and recipients, which are names.
func (l Label) Canonical() []byte {
	w := writer{b: make([]byte, 0, 512)}
	w.set("atRiskFrom", l.AtRiskFrom)
	w.word("basis", l.Basis)
	w.set("caveats", l.Caveats)
	w.limit("consentA", l.ConsentAgreements)
	w.limit("consentP", l.ConsentPartners)
	w.word("content", l.Content)
	w.number("data", l.Data)
	w.limit("designation", l.Designation)
	w.word("group", l.Group)
	w.set("handling", l.Handling)
	w.number("info", l.Info)
	w.number("level", l.Level)
	w.flag("marked", l.Marked)
	w.limit("named", l.Named)
	w.word("origin", l.Origin)
	w.flag("own", l.Own)
	w.number("pap", l.PAP)
	w.flag("published", l.Published)
	w.limit("purposes", l.Purposes)
	w.flag("reviewed", l.Reviewed)
	w.word("scheme", l.Scheme)
	w.word("source", l.Source)
	w.word("state", StateName(l.State))
	w.set("subjects", l.Subjects)
	w.word("taint", TaintName(l.Taint))
	w.number("tlp", l.TLP)
	if len(w.b) == 0 {
		return []byte("{}")
	}
	return append(w.b, '}')
}

// MarshalJSON is Canonical.
func (l Label) MarshalJSON() ([]byte, error) { return l.Canonical(), nil }

// UnmarshalJSON reads what Canonical wrote, member order and spaces free; every
// value is checked.
func (l *Label) UnmarshalJSON(b []byte) error {
	var f Facts
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return fmt.Errorf("label: not a label: %w", err)
	}
	got, err := f.label(true)
	if err == nil {
		*l = got
	}
	return err
}

// ParseCanonical reads the bytes of Canonical and refuses anything else, so that
// one class cannot be stored under two keys.
func ParseCanonical(b []byte) (Label, error) {
	if len(b) > maxCanonical {
		return Label{}, errors.New("label: canonical form longer than 1 MiB")
	}
	var l Label
	if err := l.UnmarshalJSON(b); err != nil {
		return Label{}, err
	}
	if !bytes.Equal(l.Canonical(), b) {
		return Label{}, errors.New("label: not in canonical form; write it with Canonical")
	}
	return l, nil
}

type writer struct{ b []byte }

func (w *writer) key(k string) {
	sep := byte(',')
	if len(w.b) == 0 {
		sep = '{'
	}
	w.b = append(append(append(w.b, sep, '"'), k...), '"', ':')
}

// text writes a string; the checked vocabularies need no escaping, names from
// outside may.
func (w *writer) text(s string) {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			q, _ := json.Marshal(s) // cannot fail for a string
			w.b = append(w.b, q...)
			return
		}
	}
	w.b = append(append(append(w.b, '"'), s...), '"')
}

func (w *writer) word(k, s string) {
	if s != "" {
		w.key(k)
		w.text(s)
	}
}

func (w *writer) number(k string, o Ordered) {
	if o.Stated() {
		w.key(k)
		w.b = strconv.AppendInt(w.b, int64(o.Value()), 10)
	}
}

func (w *writer) flag(k string, f Flag) {
	if f != Unstated {
		w.key(k)
		w.b = strconv.AppendBool(w.b, f == Yes)
	}
}

func (w *writer) set(k string, s Set) {
	if len(s) > 0 {
		w.key(k)
		w.words(s)
	}
}

func (w *writer) limit(k string, l Limit) {
	if l.stated {
		w.key(k)
		w.words(l.words)
	}
}

func (w *writer) words(s Set) {
	w.b = append(w.b, '[')
	for i, v := range s {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.text(v)
	}
	w.b = append(w.b, ']')
}
