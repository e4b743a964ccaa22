package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go"
	cedarast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"entente/label"
)

// clause is one condition of a rule, compiled by itself: Cedar says which rules
// decided, this says which of a rule's conditions did.
type clause struct {
	text   string // "when { ... }", or who may be asked for and what
	policy *cedar.Policy
}

// clausesOf compiles the scope and every condition of a rule as a permit that
// holds exactly when that part of the rule holds.
func clausesOf(p *ast.Policy) []clause {
	scope := *p
	scope.Effect, scope.Annotations, scope.Conditions = ast.EffectPermit, nil, nil
	out := []clause{{text: clauseText(&scope), policy: cedar.NewPolicyFromAST((*cedarast.Policy)(&scope))}}
	for _, c := range p.Conditions {
		one := ast.Permit()
		one.Conditions = []ast.ConditionType{c}
		out = append(out, clause{text: clauseText(one), policy: cedar.NewPolicyFromAST((*cedarast.Policy)(one))})
	}
	return out
}

// clauseText is the clause as a reader of the file knows it.
func clauseText(p *ast.Policy) string {
	text := string(cedar.NewPolicyFromAST((*cedarast.Policy)(p)).MarshalCedar())
	text = strings.TrimSuffix(strings.TrimPrefix(text, "permit "), ";")
	if len(p.Conditions) > 0 { // the scope before it is "( principal, action, resource )"
		_, text, _ = strings.Cut(text, ")")
	}
	return strings.Join(strings.Fields(text), " ")
}

// checkClauses checks what the schema cannot express; see the package comment.
func checkClauses(p *ast.Policy, guard bool) error {
	if len(p.Conditions) == 0 {
		return errors.New("a rule without conditions would always hold")
	}
	for _, c := range p.Conditions {
		if err := checkWords(c.Body); err != nil {
			return err
		}
		switch _, and := c.Body.(ast.NodeTypeAnd); {
		case bool(c.Condition) && and:
			return errors.New("one condition per when: write a second when instead of &&")
		case !guard && !bool(c.Condition):
			return errors.New("a permit has no unless: state what must hold")
		}
		if !guard {
			if err := checkLoose(c.Body); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkWords walks an expression: only forms that a reader and the linter
// understand, ordered facts with >= and <=, words of the fact's vocabulary.
func checkWords(n ast.IsNode) error {
	switch n := n.(type) {
	case ast.NodeTypeOr:
		return both(n.BinaryNode, checkWords)
	case ast.NodeTypeAnd:
		return both(n.BinaryNode, checkWords)
	case ast.NodeTypeNot:
		return checkWords(n.Arg)
	case ast.NodeTypeAccess:
		_, _, err := factOf(n)
		return err
	case ast.NodeTypeLessThanOrEqual:
		return checkOrdered(n.BinaryNode)
	case ast.NodeTypeGreaterThanOrEqual:
		return checkOrdered(n.BinaryNode)
	case ast.NodeTypeEquals:
		return checkCompared(n.BinaryNode)
	case ast.NodeTypeNotEquals:
		return checkCompared(n.BinaryNode)
	case ast.NodeTypeContains:
		return checkCompared(n.BinaryNode)
	case ast.NodeTypeContainsAll:
		return checkCompared(n.BinaryNode)
	case ast.NodeTypeContainsAny:
		return checkCompared(n.BinaryNode)
	case ast.NodeTypeHas:
		return errors.New("has is not needed: every attribute is required")
	case ast.NodeTypeLessThan, ast.NodeTypeGreaterThan:
		return errors.New("compare with >= or <= only: the next value up or down reads clearer and cannot be off by one")
	}
	return fmt.Errorf("%T is not used in policies here; use comparisons, contains, containsAll, containsAny, !, ||", n)
}

func both(b ast.BinaryNode, check func(ast.IsNode) error) error {
	if err := check(b.Left); err != nil {
		return err
	}
	return check(b.Right)
}

// factOf returns the fact that an expression like resource.tlp names.
func factOf(n ast.IsNode) (string, fact, error) {
	a, ok := n.(ast.NodeTypeAccess)
	if !ok {
		return "", fact{}, errors.New("not a fact")
	}
	v, ok := a.Arg.(ast.NodeTypeVariable)
	if !ok {
		return "", fact{}, errors.New("facts are written variable.name")
	}
	name := string(v.Name) + "." + string(a.Value)
	f, ok := facts[name]
	if !ok {
		return "", fact{}, fmt.Errorf("%s is not a fact that policies may use", name)
	}
	return name, f, nil
}

func checkOrdered(b ast.BinaryNode) error {
	for _, pair := range [2][2]ast.IsNode{{b.Left, b.Right}, {b.Right, b.Left}} {
		name, f, err := factOf(pair[0])
		if err != nil {
			continue
		}
		if f.kind != ordered {
			return fmt.Errorf("%s is not an ordered fact", name)
		}
		if lit, ok := pair[1].(ast.NodeValue); ok {
			if v, ok := lit.Value.(types.Long); !ok || v < 0 || int(v) > f.most {
				return fmt.Errorf("%s is 0 to %d; it can never be compared with %v", name, f.most, lit.Value)
			}
		} else if _, other, err := factOf(pair[1]); err != nil || other.kind != ordered {
			return fmt.Errorf("%s is compared with something that is neither a number nor an ordered fact", name)
		}
		return nil
	}
	return errors.New("a comparison needs a fact")
}

// checkCompared checks ==, != and the contains family: the words on one side
// belong to the vocabulary of the fact on the other.
func checkCompared(b ast.BinaryNode) error {
	name, f, errL := factOf(b.Left)
	words := b.Right
	if errL != nil {
		var errR error
		if name, f, errR = factOf(b.Right); errR != nil {
			return fmt.Errorf("a comparison needs a fact such as resource.tlp on one side: %w", errL)
		}
		words = b.Left
	}
	if f.words == nil {
		return fmt.Errorf("%s is compared with >= or <=, or stands alone", name)
	}
	list, ok := literals(words)
	if !ok {
		if _, other, err := factOf(words); err != nil || other.words == nil {
			return fmt.Errorf("%s is compared with something that is neither words nor a fact", name)
		}
		return nil
	}
	for _, w := range list {
		if !f.words(w) {
			return fmt.Errorf("%s never is %q: not in the closed list", name, w)
		}
	}
	return nil
}

// literals returns the words of a string or of a set of strings.
func literals(n ast.IsNode) ([]string, bool) {
	switch n := n.(type) {
	case ast.NodeValue:
		switch v := n.Value.(type) {
		case types.String:
			return []string{string(v)}, true
		case types.Set:
			var out []string
			for e := range v.All() {
				s, ok := e.(types.String)
				if !ok {
					return nil, false
				}
				out = append(out, string(s))
			}
			return out, true
		}
	case ast.NodeTypeSet:
		var out []string
		for _, e := range n.Elements {
			one, ok := literals(e)
			if !ok {
				return nil, false
			}
			out = append(out, one...)
		}
		return out, true
	}
	return nil, false
}

// checkLoose allows a permit only forms in which a stricter label cannot turn a
// refusal into a release.
func checkLoose(n ast.IsNode) error {
	switch n := n.(type) {
	case ast.NodeTypeOr:
		return both(n.BinaryNode, checkLoose)
	case ast.NodeTypeAccess:
		return looseFact(n, good, distinct)
	case ast.NodeTypeLessThanOrEqual:
		return errors.Join(looseFact(n.Left, ordered), notLabel(n.Right))
	case ast.NodeTypeGreaterThanOrEqual:
		return errors.Join(notLabel(n.Left), looseFact(n.Right, ordered))
	case ast.NodeTypeEquals:
		return errors.Join(looseFact(n.Left, flat), notLabel(n.Right), notTop(n.Left, n.Right))
	case ast.NodeTypeContains:
		if _, ok := literals(n.Left); ok {
			return errors.Join(looseFact(n.Right, flat), notTop(n.Right, n.Left))
		}
		return errors.Join(looseFact(n.Left, limit), notLabel(n.Right))
	case ast.NodeTypeContainsAny:
		return errors.Join(looseFact(n.Left, limit), notLabel(n.Right))
	case ast.NodeTypeContainsAll:
		return errors.Join(looseFact(n.Left, limit), looseFact(n.Right, union))
	}
	return notLabel(n)
}

// looseFact accepts what is no fact of the label, and label facts of the kinds
// given.
func looseFact(n ast.IsNode, allowed ...kindOf) error {
	name, f, err := factOf(n)
	if err != nil || !strings.HasPrefix(name, "resource.") {
		return nil
	}
	for _, k := range allowed {
		if f.kind == k {
			return nil
		}
	}
	return fmt.Errorf("%s is used in a form in which a stricter label could allow more; "+
		"use <= for ordered facts, [words].containsAll(set) for sets, [words].contains(word) for words", name)
}

// notTop refuses a permit for what contradicting or missing statements give.
func notTop(fact, words ast.IsNode) error {
	name, f, err := factOf(fact)
	if err != nil || f.kind != flat {
		return nil
	}
	list, _ := literals(words)
	for _, w := range list {
		if w == label.Mixed || w == label.Unknown || name == "resource.basis" && w == label.None {
			return fmt.Errorf("no agreement accepts %s %q", name, w)
		}
	}
	return nil
}

// notLabel accepts expressions without label facts.
func notLabel(n ast.IsNode) (err error) {
	ast.Inspect(ast.NewNode(n), func(n ast.IsNode) bool {
		err = errors.Join(err, looseFact(n))
		return true
	})
	return err
}
