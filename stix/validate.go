package stix

import (
	"fmt"
	"strconv"
	"strings"
)

// Problem is one MUST rule of the standard that an object breaks.
type Problem struct {
	Object  ID
	Path    string // such as "external_references[0].url"; "" for the object as a whole
	Rule    string // such as "STIX 2.1 §2.9"
	Message string
}

// Error returns the problem in one line.
func (p Problem) Error() string {
	if p.Path == "" {
		return fmt.Sprintf("%s: %s (%s)", p.Object, p.Message, p.Rule)
	}
	return fmt.Sprintf("%s: %s: %s (%s)", p.Object, p.Path, p.Message, p.Rule)
}

// maxProblems bounds the report of one object.
const maxProblems = 100

// Validate returns the MUST rules of STIX 2.1 that the object breaks, at most a
// hundred; none for a valid object. What the standard only recommends (SHOULD:
// suggested vocabularies, names of custom properties, deterministic ids) is not
// judged. Objects of unknown types are held to the common rules alone, unknown
// properties to the rules about names. STIX 2.0 objects, which mostly state no
// version, are held to what both versions demand; objects of later versions to
// the common rules, since their own are not known here.
//
// Patterns of indicators are not read here.
func Validate(o *Object) []Problem {
	c := &checker{object: o}
	c.path = c.steps[:0]
	s, known := objectSpecs[o.typ]
	if !known {
		s = unknownSpec
	}
	switch {
	case o.spec == "2.0" || o.spec == "" && typesOf20[o.typ]:
		c.old = true
	case otherVersion(o.spec):
		s = observableSpec
	case !known && observableByForm(o):
		s = observableSpec
	}
	s.check(c, o.Root())
	c.common(o, s)
	return c.problems
}

// otherVersion reports whether a spec_version is one of the standard's 2.x, but
// not 2.1.
func otherVersion(v string) bool {
	minor, ok := strings.CutPrefix(v, "2.")
	n, err := strconv.Atoi(minor)
	return ok && err == nil && n >= 0 && n != 1
}

// typesOf20 are the types that STIX 2.0 knew; newIn21 is what 2.1 demands of them
// and 2.0 did not.
var (
	typesOf20 = set("attack-pattern", "campaign", "course-of-action", "identity", "indicator", "intrusion-set",
		"malware", "observed-data", "report", "threat-actor", "tool", "vulnerability", "relationship", "sighting",
		"marking-definition")
	newIn21 = set("spec_version", "is_family", "pattern_type")
)

// observableByForm reports whether an object of a type we do not know is to be
// taken for an observable: it says so, or it has no version at all.
func observableByForm(o *Object) bool {
	for _, ext := range o.Root().Get("extensions").Members() {
		if ext.Get("extension_type").Str() == "new-sco" {
			return true
		}
	}
	return o.Version() == ""
}

// check judges one value and reports through the checker.
type check func(c *checker, v Value)

// spec says what an object or nested type must look like.
type spec struct {
	section  string           // of the standard
	required []string         // properties that must be there
	props    map[string]check // how known properties must look; others pass
	rules    []check          // what must hold between properties
}

// check judges an object against the spec.
func (s *spec) check(c *checker, v Value) {
	if v.Kind() != Dictionary {
		c.fail(s.section, "must be an object, is %s", v.Kind())
		return
	}
	outer := c.section
	c.section = s.section
	for _, name := range s.required {
		if !v.Get(name).Exists() && !(c.old && newIn21[name]) {
			c.failAt(name, s.section, "is required")
		}
	}
	d := v.doc
	for k, end := v.at+1, d.nodes[v.at].link; k < end; k = d.nodes[k+1].link {
		name := d.str(k)
		if judge, known := s.props[name]; known {
			c.member(name, Value{d, k + 1}, judge)
		}
	}
	for _, rule := range s.rules {
		rule(c, v)
	}
	c.section = outer
}

// checker collects the problems of one object.
type checker struct {
	object   *Object
	section  string            // of the type being judged
	old      bool              // it is a STIX 2.0 object
	local    map[string]string // inside a deprecated observable container: the types of its objects by key
	path     []pathStep
	steps    [8]pathStep
	problems []Problem
}

// pathStep is one step of the path to the value being judged: a name or an index.
type pathStep struct {
	name  string
	index int
}

// member judges the member of that name.
func (c *checker) member(name string, v Value, judge check) {
	c.path = append(c.path, pathStep{name: name})
	judge(c, v)
	c.path = c.path[:len(c.path)-1]
}

// item judges the list item of that index.
func (c *checker) item(index int, v Value, judge check) {
	c.path = append(c.path, pathStep{index: index})
	judge(c, v)
	c.path = c.path[:len(c.path)-1]
}

// fail reports a problem at the value being judged.
func (c *checker) fail(rule, format string, args ...any) {
	if len(c.problems) == maxProblems {
		return
	}
	if rule == "" {
		rule = c.section
	}
	c.problems = append(c.problems, Problem{c.object.ID(), c.where(), "STIX 2.1 " + rule, fmt.Sprintf(format, args...)})
}

// failAt reports a problem at a member of the object being judged.
func (c *checker) failAt(name, rule, format string, args ...any) {
	c.path = append(c.path, pathStep{name: name})
	c.fail(rule, format, args...)
	c.path = c.path[:len(c.path)-1]
}

func (c *checker) where() string {
	var b strings.Builder
	for _, s := range c.path {
		switch {
		case s.name == "":
			fmt.Fprintf(&b, "[%d]", s.index)
		case b.Len() > 0:
			b.WriteString("." + shorten(s.name))
		default:
			b.WriteString(shorten(s.name))
		}
	}
	return b.String()
}
