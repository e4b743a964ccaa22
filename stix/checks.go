package stix

import (
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
)

// The checks of the standard's common data types (§2). Each reports under the
// section that defines it.

func isKind(kind Kind, section string) check {
	return func(c *checker, v Value) {
		if v.Kind() != kind {
			c.fail(section, "must be %s, is %s", kind, v.Kind())
		}
	}
}

var (
	aString  = isKind(String, "§2.15")
	aBoolean = isKind(Bool, "§2.2")
	aFloat   = isKind(Number, "§2.6")
	texts    = listOf(aString)
)

func anything(*checker, Value) {}

func integer(c *checker, v Value) {
	if _, ok := v.Int(); !ok {
		c.fail("§2.10", "must be a whole number")
	}
}

// between takes whole numbers of a range, bounds included.
func between(least, most int64) check {
	return func(c *checker, v Value) {
		if n, ok := v.Int(); !ok || n < least || n > most {
			c.fail("", "must be a whole number from %d to %d", least, most)
		}
	}
}

func floatBetween(least, most float64) check {
	return func(c *checker, v Value) {
		if f := v.Float(); v.Kind() != Number || f < least || f > most {
			c.fail("", "must be a number from %g to %g", least, most)
		}
	}
}

var count = between(0, maxInteger)

func timestamp(c *checker, v Value) {
	if _, _, ok := splitTime(v.Str()); !ok {
		c.fail("§2.16", "must be a real time of the form YYYY-MM-DDTHH:mm:ss[.s+]Z")
	}
}

// preciseTime is a timestamp with at least three digits of the second.
func preciseTime(c *checker, v Value) {
	_, fraction, ok := splitTime(v.Str())
	switch {
	case !ok:
		c.fail("§2.16", "must be a real time of the form YYYY-MM-DDTHH:mm:ss.sss[s+]Z")
	case len(fraction) < 3:
		c.fail("§3.2", "must be precise to the millisecond (three digits after the point)")
	}
}

func hexadecimal(c *checker, v Value) {
	if s := v.Str(); s == "" || !isHex(s) || strings.ToLower(s) != s {
		c.fail("§2.8", "must be an even number of hexadecimal digits in lower case")
	}
}

func isHex(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil
}

func base64Text(c *checker, v Value) {
	if _, err := base64.StdEncoding.DecodeString(v.Str()); v.Kind() != String || err != nil {
		c.fail("§2.1", "must be a base64 text")
	}
}

// oneOf takes the words of a closed vocabulary.
func oneOf(words ...string) check {
	return func(c *checker, v Value) {
		if v.Kind() != String || !slices.Contains(words, v.Str()) {
			c.fail("", "must be one of %s", strings.Join(words, ", "))
		}
	}
}

// listOf takes a list of at least one item.
func listOf(judge check) check {
	return func(c *checker, v Value) {
		if v.Kind() != Array {
			c.fail("§2.12", "must be a list, is %s", v.Kind())
			return
		}
		d, i := v.doc, 0 // walked by hand: an iterator would allocate here
		for at, end := v.at+1, d.nodes[v.at].link; at < end; at = d.nodes[at].link {
			c.item(i, Value{d, at}, judge)
			i++
		}
		if i == 0 {
			c.fail("§2.12", "must not be an empty list; leave the property out")
		}
	}
}

// dictionaryOf takes a dictionary of at least one entry with keys of the
// standard's alphabet.
func dictionaryOf(judge check) check {
	return func(c *checker, v Value) {
		if v.Kind() != Dictionary {
			c.fail("§2.3", "must be a dictionary, is %s", v.Kind())
			return
		}
		n := 0
		for key, m := range v.Members() {
			if !validKey(key) {
				c.fail("§2.3", "the key %s must consist of a-z, A-Z, 0-9, - and _ (at most 250)", quoteShort(key))
			}
			c.member(key, m, judge)
			n++
		}
		if n == 0 {
			c.fail("§2.3", "must not be an empty dictionary; leave the property out")
		}
	}
}

func validKey(key string) bool {
	if key == "" || len(key) > 250 {
		return false
	}
	for _, c := range []byte(key) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// either takes a value that passes one of two kinds.
func either(a, b Kind) check {
	return func(c *checker, v Value) {
		if k := v.Kind(); k != a && k != b {
			c.fail("", "must be %s or %s, is %s", a, b, k)
		}
	}
}

// nested takes an object that fulfils a spec.
func nested(s *spec) check { return s.check }

// hashes is a dictionary from algorithm to digest (§2.7). Digests of the
// algorithms the standard names must have the right form.
func hashes(c *checker, v Value) {
	dictionaryOf(aString)(c, v)
	for name, digest := range v.Members() {
		if n := digestDigits[name]; n > 0 && (len(digest.Str()) != n || !isHex(digest.Str())) {
			c.failAt(name, "§10.7", "must be %d hexadecimal digits", n)
		}
		if len(name) < 3 {
			c.failAt(name, "§2.7", "the name of a hash algorithm must be 3 to 250 long")
		}
	}
}

var digestDigits = map[string]int{"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-512": 128, "SHA3-256": 64, "SHA3-512": 128}

// ref takes an identifier of one of the types; of any type if none is given.
// Inside a deprecated observable container it takes the key of another object there.
func ref(types ...string) check {
	return func(c *checker, v Value) {
		if c.local != nil {
			c.localRef(v, types)
			return
		}
		typ, ok := v.refType()
		if !ok {
			c.fail("§2.9", "must be an identifier of the form type--UUID")
		} else if len(types) > 0 && !slices.Contains(types, typ) {
			c.fail("", "must refer to %s, not to %s", strings.Join(types, " or "), typ)
		}
	}
}

// refType returns the type that an identifier refers to. The gate marked all
// identifiers in properties that refer.
func (v Value) refType() (typ string, ok bool) {
	if v.doc == nil || v.node().flags&flagID == 0 {
		return "", false
	}
	return typePart(v.doc.str(v.at)), true
}

func (c *checker) localRef(v Value, types []string) {
	typ, ok := c.local[v.Str()]
	switch {
	case v.Kind() != String || !ok:
		c.fail("§2.13", "must be the key of an object in the same container")
	case len(types) > 0 && !slices.Contains(types, typ):
		c.fail("§2.13", "must refer to %s, not to %s", strings.Join(types, " or "), quoteShort(typ))
	}
}

// refWhere takes an identifier whose type passes the test.
func refWhere(what string, pass func(typ string) bool) check {
	any := ref()
	return func(c *checker, v Value) {
		any(c, v)
		if typ, ok := v.refType(); ok && c.local == nil && !pass(typ) {
			c.fail("", "must refer to %s, not to %s", what, typ)
		}
	}
}

func refs(types ...string) check { return listOf(ref(types...)) }

// uri takes an absolute URI of RFC 3986.
func uri(c *checker, v Value) {
	if !isURI(v.Str()) {
		c.fail("", "must be a URL with a scheme and nothing but the characters of RFC 3986")
	}
}

func isURI(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" || scheme == "" || scheme[0]|0x20 < 'a' || scheme[0]|0x20 > 'z' {
		return false
	}
	for _, c := range []byte(scheme) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte("+-.", c) < 0 {
			return false
		}
	}
	for i := range len(rest) {
		if !uriByte[rest[i]] || rest[i] == '%' && (i+2 >= len(rest) || !isHex(rest[i+1:i+3])) {
			return false
		}
	}
	return true
}

// uriByte holds the characters of URIs (RFC 3986 §2).
var uriByte = func() (t [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#[]@!$&'()*+,;=%") {
		t[c] = true
	}
	return t
}()

// language takes a well-formed language tag of RFC 5646.
func language(c *checker, v Value) {
	if !isLanguage(v.Str()) {
		c.fail("", "must be a language code such as en or fa-AF (RFC 5646)")
	}
}

func isLanguage(s string) bool {
	if len(s) < 2 || len(s) > 64 {
		return false
	}
	first := true
	for part := range strings.SplitSeq(s, "-") {
		if part == "" || len(part) > 8 || first && len(part) < 2 && part != "x" && part != "i" {
			return false
		}
		for _, c := range []byte(part) {
			letter := c|0x20 >= 'a' && c|0x20 <= 'z'
			if !letter && (first || c < '0' || c > '9') {
				return false
			}
		}
		first = false
	}
	return true
}

func ipv4(c *checker, v Value) { network(c, v, "an IPv4", netip.Addr.Is4) }
func ipv6(c *checker, v Value) { network(c, v, "an IPv6", netip.Addr.Is6) }

func network(c *checker, v Value, what string, is func(netip.Addr) bool) {
	addr, err := netip.ParseAddr(v.Str())
	if strings.Contains(v.Str(), "/") {
		var p netip.Prefix
		p, err = netip.ParsePrefix(v.Str())
		addr = p.Addr()
	}
	if err != nil || !is(addr) {
		c.fail("", "must be %s address or network in CIDR notation", what)
	}
}

func macAddress(c *checker, v Value) {
	s := v.Str()
	ok := len(s) == 17
	for i := 0; ok && i < len(s); i++ {
		if i%3 == 2 {
			ok = s[i] == ':'
		} else {
			ok = s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f'
		}
	}
	if !ok {
		c.fail("", "must be six pairs of lower-case hexadecimal digits joined by colons")
	}
}

func emailAddress(c *checker, v Value) {
	at := strings.LastIndexByte(v.Str(), '@')
	if at <= 0 || at == len(v.Str())-1 || strings.ContainsAny(v.Str(), "<>\r\n") || strings.ContainsAny(v.Str()[at:], " \t") {
		c.fail("", "must be an e-mail address without a display name (RFC 5322 addr-spec)")
	}
}

func domainName(c *checker, v Value) {
	s := strings.TrimSuffix(v.Str(), ".")
	ok := s != "" && len(s) <= 253 && !strings.ContainsAny(s, " \t\r\n/:@?#\\")
	for label := range strings.SplitSeq(s, ".") {
		ok = ok && label != "" && len(label) <= 63*4 // a label may be written in Unicode
	}
	if !ok {
		c.fail("", "must be a domain name (RFC 1034, RFC 5890)")
	}
}
