package entente_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module   = "entente"
	maxLines = 600
)

// exceptions are the places that break a rule for a reason. The test fails for
// one that is no longer needed.
var exceptions = map[string]string{
	"sql internal/demo writes body": "the story changes one byte behind the ledger's back, in a copy, to show that it is noticed",
	"sql bench reads submission":    "measures how long a published object takes to be there",
	"sql bench reads object":        "the same",
}

// source is one Go file of the tree.
type source struct {
	file  string // slash path from the root
	dir   string
	test  bool
	text  []byte
	ast   *ast.File
	lines int
}

var tree = struct {
	fset    *token.FileSet
	sources []source
}{fset: token.NewFileSet()}

func sources(t *testing.T) []source {
	t.Helper()
	if tree.sources != nil {
		return tree.sources
	}
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && p != "." && (name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(tree.fset, p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		file := filepath.ToSlash(p)
		tree.sources = append(tree.sources, source{file: file, dir: path.Dir(file), test: strings.HasSuffix(name, "_test.go"),
			text: text, ast: f, lines: bytes.Count(text, []byte("\n"))})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree.sources
}

func (s source) imports() (paths []string) {
	for _, i := range s.ast.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		paths = append(paths, p)
	}
	return paths
}

var code = regexp.MustCompile("`([^`]+)`")

// table reads the markdown table after a marker: the words in backquotes of
// each cell of each row.
func table(t *testing.T, name string) (rows [][][]string) {
	t.Helper()
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "<!-- "+name+" -->\n")
	if !ok {
		t.Fatalf("ARCHITECTURE.md has no table marked %s", name)
	}
	for i, line := range strings.Split(rest, "\n") {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if i < 2 { // head and rule
			continue
		}
		var row [][]string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			var words []string
			for _, m := range code.FindAllStringSubmatch(cell, -1) {
				words = append(words, m[1])
			}
			row = append(row, words)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		t.Fatalf("the table marked %s in ARCHITECTURE.md is empty", name)
	}
	return rows
}

// library tells whether a package is one that others may import.
func library(dir string) bool {
	return dir != "." && !strings.HasPrefix(dir, "internal/") && !strings.HasPrefix(dir, "cmd/") && dir != "bench" && dir != "test"
}

func TestImportsAreThoseOfTheTable(t *testing.T) {
	allowed := map[string][]string{}
	for _, row := range table(t, "arch:imports") {
		allowed[row[0][0]] = row[1]
	}
	seen := map[string]bool{".": true}
	for _, s := range sources(t) {
		seen[s.dir] = true
		if _, known := allowed[s.dir]; !known && s.dir != "." {
			t.Errorf("%s: package %s is not in the import table of ARCHITECTURE.md", s.file, s.dir)
			continue
		}
		for _, p := range s.imports() {
			ours, ok := strings.CutPrefix(p, module+"/")
			if !ok || ours == s.dir {
				continue
			}
			switch {
			case s.test && library(s.dir) && !library(ours):
				t.Errorf("%s imports %s: the tests of a library import libraries only", s.file, ours)
			case !s.test && !slices.Contains(allowed[s.dir], ours):
				t.Errorf("%s imports %s, which the import table of ARCHITECTURE.md does not allow", s.file, ours)
			}
		}
	}
	for dir := range allowed {
		if !seen[dir] {
			t.Errorf("the import table names %s, which does not exist", dir)
		}
	}
}

// The packages that answer partners cannot name what keeps objects.
func TestPartnerFacingPackagesDoNotImportTheStore(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.dir != "internal/partner" && s.dir != "taxii" {
			continue
		}
		for _, p := range s.imports() {
			if p == module+"/internal/store" || p == "database/sql" {
				t.Errorf("%s imports %s: what goes to partners comes from internal/release only", s.file, p)
			}
		}
	}
}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	said := map[string]bool{}
	for _, s := range sources(t) {
		if s.ast.Doc != nil && len(s.ast.Doc.Text()) > 60 {
			said[s.dir] = true
		}
	}
	for _, s := range sources(t) {
		if !said[s.dir] {
			t.Errorf("package %s has no comment that says what it is", s.dir)
			said[s.dir] = true
		}
	}
}

func TestFilesCanBeRead(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test && s.lines > maxLines {
			t.Errorf("%s has %d lines; %d are the most that anybody reads", s.file, s.lines, maxLines)
		}
	}
}

var (
	sqlWrite  = regexp.MustCompile(`\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+([a-z_]+)\b`)
	sqlRead   = regexp.MustCompile(`\b(?:FROM|JOIN)\s+([a-z_]+)\b`)
	sqlCreate = regexp.MustCompile(`\bCREATE TABLE\s+(?:IF NOT EXISTS\s+)?([a-z_]+)`)
)

// Every table has one room that writes it and a stated list of rooms that read it.
func TestTablesBelongToRooms(t *testing.T) {
	write, read := map[string]string{}, map[string][]string{}
	for _, row := range table(t, "arch:tables") {
		for _, name := range row[0] {
			write[name], read[name] = row[1][0], append(row[2], row[1][0])
		}
	}
	created := map[string]bool{"migration": true} // by the code that runs the others
	steps, err := filepath.Glob("internal/db/migrations/*.sql")
	if err != nil || len(steps) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	for _, step := range steps {
		text, err := os.ReadFile(step)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range sqlCreate.FindAllStringSubmatch(string(text), -1) {
			created[m[1]] = true
			if write[m[1]] == "" {
				t.Errorf("%s makes the table %s, which no room of ARCHITECTURE.md owns", step, m[1])
			}
		}
	}
	for name := range write {
		if !created[name] {
			t.Errorf("ARCHITECTURE.md has the table %s, which no migration makes", name)
		}
	}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, text := range literals(s.ast) {
			var writes []string
			for _, m := range sqlWrite.FindAllStringSubmatch(text, -1) {
				writes = append(writes, m[1])
				if owner := write[m[1]]; owner != "" && owner != s.dir {
					excused(t, fmt.Sprintf("sql %s writes %s", s.dir, m[1]), "%s writes the table %s of %s: %.80q", s.file, m[1], owner, text)
				}
			}
			for _, m := range sqlRead.FindAllStringSubmatch(text, -1) {
				if rooms := read[m[1]]; rooms != nil && !slices.Contains(rooms, s.dir) && !slices.Contains(writes, m[1]) {
					excused(t, fmt.Sprintf("sql %s reads %s", s.dir, m[1]), "%s reads the table %s of %v: %.80q", s.file, m[1], rooms, text)
				}
			}
			if strings.Contains(text, "PRAGMA ") && s.dir != "internal/db" {
				excused(t, "pragma "+s.dir, "%s speaks to one engine only: %q belongs in internal/db/dialect.go", s.file, text)
			}
		}
	}
	spare(t, "sql ", "pragma ")
}

// literals returns the strings of a file, with those joined by + as one.
func literals(f *ast.File) (texts []string) {
	var text func(ast.Expr) string
	text = func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.BasicLit:
			if e.Kind == token.STRING {
				s, _ := strconv.Unquote(e.Value)
				return s
			}
		case *ast.BinaryExpr:
			if e.Op == token.ADD {
				return text(e.X) + " " + text(e.Y)
			}
		}
		return " "
	}
	ast.Inspect(f, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		if s := text(e); strings.TrimSpace(s) != "" {
			texts = append(texts, s)
			return false
		}
		return true
	})
	return texts
}

var used = map[string]bool{}

func excused(t *testing.T, name, format string, args ...any) {
	t.Helper()
	if _, ok := exceptions[name]; !ok {
		t.Errorf(format, args...)
	}
	used[name] = true
}

// spare fails for exceptions of the given kinds that nothing needs any more.
func spare(t *testing.T, kinds ...string) {
	t.Helper()
	for name := range exceptions {
		for _, kind := range kinds {
			if strings.HasPrefix(name, kind) && !used[name] {
				t.Errorf("the exception %q is not needed any more: delete it", name)
			}
		}
	}
}

// The one door out: a release.Bytes that holds something comes into being in
// package release only, and what is in it can only be written and measured.
func TestOnlyReleaseMakesBytes(t *testing.T) {
	found := false
	for _, s := range sources(t) {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if s.dir == "internal/release" && n.Name.Name == "Bytes" {
					found = true
					checkBytes(t, n)
				}
			case *ast.FuncDecl:
				if s.dir == "internal/release" && !s.test {
					checkDoor(t, s, n)
				}
			case *ast.CompositeLit:
				if sel, ok := n.Type.(*ast.SelectorExpr); ok && s.dir != "internal/release" && isSelector(sel, "release", "Bytes") && len(n.Elts) > 0 {
					t.Errorf("%s makes a release.Bytes", tree.fset.Position(n.Pos()))
				}
			}
			return true
		})
		if s.test {
			continue
		}
		for _, p := range s.imports() {
			if p == "unsafe" || p == "reflect" && slices.Contains(s.imports(), module+"/internal/release") {
				t.Errorf("%s imports %s, which can reach into release.Bytes", s.file, p)
			}
		}
		if bytes.Contains(s.text, []byte("\n//go:linkname")) {
			t.Errorf("%s uses go:linkname, which can reach into release.Bytes", s.file)
		}
	}
	if !found {
		t.Error("internal/release has no type Bytes")
	}
}

func checkBytes(t *testing.T, spec *ast.TypeSpec) {
	t.Helper()
	st, ok := spec.Type.(*ast.StructType)
	if !ok {
		t.Error("release.Bytes is not a struct: anybody could convert to it")
		return
	}
	for _, f := range st.Fields.List {
		if len(f.Names) == 0 {
			t.Error("release.Bytes embeds something, whose methods it would get")
		}
		for _, name := range f.Names {
			if name.IsExported() {
				t.Errorf("release.Bytes exports its field %s", name)
			}
		}
	}
}

// checkDoor looks at a function of package release: methods of Bytes are
// WriteTo and Len, and nobody is given a Bytes for bytes of his own.
func checkDoor(t *testing.T, s source, f *ast.FuncDecl) {
	t.Helper()
	at := tree.fset.Position(f.Pos())
	if f.Recv != nil && strings.TrimPrefix(typeText(f.Recv.List[0].Type), "*") == "Bytes" && f.Name.Name != "WriteTo" && f.Name.Name != "Len" {
		t.Errorf("%s: release.Bytes has the method %s; it is written and measured only", at, f.Name)
	}
	if !f.Name.IsExported() || f.Type.Results == nil {
		return
	}
	gives, takes := false, false
	for _, r := range f.Type.Results.List {
		gives = gives || strings.Contains(typeText(r.Type), "Bytes")
	}
	for _, p := range f.Type.Params.List {
		takes = takes || strings.Contains(typeText(p.Type), "byte") || strings.Contains(typeText(p.Type), "Reader")
	}
	if gives && takes {
		t.Errorf("%s: %s takes bytes and gives a release.Bytes", at, f.Name)
	}
}

func typeText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return "*" + typeText(e.X)
	case *ast.ArrayType:
		return "[]" + typeText(e.Elt)
	case *ast.SelectorExpr:
		return typeText(e.X) + "." + e.Sel.Name
	case *ast.Ellipsis:
		return "..." + typeText(e.Elt)
	}
	return ""
}

func isSelector(s *ast.SelectorExpr, pkg, name string) bool {
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == pkg && s.Sel.Name == name
}

// What a TAXII answer carries is what release let go: in room partner the body
// of a record is only ever set to the Bytes of something released.
func TestTAXIIBodiesAreReleased(t *testing.T) {
	set := 0
	for _, s := range sources(t) {
		if s.test || s.dir != "internal/partner" {
			continue
		}
		check := func(e ast.Expr) {
			set++
			if sel, ok := e.(*ast.SelectorExpr); !ok || sel.Sel.Name != "Bytes" {
				t.Errorf("%s: the body of a record is something else than the Bytes of an object released", tree.fset.Position(e.Pos()))
			}
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if sel, ok := left.(*ast.SelectorExpr); ok && sel.Sel.Name == "Body" && i < len(n.Rhs) {
						check(n.Rhs[i])
					}
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Body" {
					check(n.Value)
				}
			}
			return true
		})
	}
	if set == 0 {
		t.Error("no record of TAXII gets a body: this test looks in the wrong place")
	}
}

// Libraries decide and compute; they do not look around.
func TestLibrariesArePure(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !library(s.dir) {
			continue
		}
		for _, p := range s.imports() {
			first, _, _ := strings.Cut(p, "/")
			if p == "os" || p == "database/sql" || first == "net" && p != "net/netip" && s.dir != "taxii" || p == "math/rand" || p == "math/rand/v2" || p == "log" || p == "log/slog" {
				t.Errorf("%s imports %s: a library is given what it needs", s.file, p)
			}
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && s.dir != "taxii" && (isSelector(sel, "time", "Now") || isSelector(sel, "time", "Since")) {
				t.Errorf("%s: a library has no clock", tree.fset.Position(n.Pos()))
			}
			return true
		})
	}
}

// Every module that is imported is described, and none that is not.
func TestDependenciesAreDescribed(t *testing.T) {
	text, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(string(text), -1) {
		described[m[1]] = false
	}
	for _, s := range sources(t) {
		for _, p := range s.imports() {
			if first, _, _ := strings.Cut(p, "/"); !strings.Contains(first, ".") {
				continue
			}
			known := false
			for m := range described {
				if p == m || strings.HasPrefix(p, m+"/") {
					described[m], known = true, true
				}
			}
			if !known {
				t.Errorf("%s imports %s, of which docs/dependencies.md says nothing", s.file, p)
			}
		}
	}
	for m, used := range described {
		if !used {
			t.Errorf("docs/dependencies.md describes %s, which nothing imports", m)
		}
	}
}

var (
	link     = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
	script   = regexp.MustCompile("`([a-z]+\\.txtar)`")
)

// What the documents point to is there: files, tests and scripts by name.
func TestDocumentsPointSomewhere(t *testing.T) {
	tests := map[string]bool{}
	for _, s := range sources(t) {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test {
				tests[f.Name.Name] = true
			}
		}
	}
	documents, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"docs", "changes", "ledger"} {
		err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
			if strings.HasSuffix(p, ".md") {
				documents = append(documents, p)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range documents {
		text, err := os.ReadFile(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(d), filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s points to %s, which is not there", d, m[1])
			}
		}
		for _, m := range testName.FindAllStringSubmatch(string(text), -1) {
			if !tests[m[1]] {
				t.Errorf("%s names the test %s, which does not exist", d, m[1])
			}
		}
		for _, m := range script.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join("cmd", "entente", "testdata", m[1])); err != nil {
				t.Errorf("%s names the script %s, which does not exist", d, m[1])
			}
		}
	}
}
