package policy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
)

// linter validates policies against the schema, strictly, and checks what the
// schema cannot express.
type linter struct {
	types *validate.Validator
}

func newLinter(text []byte) (*linter, error) {
	if err := checkShape(text); err != nil {
		return nil, err
	}
	var s schema.Schema
	s.SetFilename("schema.cedarschema")
	if err := s.UnmarshalCedar(text); err != nil {
		return nil, err
	}
	r, err := s.Resolve()
	if err != nil {
		return nil, err
	}
	return &linter{types: validate.New(r, validate.WithStrict())}, nil
}

var (
	guardID = regexp.MustCompile(`^[a-z][a-z0-9-]{1,40}$`)
	// needed annotations, in the order in which the files have them
	guardNotes  = []string{"id", "title", "cite", "text", "fix", "who"}
	permitNotes = []string{"id", "title", "cite", "text"}
)

// parse reads the rules of one file: guards when agreement is "", otherwise the
// permits of that agreement.
func (v *linter) parse(file string, text []byte, agreement string) (ruleList, error) {
	if err := checkShape(text); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	list, err := cedar.NewPolicyListFromBytes(file, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var out ruleList
	for _, p := range list {
		r, err := v.rule(p, agreement)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %s: %w", file, p.Position().Line, r.ID, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func (v *linter) rule(p *cedar.Policy, agreement string) (*rule, error) {
	notes := p.Annotations()
	r := &rule{policy: p, Rule: Rule{
		ID: string(notes["id"]), Agreement: agreement, Title: string(notes["title"]), Cite: string(notes["cite"]),
		Text: string(notes["text"]), Fix: string(notes["fix"]), Who: string(notes["who"]),
	}}
	tree := (*ast.Policy)(p.AST())
	for _, check := range []func() error{
		func() error { return r.notes(notes) },
		func() error { return v.types.Policy(r.ID, tree) },
		func() error { return checkScope(tree, agreement) },
		func() error { return checkClauses(tree, agreement == "") },
	} {
		if err := check(); err != nil {
			return r, err
		}
	}
	r.clauses = clausesOf(tree)
	for _, c := range r.clauses {
		r.Clauses = append(r.Clauses, c.text)
	}
	return r, nil
}

// notes checks the annotations: all that are needed, none that nobody reads.
func (r *rule) notes(notes cedar.Annotations) error {
	needed := permitNotes
	if r.Agreement == "" {
		needed = guardNotes
	}
	for _, k := range needed {
		if strings.TrimSpace(string(notes[cedarKey(k)])) == "" {
			return fmt.Errorf("annotation @%s is missing", k)
		}
	}
	for k, text := range notes {
		switch {
		case contains(needed, string(k)):
		case k == "oblige" && r.Agreement != "":
			for o := range strings.SplitSeq(string(text), ",") {
				if !slug.MatchString(o) {
					return fmt.Errorf("@oblige: %q is not a word of lower-case letters, digits and hyphens", o)
				}
				r.Obligations = append(r.Obligations, o)
			}
		default:
			return fmt.Errorf("annotation @%s is not known here", k)
		}
	}
	if r.Agreement == "" && !guardID.MatchString(r.ID) {
		return errors.New("the id of a guard is lower-case letters, digits and hyphens")
	}
	if rest, ok := strings.CutPrefix(r.ID, r.Agreement+"."); r.Agreement != "" && (!ok || rest == "" || strings.Trim(rest, "0123456789") != "") {
		return fmt.Errorf("the id of a rule is %s. and a number", r.Agreement)
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// checkScope: a guard binds everybody, a permit the parties of its agreement.
func checkScope(p *ast.Policy, agreement string) error {
	if _, ok := p.Resource.(ast.ScopeTypeAll); !ok {
		return errors.New("write plain \"resource\" in the scope; conditions belong in when")
	}
	switch p.Action.(type) {
	case ast.ScopeTypeAll, ast.ScopeTypeEq, ast.ScopeTypeInSet:
	default:
		return errors.New("write action, action == Action::\"...\" or action in [...] in the scope")
	}
	if agreement == "" {
		if p.Effect != ast.EffectForbid {
			return errors.New("a guard is a forbid; permits belong to agreements")
		}
		if _, ok := p.Principal.(ast.ScopeTypeAll); !ok {
			return errors.New("a guard names no partner and no agreement")
		}
		return nil
	}
	if p.Effect != ast.EffectPermit {
		return errors.New("an agreement contains no forbid; guards belong in guards.cedar")
	}
	in, ok := p.Principal.(ast.ScopeTypeIn)
	if !ok || string(in.Entity.Type) != "Agreement" || string(in.Entity.ID) != agreement {
		return fmt.Errorf("the scope must be: principal in Agreement::%q", agreement)
	}
	if _, all := p.Action.(ast.ScopeTypeAll); all {
		return errors.New("a permit names its actions")
	}
	return nil
}

// cedarKey is an annotation's key; the keys we ask for are valid by construction.
func cedarKey(k string) types.AnnotationKey {
	key, _ := types.NewAnnotationKey(k)
	return key
}
