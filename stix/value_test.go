package stix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

func itoa(n int) string { return strconv.Itoa(n) }

func parse(t testing.TB, text string) *Object {
	t.Helper()
	o, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return o
}

func TestValue(t *testing.T) {
	root := parse(t, with(`"x_a":{"s":"a\u00e9\n","n":7,"f":2.5,"e":5e0,"b":true,"l":[null,[1],{"x":"y"}],"\u006b":"v"}`)).Root()
	a := root.Get("x_a")
	if got := a.Get("s").Str(); got != "aé\n" {
		t.Errorf("Str = %q", got)
	}
	if n, ok := a.Get("n").Int(); n != 7 || !ok {
		t.Errorf("Int = %d, %t", n, ok)
	}
	if n, ok := a.Get("e").Int(); n != 5 || !ok {
		t.Errorf("Int of 5e0 = %d, %t", n, ok)
	}
	if _, ok := a.Get("f").Int(); ok {
		t.Error("2.5 is taken for a whole number")
	}
	if f := a.Get("f").Float(); f != 2.5 {
		t.Errorf("Float = %g", f)
	}
	if !a.Get("b").Bool() || a.Get("n").Bool() {
		t.Error("Bool is wrong")
	}
	if got := a.Get("k").Str(); got != "v" {
		t.Errorf("a member with an escaped name reads %q", got)
	}
	l := a.Get("l")
	if l.Len() != 3 || a.Len() != 7 {
		t.Errorf("Len = %d and %d", l.Len(), a.Len())
	}
	var kinds []Kind
	for item := range l.Items() {
		kinds = append(kinds, item.Kind())
	}
	if !reflect.DeepEqual(kinds, []Kind{Null, Array, Dictionary}) {
		t.Errorf("kinds = %v", kinds)
	}
	if got := string(l.Raw()); got != `[null,[1],{"x":"y"}]` {
		t.Errorf("Raw = %s", got)
	}
	for _, missing := range []Value{{}, root.Get("none"), root.Get("id").Get("x"), l.Get("x")} {
		if missing.Exists() || missing.Str() != "" || missing.Len() != 0 || missing.Raw() != nil || missing.Bool() || missing.Float() != 0 {
			t.Errorf("a missing value is not empty: %v", missing)
		}
	}
}

// plain turns a Value into what encoding/json makes of it.
func plain(v Value) any {
	switch v.Kind() {
	case String:
		return v.Str()
	case Number:
		return v.Float()
	case Bool:
		return v.Bool()
	case Array:
		list := []any{}
		for item := range v.Items() {
			list = append(list, plain(item))
		}
		return list
	case Dictionary:
		m := map[string]any{}
		for name, member := range v.Members() {
			m[name] = plain(member)
		}
		return m
	}
	return nil
}

// agrees fails unless two other readers accept what Parse accepted and read the
// same values, and unless the canonical form is that of the other library.
func agrees(t interface {
	Fatalf(string, ...any)
}, text []byte) {
	o, err := Parse(text)
	if err != nil {
		return
	}
	if !json.Valid(text) {
		t.Fatalf("encoding/json refuses %q", text)
	}
	if v := jsontext.Value(text); !v.IsValid() { // refuses duplicates and bad UTF-8
		t.Fatalf("jsontext refuses %q", text)
	}
	var want map[string]any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatalf("encoding/json: %v: %q", err, text)
	}
	if got := plain(o.Root()); !reflect.DeepEqual(got, any(want)) {
		t.Fatalf("read %v, encoding/json reads %v, of %q", got, want, text)
	}
	canonical := jsontext.Value(bytes.Clone(text))
	if err := canonical.Canonicalize(); err != nil {
		t.Fatalf("jsontext: %v: %q", err, text)
	}
	if got := appendCanonical(nil, o.Root()); !bytes.Equal(got, canonical) {
		t.Fatalf("canonical form %s, want %s", got, canonical)
	}
}

// jsonText draws a JSON value as text, with all spellings JSON allows.
func jsonText(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		kinds := 6
		if depth == 0 {
			kinds = 4
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return jsonString(t)
		case 1:
			return rapid.SampledFrom([]string{"0", "-0", "1", "-17", "9007199254740991", "0.1", "1e5", "1E-7",
				"123456789.125", "1e21", "1e-6", "333333333.33333329", "1e-27", "5e-324", "1.7976931348623157e308"}).Draw(t, "number")
		case 2:
			return strconv.FormatFloat(rapid.Float64().Draw(t, "float"), 'e', -1, 64)
		case 3:
			return rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "literal")
		case 4:
			return "[" + strings.Join(rapid.SliceOfN(jsonText(depth-1), 0, 4).Draw(t, "items"), " , ") + "]"
		default:
			var members []string
			for range rapid.IntRange(0, 4).Draw(t, "members") {
				members = append(members, jsonString(t)+":"+jsonText(depth-1).Draw(t, "value"))
			}
			return "{" + strings.Join(members, ",\n") + "}"
		}
	})
}

func jsonString(t *rapid.T) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range rapid.StringN(0, 8, -1).Draw(t, "string") {
		escape := rapid.IntRange(0, 3).Draw(t, "escape") == 0
		switch {
		case r > 0xFFFF && escape:
			fmt.Fprintf(&b, `\u%04x\u%04X`, 0xD800+(r-0x10000)>>10, 0xDC00+(r-0x10000)&0x3FF)
		case r < 0x20 || r == '"' || r == '\\' || escape && r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func TestReadersAgree(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		text := with(`"x_a":` + jsonText(4).Draw(t, "value"))
		if _, err := Parse([]byte(text)); err == nil {
			accepted++
		}
		agrees(t, []byte(text))
	})
	if accepted < 50 {
		t.Errorf("only %d texts were accepted: the test shows little", accepted)
	}
}

// Damaging an accepted text in one place never makes readers disagree.
func TestReadersAgreeOnDamage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(with(`"x_a":` + jsonText(3).Draw(t, "value")))
		for range rapid.IntRange(1, 3).Draw(t, "damages") {
			i := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				text[i] = rapid.Byte().Draw(t, "byte")
			case 1:
				text = append(text[:i:i], text[i+1:]...)
			case 2:
				j := rapid.IntRange(i, min(len(text), i+20)).Draw(t, "to")
				text = append(text[:j:j], text[i:]...)
			}
			if len(text) == 0 {
				return
			}
		}
		agrees(t, text)
	})
}

func TestCanonicalNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return
		}
		v := jsontext.Value(strconv.FormatFloat(f, 'g', -1, 64))
		if err := v.Canonicalize(); err != nil {
			t.Fatal(err)
		}
		if got := string(appendCanonicalNumber(nil, f)); got != string(v) {
			t.Errorf("%g: %s, want %s", f, got, v)
		}
	})
}
