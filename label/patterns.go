package label

import "strings"

// key is the kind of personal data that a property's name announces.
type key uint8

const (
	keyBirth key = iota + 1
	keyDocument
	keyPhone
	keySpecial
)

// keyKind reads a property name word by word (separated by _ or -): names of
// custom properties vary, their words less.
func keyKind(name string) key {
	var before string
	for start := 0; start < len(name); {
		end := start
		for end < len(name) && name[end] != '_' && name[end] != '-' {
			end++
		}
		word := name[start:end]
		if k := wordKind(before, word); k != 0 {
			return k
		}
		before, start = word, end+1
	}
	return 0
}

func wordKind(before, word string) key {
	switch word {
	case "birth", "birthday", "birthdate", "dob", "birthdates":
		return keyBirth
	case "passport", "passports", "ssn", "nin", "iban":
		return keyDocument
	case "id", "ids", "card", "identity", "number", "numbers", "no":
		if before == "national" || before == "identity" || before == "personal" || before == "licence" || before == "tax" {
			return keyDocument
		}
	case "phone", "phones", "telephone", "msisdn", "imsi", "imei":
		return keyPhone
	case "religion", "religious", "ethnicity", "ethnic", "race", "racial", "political", "health", "medical",
		"diagnosis", "sexual", "biometric", "biometrics", "genetic", "dna", "disability":
		return keySpecial
	case "union":
		if before == "trade" {
			return keySpecial
		}
	}
	return 0
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 // any letter outside ASCII
}

// hasEmail looks for local@label.tld with a final label of two letters or more.
func hasEmail(s string) bool {
	for {
		at := strings.IndexByte(s, '@')
		if at < 0 {
			return false
		}
		if at > 0 && localPart(s[at-1]) && mailDomain(s[at+1:]) {
			return true
		}
		s = s[at+1:]
	}
}

func localPart(c byte) bool {
	return isLetter(c) || isDigit(c) || strings.IndexByte("._%+-\"", c) >= 0
}

func mailDomain(s string) bool {
	label, dots := 0, 0 // length of the current label; labels ended by a dot
	letters := 0        // letters in the current label
	for i := 0; i < len(s) && i < 255; i++ {
		switch c := s[i]; {
		case isLetter(c):
			label, letters = label+1, letters+1
		case isDigit(c) || c == '-':
			label++
		case c == '.' && label > 0:
			if dots > 0 && letters >= 2 && letters == label {
				return true
			}
			dots, label, letters = dots+1, 0, 0
		default:
			return dots > 0 && letters >= 2 && letters == label
		}
	}
	return dots > 0 && letters >= 2 && letters == label
}

// hasPhone looks for an international number: + and 8 to 15 digits (ITU-T
// E.164) with separators between them. National numbers without + are not told
// from other numbers.
func hasPhone(s string) bool {
	for i := 0; i < len(s); i++ {
		j := strings.IndexByte(s[i:], '+')
		if j < 0 {
			break
		}
		i += j
		if i > 0 && (isLetter(s[i-1]) || isDigit(s[i-1])) {
			continue
		}
		rest := s[i+1:]
		if rest == "" || rest[0] != '(' && (rest[0] < '1' || rest[0] > '9') {
			continue // no country's code begins with 0
		}
		if n := digitsIn(rest); n >= 8 && n <= 15 {
			return true
		}
	}
	return false
}

// digitsIn counts digits up to the first byte that is neither digit nor
// separator, or the third separator in a row.
func digitsIn(s string) (n int) {
	gap := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isDigit(c):
			n, gap = n+1, 0
		case strings.IndexByte(" ()-./", c) >= 0 && gap < 2:
			gap++
		default:
			return n
		}
	}
	return n
}

var (
	birthWords    = []string{"date of birth", "birth date", "birthdate", "birth:", "born", "dob", "d.o.b"}
	documentWords = []string{"passport", "identity card", "identity number", "identity no"}
)

// hasBirthDate looks for a word for birth with a year soon after it.
func hasBirthDate(s string) bool {
	return after(s, birthWords, 20, func(rest string) bool {
		run := 0
		for i := 0; i <= len(rest); i++ {
			if i < len(rest) && isDigit(rest[i]) {
				run++
				continue
			}
			if y := i - run; run == 4 && (rest[y:y+2] == "19" || rest[y:y+2] == "20") {
				return true
			}
			run = 0
		}
		return false
	})
}

// hasDocumentNumber looks for a word for an identity document with a number of
// five digits or more soon after it.
func hasDocumentNumber(s string) bool {
	return after(s, documentWords, 40, func(rest string) bool {
		run := 0
		for i := 0; i < len(rest); i++ {
			if !isDigit(rest[i]) {
				run = 0
			} else if run++; run >= 5 {
				return true
			}
		}
		return false
	})
}

// after reports whether, within reach bytes after one of words (any case,
// standing on its own at its beginning), found says yes.
func after(s string, words []string, reach int, found func(rest string) bool) bool {
	for _, w := range words {
		for i := 0; ; {
			j := indexFold(s[i:], w)
			if j < 0 {
				break
			}
			end := i + j + len(w)
			if (i+j == 0 || !isLetter(s[i+j-1])) && found(s[end:min(end+reach, len(s))]) {
				return true
			}
			i = end
		}
	}
	return false
}

// indexFold is strings.Index for a lower-case ASCII word in text of any case.
func indexFold(s, w string) int {
	lower, upper := w[0], w[0]-'a'+'A'
	for i := 0; i+len(w) <= len(s); i++ {
		if c := s[i]; c != lower && c != upper {
			continue
		}
		k := 1
		for k < len(w) && (s[i+k]|0x20 == w[k] || s[i+k] == w[k]) {
			k++
		}
		if k == len(w) {
			return i
		}
	}
	return -1
}
