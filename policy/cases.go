package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"entente/label"
)

// Case is one policy test: a request in words and what must come of it.
type Case struct {
	Name    string
	File    string
	Line    int
	Request Request
	Release bool
	Because []string // the cited rule, or guards that must be among those that forbid
}

// maxCases caps a file of policy tests.
const maxCases = 10000

// ParseCases reads policy tests. The format is for lawyers; testdata/README.txt
// describes it. An error names file and line.
//
//	partner sundmark: kind police; regime led; country QS; level 3; honours no-court, no-onward
//	label listed: content person; data 1; subjects listed; designation un; purposes all
//	label travel, like listed: content travel
//
//	case Listed persons go to police
//	  listed to sundmark under NORDLYS for border-control
//	  expect release because NORDLYS.2
func ParseCases(file string, text []byte) ([]Case, error) {
	p := caseParser{partners: map[string]Partner{}, labels: map[string]map[string]string{}}
	for i, line := range strings.Split(string(text), "\n") {
		p.line = i + 1
		if err := p.take(strings.TrimSpace(line)); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, p.line, err)
		}
	}
	if p.open != nil {
		return nil, fmt.Errorf("%s: the last case has no expect line", file)
	}
	for i := range p.cases {
		p.cases[i].File = file
	}
	return p.cases, nil
}

// Check runs the case. The error says what was expected and what came.
func (c Case) Check(s *Set) error {
	v := s.Decide(c.Request)
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s:%d: %s: %s", c.File, c.Line, c.Name, fmt.Sprintf(format, args...))
	}
	switch {
	case v.Fault != "":
		return fail("%s", v.Fault)
	case c.Release && !v.Allow:
		return fail("expected release because %s, but it is refused because %s", c.Because[0], reasons(v))
	case c.Release && v.Permit != c.Because[0]:
		return fail("expected release because %s, but it cites %s", c.Because[0], v.Permit)
	case !c.Release && v.Allow:
		return fail("expected refusal because %s, but %s releases it", strings.Join(c.Because, ", "), v.Permit)
	case !c.Release && c.Because[0] == noRule && len(v.Forbids) > 0:
		return fail("expected refusal because %s, but it is refused because %s", noRule, reasons(v))
	}
	for _, id := range c.Because {
		if _, ok := s.Rule(id); !ok && id != noRule {
			return fail("there is no rule %s", id)
		}
		if !c.Release && id != noRule && !slices.Contains(v.Forbids, id) {
			return fail("expected refusal because %s, but it is refused because %s", id, reasons(v))
		}
	}
	return nil
}

const noRule = "no rule"

func reasons(v Verdict) string {
	if len(v.Forbids) == 0 {
		return noRule + " permits it"
	}
	return strings.Join(v.Forbids, ", ")
}

type caseParser struct {
	line     int
	partners map[string]Partner
	labels   map[string]map[string]string
	cases    []Case
	open     *Case
	facts    map[string]string // label of the open case
}

func (p *caseParser) take(line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	switch {
	case line == "" || verb[0] == '#':
		return nil
	case p.open != nil:
		return p.inCase(verb, rest, line)
	case verb == "partner":
		return p.partner(rest)
	case verb == "label":
		return p.label(rest)
	case verb == "case" && rest != "" && len(p.cases) < maxCases:
		p.open = &Case{Name: rest, Line: p.line}
		return nil
	}
	return fmt.Errorf("%q: a line begins with partner, label, case or #", verb)
}

// fields splits "name[, like other]: word value; word value".
func fields(rest string) (name, like string, out map[string]string, err error) {
	head, tail, ok := strings.Cut(rest, ":")
	if !ok {
		return "", "", nil, errors.New("write NAME: word value; word value")
	}
	name, like, _ = strings.Cut(strings.TrimSpace(head), ", like ")
	out, err = pairs(tail)
	return name, strings.TrimSpace(like), out, err
}

func pairs(text string) (map[string]string, error) {
	out := map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		word, value, _ := strings.Cut(strings.TrimSpace(part), " ")
		if word == "" {
			continue
		}
		if _, twice := out[word]; twice {
			return nil, fmt.Errorf("%s stands twice", word)
		}
		out[word] = strings.TrimSpace(value)
	}
	return out, nil
}

func splitList(s string) (out []string) {
	for w := range strings.SplitSeq(s, ",") {
		if w = strings.TrimSpace(w); w != "" && w != "-" {
			out = append(out, w)
		}
	}
	return out
}

func (p *caseParser) partner(rest string) error {
	name, like, f, err := fields(rest)
	if err != nil {
		return err
	}
	out := p.partners[like]
	if like != "" && out.ID == "" {
		return fmt.Errorf("no partner %s stands above", like)
	}
	out.ID = name
	for word, v := range f {
		switch word {
		case "kind":
			out.Kind = v
		case "regime":
			out.Regime = v
		case "country":
			out.Country = v
		case "level":
			if out.Level, err = strconv.Atoi(v); err != nil {
				return err
			}
		case "honours":
			out.Honours = splitList(v)
		case "assurances":
			out.Assurances = splitList(v)
		case "risks":
			out.Risks = splitList(v)
		case "suspended":
			out.Suspended = v == "yes"
		case "recall-overdue":
			out.RecallOverdue = v == "yes"
		default:
			return fmt.Errorf("%q is no fact about a partner", word)
		}
	}
	p.partners[name] = out
	return nil
}

func (p *caseParser) label(rest string) error {
	name, like, f, err := fields(rest)
	if err != nil {
		return err
	}
	if like != "" && p.labels[like] == nil {
		return fmt.Errorf("no label %s stands above", like)
	}
	p.labels[name] = overlay(p.labels[like], f)
	_, err = labelOf(p.labels[name])
	return err
}

func overlay(base, over map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range base {
		out[k] = v
	}
	for k, v := range over {
		out[k] = v
	}
	return out
}

// inCase reads the lines of a case; expect closes it.
func (p *caseParser) inCase(verb, rest, line string) (err error) {
	r := &p.open.Request
	switch verb {
	case "with":
		f, err := pairs(rest)
		p.facts = overlay(p.facts, f)
		return err
	case "context":
		return context(r, rest)
	case "expect":
		return p.expect(rest)
	}
	return p.question(line)
}

// question reads "LABEL to PARTNER under AGREEMENT for PURPOSE", with "hit on",
// "sanitised" or "intake of" before it for other actions.
func (p *caseParser) question(line string) error {
	r := &p.open.Request
	r.Action, r.Member = Release, true
	for prefix, action := range map[string]Action{"hit on ": AnswerHit, "sanitised ": ReleaseSanitised, "intake of ": LeaveQuarantine} {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			line, r.Action = rest, action
		}
	}
	w := strings.Fields(line)
	if len(w) != 7 || w[1] != "to" && w[1] != "from" || w[3] != "under" || w[5] != "for" {
		return errors.New("write LABEL to PARTNER under AGREEMENT for PURPOSE")
	}
	facts, ok := p.labels[w[0]]
	if !ok {
		return fmt.Errorf("no label %s stands above", w[0])
	}
	if r.Partner, ok = p.partners[w[2]]; !ok {
		return fmt.Errorf("no partner %s stands above", w[2])
	}
	p.facts, r.Agreement = facts, w[4]
	if r.Purpose = w[6]; r.Purpose == "-" {
		r.Purpose = ""
	}
	return nil
}

func context(r *Request, rest string) error {
	f, err := pairs(rest)
	for word, v := range f {
		switch word {
		case "basis":
			r.Basis = v
		case "urgency":
			r.Urgency = v
		case "approvals":
			if r.Approvals, err = strconv.Atoi(v); err != nil {
				return err
			}
		case "roles":
			r.Roles = splitList(v)
		case "necessity":
			r.Necessity = v == "yes"
		case "party":
			r.Member = v == "yes"
		default:
			return fmt.Errorf("%q is no fact of the context", word)
		}
	}
	return err
}

func (p *caseParser) expect(rest string) (err error) {
	c := p.open
	what, because, ok := strings.Cut(rest, " because ")
	c.Release, c.Because = what == "release", splitList(because)
	if !ok || what != "release" && what != "refusal" || len(c.Because) == 0 || c.Release && len(c.Because) != 1 {
		return errors.New("write expect release because RULE, or expect refusal because RULE, RULE (or: no rule)")
	}
	if c.Request.Agreement == "" {
		return errors.New("the case asks nothing; write LABEL to PARTNER under AGREEMENT for PURPOSE")
	}
	if c.Request.Label, err = labelOf(p.facts); err != nil {
		return err
	}
	p.cases = append(p.cases, *c)
	p.open, p.facts = nil, nil
	return nil
}

// labelOf makes a final label of words. What is not said is unstated, so a case
// that forgets a fact is refused, as in life.
func labelOf(facts map[string]string) (label.Label, error) {
	members := map[string]any{}
	for word, v := range facts {
		switch word {
		case "tlp", "pap", "level", "info", "data":
			n, err := strconv.Atoi(v)
			if err != nil {
				return label.Label{}, fmt.Errorf("%s: %w", word, err)
			}
			members[word] = n
		case "own", "reviewed", "published", "marked":
			if v != "yes" && v != "no" {
				return label.Label{}, fmt.Errorf("%s is yes or no", word)
			}
			members[word] = v == "yes"
		case "handling", "caveats", "subjects", "atRiskFrom", "designation", "purposes", "named", "consentP", "consentA":
			if word == "purposes" && v == "all" {
				members[word] = label.Purposes
			} else {
				members[word] = append([]string{}, splitList(v)...)
			}
		case "scheme", "source", "content", "group", "basis", "origin", "taint", "state":
			members[word] = v
		default:
			return label.Label{}, fmt.Errorf("%q is no fact of a label", word)
		}
	}
	text, err := json.Marshal(members)
	if err != nil {
		return label.Label{}, err
	}
	var f label.Facts
	if err := json.Unmarshal(text, &f); err != nil {
		return label.Label{}, err
	}
	l, err := f.Label()
	if err != nil && (strings.Contains(string(text), label.Mixed) || strings.Contains(string(text), label.Unknown)) {
		err = json.Unmarshal(text, &l) // results of joins are labels too
	}
	return l.Final(), err
}
