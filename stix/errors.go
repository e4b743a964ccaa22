package stix

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Rules a [GateError] names. They are stable: clients may compare them.
const (
	RuleJSON       = "RFC 8259"             // not JSON, or not exactly one object
	RuleUTF8       = "RFC 8259 §8.1"        // not UTF-8
	RuleDuplicate  = "RFC 7493 §2.3"        // two names equal, also under case folding
	RuleName       = "STIX 2.1 §3.1"        // a name that readers may take for another
	RuleNumber     = "STIX 2.1 §2.6, §2.10" // a number readers hold differently
	RuleType       = "STIX 2.1 §3.2"        // a common property of the wrong type
	RuleIdentifier = "STIX 2.1 §2.9"        // a malformed identifier
	RuleTimestamp  = "STIX 2.1 §2.16"       // a malformed timestamp
	RuleMarking    = "STIX 2.1 §7.2"        // malformed markings
	RuleSize       = "entente: 1 MiB"       // longer than MaxObject
	RuleDepth      = "entente: depth 64"    // deeper than MaxDepth
)

// GateError says why the gate refused a text. It never quotes more than a few
// dozen bytes of it.
type GateError struct {
	Offset  int    // byte offset of the fault in the text
	Path    string // where in the object, as far as it was read, such as "external_references[0].url"
	Rule    string // one of the Rule constants
	Message string // what is wrong, in words for the sender
}

// Error returns the refusal in one line.
func (e *GateError) Error() string {
	where := "at byte " + strconv.Itoa(e.Offset)
	if e.Path != "" {
		where = e.Path + ", " + where
	}
	return fmt.Sprintf("refused: %s: %s (%s)", where, e.Message, e.Rule)
}

// fail describes a fault at the scanner's position.
func (s *scanner) fail(rule, message string) *GateError {
	return &GateError{Offset: s.pos, Path: s.where(), Rule: rule, Message: message}
}

// where spells the path of the scanner's position.
func (s *scanner) where() string {
	var b strings.Builder
	for _, f := range s.open {
		switch {
		case f.index >= 0:
			fmt.Fprintf(&b, "[%d]", f.index)
		case f.name > 0:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(shorten(s.nameText(f.name)))
		}
		if b.Len() > 300 {
			b.WriteString("…")
			break
		}
	}
	return b.String()
}

// shorten cuts a text for use in a message.
func shorten(s string) string {
	const limit = 60
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

func quoteShort(s string) string { return strconv.Quote(shorten(s)) }
