package stix

import (
	"iter"
	"strconv"
	"strings"
)

// Kind is the kind of a JSON value. The zero Kind is [Missing]. A JSON object is
// called Dictionary, as the standard does, since [Object] is a STIX object.
type Kind uint8

// The kinds of JSON values, and Missing for a value that is not there.
const (
	Missing Kind = iota
	Null
	Bool
	Number
	String
	Array
	Dictionary
)

// String names the kind as messages do.
func (k Kind) String() string {
	return [...]string{"nothing", "null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// doc is the text of one object and its tape. text and raw hold the same bytes:
// raw is what goes out, text lends substrings without copying.
type doc struct {
	raw   []byte
	text  string
	nodes []node
}

// Value is a place in an object's text. It is a small cursor, cheap to copy; the
// zero Value is Missing. Reading a value as a kind it does not have gives the
// zero of that kind, so paths may be followed without checks.
type Value struct {
	doc *doc
	at  uint32
}

// Kind tells what the value is.
func (v Value) Kind() Kind {
	if v.doc == nil {
		return Missing
	}
	return v.doc.nodes[v.at].kind
}

// Exists reports whether there is a value, null included.
func (v Value) Exists() bool { return v.doc != nil }

func (v Value) node() node { return v.doc.nodes[v.at] }

// Raw returns the value's bytes as they stand in the text. Do not modify them.
func (v Value) Raw() []byte {
	if v.doc == nil {
		return nil
	}
	n := v.node()
	return v.doc.raw[n.off:n.end:n.end]
}

// rawText is Raw without a copy as a string.
func (v Value) rawText() string {
	n := v.node()
	return v.doc.text[n.off:n.end]
}

// Str returns a string's decoded text, "" for any other kind.
func (v Value) Str() string {
	if v.Kind() != String {
		return ""
	}
	return v.doc.str(v.at)
}

func (d *doc) str(at uint32) string {
	n := &d.nodes[at]
	if n.flags&flagEscaped == 0 {
		return d.text[n.off+1 : n.end-1]
	}
	return unquote(d.raw[n.off+1 : n.end-1])
}

// Bool returns the value of true; false for everything else.
func (v Value) Bool() bool { return v.Kind() == Bool && v.rawText() == "true" }

// Int returns a whole number. 5.0 and 5e0 are the whole number 5.
func (v Value) Int() (int64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	text := v.rawText()
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64)
	if n := int64(f); err == nil && f >= -maxInteger && f <= maxInteger && float64(n) == f {
		return n, true
	}
	return 0, false
}

// Float returns a number as binary64, 0 for any other kind.
func (v Value) Float() float64 {
	if v.Kind() != Number {
		return 0
	}
	f, _ := strconv.ParseFloat(v.rawText(), 64) // overflow was refused at the gate
	return f
}

// Get returns the member of that name, or a Missing value.
func (v Value) Get(name string) Value {
	if v.Kind() != Dictionary {
		return Value{}
	}
	d := v.doc
	for k, end := v.at+1, d.nodes[v.at].link; k < end; k = d.nodes[k+1].link {
		n := &d.nodes[k]
		if n.flags&flagEscaped == 0 {
			if d.text[n.off+1:n.end-1] == name {
				return Value{d, k + 1}
			}
		} else if d.str(k) == name {
			return Value{d, k + 1}
		}
	}
	return Value{}
}

// Members yields an object's members in the order of the text.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != Dictionary {
			return
		}
		d := v.doc
		for k, end := v.at+1, d.nodes[v.at].link; k < end; k = d.nodes[k+1].link {
			if !yield(d.str(k), Value{d, k + 1}) {
				return
			}
		}
	}
}

// Items yields an array's items in order.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != Array {
			return
		}
		d := v.doc
		for i, end := v.at+1, d.nodes[v.at].link; i < end; i = d.nodes[i].link {
			if !yield(Value{d, i}) {
				return
			}
		}
	}
}

// Len counts the members of an object or the items of an array.
func (v Value) Len() (n int) {
	switch v.Kind() {
	case Dictionary:
		for range v.Members() {
			n++
		}
	case Array:
		for range v.Items() {
			n++
		}
	}
	return n
}

// empty reports whether an array or object holds nothing.
func (v Value) empty() bool { return v.node().link == v.at+1 }

// strs returns the strings of an array, skipping other kinds.
func (v Value) strs() (out []string) {
	for item := range v.Items() {
		if item.Kind() == String {
			out = append(out, strings.Clone(item.Str()))
		}
	}
	return out
}
