package stix

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	testID   = "x-test--6b616fc1-1505-48e3-8b2c-0d19337bff38"
	redID    = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
	greenID  = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
	statedID = "marking-definition--dc0b9f0a-56d1-4f2f-8fd2-4a4bb3dbdf2f"
	someone  = "identity--23a0a8bd-5c1c-4d14-9f53-ae1a4e34a2a4"
)

// with returns an object of no known type with more members.
func with(members string) string {
	text := `{"type":"x-test","id":"` + testID + `"`
	if members != "" {
		text += "," + members
	}
	return text + "}"
}

func red(name string) string   { return `"` + name + `":["` + redID + `"]` }
func green(name string) string { return `"` + name + `":["` + greenID + `"]` }

// extended puts members into an extension.
func extended(id ID, members string) string {
	return with(`"extensions":{"` + string(id) + `":{"extension_type":"property-extension",` + members + `}}`)
}

var refused = []struct {
	name, text, rule, path string
}{
	// What JSON readers are known to read differently.
	{"marking twice", with(red("object_marking_refs") + "," + green("object_marking_refs")), RuleDuplicate, "object_marking_refs"},
	{"marking in other case", with(red("object_marking_refs") + "," + green("Object_Marking_Refs")), RuleName, "Object_Marking_Refs"},
	{"marking escaped", with(red("object_marking_refs") + "," + green(`object\u005fmarking_refs`)), RuleName, "object_marking_refs"},
	{"marking with KELVIN SIGN", with(green("object_mar\u212aing_refs")), RuleName, "object_mar\u212aing_refs"},
	{"marking with long s", with(green("object_marking_ref\u017f")), RuleName, "object_marking_ref\u017f"},
	{"id not UTF-8", "{\"type\":\"x-test\",\"id\":\"x-test--6b616fc1\xff\"}", RuleUTF8, ""},

	// Names anywhere.
	{"nested name twice", with(`"x_a":{"b":1,"c":{"d":1,"d":2}}`), RuleDuplicate, "x_a.c.d"},
	{"nested name twice, once escaped", with(`"x_a":{"b":1,"\u0062":2}`), RuleDuplicate, "x_a.b"},
	{"nested names differ in case", with(`"x_a":{"b":1,"B":2}`), RuleDuplicate, "x_a.B"},
	{"nested names differ in sigma", with(`"x_a":{"σ":1,"ς":2}`), RuleDuplicate, "x_a.ς"},
	{"one of many twice", with(`"x_a":{` + manyNames(100) + `,"n7":0}`), RuleDuplicate, "x_a.n7"},
	{"one of many in other case", with(`"x_a":{` + manyNames(100) + `,"N7":0}`), RuleDuplicate, "x_a.N7"},
	{"policy name in other case, nested", with(`"x_a":[{"Created_By_Ref":"x"}]`), RuleName, "x_a[0].Created_By_Ref"},
	{"policy name escaped, nested", with(`"x_a":{"marking\u005fref":"x"}`), RuleName, "x_a.marking_ref"},
	{"marking_ref in other case", with(`"granular_markings":[{"Marking_Ref":"` + redID + `","selectors":["id"]}]`), RuleName, "granular_markings[0].Marking_Ref"},
	{"lang in other case in a marking", with(`"granular_markings":[{"Lang":"en","selectors":["id"]}]`), RuleName, "granular_markings[0].Lang"},
	{"tlp in other case", `{"type":"marking-definition","id":"` + statedID + `","definition_type":"tlp","definition":{"TLP":"red"}}`, RuleName, "definition.TLP"},
	{"handling member in other case", extended(HandlingExtension, `"Level":1`), RuleName, ""},
	{"handling extension in other case", with(`"extensions":{"` + strings.ToUpper(string(HandlingExtension)) + `":{}}`), RuleName, ""},
	{"top-level capital", with(`"x_A":1`), RuleName, "x_A"},
	{"top-level hyphen", with(`"x-a":1`), RuleName, "x-a"},
	{"top-level empty", with(`"":1`), RuleName, ""},
	{"top-level too long", with(`"` + strings.Repeat("a", 251) + `":1`), RuleName, ""},
	{"nested too long", with(`"x_a":{"` + strings.Repeat("a", MaxName+1) + `":1}`), RuleName, ""},

	// JSON.
	{"empty", "", RuleJSON, ""},
	{"null", "null", RuleJSON, ""},
	{"a list", "[" + with("") + "]", RuleJSON, ""},
	{"byte order mark", "\ufeff" + with(""), RuleJSON, ""},
	{"more text", with("") + "x", RuleJSON, ""},
	{"two objects", with("") + with(""), RuleJSON, ""},
	{"cut off", with("")[:40], RuleJSON, "id"},
	{"trailing comma", with(`"x_a":1,`), RuleJSON, ""},
	{"trailing comma in a list", with(`"x_a":[1,]`), RuleJSON, "x_a[1]"},
	{"comment", with(`"x_a":1/**/`), RuleJSON, ""},
	{"single quotes", with(`"x_a":'b'`), RuleJSON, "x_a"},
	{"bare name", with(`x_a:1`), RuleJSON, ""},
	{"no colon", with(`"x_a" 1`), RuleJSON, "x_a"},
	{"tab in a string", with("\"x_a\":\"b\tc\""), RuleJSON, "x_a"},
	{"unknown escape", with(`"x_a":"\x"`), RuleJSON, "x_a"},
	{"short escape", with(`"x_a":"\u12"`), RuleJSON, "x_a"},
	{"high surrogate alone", with(`"x_a":"\ud800"`), RuleJSON, "x_a"},
	{"low surrogate alone", with(`"x_a":"\udc00"`), RuleJSON, "x_a"},
	{"surrogates swapped", with(`"x_a":"\udc00\ud800"`), RuleJSON, "x_a"},
	{"two high surrogates", with(`"x_a":"\ud800\ud800"`), RuleJSON, "x_a"},
	{"surrogate in UTF-8", with("\"x_a\":\"\xed\xa0\x80\""), RuleUTF8, ""},
	{"overlong UTF-8", with("\"x_a\":\"\xc0\xaf\""), RuleUTF8, ""},
	{"NaN", with(`"x_a":NaN`), RuleJSON, "x_a"},
	{"Infinity", with(`"x_a":-Infinity`), RuleJSON, "x_a"},
	{"leading zero", with(`"x_a":01`), RuleJSON, "x_a"},
	{"plus sign", with(`"x_a":+1`), RuleJSON, "x_a"},
	{"no digit after point", with(`"x_a":1.`), RuleJSON, "x_a"},
	{"no digit before point", with(`"x_a":.1`), RuleJSON, "x_a"},
	{"no digit after e", with(`"x_a":1e`), RuleJSON, "x_a"},
	{"hexadecimal", with(`"x_a":0x10`), RuleJSON, "x_a"},
	{"form feed as space", with("\f\"x_a\":1"), RuleJSON, ""},

	// Numbers, depth, size.
	{"integer too large", with(`"x_a":9007199254740992`), RuleNumber, "x_a"},
	{"integer too small", with(`"x_a":-9007199254740992`), RuleNumber, "x_a"},
	{"integer far too large", with(`"x_a":` + strings.Repeat("9", 400)), RuleNumber, "x_a"},
	{"float too large", with(`"x_a":1e309`), RuleNumber, "x_a"},
	{"long float too large", with(`"x_a":` + strings.Repeat("9", 400) + `.5`), RuleNumber, "x_a"},
	{"65 deep", with(`"x_a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64)), RuleDepth, ""},
	{"65 deep in objects", with(`"x_a":` + strings.Repeat(`{"b":`, 64) + "1" + strings.Repeat("}", 64)), RuleDepth, ""},
	{"one byte too long", sized(MaxObject + 1), RuleSize, ""},

	// Identity and the properties that decide.
	{"no type", `{"id":"` + testID + `"}`, RuleType, "type"},
	{"no id", `{"type":"x-test"}`, RuleType, "id"},
	{"type not a string", `{"type":7,"id":"` + testID + `"}`, RuleType, "type"},
	{"type with a capital", `{"type":"X-test","id":"` + testID + `"}`, RuleType, "type"},
	{"type with two hyphens", `{"type":"x--test","id":"` + testID + `"}`, RuleType, "type"},
	{"type with a digit first", `{"type":"1-test","id":"` + testID + `"}`, RuleType, "type"},
	{"type too short", `{"type":"xt","id":"xt--6b616fc1-1505-48e3-8b2c-0d19337bff38"}`, RuleType, "type"},
	{"id of another type", `{"type":"x-other","id":"` + testID + `"}`, RuleIdentifier, "id"},
	{"id in capitals", `{"type":"x-test","id":"x-test--6B616FC1-1505-48E3-8B2C-0D19337BFF38"}`, RuleIdentifier, "id"},
	{"id too short", `{"type":"x-test","id":"x-test--6b616fc1-1505-48e3-8b2c-0d19337bff3"}`, RuleIdentifier, "id"},
	{"id of no version", `{"type":"x-test","id":"x-test--6b616fc1-1505-08e3-8b2c-0d19337bff38"}`, RuleIdentifier, "id"},
	{"id of no variant", `{"type":"x-test","id":"x-test--6b616fc1-1505-48e3-0b2c-0d19337bff38"}`, RuleIdentifier, "id"},
	{"a bundle", `{"type":"bundle","id":"bundle--6b616fc1-1505-48e3-8b2c-0d19337bff38"}`, RuleType, "type"},
	{"created not a time", with(`"created":"yesterday"`), RuleTimestamp, "created"},
	{"created no such day", with(`"created":"2023-02-29T00:00:00.000Z"`), RuleTimestamp, "created"},
	{"modified not a string", with(`"modified":17`), RuleType, "modified"},
	{"revoked not a boolean", with(`"revoked":"true"`), RuleType, "revoked"},
	{"revoked null", with(`"revoked":null`), RuleType, "revoked"},
	{"created_by_ref a list", with(`"created_by_ref":["` + someone + `"]`), RuleType, "created_by_ref"},
	{"created_by_ref not an id", with(`"created_by_ref":"me"`), RuleIdentifier, "created_by_ref"},
	{"lang not a string", with(`"lang":1`), RuleType, "lang"},
	{"markings not a list", with(`"object_marking_refs":"` + redID + `"`), RuleMarking, "object_marking_refs"},
	{"markings null", with(`"object_marking_refs":null`), RuleMarking, "object_marking_refs"},
	{"marking not a string", with(`"object_marking_refs":["` + redID + `",7]`), RuleMarking, "object_marking_refs[1]"},
	{"marking not a marking", with(`"object_marking_refs":["` + someone + `"]`), RuleMarking, "object_marking_refs[0]"},
	{"marking in capitals", with(`"object_marking_refs":["` + strings.ToUpper(redID) + `"]`), RuleMarking, "object_marking_refs[0]"},
	{"granular not a list", with(`"granular_markings":{}`), RuleMarking, "granular_markings"},
	{"granular not an object", with(`"granular_markings":["x"]`), RuleMarking, "granular_markings[0]"},
	{"granular without selectors", with(`"granular_markings":[{"marking_ref":"` + redID + `"}]`), RuleMarking, "granular_markings[0].selectors"},
	{"granular with a malformed selector", with(`"granular_markings":[{"marking_ref":"` + redID + `","selectors":["[0]"]}]`), RuleMarking, "granular_markings[0].selectors[0]"},
	{"granular without marking", with(`"granular_markings":[{"selectors":["id"]}]`), RuleMarking, "granular_markings[0]"},
	{"granular with both", with(`"granular_markings":[{"marking_ref":"` + redID + `","lang":"en","selectors":["id"]}]`), RuleMarking, "granular_markings[0]"},
	{"too many selectors", with(`"granular_markings":[{"lang":"en","selectors":["` + strings.Repeat(`id","`, MaxSelectors) + `id"]}]`), RuleMarking, "granular_markings[0].selectors"},
	{"extensions a list", with(`"extensions":[]`), RuleType, "extensions"},
	{"extension not an object", with(`"extensions":{"a-ext":true}`), RuleType, "extensions.a-ext"},
	{"almost an identifier in a reference", with(`"x_any_ref":"` + strings.ToUpper(someone) + `"`), RuleIdentifier, "x_any_ref"},
	{"almost an identifier in nested references", with(`"x_a":[{"b_refs":["Identity--23a0a8bd-5c1c-4d14-9f53-ae1a4e34a2a4"]}]`), RuleIdentifier, "b_refs"},
	{"TLP of no such colour", `{"type":"marking-definition","id":"` + statedID + `","definition_type":"tlp","definition":{"tlp":"blue"}}`, RuleMarking, ""},
	{"RED's id with another colour", `{"type":"marking-definition","id":"` + redID + `","definition_type":"tlp","definition":{"tlp":"white"}}`, RuleMarking, ""},
}

func manyNames(n int) string {
	var parts []string
	for i := range n {
		parts = append(parts, `"n`+itoa(i)+`":`+itoa(i))
	}
	return strings.Join(parts, ",")
}

// sized returns an object of exactly n bytes.
func sized(n int) string {
	text := with(`"x_a":""`)
	return strings.Replace(text, `""`, `"`+strings.Repeat("a", n-len(text))+`"`, 1)
}

func TestParseRefuses(t *testing.T) {
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			o, err := Parse([]byte(c.text))
			var refusal *GateError
			if !errors.As(err, &refusal) {
				t.Fatalf("Parse = %v, %v; want a GateError", o, err)
			}
			if refusal.Rule != c.rule {
				t.Errorf("refused by %q, want %q: %v", refusal.Rule, c.rule, err)
			}
			if c.path != "" && refusal.Path != c.path {
				t.Errorf("path %q, want %q: %v", refusal.Path, c.path, err)
			}
			if refusal.Offset < 0 || refusal.Offset > len(c.text) {
				t.Errorf("offset %d lies outside of the text", refusal.Offset)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the message quotes too much: %d bytes", len(err.Error()))
			}
		})
	}
}

func TestParseAccepts(t *testing.T) {
	for name, text := range map[string]string{
		"smallest":                 with(""),
		"white space":              " \t\r\n" + strings.ReplaceAll(with(`"x_a":[1, 2]`), ",", " ,\n") + "\n",
		"all escapes":              with(`"x_a":"\"\\\/\b\f\n\r\t\u0000\u00e9\ud83d\ude00"`),
		"line separators":          with("\"x_a\":\"a\u2028b\u2029c\u0085d\""),
		"DEL":                      with("\"x_a\":\"\x7f\""),
		"not characters":           with("\"x_a\":\"\uffff\U0010ffff\""),
		"largest integers":         with(`"x_a":[9007199254740991,-9007199254740991]`),
		"floats":                   with(`"x_a":[0.1,-0.0,1e308,1E-400,12345678901234567.5]`),
		"64 deep":                  with(`"x_a":` + strings.Repeat("[", 63) + strings.Repeat("]", 63)),
		"exactly 1 MiB":            sized(MaxObject),
		"dictionary keys in case":  with(`"x_a":{"SHA-256":"x","Content-Type":"y","ключ":"z"}`),
		"free keys like ours":      with(`"environment_variables":{"LANG":"C","ID":"1","Spec_Version":"2"}`),
		"ordinary words in custom": with(`"x_a":{"Type":1,"ID":2,"Name":3}`),
		"granular language":        with(`"granular_markings":[{"lang":"fa-AF","selectors":["x_a.[0].b"]}]`),
		"unknown type":             `{"type":"zz9","id":"zz9--6b616fc1-1505-48e3-8b2c-0d19337bff38"}`,
		"numbers in names":         with(`"9_lives":1`),
		"not quite references":     with(`"x_ref":"see--below","y_refs":[1,{"a":"b--c"}]`),
		"many names":               with(`"x_a":{` + manyNames(1000) + `}`),
	} {
		t.Run(name, func(t *testing.T) {
			o, err := Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if string(o.Raw()) != text {
				t.Error("the text came out changed")
			}
		})
	}
}

// No text of the greatest length takes long, however it is made.
func TestNoSlowTexts(t *testing.T) {
	repeat := func(head, piece, tail string) string {
		n := 900_000 / len(piece)
		return head + strings.Repeat(piece, n) + tail
	}
	numbered := func(head, format, tail string) string {
		var b strings.Builder
		b.WriteString(head)
		for i := 0; b.Len() < MaxObject-500; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String() + tail
	}
	const tool = `{"type":"tool","id":"tool--6b616fc1-1505-48e3-8b2c-0d19337bff38",`
	selectors := strings.TrimSuffix(strings.Repeat(`"labels.[99999]",`, MaxSelectors), ",")
	for name, text := range map[string]string{
		"empty lists":       with(repeat(`"x_a":[`, `[],`, `0]`)),
		"names":             with(numbered(`"x_a":{`, `"n%d":0,`, `"n":0}`)),
		"odd names":         with(numbered(`"x_a":{`, `"N%d":0,`, `"n":0}`)),
		"escaped names":     with(numbered(`"x_a":{`, `"\u004e%d":0,`, `"n":0}`)),
		"digits":            with(repeat(`"x_a":0.`, `1`, `e5`)),
		"references":        tool + numbered(`"object_refs":[`, `"note--6b616fc1-1505-48e3-8b2c-%012x",`, `0]}`),
		"nested references": with(strings.Repeat(`"a_ref":{`, 60) + repeat(`"a_ref":[`, `"x",`, `"y"]`) + strings.Repeat("}", 60)),
		"problems":          tool + repeat(`"external_references":[`, `{},`, `{}]}`),
		"selectors":         tool + `"granular_markings":[{"lang":"en","selectors":[` + selectors + `]}],` + repeat(`"labels":[`, `"",`, `""]}`),
		"container":         `{"type":"observed-data","id":"observed-data--6b616fc1-1505-48e3-8b2c-0d19337bff38",` + numbered(`"objects":{`, `"%d":{"type":"file","contains_refs":["1","2","3"]},`, `"x":{}}}`),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			o, err := Parse([]byte(text))
			if err == nil {
				o.Refs()
				Validate(o)
				o.ObservableID()
				appendCanonical(nil, o.Root())
			} else if name != "problems" && err.(*GateError).Rule == RuleJSON {
				t.Fatalf("the test's own text is at fault: %v", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			} else {
				t.Log(took)
			}
		})
	}
}
