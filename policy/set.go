package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	cedarast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"entente/label"
)

// Limits of a policy set.
const (
	maxFile  = 1 << 20
	maxFiles = 2000
)

// Rule is one policy in words, for people.
type Rule struct {
	ID          string
	Agreement   string // "" for a guard
	Title       string
	Cite        string   // drafting aid, not legal advice
	Text        string   // what it says
	Fix         string   // what would lift it; guards only
	Who         string   // who can do that; guards only
	Obligations []string // what a release under it entails; agreements only
	Clauses     []string // its conditions, in Cedar
}

// Set is a loaded policy set: guards, agreements, intake profiles. It is
// immutable and safe for concurrent use.
type Set struct {
	hash       [32]byte
	guards     ruleList
	agreements map[string]*agreement
	order      []string // agreement ids, sorted
	profiles   map[string]*label.Profile
	rules      map[string]*rule
}

// agreement is an Agreement with the policies a decision under it evaluates.
type agreement struct {
	Agreement
	permits ruleList
	// slices holds, for each action, the guards and permits that speak of it.
	slices map[Action]ruleList
}

// rule is a Rule with its compiled policy.
type rule struct {
	Rule
	policy  *cedar.Policy
	clauses []clause
	rank    int // place in its file: the first permit that holds is cited
}

// ruleList is an ordered slice of policies for the engine.
type ruleList []*rule

// All implements cedar.PolicyIterator.
func (l ruleList) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, r := range l {
			if !yield(cedar.PolicyID(r.ID), r.policy) {
				return
			}
		}
	}
}

// sliceByAction settles the action part of every scope once, at load: a decision
// about an action evaluates only the rules that speak of it, with "action" in
// their scope. A test compares slices with the rules as they stand in the files.
func sliceByAction(rules ruleList) map[Action]ruleList {
	out := map[Action]ruleList{}
	for _, action := range actions {
		uid := cedar.NewEntityUID("Action", cedar.String(action))
		for _, r := range rules {
			if !speaksOf((*ast.Policy)(r.policy.AST()).Action, uid) {
				continue
			}
			p := *(*ast.Policy)(r.policy.AST())
			p.Action = ast.ScopeTypeAll{}
			sliced := *r
			sliced.policy = cedar.NewPolicyFromAST((*cedarast.Policy)(&p))
			out[action] = append(out[action], &sliced)
		}
	}
	return out
}

func speaksOf(scope ast.IsActionScopeNode, action cedar.EntityUID) bool {
	switch s := scope.(type) {
	case ast.ScopeTypeAll:
		return true
	case ast.ScopeTypeEq:
		return s.Entity == action
	case ast.ScopeTypeInSet:
		return slices.Contains(s.Entities, action)
	}
	return false // the linter admits no other form
}

// Shipped returns the files that come with the program. An operator who wants
// his own copies them into a folder and loads that.
func Shipped() fs.FS { return shipped }

// Load reads guards.cedar, schema.cedarschema, agreements/*.{cedar,toml} and
// profiles/*.toml. Any fault in any file is an error that names file and rule,
// and nothing is loaded. Other files in the folder are ignored.
func Load(fsys fs.FS) (*Set, error) {
	files, err := readFiles(fsys)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	s := &Set{
		hash:       hashFiles(files),
		agreements: map[string]*agreement{},
		profiles:   map[string]*label.Profile{},
		rules:      map[string]*rule{},
	}
	v, err := newLinter(files["schema.cedarschema"])
	if err != nil {
		return nil, fmt.Errorf("policy: schema.cedarschema: %w", err)
	}
	if err := s.load(files, v); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return s, nil
}

func (s *Set) load(files map[string][]byte, v *linter) error {
	guards, err := v.parse("guards.cedar", files["guards.cedar"], "")
	if err != nil {
		return err
	}
	if len(guards) == 0 {
		return errors.New("guards.cedar has no rules; without guards nothing is loaded")
	}
	s.guards = guards
	if err := s.register("guards.cedar", guards); err != nil {
		return err
	}
	for _, name := range sortedNames(files) {
		base := strings.TrimSuffix(name, path.Ext(name))
		switch dir := path.Dir(name); {
		case dir == "agreements" && path.Ext(name) == ".toml":
			err = s.addAgreement(name, files[name], files[base+".cedar"], v)
		case dir == "agreements" && files[base+".toml"] == nil:
			err = fmt.Errorf("%s has no %s.toml beside it", name, base)
		case dir == "profiles":
			err = s.addProfile(name, files[name])
		}
		if err != nil {
			return err
		}
	}
	slices.Sort(s.order)
	for _, id := range s.order {
		if profile := s.agreements[id].IntakeProfile; s.profiles[profile] == nil {
			return fmt.Errorf("agreement %s: there is no intake profile %q", id, profile)
		}
	}
	return nil
}

func (s *Set) addAgreement(name string, text, policies []byte, v *linter) error {
	a, err := parseAgreement(text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if policies == nil {
		return fmt.Errorf("%s has no file of rules beside it", name)
	}
	if s.agreements[a.ID] != nil {
		return fmt.Errorf("%s: there is another agreement %s", name, a.ID)
	}
	file := strings.TrimSuffix(name, ".toml") + ".cedar"
	permits, err := v.parse(file, policies, a.ID)
	if err != nil {
		return err
	}
	if err := s.register(file, permits); err != nil {
		return err
	}
	for _, r := range permits {
		a.Rules = append(a.Rules, r.Rule)
	}
	all := slices.Concat(s.guards, permits)
	s.agreements[a.ID] = &agreement{Agreement: a, permits: permits, slices: sliceByAction(all)}
	s.order = append(s.order, a.ID)
	return nil
}

func (s *Set) addProfile(name string, text []byte) error {
	p, err := label.ParseProfile(text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if s.profiles[p.Name] != nil {
		return fmt.Errorf("%s: there is another profile %s", name, p.Name)
	}
	s.profiles[p.Name] = p
	return nil
}

func (s *Set) register(file string, rules ruleList) error {
	for i, r := range rules {
		if s.rules[r.ID] != nil {
			return fmt.Errorf("%s: the id %s is taken; ids must be unique", file, r.ID)
		}
		r.rank = i
		s.rules[r.ID] = r
	}
	return nil
}

// Hash identifies the policy set: SHA-256 over every file that was loaded, names
// included. It is the policy epoch's fingerprint in logs.
func (s *Set) Hash() [32]byte { return s.hash }

// Agreements returns all agreements, sorted by id.
func (s *Set) Agreements() []Agreement {
	out := make([]Agreement, 0, len(s.order))
	for _, id := range s.order {
		out = append(out, s.agreements[id].Agreement)
	}
	return out
}

// Agreement returns the agreement of that id.
func (s *Set) Agreement(id string) (Agreement, bool) {
	a, ok := s.agreements[id]
	if !ok {
		return Agreement{}, false
	}
	return a.Agreement, true
}

// Profiles returns all intake profiles, sorted by name.
func (s *Set) Profiles() []*label.Profile {
	out := make([]*label.Profile, 0, len(s.profiles))
	for _, p := range s.profiles {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *label.Profile) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Profile returns the intake profile of that name.
func (s *Set) Profile(name string) (*label.Profile, bool) {
	p, ok := s.profiles[name]
	return p, ok
}

// Guards returns the guards in the order of the file.
func (s *Set) Guards() []Rule {
	out := make([]Rule, len(s.guards))
	for i, r := range s.guards {
		out[i] = r.Rule
	}
	return out
}

// Rule returns a guard or an agreement's rule by its id.
func (s *Set) Rule(id string) (Rule, bool) {
	r, ok := s.rules[id]
	if !ok {
		return Rule{}, false
	}
	return r.Rule, true
}

// readFiles reads the files of a policy folder, by their path in it.
func readFiles(fsys fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, pattern := range []string{"guards.cedar", "schema.cedarschema", "agreements/*.cedar", "agreements/*.toml", "profiles/*.toml"} {
		names, err := fs.Glob(fsys, pattern)
		if err != nil {
			return nil, err
		}
		if len(names) == 0 && !strings.Contains(pattern, "*") {
			return nil, fmt.Errorf("%s is missing", pattern)
		}
		if len(files)+len(names) > maxFiles {
			return nil, fmt.Errorf("more than %d files", maxFiles)
		}
		for _, name := range names {
			text, err := fs.ReadFile(fsys, name)
			if err != nil {
				return nil, err
			}
			if len(text) > maxFile {
				return nil, fmt.Errorf("%s is longer than 1 MiB", name)
			}
			files[name] = text
		}
	}
	return files, nil
}

func sortedNames(files map[string][]byte) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// hashFiles frames every name and text by its length, so that no two folders
// have the same bytes to hash.
func hashFiles(files map[string][]byte) [32]byte {
	h := sha256.New()
	frame := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	for _, name := range sortedNames(files) {
		frame([]byte(name))
		frame(files[name])
	}
	return [32]byte(h.Sum(nil))
}
