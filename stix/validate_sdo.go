package stix

import (
	"regexp"
	"strings"
)

// The tables of the domain objects (§4). They hold what the standard demands;
// vocabularies it calls open take any string.

// base returns the properties with the common ones of a class of objects added.
func base(common map[string]check, props map[string]check) map[string]check {
	all := make(map[string]check, len(common)+len(props))
	for name, judge := range common {
		all[name] = judge
	}
	for name, judge := range props {
		all[name] = judge
	}
	return all
}

// withCommon returns the required common properties of most objects and more.
func withCommon(more ...string) []string {
	return append([]string{"spec_version", "created", "modified"}, more...)
}

// commonProps are the common properties of domain and relationship objects (§3.2).
var commonProps = map[string]check{
	"spec_version":        specVersion,
	"created_by_ref":      ref(), // an identity, but the standard has no MUST here
	"created":             preciseTime,
	"modified":            preciseTime,
	"revoked":             aBoolean,
	"labels":              texts,
	"confidence":          between(0, 100),
	"lang":                language,
	"external_references": listOf(nested(externalReference)),
	"object_marking_refs": refs("marking-definition"),
	"granular_markings":   listOf(granularMarking),
	"extensions":          extensions(nil),
	"defanged":            forbidden("is for observables only"),
}

func specVersion(c *checker, v Value) {
	if v.Str() != "2.1" && !otherVersion(v.Str()) {
		c.fail("§3.2", "must be 2.1")
	}
}

func forbidden(why string) check {
	return func(c *checker, _ Value) { c.fail("§3.2", "%s", why) }
}

// observed is the span of time that many objects have.
var observed = ordered("first_seen", "last_seen", false)

var killChain = listOf(nested(&spec{
	section:  "§2.11",
	required: []string{"kill_chain_name", "phase_name"},
	props:    map[string]check{"kill_chain_name": aString, "phase_name": aString},
}))

// sdo makes the spec of a domain object.
func sdo(section, required string, props map[string]check, rules ...check) *spec {
	return &spec{section, withCommon(strings.Fields(required)...), base(commonProps, props), rules}
}

var domainObjects = map[string]*spec{
	"attack-pattern": sdo("§4.1", "name", map[string]check{
		"name":              aString,
		"description":       aString,
		"aliases":           texts,
		"kill_chain_phases": killChain,
	}, referenceForm("capec", capecID)),
	"campaign": sdo("§4.2", "name", map[string]check{
		"name":        aString,
		"description": aString,
		"aliases":     texts,
		"first_seen":  timestamp,
		"last_seen":   timestamp,
		"objective":   aString,
	}, observed),
	"course-of-action": sdo("§4.3", "name", map[string]check{
		"name":        aString,
		"description": aString,
	}),
	"grouping": sdo("§4.4", "context object_refs", map[string]check{
		"name":        aString,
		"description": aString,
		"context":     aString,
		"object_refs": refs(),
	}),
	"identity": sdo("§4.5", "name", map[string]check{
		"name":                aString,
		"description":         aString,
		"roles":               texts,
		"identity_class":      aString,
		"sectors":             texts,
		"contact_information": aString,
	}),
	"incident": sdo("§4.6", "name", map[string]check{
		"name":        aString,
		"description": aString,
	}),
	"indicator": sdo("§4.7", "pattern pattern_type valid_from", map[string]check{
		"name":              aString,
		"description":       aString,
		"indicator_types":   texts,
		"pattern":           aString,
		"pattern_type":      aString,
		"pattern_version":   aString,
		"valid_from":        timestamp,
		"valid_until":       timestamp,
		"kill_chain_phases": killChain,
	}, ordered("valid_from", "valid_until", true)),
	"infrastructure": sdo("§4.8", "name", map[string]check{
		"name":                 aString,
		"description":          aString,
		"infrastructure_types": texts,
		"aliases":              texts,
		"kill_chain_phases":    killChain,
		"first_seen":           timestamp,
		"last_seen":            timestamp,
	}, observed),
	"intrusion-set": sdo("§4.9", "name", map[string]check{
		"name":                  aString,
		"description":           aString,
		"aliases":               texts,
		"first_seen":            timestamp,
		"last_seen":             timestamp,
		"goals":                 texts,
		"resource_level":        aString,
		"primary_motivation":    aString,
		"secondary_motivations": texts,
	}, observed),
	"location": sdo("§4.10", "", map[string]check{
		"name":                aString,
		"description":         aString,
		"latitude":            floatBetween(-90, 90),
		"longitude":           floatBetween(-180, 180),
		"precision":           aFloat,
		"region":              aString,
		"country":             aString,
		"administrative_area": aString,
		"city":                aString,
		"street_address":      aString,
		"postal_code":         aString,
	}, someOf("region", "country", "latitude"),
		needs("latitude", "longitude"), needs("longitude", "latitude"), needs("precision", "longitude")),
	"malware": sdo("§4.11", "is_family", map[string]check{
		"name":                        aString,
		"description":                 aString,
		"malware_types":               texts,
		"is_family":                   aBoolean,
		"aliases":                     texts,
		"kill_chain_phases":           killChain,
		"first_seen":                  timestamp,
		"last_seen":                   timestamp,
		"operating_system_refs":       refs("software"),
		"architecture_execution_envs": texts,
		"implementation_languages":    texts,
		"capabilities":                texts,
		"sample_refs":                 refs("artifact", "file"),
	}, observed, neededWhen("is_family", "name")),
	"malware-analysis": sdo("§4.12", "product", map[string]check{
		"product":                     aString,
		"version":                     aString,
		"host_vm_ref":                 ref("software"),
		"operating_system_ref":        ref("software"),
		"installed_software_refs":     refs("software"),
		"configuration_version":       aString,
		"modules":                     texts,
		"analysis_engine_version":     aString,
		"analysis_definition_version": aString,
		"submitted":                   timestamp,
		"analysis_started":            timestamp,
		"analysis_ended":              timestamp,
		"result_name":                 aString,
		"result":                      aString,
		"analysis_sco_refs":           listOf(refWhere("an observable", mayBeObservable)),
		"sample_ref":                  refWhere("an observable", mayBeObservable),
	}, someOf("result", "analysis_sco_refs")),
	"note": sdo("§4.13", "content object_refs", map[string]check{
		"abstract":    aString,
		"content":     aString,
		"authors":     texts,
		"object_refs": refs(),
	}),
	"observed-data": sdo("§4.14", "first_observed last_observed number_observed", map[string]check{
		"first_observed":  timestamp,
		"last_observed":   timestamp,
		"number_observed": between(1, 999_999_999),
		"objects":         observableContainer,
		"object_refs":     listOf(refWhere("an observable or a relationship", mayBeObservation)),
	}, ordered("first_observed", "last_observed", false),
		someOf("objects", "object_refs"), notBoth("objects", "object_refs")),
	"opinion": sdo("§4.15", "opinion object_refs", map[string]check{
		"explanation": aString,
		"authors":     texts,
		"opinion":     oneOf("strongly-disagree", "disagree", "neutral", "agree", "strongly-agree"),
		"object_refs": refs(),
	}),
	"report": sdo("§4.16", "name published object_refs", map[string]check{
		"name":         aString,
		"description":  aString,
		"report_types": texts,
		"published":    timestamp,
		"object_refs":  refs(),
	}),
	"threat-actor": sdo("§4.17", "name", map[string]check{
		"name":                  aString,
		"description":           aString,
		"threat_actor_types":    texts,
		"aliases":               texts,
		"first_seen":            timestamp,
		"last_seen":             timestamp,
		"roles":                 texts,
		"goals":                 texts,
		"sophistication":        aString,
		"resource_level":        aString,
		"primary_motivation":    aString,
		"secondary_motivations": texts,
		"personal_motivations":  texts,
	}, observed),
	"tool": sdo("§4.18", "name", map[string]check{
		"name":              aString,
		"description":       aString,
		"tool_types":        texts,
		"aliases":           texts,
		"kill_chain_phases": killChain,
		"tool_version":      aString,
	}),
	"vulnerability": sdo("§4.19", "name", map[string]check{
		"name":        aString,
		"description": aString,
	}, referenceForm("cve", cveID)),
}

var externalReference = &spec{
	section:  "§2.5",
	required: []string{"source_name"},
	props: map[string]check{
		"source_name": aString,
		"description": aString,
		"url":         uri,
		"hashes":      hashes,
		"external_id": aString,
	},
	rules: allOf(someOf("description", "url", "external_id")),
}

var (
	cveID   = regexp.MustCompile(`^CVE-\d{4}-\d{4,}$`)
	capecID = regexp.MustCompile(`^CAPEC-\d+$`)
)

// referenceForm demands that references to a catalogue name it and give its
// number in its own form, and each other (§4.1, §4.19).
func referenceForm(source string, form *regexp.Regexp) check {
	return func(c *checker, v Value) {
		list, i := v.Get("external_references"), 0
		for r := range list.Items() {
			id := r.Get("external_id")
			named := r.Get("source_name").Str() == source
			if id.Exists() && named != form.MatchString(id.Str()) {
				c.path = append(c.path, pathStep{name: "external_references"}, pathStep{index: i})
				c.fail("", "a reference to this catalogue must have source_name %s and an external_id of its form", source)
				c.path = c.path[:len(c.path)-2]
			}
			i++
		}
	}
}
