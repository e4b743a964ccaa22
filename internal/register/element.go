package register

import (
	"fmt"
	"iter"
	"reflect"
	"strings"
)

// element is one XML element of an entry. The mapping takes texts out of it;
// what nobody took ends up under "other".
type element struct {
	name  string
	text  string
	attrs []unknownText
	kids  []*element
	taken bool
}

// one takes the text of the first child called name that has any, on one line.
func (e *element) one(name string) string { return oneLine(e.prose(name)) }

// prose takes the text of the first child called name that has any, with its
// line breaks.
func (e *element) prose(name string) string {
	for k := range e.each(name) {
		if k.text != "" {
			k.taken = true
			return k.text
		}
	}
	return ""
}

// peek is one without taking.
func (e *element) peek(name string) string {
	for k := range e.each(name) {
		if k.text != "" {
			return oneLine(k.text)
		}
	}
	return ""
}

// values takes the texts of all VALUE children of all children called name,
// the form in which the list repeats a simple field.
func (e *element) values(name string) []string {
	var out []string
	for k := range e.each(name) {
		for v := range k.each("VALUE") {
			if v.text != "" {
				v.taken = true
				out = append(out, oneLine(v.text))
			}
		}
	}
	return out
}

// each yields the children called name.
func (e *element) each(name string) iter.Seq[*element] {
	return func(yield func(*element) bool) {
		for _, k := range e.kids {
			if k.name == name && !yield(k) {
				return
			}
		}
	}
}

// rest collects, in document order, every text and attribute that was not
// taken. A path names the elements below the entry; where siblings share a
// name it carries the position among them, from 1, as in XPath.
func (e *element) rest(path string, out []unknownText) []unknownText {
	for _, a := range e.attrs {
		out = append(out, unknownText{join(path, "@"+a.Path), a.Value})
	}
	if e.text != "" && !e.taken {
		out = append(out, unknownText{path, e.text})
	}
	total := make(map[string]int, len(e.kids))
	for _, k := range e.kids {
		total[k.name]++
	}
	seen := make(map[string]int, len(total))
	for _, k := range e.kids {
		step := k.name
		if seen[k.name]++; total[k.name] > 1 {
			step = fmt.Sprintf("%s[%d]", k.name, seen[k.name])
		}
		out = k.rest(join(path, step), out)
	}
	return out
}

func join(path, step string) string {
	if path == "" {
		return step
	}
	return path + "/" + step
}

// oneLine folds every run of white space to one space.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// collect reads every child called name and leaves out those that say nothing:
// the list writes an empty element where it has no address or document.
func collect[T any](e *element, name string, read func(*element) T) []T {
	var out []T
	for k := range e.each(name) {
		if v := read(k); !reflect.ValueOf(v).IsZero() {
			out = append(out, v)
		}
	}
	return out
}
