package stix

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// canonicalMember is a member whose value is already in canonical form.
type canonicalMember struct {
	name string
	text []byte
}

// appendCanonical appends the value in the canonical form of RFC 8785: no white
// space, members sorted by UTF-16 code units, numbers and strings as ECMAScript
// writes them.
func appendCanonical(dst []byte, v Value) []byte {
	switch v.Kind() {
	case String:
		return appendCanonicalString(dst, v.Str())
	case Number:
		return appendCanonicalNumber(dst, v.Float())
	case Array:
		dst = append(dst, '[')
		first := true
		for item := range v.Items() {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = appendCanonical(dst, item)
		}
		return append(dst, ']')
	case Dictionary:
		var members []canonicalMember
		for name, m := range v.Members() {
			members = append(members, canonicalMember{name, appendCanonical(nil, m)})
		}
		return appendCanonicalMembers(dst, members)
	default:
		return append(dst, v.Raw()...)
	}
}

func appendCanonicalMembers(dst []byte, members []canonicalMember) []byte {
	slices.SortFunc(members, func(a, b canonicalMember) int { return compareUTF16(a.name, b.name) })
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendCanonicalString(dst, m.name), ':')
		dst = append(dst, m.text...)
	}
	return append(dst, '}')
}

// compareUTF16 orders by UTF-16 code units, which differs from the order of
// runes where surrogates meet U+E000 to U+FFFF.
func compareUTF16(a, b string) int {
	for a != "" && b != "" {
		ra, na := utf8.DecodeRuneInString(a)
		rb, nb := utf8.DecodeRuneInString(b)
		if ra != rb {
			return cmp.Compare(firstUnit(ra), firstUnit(rb))*2 + cmp.Compare(ra, rb)
		}
		a, b = a[na:], b[nb:]
	}
	return cmp.Compare(len(a), len(b))
}

func firstUnit(r rune) rune {
	if high, _ := utf16.EncodeRune(r); high != utf8.RuneError {
		return high
	}
	return r
}

func appendCanonicalString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			if c < 0x20 {
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"')
}

// appendCanonicalNumber writes the shortest decimal that reads back as f, with
// an exponent below 1e-6 and from 1e21 on (ECMAScript Number::toString).
func appendCanonicalNumber(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0') // also for -0
	}
	if a := math.Abs(f); a >= 1e-6 && a < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go pads the exponent to two digits; ECMAScript does not.
	if n := len(dst); n-start > 4 && dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}
