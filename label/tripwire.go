package label

import (
	"strconv"

	"entente/stix"
)

// tripwire reads every property of an object, custom ones and extensions
// included, for signs of personal data. It scans bytes by hand: no regular
// expressions, no backtracking, time linear in the object's length.
type tripwire struct {
	public []string // property paths in which personal data is public

	data       int // highest value found
	individual bool
	found      []Finding

	texts hint // what some string may hold
	path  []string
}

// hint is a set of patterns of which a text may hold one.
type hint uint8

const (
	hintEmail hint = 1 << iota
	hintPhone
	hintBirth
	hintDocument
	hintAll = hintEmail | hintPhone | hintBirth | hintDocument
)

// hintBytes are the bytes at which hints looks closer: each pattern of
// patterns.go has one of them.
var hintBytes = [256]bool{'@': true, '+': true, '\\': true, 'b': true, 'B': true, 'p': true, 'P': true, 'y': true, 'Y': true}

// hints tells which patterns the texts in raw may match. It errs only on the
// side of yes: one pass over the bytes saves a closer look at most texts.
func hints(raw []byte) (h hint) {
	for i, c := range raw {
		if hintBytes[c] {
			h |= hintAt(raw, i)
		}
	}
	return h
}

func hintAt(raw []byte, i int) hint {
	rest := raw[i+1:]
	switch raw[i] {
	case '@':
		return hintEmail
	case '+':
		if len(rest) > 0 && (rest[0] >= '1' && rest[0] <= '9' || rest[0] == '(') {
			return hintPhone
		}
	case '\\': // an escape can hide any of the others
		if len(rest) > 2 && rest[0] == 'u' && rest[1] == '0' && rest[2] == '0' {
			return hintAll
		}
	case 'b', 'B':
		if foldPrefix(rest, "irth") || foldPrefix(rest, "orn") || i >= 2 && foldPrefix(raw[i-2:], "do") ||
			i >= 4 && foldPrefix(raw[i-4:], "d.o.") {
			return hintBirth
		}
	case 'p', 'P':
		if foldPrefix(rest, "assp") {
			return hintDocument
		}
	default: // y
		if foldPrefix(rest, " card") || foldPrefix(rest, " n") {
			return hintDocument
		}
	}
	return 0
}

// foldPrefix reports whether b begins with the lower-case ASCII word w in any case.
func foldPrefix(b []byte, w string) bool {
	if len(b) < len(w) {
		return false
	}
	for i := 0; i < len(w); i++ {
		if b[i]|0x20 != w[i] && b[i] != w[i] {
			return false
		}
	}
	return true
}

func (t *tripwire) run(o *stix.Object) {
	t.texts = hints(o.Raw())
	switch o.Type() {
	case "identity":
		t.individual = o.Root().Get("identity_class").Str() == "individual"
		if t.individual {
			t.report("identity_class", FoundPerson, DataPersonal)
		}
	case "user-account":
		t.report("type", FoundAccount, DataPersonal)
	case "email-addr", "email-message":
		t.report("type", FoundEmail, DataPersonal)
	}
	var room [16]string
	t.path = room[:0]
	t.members(o.Root())
}

func (t *tripwire) members(v stix.Value) {
	for name, m := range v.Members() {
		t.path = append(t.path, name)
		if kind := keyKind(name); kind != 0 && filled(m) {
			t.reportKey(kind)
		}
		t.value(m)
		t.path = t.path[:len(t.path)-1]
	}
}

func (t *tripwire) value(v stix.Value) {
	switch v.Kind() {
	case stix.String:
		if t.texts != 0 {
			t.text(v.Str())
		}
	case stix.Array:
		for item := range v.Items() {
			t.value(item)
		}
	case stix.Dictionary:
		t.members(v)
	}
}

// filled reports whether a property says anything: an empty field named
// "passport" is no passport.
func filled(v stix.Value) bool {
	switch v.Kind() {
	case stix.String:
		return v.Str() != ""
	case stix.Number:
		return true
	case stix.Bool:
		return v.Bool()
	case stix.Array, stix.Dictionary:
		return v.Len() > 0
	}
	return false
}

func (t *tripwire) reportKey(k key) {
	switch k {
	case keyBirth:
		t.reportHere(FoundBirth, DataPersonal)
	case keyDocument:
		t.reportHere(FoundDocument, DataPersonal)
	case keyPhone:
		t.reportHere(FoundPhone, DataPersonal)
	case keySpecial:
		t.reportHere(FoundSpecial, DataSpecial)
	}
}

func (t *tripwire) text(s string) {
	if t.texts&hintEmail != 0 && hasEmail(s) {
		t.reportHere(FoundEmail, DataPersonal)
	}
	if t.texts&hintPhone != 0 && hasPhone(s) {
		t.reportHere(FoundPhone, DataPersonal)
	}
	if t.texts&hintBirth != 0 && hasBirthDate(s) {
		t.reportHere(FoundBirth, DataPersonal)
	}
	if t.texts&hintDocument != 0 && hasDocumentNumber(s) {
		t.reportHere(FoundDocument, DataPersonal)
	}
}

func (t *tripwire) reportHere(kind string, data int) {
	var path []byte
	for i, name := range t.path {
		if i > 0 {
			path = append(path, '.')
		}
		path = append(path, name...)
		for _, p := range t.public {
			if string(path) == p {
				return
			}
		}
	}
	t.report(string(path), kind, data)
}

// report notes a finding once per path and kind. What is found under a path
// after the cap still counts for the label.
func (t *tripwire) report(path, kind string, data int) {
	t.data = max(t.data, data)
	if len(t.found) == maxFindings {
		return
	}
	for _, f := range t.found {
		if f.Path == path && f.Kind == kind {
			return
		}
	}
	t.found = append(t.found, Finding{Path: path, Kind: kind})
}

// String is for a line of a log or a table.
func (f Finding) String() string {
	s := f.Kind + " at " + strconv.Quote(f.Path)
	if f.Why != "" {
		s += ": " + f.Why
	}
	return s
}
