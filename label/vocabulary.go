package label

import (
	"slices"
	"strconv"
	"strings"
)

// Purposes is the closed list of purposes for which anything may be released.
// There is none for targeting, immigration enforcement, policing of protest,
// vetting of beneficiaries of aid or identifying sources; adding a purpose is a
// change of this code that oversight sees.
var Purposes = Set{
	"border-control", "content-removal", "exercise", "oversight", "prevention-of-attack",
	"prevention-programme", "terrorism-investigation", "terrorist-financing", "verification", "victim-support",
}

// CrimePurposes are the purposes that handling code H0 leaves: use only to
// prevent and combat crime. Checking the information itself and oversight of
// that use belong to it; programmes, support and exercises do not.
var CrimePurposes = Set{
	"border-control", "content-removal", "oversight", "prevention-of-attack",
	"terrorism-investigation", "terrorist-financing", "verification",
}

// Caveats is the closed list of use restrictions. A partner receives an object
// only if it honours every caveat on it.
//
//	no-court            not in judicial proceedings without permission (Europol H1)
//	no-action           no action that others could notice (PAP:RED, IEP)
//	no-onward           no further dissemination (Europol H2)
//	no-automated        no solely automated decision (Directive (EU) 2016/680 art. 11)
//	notify-before-use   tell the provider before using it
//	no-attribution      do not name the provider (IEP provider_attribution)
//	delete-on-request   erase when the provider asks
//	unmapped            a restriction in free text that no person has mapped yet
var Caveats = Set{
	"delete-on-request", "no-action", "no-attribution", "no-automated", "no-court", "no-onward", "notify-before-use", Unmapped,
}

// Unmapped is the caveat that nobody can honour: free text awaiting a person.
const Unmapped = "unmapped"

// Mixed is what differing values of a fact join to; no agreement accepts it.
const Mixed = "mixed"

// Unknown is the final value of a fact that nobody stated; no agreement accepts it.
const Unknown = "unknown"

// None is said explicitly: no group, no designation, no legal basis.
const None = "none"

// Anywhere, in atRiskFrom, stands for every country.
const Anywhere = "*"

// Contents is the closed list of kinds of content.
var Contents = Set{
	"account", "content-hash", "dossier", "event", "finance", "indicator", "measure",
	"person", "programme", "report", "travel", "url", "warning",
}

// Subjects is the closed list of categories of persons; "unknown" when personal
// data is present and nobody said whose.
var Subjects = Set{
	"contact", "convicted", "listed", "minor", "protected", "suspect", Unknown, "victim", "witness",
}

// Bases is the closed list of legal bases of a holding. Drafting aids for the
// operator's lawyer:
//
//	police-task          Directive (EU) 2016/680 art. 8 with national law
//	national-security    national law outside that Directive
//	judicial             a court's or prosecutor's decision
//	public-interest      GDPR art. 6(1)(e)
//	legal-obligation     GDPR art. 6(1)(c), also listings to be applied
//	legitimate-interest  GDPR art. 6(1)(f)
//	vital-interest       GDPR art. 6(1)(d); Directive (EU) 2016/680 art. 10(b)
//	consent              GDPR art. 6(1)(a)
//	none                 none recorded, or two that disagree
var Bases = Set{
	"consent", "judicial", "legal-obligation", "legitimate-interest", "national-security", None,
	"police-task", "public-interest", "vital-interest",
}

// handlingCodes are the Europol handling codes kept as a set. H0 is a purpose
// limit and becomes one.
var handlingCodes = Set{"H1", "H2", "H3"}

// Ungraded is the scheme of data that was never graded as intelligence.
const Ungraded = "ungraded"

type scheme struct {
	sources string // one letter or digit each
	info    int    // highest number
}

// schemes are never converted into one another: the same letter means
// different things in each.
var schemes = map[string]scheme{
	"admiralty":   {"ABCDEF", 6},
	"europol-4x4": {"ABCX", 4},
	"uk-3x5x2":    {"123", 5}, // information A-E as 1-5; 5 = suspected false
	"uk-5x5x5":    {"ABCDE", 5},
}

// Schemes returns the grading schemes a label may carry, sorted.
func Schemes() Set {
	return SetOf("admiralty", "europol-4x4", "uk-3x5x2", "uk-5x5x5", Ungraded)
}

// CheckGrade tells whether scheme, source and info (0 = not stated) go together.
func CheckGrade(name, source string, info int) error {
	if name == Ungraded {
		if source != "" && source != None {
			return &ValueError{"source", source, "ungraded data has source none"}
		}
		if info != 0 {
			return &ValueError{"info", strconv.Itoa(info), "ungraded data has info 0"}
		}
		return nil
	}
	s, ok := schemes[name]
	if !ok {
		return &ValueError{"scheme", name, "use one of " + strings.Join(Schemes(), ", ")}
	}
	if source != "" && (len(source) != 1 || !strings.Contains(s.sources, source)) {
		return &ValueError{"source", source, "scheme " + name + " has the sources " + s.sources}
	}
	if info < 0 || info > s.info {
		return &ValueError{"info", strconv.Itoa(info), "scheme " + name + " has 1 to " + strconv.Itoa(s.info)}
	}
	return nil
}

// ValidCountry reports whether s has the form of an ISO 3166-1 alpha-2 code;
// user-assigned codes are allowed, as invented states and bodies use them.
func ValidCountry(s string) bool {
	return len(s) == 2 && 'A' <= s[0] && s[0] <= 'Z' && 'A' <= s[1] && s[1] <= 'Z'
}

// ValidDesignation reports whether s says on whose list an assertion rests:
// un, regional, court, none, or national:XX.
func ValidDesignation(s string) bool {
	if cc, ok := strings.CutPrefix(s, "national:"); ok {
		return ValidCountry(cc)
	}
	return s == "un" || s == "regional" || s == "court" || s == None
}

// ValidName reports whether s can name a group, node or agreement: 1 to 128
// bytes of letters, digits and -_.: without spaces.
func ValidName(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:", r))
	})
}

// maxWords caps open sets: countries, recipients.
const maxWords = 1000

func checkWords(field string, words []string, ok func(string) bool) error {
	if len(words) > maxWords {
		return &ValueError{field, strconv.Itoa(len(words)) + " entries", "at most " + strconv.Itoa(maxWords)}
	}
	if i := slices.IndexFunc(words, func(w string) bool { return !ok(w) }); i >= 0 {
		return &ValueError{Field: field, Value: words[i]}
	}
	return nil
}
