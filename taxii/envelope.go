package taxii

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// page is one answer of a listing endpoint, split but not parsed: items are
// slices of the answer itself.
type page struct {
	more  bool
	next  string
	items []json.RawMessage
}

// maxNesting bounds how deep an answer may nest before it is refused.
const maxNesting = 512

// split takes an envelope, manifest or versions resource apart. list names the
// member that holds the items. It looks only at the structure around the items:
// brackets and strings; what is inside an item, be it nonsense, is the reader's
// to judge, so that one bad object does not cost the page. Member names count
// exactly as written (no other case), and none of the three may come twice.
func split(b []byte, list string) (page, error) {
	var p page
	s := scanner{b: b}
	if s.space(); !s.eat('{') {
		return p, errors.New("taxii: the answer is not a JSON object")
	}
	seen := map[string]bool{}
	for first := true; ; first = false {
		if s.space(); s.eat('}') {
			break
		}
		if !first && !s.eat(',') {
			return p, s.fault("a comma")
		}
		s.space()
		raw, err := s.value()
		if err != nil {
			return p, err
		}
		var name string
		if raw[0] != '"' || json.Unmarshal(raw, &name) != nil {
			return p, s.fault("a member name")
		}
		if s.space(); !s.eat(':') {
			return p, s.fault("a colon")
		}
		s.space()
		if name == list || name == "more" || name == "next" {
			if seen[name] {
				return p, fmt.Errorf("taxii: the answer has %q twice", name)
			}
			seen[name] = true
		}
		if err := p.member(&s, name, list); err != nil {
			return p, err
		}
	}
	if s.space(); s.i != len(b) {
		return p, s.fault("the end")
	}
	return p, nil
}

// member reads the value of one member of the answer.
func (p *page) member(s *scanner, name, list string) error {
	if name == list && s.peek() == '[' {
		return p.list(s)
	}
	raw, err := s.value()
	if err != nil || string(raw) == "null" {
		return err
	}
	switch name {
	case list:
		return fmt.Errorf("taxii: %q is not a list", name)
	case "more":
		if json.Unmarshal(raw, &p.more) != nil {
			return fmt.Errorf("taxii: \"more\" is %.20s, not true or false", raw)
		}
	case "next": // a string; some servers send a number
		if json.Unmarshal(raw, &p.next) != nil {
			if p.next = string(raw); strings.Trim(p.next, "0123456789") != "" {
				return fmt.Errorf("taxii: \"next\" is %.20s, not a string", raw)
			}
		}
	}
	return nil
}

// list reads the items.
func (p *page) list(s *scanner) error {
	s.eat('[')
	for {
		if s.space(); s.eat(']') {
			return nil
		}
		if len(p.items) > 0 {
			if !s.eat(',') {
				return s.fault("a comma")
			}
			s.space()
		}
		raw, err := s.value()
		if err != nil {
			return err
		}
		p.items = append(p.items, raw)
	}
}

// scanner walks over JSON by its structure.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *scanner) eat(c byte) bool {
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t' || s.b[s.i] == '\r') {
		s.i++
	}
}

func (s *scanner) fault(want string) error {
	if s.i >= len(s.b) {
		return errTruncated
	}
	return fmt.Errorf("taxii: the answer is no JSON: want %s at byte %d", want, s.i)
}

var errTruncated = errors.New("taxii: the answer ends in the middle")

// value takes one value: brackets must match and strings must end; a bare word
// runs to the next delimiter.
func (s *scanner) value() (json.RawMessage, error) {
	start := s.i
	var open [maxNesting]byte
	depth := 0
	for s.i < len(s.b) {
		c := s.b[s.i]
		switch c {
		case '"':
			if !s.str() {
				return nil, errTruncated
			}
		case '{', '[':
			if depth == maxNesting {
				return nil, fmt.Errorf("taxii: the answer nests deeper than %d at byte %d", maxNesting, s.i)
			}
			open[depth] = c + 2 // the bracket that closes it
			depth++
			s.i++
			continue
		case '}', ']':
			if depth == 0 || open[depth-1] != c {
				return nil, s.fault("a value")
			}
			depth--
			s.i++
		default:
			if depth > 0 {
				s.i++
				continue
			}
			for s.i < len(s.b) && !strings.ContainsRune(" \n\t\r,:]}[{\"", rune(s.b[s.i])) {
				s.i++
			}
			if s.i == start {
				return nil, s.fault("a value")
			}
		}
		if depth == 0 {
			return s.b[start:s.i:s.i], nil
		}
	}
	return nil, errTruncated
}

// str skips a string, false if it does not end. A quote ends it unless an odd
// number of backslashes stands before it.
func (s *scanner) str() bool {
	start := s.i + 1
	for at := start; ; {
		n := bytes.IndexByte(s.b[at:], '"')
		if n < 0 {
			s.i = len(s.b)
			return false
		}
		quote := at + n
		i := quote
		for i > start && s.b[i-1] == '\\' {
			i--
		}
		if at = quote + 1; (quote-i)%2 == 0 {
			s.i = at
			return true
		}
	}
}
