package stix

import (
	"regexp"
	"strings"
)

// The tables of the cyber-observables (§6).

// observableProps are the common properties of observables (§3.2).
var observableProps = map[string]check{
	"spec_version":        specVersion,
	"object_marking_refs": refs("marking-definition"),
	"granular_markings":   listOf(granularMarking),
	"defanged":            aBoolean,
}

// sco makes the spec of an observable with its predefined extensions. Each
// observable has at least one property of its own (§6), so where none is
// required some must be there all the same.
func sco(section, required string, props map[string]check, predefined map[string]*spec, rules ...check) *spec {
	all := base(observableProps, props)
	all["extensions"] = extensions(predefined)
	if required == "" {
		names := []string{"extensions"}
		for name := range props {
			names = append(names, name)
		}
		rules = append(rules, func(c *checker, v Value) {
			if present(v, names) == 0 {
				c.fail("", "must have at least one property of its own")
			}
		})
	}
	return &spec{section, strings.Fields(required), all, append(rules, randomID)}
}

// randomID demands a random identifier of an observable that has none of the
// properties a deterministic one is made of (§2.9).
func randomID(c *checker, v Value) {
	typ := v.Get("type").Str()
	if c.local != nil || present(v, contributing[typ]) > 0 {
		return
	}
	if id := v.Get("id").Str(); len(id) > 22 && id[len(id)-22] != '4' {
		c.failAt("id", "§2.9", "must hold a random UUID (version 4), as no property contributes to a deterministic one")
	}
}

// nonEmpty demands at least one property of the spec.
func nonEmpty(s *spec) *spec {
	names := make([]string, 0, len(s.props))
	for name := range s.props {
		names = append(names, name)
	}
	s.rules = append(s.rules, func(c *checker, v Value) {
		if present(v, names) == 0 {
			c.fail("", "must have at least one of its properties")
		}
	})
	return s
}

func mayBeObservable(typ string) bool {
	_, other := objectSpecs[typ]
	return isObservable(typ) || !other && typ != "bundle"
}

func mayBeObservation(typ string) bool {
	return mayBeObservable(typ) || typ == "relationship" || typ == "sighting"
}

var (
	anyObservable = refWhere("an observable", mayBeObservable)
	cpe23         = regexp.MustCompile(`^cpe:2\.3:[aho*-](:([A-Za-z0-9._*?~-]|\\[!-/:-@\[-` + "`" + `{-~])+){10}$`)
	hiveShort     = regexp.MustCompile(`(?i)^(HKLM|HKCC|HKCR|HKCU|HKU)(\\|$)`)
)

func cpe(c *checker, v Value) {
	if !cpe23.MatchString(v.Str()) {
		c.fail("", "must be a CPE 2.3 formatted string")
	}
}

// headerValues takes the values of a header field, of which there may be several.
// STIX 2.0 had a single text.
func headerValues(c *checker, v Value) {
	if v.Kind() != String || !c.old && c.local == nil {
		texts(c, v)
	}
}

// registryKey takes a key whose hive is written in full.
func registryKey(c *checker, v Value) {
	aString(c, v)
	if hiveShort.MatchString(v.Str()) {
		c.fail("", "the hive must be written in full, such as HKEY_LOCAL_MACHINE")
	}
}

// urlHashed demands the hashes of an artifact that is only linked to.
var urlHashed = needs("url", "hashes")

var cyberObservables = map[string]*spec{
	"artifact": sco("§6.1", "", map[string]check{
		"mime_type":            aString,
		"payload_bin":          base64Text,
		"url":                  uri,
		"hashes":               hashes,
		"encryption_algorithm": oneOf("AES-256-GCM", "ChaCha20-Poly1305", "mime-type-indicated"),
		"decryption_key":       aString,
	}, nil, someOf("payload_bin", "url"), notBoth("payload_bin", "url"), urlHashed,
		needs("decryption_key", "encryption_algorithm")),
	"autonomous-system": sco("§6.2", "number", map[string]check{
		"number": integer,
		"name":   aString,
		"rir":    aString,
	}, nil),
	"directory": sco("§6.3", "path", map[string]check{
		"path":          aString,
		"path_enc":      aString,
		"ctime":         timestamp,
		"mtime":         timestamp,
		"atime":         timestamp,
		"contains_refs": refs("file", "directory"),
	}, nil),
	"domain-name": sco("§6.4", "value", map[string]check{
		"value":            domainName,
		"resolves_to_refs": refs("ipv4-addr", "ipv6-addr", "domain-name"),
	}, nil),
	"email-addr": sco("§6.5", "value", map[string]check{
		"value":          emailAddress,
		"display_name":   aString,
		"belongs_to_ref": ref("user-account"),
	}, nil),
	"email-message": sco("§6.6", "is_multipart", map[string]check{
		"is_multipart":             aBoolean,
		"date":                     timestamp,
		"content_type":             aString,
		"from_ref":                 ref("email-addr"),
		"sender_ref":               ref("email-addr"),
		"to_refs":                  refs("email-addr"),
		"cc_refs":                  refs("email-addr"),
		"bcc_refs":                 refs("email-addr"),
		"message_id":               aString,
		"subject":                  aString,
		"received_lines":           texts,
		"additional_header_fields": dictionaryOf(headerValues),
		"body":                     aString,
		"body_multipart":           listOf(nested(mimePart)),
		"raw_email_ref":            ref("artifact"),
	}, nil, notWhen("is_multipart", true, "body"), notWhen("is_multipart", false, "body_multipart")),
	"file": sco("§6.7", "", map[string]check{
		"hashes":               hashes,
		"size":                 count,
		"name":                 aString,
		"name_enc":             aString,
		"magic_number_hex":     hexadecimal,
		"mime_type":            aString,
		"ctime":                timestamp,
		"mtime":                timestamp,
		"atime":                timestamp,
		"parent_directory_ref": ref("directory"),
		"contains_refs":        listOf(anyObservable),
		"content_ref":          ref("artifact"),
	}, fileExtensions, someOf("hashes", "name"), needs("name_enc", "name")),
	"ipv4-addr": sco("§6.8", "value", map[string]check{
		"value":            ipv4,
		"resolves_to_refs": refs("mac-addr"),
		"belongs_to_refs":  refs("autonomous-system"),
	}, nil),
	"ipv6-addr": sco("§6.9", "value", map[string]check{
		"value":            ipv6,
		"resolves_to_refs": refs("mac-addr"),
		"belongs_to_refs":  refs("autonomous-system"),
	}, nil),
	"mac-addr": sco("§6.10", "value", map[string]check{"value": macAddress}, nil),
	"mutex":    sco("§6.11", "name", map[string]check{"name": aString}, nil),
	"network-traffic": sco("§6.12", "protocols", map[string]check{
		"start":               timestamp,
		"end":                 timestamp,
		"is_active":           aBoolean,
		"src_ref":             ref("ipv4-addr", "ipv6-addr", "mac-addr", "domain-name"),
		"dst_ref":             ref("ipv4-addr", "ipv6-addr", "mac-addr", "domain-name"),
		"src_port":            between(0, 65535),
		"dst_port":            between(0, 65535),
		"protocols":           texts,
		"src_byte_count":      count,
		"dst_byte_count":      count,
		"src_packets":         count,
		"dst_packets":         count,
		"ipfix":               dictionaryOf(either(String, Number)),
		"src_payload_ref":     ref("artifact"),
		"dst_payload_ref":     ref("artifact"),
		"encapsulates_refs":   refs("network-traffic"),
		"encapsulated_by_ref": ref("network-traffic"),
	}, trafficExtensions, someOf("src_ref", "dst_ref"), ordered("start", "end", false), notWhen("is_active", true, "end")),
	"process": sco("§6.13", "", map[string]check{
		"is_hidden":              aBoolean,
		"pid":                    integer,
		"created_time":           timestamp,
		"cwd":                    aString,
		"command_line":           aString,
		"environment_variables":  dictionaryOf(aString),
		"opened_connection_refs": refs("network-traffic"),
		"creator_user_ref":       ref("user-account"),
		"image_ref":              ref("file"),
		"parent_ref":             ref("process"),
		"child_refs":             refs("process"),
	}, processExtensions),
	"software": sco("§6.14", "name", map[string]check{
		"name":      aString,
		"cpe":       cpe,
		"swid":      aString,
		"languages": listOf(language),
		"vendor":    aString,
		"version":   aString,
	}, nil),
	"url": sco("§6.15", "value", map[string]check{"value": uri}, nil),
	"user-account": sco("§6.16", "", map[string]check{
		"user_id":                 aString,
		"credential":              aString,
		"account_login":           aString,
		"account_type":            aString,
		"display_name":            aString,
		"is_service_account":      aBoolean,
		"is_privileged":           aBoolean,
		"can_escalate_privs":      aBoolean,
		"is_disabled":             aBoolean,
		"account_created":         timestamp,
		"account_expires":         timestamp,
		"credential_last_changed": timestamp,
		"account_first_login":     timestamp,
		"account_last_login":      timestamp,
	}, accountExtensions),
	"windows-registry-key": sco("§6.17", "", map[string]check{
		"key":               registryKey,
		"values":            listOf(nested(registryValue)),
		"modified_time":     timestamp,
		"creator_user_ref":  ref("user-account"),
		"number_of_subkeys": integer,
	}, nil),
	"x509-certificate": sco("§6.18", "", map[string]check{
		"is_self_signed":               aBoolean,
		"hashes":                       hashes,
		"version":                      aString,
		"serial_number":                aString,
		"signature_algorithm":          aString,
		"issuer":                       aString,
		"validity_not_before":          timestamp,
		"validity_not_after":           timestamp,
		"subject":                      aString,
		"subject_public_key_algorithm": aString,
		"subject_public_key_modulus":   aString,
		"subject_public_key_exponent":  integer,
		"x509_v3_extensions":           nested(x509v3),
	}, nil),
}

// observableContainer judges the deprecated way of carrying observables inside
// observed data (§2.13): each like an object of its own, but referring to each
// other by the container's keys.
func observableContainer(c *checker, v Value) {
	if v.Kind() != Dictionary || v.empty() {
		c.fail("§2.13", "must be a dictionary of at least one observable")
		return
	}
	c.local = make(map[string]string)
	for key, o := range v.Members() {
		c.local[key] = o.Get("type").Str()
	}
	for key, o := range v.Members() {
		typ := c.local[key]
		s, known := cyberObservables[typ]
		switch {
		case o.Kind() != Dictionary || typ == "":
			c.failAt(key, "§2.13", "must be an observable with a type")
		case known:
			c.member(key, o, s.check)
		}
	}
	c.local = nil
}
