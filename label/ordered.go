package label

import "slices"

// Ordered is a fact whose values are ordered from loose to strict, beginning
// with 0. The zero Ordered states nothing. Join takes the maximum.
type Ordered uint8

// Of returns the ordered fact n (0..254).
func Of(n int) Ordered { return Ordered(n + 1) }

// Stated reports whether the fact has a value.
func (o Ordered) Stated() bool { return o != 0 }

// Value returns the number, or -1 when nothing is stated.
func (o Ordered) Value() int { return int(o) - 1 }

// AtMost reports whether the fact is stated and not above n. An unstated fact
// is at most nothing.
func (o Ordered) AtMost(n int) bool { return o != 0 && o.Value() <= n }

// Flag is a yes-or-no fact of which yes is the looser answer: own, reviewed,
// published, marked. The zero Flag states nothing; Join is logical AND.
type Flag uint8

// The answers of a Flag.
const (
	Unstated Flag = iota
	Yes
	No
)

// Bool converts a Go truth value.
func Bool(b bool) Flag {
	if b {
		return Yes
	}
	return No
}

// Is reports whether the flag says yes. Unstated is not yes.
func (f Flag) Is() bool { return f == Yes }

// Protective levels of the ordered facts.
const (
	TLPClear = 0
	TLPGreen = 1
	TLPAmber = 2
	// TLPAmberStrict limits sharing to the recipient's organisation (FIRST TLP 2.0).
	TLPAmberStrict = 3
	// TLPRed is for named recipients only (FIRST TLP 2.0).
	TLPRed = 4

	maxTLP, maxPAP, maxLevel, maxInfo, maxData = 4, 3, 4, 6, 2

	// DataNone, DataPersonal and DataSpecial are the values of the fact data.
	DataNone     = 0
	DataPersonal = 1
	// DataSpecial is data of the special categories (Directive (EU) 2016/680 art. 10).
	DataSpecial = 2
)

// The states of an object, from active to recalled; a worse state wins.
const (
	StateActive Ordered = iota + 1
	StateReviewDue
	StateDisputed
	StateExpired
	StateRevoked
	StateRecalled
)

// Taint tells whether information may stem from torture or other ill-treatment.
const (
	TaintNone Ordered = iota + 1
	TaintPossible
	TaintKnown
)

var (
	stateNames = []string{"active", "review-due", "disputed", "expired", "revoked", "recalled"}
	taintNames = []string{"none", "possible", "known"}
)

// StateName returns the word of a state, "" when unstated.
func StateName(o Ordered) string { return wordOf(stateNames, o) }

// TaintName returns the word of a taint, "" when unstated.
func TaintName(o Ordered) string { return wordOf(taintNames, o) }

func wordOf(names []string, o Ordered) string {
	if n := o.Value(); n >= 0 && n < len(names) {
		return names[n]
	}
	return ""
}

func orderedOf(field string, names []string, word string) (Ordered, error) {
	n := slices.Index(names, word)
	if n < 0 {
		return 0, &ValueError{Field: field, Value: word}
	}
	return Of(n), nil
}
