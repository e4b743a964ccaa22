package stix

import "strings"

// validSelector checks the form of a granular marking's selector (§7.2.3.1):
// property names and list positions like [0], joined by dots.
func validSelector(s string) bool {
	if s == "" || len(s) > 1024 || s[0] == '[' {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || len(part) > 250 {
			return false
		}
		if part[0] == '[' {
			if _, ok := position(part); !ok {
				return false
			}
		}
	}
	return true
}

// position reads a list position, "[12]".
func position(part string) (n int, ok bool) {
	if len(part) < 3 || len(part) > 9 || part[len(part)-1] != ']' {
		return 0, false
	}
	for _, c := range []byte(part[1 : len(part)-1]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// Select follows a selector to the value it marks; Missing if there is none.
// The empty selector is the whole object.
func (o *Object) Select(selector string) Value {
	v := o.Root()
	if selector == "" {
		return v
	}
	for part := range strings.SplitSeq(selector, ".") {
		n, isPosition := position(part)
		if !isPosition || v.Kind() != Array {
			v = v.Get(part)
			continue
		}
		v = v.item(n)
	}
	return v
}

// item returns the nth item of an array.
func (v Value) item(n int) Value {
	for it := range v.Items() {
		if n == 0 {
			return it
		}
		n--
	}
	return Value{}
}
