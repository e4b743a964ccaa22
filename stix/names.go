package stix

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names are where JSON readers differ most. Some compare them with case folded,
// where the KELVIN SIGN equals k and the long s equals s; some take the first of
// two equal names and some the last. So within one object no two names may be
// equal under folding, and a name that decides about release may be written in
// one way only.

// policyNames decide about identity, version, handling or release wherever they stand.
var policyNames = set("object_marking_refs", "granular_markings", "marking_ref",
	"created_by_ref", "definition_type", "spec_version", "extensions", "extension_type")

// markingNames are too ordinary to be reserved everywhere (an environment
// variable may well be called LANG) but decide inside markings and extensions.
var markingNames = set("id", "type", "created", "modified", "revoked", "lang", "selectors",
	"definition", "statement", "tlp", "tlp_2_0", "pap")

// freeKeyed are the properties of the standard whose keys are somebody else's
// words: headers, variables, tags. Only the rules about equal names hold there.
var freeKeyed = set("environment_variables", "request_header", "additional_header_fields",
	"document_info_dict", "exif_tags", "options", "hashes", "file_header_hashes")

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

// name checks a member name and stores the hash of its folded form.
func (s *scanner) name(key int) *GateError {
	k := &s.nodes[key]
	text := s.raw[k.off+1 : k.end-1]
	if len(text) > MaxName {
		return s.fail(RuleName, "a member name is longer than 1,024 bytes")
	}
	plain := k.flags&flagEscaped == 0
	top := true // [a-z0-9_] only
	for _, c := range text {
		if c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
			plain = false
		}
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			top = false
		}
	}
	if len(s.open) == 1 && (!top || len(text) == 0 || len(text) > 250) {
		return s.fail(RuleName, "a property name of an object must consist of a-z, 0-9 and _ (at most 250, written without escapes)")
	}
	folded := text
	if !plain {
		s.fold = appendFolded(s.fold[:0], unquote(text))
		folded = s.fold
		if s.reserved(string(folded)) {
			return s.fail(RuleName, "this spelling would be read as "+string(folded)+" by some readers and not by others")
		}
	}
	if isRefName(folded) {
		k.flags |= flagRef
	}
	k.link = uint32(maphash.Bytes(seed, folded))
	return nil
}

func isRefName[T string | []byte](name T) bool {
	n := len(name)
	return n >= 4 && string(name[n-4:]) == "_ref" || n >= 5 && string(name[n-5:]) == "_refs"
}

// reserved reports whether a folded name may, at this place, be written in its
// exact form only.
func (s *scanner) reserved(folded string) bool {
	if !policyNames[folded] && !markingNames[folded] && !handlingNames[folded] &&
		!strings.HasPrefix(folded, "extension-definition--") {
		return false
	}
	within := func(level int) string { // name of the member that is open at this level
		if level >= len(s.open)-1 || s.open[level].name == 0 {
			return ""
		}
		n := s.nodes[s.open[level].name]
		return string(s.raw[n.off+1 : n.end-1])
	}
	for level := range len(s.open) - 1 {
		if freeKeyed[within(level)] {
			return false
		}
	}
	if policyNames[folded] {
		return true
	}
	switch top := within(0); {
	case top == "granular_markings" || top == "definition":
		return markingNames[folded]
	case top == "extensions" && len(s.open) == 2:
		return strings.HasPrefix(folded, "extension-definition--")
	case top == "extensions" && len(s.open) == 3:
		return markingNames[folded] || ID(within(1)) == HandlingExtension && handlingNames[folded]
	}
	return false
}

// unquote undoes the escapes of a scanned string's inner text.
func unquote(text []byte) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			b.WriteByte(text[i])
			i++
			continue
		}
		switch c := text[i+1]; c {
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'u':
			u, _ := hex4(text[i+2:])
			if u >= 0xD800 && u <= 0xDBFF {
				low, _ := hex4(text[i+8:])
				u = (u-0xD800)<<10 + (low - 0xDC00) + 0x10000
				i += 6
			}
			b.WriteRune(u)
			i += 4
		default:
			b.WriteByte(c)
		}
		i += 2
	}
	return b.String()
}

// appendFolded appends the name with every rune replaced by one representative
// of all runes equal to it under simple case folding (Unicode CaseFolding.txt).
func appendFolded(dst []byte, name string) []byte {
	for _, r := range name {
		dst = utf8.AppendRune(dst, foldRune(r))
	}
	return dst
}

func foldRune(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if least >= 'A' && least <= 'Z' {
		return least + 'a' - 'A'
	}
	return least
}

// smallObject is the number of members up to which names are compared pairwise.
const smallObject = 24

// distinct refuses two equal names in the object whose members were just scanned.
func (s *scanner) distinct(at int) *GateError {
	s.names = s.names[:0]
	for k := at + 1; k < len(s.nodes); k = int(s.nodes[k+1].link) {
		s.names = append(s.names, hashed{s.nodes[k].link, uint32(k)})
	}
	if len(s.names) <= smallObject {
		for i, a := range s.names {
			for _, b := range s.names[:i] {
				if a.hash == b.hash && s.equalNames(a.node, b.node) {
					return s.duplicate(b.node, a.node)
				}
			}
		}
		return nil
	}
	slices.SortFunc(s.names, func(a, b hashed) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.node, b.node))
	})
	for i, a := range s.names {
		for _, b := range s.names[i+1:] {
			if a.hash != b.hash {
				break
			}
			if s.equalNames(a.node, b.node) {
				return s.duplicate(a.node, b.node)
			}
		}
	}
	return nil
}

func (s *scanner) nameText(k uint32) string {
	n := s.nodes[k]
	return unquote(s.raw[n.off+1 : n.end-1])
}

func (s *scanner) equalNames(a, b uint32) bool {
	return string(appendFolded(nil, s.nameText(a))) == string(appendFolded(nil, s.nameText(b)))
}

func (s *scanner) duplicate(first, second uint32) *GateError {
	s.pos = int(s.nodes[second].off)
	s.open[len(s.open)-1].name = second
	if s.nameText(first) == s.nameText(second) {
		return s.fail(RuleDuplicate, "the same name stands twice in one object; readers differ in which they take")
	}
	return s.fail(RuleDuplicate, "this name and "+quoteShort(s.nameText(first))+" differ only in case; some readers take them for one")
}

// handlingNames are the members of our handling extension.
var handlingNames = func() map[string]bool {
	m := make(map[string]bool, len(handlingMembers))
	for name := range handlingMembers {
		m[name] = true
	}
	return m
}()
