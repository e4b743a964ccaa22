package label

import (
	"slices"
	"strings"
)

// Set is a sorted set of words without duplicates. The nil Set is empty. Join
// unites sets; a Set must not be changed once it is part of a Label.
type Set []string

// SetOf sorts words and drops duplicates. It does not keep its argument.
func SetOf(words ...string) Set {
	if len(words) == 0 {
		return nil
	}
	s := Set(slices.Clone(words))
	slices.Sort(s)
	return slices.Compact(s)
}

// Has reports whether word is in the set.
func (s Set) Has(word string) bool {
	_, ok := slices.BinarySearch(s, word)
	return ok
}

// HasAll reports whether every word of t is in s.
func (s Set) HasAll(t Set) bool {
	for _, w := range t {
		if !s.Has(w) {
			return false
		}
	}
	return true
}

// HasAny reports whether some word of t is in s.
func (s Set) HasAny(t Set) bool {
	return slices.ContainsFunc(t, s.Has)
}

// union returns one of its arguments when it contains the other, so that the
// common case allocates nothing.
func (s Set) union(t Set) Set {
	switch {
	case len(t) == 0 || s.HasAll(t):
		return s
	case t.HasAll(s):
		return t
	}
	out := make(Set, 0, len(s)+len(t))
	out = append(append(out, s...), t...)
	slices.Sort(out)
	return slices.Compact(out)
}

func (s Set) intersect(t Set) Set {
	switch {
	case t.HasAll(s):
		return s
	case s.HasAll(t):
		return t
	}
	var out Set
	for _, w := range s {
		if t.Has(w) {
			out = append(out, w)
		}
	}
	return out
}

func (s Set) sorted() bool {
	for i := 1; i < len(s); i++ {
		if s[i-1] >= s[i] {
			return false
		}
	}
	return true
}

// Limit is a permission that names what is allowed: purposes, recipients. The
// zero Limit states nothing; a stated empty Limit allows nothing. Join
// intersects stated limits.
type Limit struct {
	stated bool
	words  Set
}

// Only states a limit to the given words; without words nothing is allowed.
func Only(words ...string) Limit { return Limit{stated: true, words: SetOf(words...)} }

// Stated reports whether the limit says anything.
func (l Limit) Stated() bool { return l.stated }

// Has reports whether the limit is stated and allows word.
func (l Limit) Has(word string) bool { return l.stated && l.words.Has(word) }

// Words returns what is allowed, sorted. Empty also when nothing is stated.
func (l Limit) Words() Set { return l.words }

func (l Limit) join(m Limit) Limit {
	switch {
	case !l.stated:
		return m
	case !m.stated:
		return l
	}
	return Limit{stated: true, words: l.words.intersect(m.words)}
}

func (l Limit) final() Limit { return Limit{stated: true, words: l.words} }

func (l Limit) equal(m Limit) bool { return l.stated == m.stated && slices.Equal(l.words, m.words) }

// ValueError says that a fact has a value outside its range or vocabulary.
type ValueError struct {
	Field string // the fact, as in the facts' table
	Value string // what was given
	Want  string // what is allowed, in words; may be empty
}

// Error names the field and the value, as the sender has to be told both.
func (e *ValueError) Error() string {
	want := e.Want
	if want == "" {
		want = "use a value of the closed list"
	}
	return "label: " + e.Field + ": value " + quote(e.Value) + " is not allowed; " + want
}

// quote shortens what a stranger sent, so that an error stays a line.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return "\"" + strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s) + "\""
}
