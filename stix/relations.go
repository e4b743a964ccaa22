package stix

import "strings"

// The rules that hold between properties of one object, as building blocks for
// the tables.

// ordered demands that the second time is not before the first, or, if strict,
// is after it.
func ordered(first, second string, strict bool) check {
	return func(c *checker, v Value) {
		a, b := v.Get(first), v.Get(second)
		if !a.Exists() || !b.Exists() {
			return
		}
		if _, _, ok := splitTime(a.Str()); !ok {
			return // reported where it stands
		}
		if _, _, ok := splitTime(b.Str()); !ok {
			return
		}
		d := CompareVersions(a.Str(), b.Str())
		switch {
		case d > 0 && !strict:
			c.failAt(second, "", "must not be earlier than %s", first)
		case d >= 0 && strict:
			c.failAt(second, "", "must be later than %s", first)
		}
	}
}

func present(v Value, names []string) (found int) {
	for _, name := range names {
		if v.Get(name).Exists() {
			found++
		}
	}
	return found
}

// someOf demands at least one of the properties.
func someOf(names ...string) check {
	return func(c *checker, v Value) {
		if present(v, names) == 0 {
			c.fail("", "must have at least one of %s", strings.Join(names, ", "))
		}
	}
}

// notBoth allows only one of two properties.
func notBoth(a, b string) check {
	return func(c *checker, v Value) {
		if v.Get(a).Exists() && v.Get(b).Exists() {
			c.fail("", "must not have both %s and %s", a, b)
		}
	}
}

// needs demands the second property where the first is.
func needs(a, b string) check {
	return func(c *checker, v Value) {
		if v.Get(a).Exists() && !v.Get(b).Exists() {
			c.failAt(b, "", "is required together with %s", a)
		}
	}
}

// notWhen forbids a property where a boolean has the given value.
func notWhen(boolean string, is bool, forbidden string) check {
	return func(c *checker, v Value) {
		b := v.Get(boolean)
		if b.Kind() == Bool && b.Bool() == is && v.Get(forbidden).Exists() {
			c.failAt(forbidden, "", "must not be there when %s is %t", boolean, is)
		}
	}
}

// neededWhen demands a property where a boolean is true.
func neededWhen(boolean, needed string) check {
	return func(c *checker, v Value) {
		if v.Get(boolean).Bool() && !v.Get(needed).Exists() {
			c.failAt(needed, "", "is required when %s is true", boolean)
		}
	}
}

// allOf joins rules.
func allOf(rules ...check) []check { return rules }
