package stix

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"
)

// Limits of one object. They are part of the contract with partners: an object
// beyond them is refused whoever sends it.
const (
	// MaxObject is the greatest length of one object in bytes.
	MaxObject = 1 << 20
	// MaxDepth is the greatest nesting; the object itself is at depth 1.
	MaxDepth = 64
	// MaxName is the greatest length of a member name in bytes as written.
	MaxName = 1024
	// MaxSelectors is the greatest number of selectors in an object's granular markings.
	MaxSelectors = 1024
)

// node is one JSON value or member name on the tape. An object's members follow
// it as name, value, name, value; an array's items follow it directly.
type node struct {
	off, end uint32 // span in the text, quotes included
	link     uint32 // of a value: the node after its subtree; of a name: hash of the folded name
	kind     Kind
	flags    uint8
}

const (
	flagEscaped uint8 = 1 << iota // a string holding at least one backslash
	flagRef                       // a name ending in _ref or _refs
	flagID                        // an identifier somewhere below such a name
)

// scanner makes the tape in one pass. Everything it allocates is reused; only
// the finished tape is copied out.
type scanner struct {
	raw   []byte
	pos   int
	nodes []node
	open  []frame
	names []hashed
	fold  []byte
}

// frame is an open container: where the scanner is inside it.
type frame struct {
	name  uint32 // node of the current member name (objects)
	index int32  // current item (arrays), -1 in objects
}

type hashed struct{ hash, node uint32 }

var (
	scanners = sync.Pool{New: func() any { return new(scanner) }}
	seed     = maphash.MakeSeed()
)

// keepNodes bounds what a pooled scanner may hold on to.
const keepNodes = 1 << 14

// scan returns the tape of raw, which must be exactly one JSON object.
func scan(raw []byte) ([]node, *GateError) {
	if len(raw) > MaxObject {
		return nil, &GateError{Offset: MaxObject, Rule: RuleSize,
			Message: "the object is " + strconv.Itoa(len(raw)) + " bytes long, more than the 1 MiB allowed"}
	}
	s := scanners.Get().(*scanner)
	s.raw, s.pos, s.nodes, s.open = raw, 0, s.nodes[:0], s.open[:0]
	err := s.document()
	var nodes []node
	if err == nil {
		nodes = slices.Clone(s.nodes)
	}
	s.raw = nil
	if cap(s.nodes) <= keepNodes && cap(s.names) <= keepNodes && cap(s.fold) <= keepNodes {
		scanners.Put(s)
	}
	return nodes, err
}

func (s *scanner) document() *GateError {
	if !utf8.Valid(s.raw) {
		return &GateError{Offset: firstInvalid(s.raw), Rule: RuleUTF8, Message: "the bytes are not valid UTF-8"}
	}
	s.space()
	if s.pos == len(s.raw) || s.raw[s.pos] != '{' {
		return s.fail(RuleJSON, "expected one JSON object beginning with {")
	}
	if err := s.object(); err != nil {
		return err
	}
	s.space()
	if s.pos < len(s.raw) {
		return s.fail(RuleJSON, "there is more text after the object")
	}
	return nil
}

func firstInvalid(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// space skips the four white-space bytes of RFC 8259 §2.
func (s *scanner) space() {
	for s.pos < len(s.raw) {
		switch s.raw[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// value scans the value that begins at the current position.
func (s *scanner) value() *GateError {
	if s.pos == len(s.raw) {
		return s.fail(RuleJSON, "the text ends where a value is expected")
	}
	switch s.raw[s.pos] {
	case '"':
		return s.str()
	case '{':
		return s.object()
	case '[':
		return s.array()
	case 't':
		return s.literal("true", Bool)
	case 'f':
		return s.literal("false", Bool)
	case 'n':
		return s.literal("null", Null)
	default:
		return s.number()
	}
}

func (s *scanner) literal(word string, kind Kind) *GateError {
	end := s.pos + len(word)
	if end > len(s.raw) || string(s.raw[s.pos:end]) != word {
		return s.fail(RuleJSON, "expected a JSON value")
	}
	s.leaf(s.pos, end, kind, 0)
	return nil
}

// leaf appends a node without children and moves behind it.
func (s *scanner) leaf(off, end int, kind Kind, flags uint8) {
	s.nodes = append(s.nodes, node{uint32(off), uint32(end), uint32(len(s.nodes) + 1), kind, flags})
	s.pos = end
}

// push opens a container node.
func (s *scanner) push(kind Kind, index int32) (at int, err *GateError) {
	if len(s.open) == MaxDepth {
		return 0, s.fail(RuleDepth, "nested more than 64 deep")
	}
	at = len(s.nodes)
	s.nodes = append(s.nodes, node{off: uint32(s.pos), kind: kind})
	s.open = append(s.open, frame{index: index})
	s.pos++
	s.space()
	return at, nil
}

// pop closes the container at the closing bracket under the cursor.
func (s *scanner) pop(at int) {
	s.pos++
	s.nodes[at].end, s.nodes[at].link = uint32(s.pos), uint32(len(s.nodes))
	s.open = s.open[:len(s.open)-1]
}

func (s *scanner) object() *GateError {
	at, err := s.push(Dictionary, -1)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if s.pos < len(s.raw) && s.raw[s.pos] == '}' && n == 0 {
			break
		}
		if err := s.member(); err != nil {
			return err
		}
		s.space()
		if s.pos < len(s.raw) && s.raw[s.pos] == ',' {
			s.pos++
			s.space()
			continue
		}
		if s.pos < len(s.raw) && s.raw[s.pos] == '}' {
			break
		}
		return s.fail(RuleJSON, "expected , or } after a member")
	}
	if err := s.distinct(at); err != nil {
		return err
	}
	s.pop(at)
	return nil
}

// member scans one name, colon and value.
func (s *scanner) member() *GateError {
	if s.pos == len(s.raw) || s.raw[s.pos] != '"' {
		return s.fail(RuleJSON, "expected a member name in double quotes")
	}
	key := len(s.nodes)
	s.open[len(s.open)-1].name = 0
	if err := s.str(); err != nil {
		return err
	}
	s.open[len(s.open)-1].name = uint32(key)
	if err := s.name(key); err != nil {
		return err
	}
	s.space()
	if s.pos == len(s.raw) || s.raw[s.pos] != ':' {
		return s.fail(RuleJSON, "expected : after a member name")
	}
	s.pos++
	s.space()
	return s.value()
}

func (s *scanner) array() *GateError {
	at, err := s.push(Array, 0)
	if err != nil {
		return err
	}
	if s.pos < len(s.raw) && s.raw[s.pos] == ']' {
		s.pop(at)
		return nil
	}
	for {
		if err := s.value(); err != nil {
			return err
		}
		s.space()
		if s.pos == len(s.raw) {
			return s.fail(RuleJSON, "the text ends inside an array")
		}
		switch s.raw[s.pos] {
		case ',':
			s.pos++
			s.space()
			s.open[len(s.open)-1].index++
		case ']':
			s.pop(at)
			return nil
		default:
			return s.fail(RuleJSON, "expected , or ] after an item")
		}
	}
}

// str scans a string. UTF-8 was checked before, so what is left to find are the
// closing quote, escapes, and control characters, which must be escaped.
func (s *scanner) str() *GateError {
	off, i, flags := s.pos, s.pos+1, uint8(0)
	for {
		i += plainPrefix(s.raw[i:])
		if i == len(s.raw) {
			s.pos = off
			return s.fail(RuleJSON, "a string is not closed")
		}
		switch c := s.raw[i]; {
		case c == '"':
			s.leaf(off, i+1, String, flags)
			return nil
		case c == '\\':
			flags |= flagEscaped
			n, problem := escape(s.raw[i:])
			if problem != "" {
				s.pos = i
				return s.fail(RuleJSON, problem)
			}
			i += n
		default:
			s.pos = i
			return s.fail(RuleJSON, "a control character stands unescaped in a string")
		}
	}
}

// plainPrefix counts the leading bytes that are neither a quote, nor a
// backslash, nor a control character; eight at a time.
func plainPrefix(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		found := (w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash
		if found&highs != 0 {
			break
		}
	}
	for i < len(b) && b[i] >= 0x20 && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// escape checks the escape sequence at the start of b and returns its length.
// A surrogate must be half of a pair: readers replace a lone one each in their
// own way.
func escape(b []byte) (n int, problem string) {
	if len(b) < 2 {
		return 0, "a string is not closed"
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, ""
	case 'u':
	default:
		return 0, "unknown escape sequence in a string"
	}
	u, ok := hex4(b[2:])
	switch {
	case !ok:
		return 0, `\u must be followed by four hexadecimal digits`
	case u >= 0xDC00 && u <= 0xDFFF:
		return 0, "unpaired surrogate escape"
	case u < 0xD800 || u > 0xDBFF:
		return 6, ""
	}
	if len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
		if low, ok := hex4(b[8:]); ok && low >= 0xDC00 && low <= 0xDFFF {
			return 12, ""
		}
	}
	return 0, "unpaired surrogate escape"
}

func hex4(b []byte) (u rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			u = u<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			u = u<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			u = u<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return u, true
}

// maxInteger is the greatest integer every reader holds exactly (§2.10).
const maxInteger = 1<<53 - 1

// number scans a number and refuses those that readers hold differently:
// integers beyond 53 bits and reals beyond binary64.
func (s *scanner) number() *GateError {
	off, i := s.pos, s.pos
	digits := func() (n int) {
		for i < len(s.raw) && s.raw[i] >= '0' && s.raw[i] <= '9' {
			i++
			n++
		}
		return n
	}
	at := func(c byte) bool { return i < len(s.raw) && s.raw[i] == c }
	if at('-') {
		i++
	}
	first := i
	n := digits()
	if n == 0 {
		return s.fail(RuleJSON, "expected a JSON value")
	}
	if n > 1 && s.raw[first] == '0' {
		return s.fail(RuleJSON, "a number must not begin with a needless zero")
	}
	whole, exponent := true, false
	if at('.') {
		whole = false
		i++
		if digits() == 0 {
			return s.fail(RuleJSON, "digits must follow the decimal point")
		}
	}
	if at('e') || at('E') {
		whole, exponent = false, true
		i++
		if at('+') || at('-') {
			i++
		}
		if digits() == 0 {
			return s.fail(RuleJSON, "digits must follow the exponent sign")
		}
	}
	if whole && n > 15 {
		if v, err := strconv.ParseInt(string(s.raw[off:i]), 10, 64); err != nil || v > maxInteger || v < -maxInteger {
			return s.fail(RuleNumber, "the integer lies outside -(2^53)+1 … (2^53)-1")
		}
	}
	if exponent || n > 300 { // fewer digits cannot overflow
		if _, err := strconv.ParseFloat(string(s.raw[off:i]), 64); err != nil {
			return s.fail(RuleNumber, "the number is too large for a 64-bit float")
		}
	}
	s.leaf(off, i, Number, 0)
	return nil
}
