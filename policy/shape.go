package policy

import "fmt"

// Limits of a rule's text. The parser is recursive and in places quadratic, and
// agreements may come from partners: what no person would write is refused before
// it is parsed.
const (
	maxRule    = 8 << 10
	maxNesting = 32
)

// checkShape refuses text with a rule longer than 8 KiB or brackets nested deeper
// than 32. It knows strings and comments, nothing else of the language.
func checkShape(text []byte) error {
	line, depth, begin := 1, 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\n':
			line++
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '/':
			if i+1 < len(text) && text[i+1] == '/' {
				for i+1 < len(text) && text[i+1] != '\n' {
					i++
				}
			}
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case ';':
			begin = i
		}
		if depth > maxNesting || i-begin > maxRule {
			return fmt.Errorf("line %d: a rule is longer than %d bytes or nested deeper than %d; split it", line, maxRule, maxNesting)
		}
	}
	return nil
}
