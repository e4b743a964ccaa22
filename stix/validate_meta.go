package stix

import "strings"

// The tables of relationships (§5) and meta objects (§7), and the rules that
// hold for every object.

var relationshipObjects = map[string]*spec{
	"relationship": sdo("§5.1", "relationship_type source_ref target_ref", map[string]check{
		"relationship_type": relationshipType,
		"description":       aString,
		"source_ref":        related,
		"target_ref":        related,
		"start_time":        timestamp,
		"stop_time":         timestamp,
	}, ordered("start_time", "stop_time", true)),
	"sighting": sdo("§5.2", "sighting_of_ref", map[string]check{
		"description":        aString,
		"first_seen":         timestamp,
		"last_seen":          timestamp,
		"count":              between(0, 999_999_999),
		"sighting_of_ref":    refWhere("a domain object", sightable),
		"observed_data_refs": refs("observed-data"),
		"where_sighted_refs": refs("identity", "location"),
		"summary":            aBoolean,
	}, observed),
}

// related takes what a relationship may join: domain objects and observables,
// but neither relationships nor meta objects nor bundles (§5.1.2).
var related = refWhere("a domain object or an observable", func(typ string) bool { return !neverRelated[typ] })

var neverRelated = set("relationship", "sighting", "language-content", "marking-definition", "extension-definition", "bundle")

func sightable(typ string) bool { return !isObservable(typ) && !neverRelated[typ] }

func relationshipType(c *checker, v Value) {
	s := v.Str()
	ok := s != ""
	for _, b := range []byte(s) {
		ok = ok && (b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '-')
	}
	if !ok {
		c.fail("", "must consist of a-z, 0-9 and hyphens")
	}
}

var metaObjects = map[string]*spec{
	"language-content": sdo("§7.1", "object_ref contents", map[string]check{
		"object_ref":      ref(),
		"object_modified": timestamp,
		"contents":        translations,
	}),
	"marking-definition": {
		section:  "§7.2.1",
		required: []string{"spec_version", "created"},
		props: map[string]check{
			"spec_version":        specVersion,
			"created_by_ref":      ref(),
			"created":             preciseTime,
			"external_references": listOf(nested(externalReference)),
			"object_marking_refs": refs("marking-definition"),
			"granular_markings":   listOf(granularMarking),
			"extensions":          extensions(nil),
			"name":                aString,
			"definition_type":     aString,
			"defanged":            forbidden("is for observables only"),
		},
		rules: allOf(markingContent, notOfItself, tlp1Instance),
	},
	"extension-definition": sdo("§7.3", "created_by_ref name schema version extension_types", map[string]check{
		"name":                 aString,
		"description":          aString,
		"schema":               aString,
		"version":              aString,
		"extension_types":      listOf(extensionType),
		"extension_properties": texts,
	}, extensionProperties),
}

var extensionType = oneOf("new-sdo", "new-sco", "new-sro", "property-extension", "toplevel-property-extension")

// extensionProperties allows extension_properties only for top-level extensions.
func extensionProperties(c *checker, v Value) {
	if !v.Get("extension_properties").Exists() {
		return
	}
	for t := range v.Get("extension_types").Items() {
		if t.Str() == "toplevel-property-extension" {
			return
		}
	}
	c.failAt("extension_properties", "", "is only for extension_types that include toplevel-property-extension")
}

// translations takes a dictionary from language to translated properties.
func translations(c *checker, v Value) {
	if v.Kind() != Dictionary || v.empty() {
		c.fail("§2.3", "must be a dictionary of at least one language")
		return
	}
	for lang, content := range v.Members() {
		if !isLanguage(lang) {
			c.failAt(lang, "", "must be a language code such as en or fa-AF (RFC 5646)")
		}
		c.member(lang, content, dictionaryOf(translation))
	}
}

// translation takes what may stand for a translated property: a text, or lists
// and dictionaries of these.
func translation(c *checker, v Value) {
	switch v.Kind() {
	case String:
	case Array:
		listOf(translation)(c, v)
	case Dictionary:
		dictionaryOf(translation)(c, v)
	default:
		c.fail("", "must be a text, or a list or dictionary of texts")
	}
}

// markingContent demands something that marks.
func markingContent(c *checker, v Value) {
	if !v.Get("extensions").Exists() && !(v.Get("definition_type").Exists() && v.Get("definition").Exists()) {
		c.fail("", "must have definition_type and definition, or extensions")
	}
}

// notOfItself forbids a marking that marks itself (§3.2).
func notOfItself(c *checker, _ Value) {
	id := c.object.ID()
	for item := range c.object.markings.Items() {
		if ID(item.Str()) == id {
			c.failAt("object_marking_refs", "§3.2", "must not refer to the marking itself")
		}
	}
	for item := range c.object.granular.Items() {
		if ID(item.Get("marking_ref").Str()) == id {
			c.failAt("granular_markings", "§3.2", "must not refer to the marking itself")
		}
	}
}

// tlp1Instance allows only the four TLP 1 definitions of the standard (§7.2.1.4).
func tlp1Instance(c *checker, v Value) {
	if v.Get("definition_type").Str() != "tlp" {
		return
	}
	w, ok := wellKnownMarkings[c.object.ID()]
	colour := v.Get("definition").Get("tlp").Str()
	name := v.Get("name")
	if !ok || w.scheme != "tlp1" || colour != w.colour || name.Exists() && name.Str() != w.name ||
		CompareVersions(v.Get("created").Str(), "2017-01-20T00:00:00.000Z") != 0 {
		c.fail("§7.2.1.4", "a TLP marking must be one of the four that the standard defines")
	}
}

// granularMarking judges an entry of granular_markings; its form was judged at
// the gate.
func granularMarking(c *checker, v Value) {
	if lang := v.Get("lang"); lang.Exists() {
		c.member("lang", lang, language)
	}
	i := 0
	for s := range v.Get("selectors").Items() {
		if !c.object.Select(s.Str()).Exists() {
			c.path = append(c.path, pathStep{name: "selectors"}, pathStep{index: i})
			c.fail("§7.2.3", "%s selects nothing in this object", quoteShort(s.Str()))
			c.path = c.path[:len(c.path)-2]
		}
		i++
	}
}

// extensions judges the extensions of an object: those the standard predefines
// for its type, and those of extension definitions.
func extensions(predefined map[string]*spec) check {
	return func(c *checker, v Value) {
		n := 0
		for key, ext := range v.Members() {
			n++
			s, known := predefined[key]
			switch {
			case known:
				c.member(key, ext, s.check)
			case strings.HasPrefix(key, "extension-definition--"):
				c.definedExtension(key, ext)
			case !strings.HasSuffix(key, "-ext") || !validType(key):
				c.failAt(key, "§3.2", "must be the id of an extension definition or the name of a predefined extension")
			}
		}
		if n == 0 {
			c.fail("§2.3", "must not be an empty dictionary; leave the property out")
		}
	}
}

func (c *checker) definedExtension(key string, ext Value) {
	if ID(key).Type() != "extension-definition" {
		c.failAt(key, "§2.9", "must be an identifier of the form extension-definition--UUID")
	}
	c.path = append(c.path, pathStep{name: key})
	if typ := ext.Get("extension_type"); typ.Exists() {
		c.member("extension_type", typ, extensionType)
	} else {
		c.failAt("extension_type", "§3.2", "is required")
	}
	c.path = c.path[:len(c.path)-1]
}

// unknownSpec is for types we do not know that are versioned, so no observables:
// they must have the common properties (§7.3.2, §11.2).
var unknownSpec = &spec{section: "§3.2", required: withCommon(), props: base(commonProps, nil)}

// observableSpec is for observables of types we do not know and for objects of
// other versions: nothing is required, but what there is must be well-formed.
var observableSpec = &spec{section: "§3.2", props: base(commonProps, map[string]check{"defanged": aBoolean})}

// objectSpecs are the tables of all types of the standard. Filled in init
// because rules refer back to them.
var objectSpecs map[string]*spec

func init() {
	objectSpecs = make(map[string]*spec)
	for _, table := range []map[string]*spec{domainObjects, cyberObservables, relationshipObjects, metaObjects} {
		for typ, s := range table {
			objectSpecs[typ] = s
			reserve(s)
		}
	}
	reserve(unknownSpec)
	reserve(observableSpec)
}

// reserve adds the names that nobody may use (§3.8).
func reserve(s *spec) {
	for _, name := range [...]string{"severity", "username", "phone_number", "phone_numbers", "action"} {
		s.props[name] = func(c *checker, _ Value) { c.fail("§3.8", "is a reserved name") }
	}
}

// common judges what holds for all objects.
func (c *checker) common(o *Object, s *spec) {
	c.section = "§3.1"
	for name, v := range o.Root().Members() {
		if len(name) < 3 && name != "id" || name[0] < 'a' || name[0] > 'z' {
			c.failAt(name, "§3.1", "a property name must begin with a letter and be at least 3 long")
		}
		if v.Kind() == Array && v.empty() && s.props[name] == nil { // of known ones it was reported
			c.failAt(name, "§2.12", "must not be an empty list; leave the property out")
		}
	}
	if o.created != "" && o.modified != "" && CompareVersions(o.created, o.modified) > 0 {
		c.failAt("modified", "§3.2", "must not be earlier than created")
	}
}
