package policy

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
)

// folder is the shipped folder in memory, to change a file of it.
func folder(tb testing.TB) fstest.MapFS {
	tb.Helper()
	out := fstest.MapFS{}
	files, err := readFiles(Shipped())
	if err != nil {
		tb.Fatal(err)
	}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: text}
	}
	return out
}

const notes = `@id("%") @title("t") @cite("c") @text("x") `

// TestLoadRefuses: one fault in one file, and nothing is loaded.
func TestLoadRefuses(t *testing.T) {
	guard := strings.Replace(notes, "%", "new-guard", 1) + `@fix("f") @who("w") `
	permit := strings.Replace(notes, "%", "HUB.99", 1)
	in := `principal in Agreement::"HUB", action == Action::"Release", resource`
	cases := map[string]struct{ file, add, want string }{
		"syntax":                   {"guards.cedar", `forbid (`, "guards.cedar"},
		"unknown attribute":        {"guards.cedar", guard + `forbid (principal, action, resource) when { resource.colour == "red" };`, "colour"},
		"type error":               {"guards.cedar", guard + `forbid (principal, action, resource) when { resource.tlp == "red" };`, "new-guard"},
		"permit among guards":      {"guards.cedar", guard + `permit (principal, action, resource) when { resource.own };`, "a guard is a forbid"},
		"guard names a partner":    {"guards.cedar", guard + `forbid (principal == Partner::"karst", action, resource) when { resource.own };`, "names no partner"},
		"guard compares a partner": {"guards.cedar", guard + `forbid (principal, action, resource) when { principal == Partner::"karst" };`, "needs a fact"},
		"guard names an agreement": {"guards.cedar", guard + `forbid (principal, action, resource) when { principal in Agreement::"HUB" };`, "not used"},
		"no conditions":            {"guards.cedar", guard + `forbid (principal, action, resource);`, "always"},
		"equality of an order":     {"guards.cedar", guard + `forbid (principal, action, resource) when { resource.tlp == 4 };`, "compared with >= or <="},
		"strictly more":            {"guards.cedar", guard + `forbid (principal, action, resource) when { resource.tlp > 3 };`, "compare with >= or <="},
		"out of range":             {"guards.cedar", guard + `forbid (principal, action, resource) when { resource.tlp >= 5 };`, "0 to 4"},
		"misspelt word":            {"guards.cedar", guard + `forbid (principal, action, resource) when { resource.subjects.contains("minors") };`, "closed list"},
		"misspelt word in a list":  {"guards.cedar", guard + `forbid (principal, action, resource) when { ["plattform"].contains(principal.kind) };`, "closed list"},
		"purpose not in the list":  {"guards.cedar", guard + `forbid (principal, action, resource) unless { context.purpose == "targeting" };`, "closed list"},
		"has":                      {"guards.cedar", guard + `forbid (principal, action, resource) when { resource has tlp };`, "has"},
		"two conditions in one":    {"guards.cedar", guard + `forbid (principal, action, resource) when { resource.own && resource.marked };`, "one condition per when"},
		"missing annotation":       {"guards.cedar", strings.Replace(notes, "%", "new-guard", 1) + `forbid (principal, action, resource) when { resource.own };`, "@fix"},
		"unknown annotation":       {"guards.cedar", guard + `@note("n") forbid (principal, action, resource) when { resource.own };`, "@note"},
		"id taken":                 {"guards.cedar", strings.Replace(guard, "new-guard", "torture", 1) + `forbid (principal, action, resource) when { resource.own };`, "taken"},
		"forbid in an agreement":   {"agreements/hub.cedar", permit + `forbid (` + in + `) when { resource.own };`, "no forbid"},
		"another agreement":        {"agreements/hub.cedar", permit + `permit (principal in Agreement::"NORDLYS", action == Action::"Release", resource) when { resource.own };`, "scope must be"},
		"everybody":                {"agreements/hub.cedar", permit + `permit (principal, action == Action::"Release", resource) when { resource.own };`, "scope must be"},
		"every action":             {"agreements/hub.cedar", permit + `permit (principal in Agreement::"HUB", action, resource) when { resource.own };`, "names its actions"},
		"one object":               {"agreements/hub.cedar", permit + `permit (principal in Agreement::"HUB", action == Action::"Release", resource == Label::"class") when { resource.own };`, "resource"},
		"foreign id":               {"agreements/hub.cedar", strings.Replace(permit, "HUB", "NORDLYS", 1) + `permit (` + in + `) when { resource.own };`, "HUB. and a number"},
		"unless in a permit":       {"agreements/hub.cedar", permit + `permit (` + in + `) when { resource.own } unless { resource.mixed };`, "no unless"},
		"growing set contains":     {"agreements/hub.cedar", permit + `permit (` + in + `) when { resource.subjects.contains("contact") };`, "stricter label"},
		"growing set contains any": {"agreements/hub.cedar", permit + `permit (` + in + `) when { resource.subjects.containsAny(["contact"]) };`, "stricter label"},
		"order upwards":            {"agreements/hub.cedar", permit + `permit (` + in + `) when { resource.data >= 1 };`, "stricter label"},
		"order against partner":    {"agreements/hub.cedar", permit + `permit (` + in + `) when { resource.level >= principal.level };`, "stricter label"},
		"negation":                 {"agreements/hub.cedar", permit + `permit (` + in + `) when { !resource.own };`, "stricter label"},
		"inequality":               {"agreements/hub.cedar", permit + `permit (` + in + `) when { resource.content != "person" };`, "stricter label"},
		"a restriction":            {"agreements/hub.cedar", permit + `permit (` + in + `) when { resource.oneStatesWord };`, "stricter label"},
		"a mixed fact":             {"agreements/hub.cedar", permit + `permit (` + in + `) when { ["report", "mixed"].contains(resource.content) };`, "closed list"},
		"no basis":                 {"agreements/hub.cedar", permit + `permit (` + in + `) when { resource.basis == "none" };`, "no agreement accepts"},
		"a bad obligation":         {"agreements/hub.cedar", permit + `@oblige("Log it") permit (` + in + `) when { resource.own };`, "@oblige"},
		"unknown key":              {"agreements/hub.toml", "\nmembers = []\n", "unknown key"},
		"unknown profile key":      {"profiles/undeclared.toml", "\ncolour = \"red\"\n", "unknown key"},
		"deep":                     {"guards.cedar", guard + `forbid (principal, action, resource) when { ` + strings.Repeat("(", 40) + `resource.own` + strings.Repeat(")", 40) + ` };`, "nested"},
		"long":                     {"guards.cedar", guard + `forbid (principal, action, resource) when { ` + strings.Repeat("!", maxRule) + `resource.own };`, "longer"},
		"schema":                   {"schema.cedarschema", "entity", "schema.cedarschema"},
	}
	for name, c := range cases {
		f := folder(t)
		f[c.file].Data = append(append(slices.Clone(f[c.file].Data), '\n'), c.add...)
		s, err := Load(f)
		if err == nil || s != nil {
			t.Errorf("%s: loaded", name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v (should say %q)", name, err, c.want)
		}
	}
}

func TestLoadRefusesFolders(t *testing.T) {
	for name, change := range map[string]func(fstest.MapFS){
		"no guards":           func(f fstest.MapFS) { delete(f, "guards.cedar") },
		"empty guards":        func(f fstest.MapFS) { f["guards.cedar"].Data = []byte("// none") },
		"no schema":           func(f fstest.MapFS) { delete(f, "schema.cedarschema") },
		"agreement, no rules": func(f fstest.MapFS) { delete(f, "agreements/hub.cedar") },
		"rules, no agreement": func(f fstest.MapFS) { delete(f, "agreements/hub.toml") },
		"agreement twice": func(f fstest.MapFS) {
			f["agreements/zhub.toml"], f["agreements/zhub.cedar"] = f["agreements/hub.toml"], f["agreements/hub.cedar"]
		},
		"profile twice":     func(f fstest.MapFS) { f["profiles/z.toml"] = f["profiles/undeclared.toml"] },
		"profile gone":      func(f fstest.MapFS) { delete(f, "profiles/partner-delivery.toml") },
		"agreement as long": func(f fstest.MapFS) { f["guards.cedar"].Data = make([]byte, maxFile+1) },
		"an optional attribute": func(f fstest.MapFS) {
			f["schema.cedarschema"].Data = []byte(strings.Replace(string(f["schema.cedarschema"].Data), "tlp: ", "tlp?: ", 1))
		},
	} {
		f := folder(t)
		change(f)
		if _, err := Load(f); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}

func TestHashCoversEveryFile(t *testing.T) {
	base := shippedSet(t).Hash()
	for name := range folder(t) {
		f := folder(t)
		f[name].Data = append(slices.Clone(f[name].Data), '\n')
		s, err := Load(f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s.Hash() == base {
			t.Errorf("a change of %s leaves the hash as it is", name)
		}
	}
	f := folder(t)
	f["notes.txt"] = &fstest.MapFile{Data: []byte("not policy")}
	if s, err := Load(f); err != nil || s.Hash() != base {
		t.Errorf("a file that is no policy counts: %v", err)
	}
}

// TestFactsAreTheSchemas: the linter's table and the schema name the same
// attributes, and the schema has none that may be missing.
func TestFactsAreTheSchemas(t *testing.T) {
	text, err := fs.ReadFile(Shipped(), "schema.cedarschema")
	if err != nil {
		t.Fatal(err)
	}
	var s schema.Schema
	if err := s.UnmarshalCedar(text); err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	add := func(variable string, shape resolved.RecordType) {
		for name, attr := range shape {
			names[variable+"."+string(name)] = true
			if attr.Optional {
				t.Errorf("%s.%s is optional: a policy could fail on it", variable, name)
			}
		}
	}
	add("principal", r.Entities["Partner"].Shape)
	add("resource", r.Entities["Label"].Shape)
	for _, a := range r.Actions {
		add("context", a.AppliesTo.Context)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if _, ok := facts[name]; !ok {
			t.Errorf("the linter does not know %s", name)
		}
	}
	for name := range facts {
		if !names[name] {
			t.Errorf("the schema does not have %s", name)
		}
	}
}
