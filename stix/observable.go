package stix

import (
	"github.com/google/uuid"
)

// observableSpace is the namespace of deterministic observable ids (§2.9).
var observableSpace = uuid.MustParse("00abedb4-aa42-466c-9c01-fed23315a9b7")

// contributing lists the ID Contributing Properties of each observable (§6). An
// observable that has none gets random ids.
var contributing = map[string][]string{
	"artifact":             {"hashes", "payload_bin"},
	"autonomous-system":    {"number"},
	"directory":            {"path"},
	"domain-name":          {"value"},
	"email-addr":           {"value"},
	"email-message":        {"from_ref", "subject", "body"},
	"file":                 {"hashes", "name", "parent_directory_ref", "extensions"},
	"ipv4-addr":            {"value"},
	"ipv6-addr":            {"value"},
	"mac-addr":             {"value"},
	"mutex":                {"name"},
	"network-traffic":      {"start", "end", "src_ref", "dst_ref", "src_port", "dst_port", "protocols", "extensions"},
	"process":              {},
	"software":             {"name", "cpe", "swid", "vendor", "version"},
	"url":                  {"value"},
	"user-account":         {"account_type", "user_id", "account_login"},
	"windows-registry-key": {"key", "values"},
	"x509-certificate":     {"hashes", "serial_number"},
}

func isObservable(typ string) bool {
	_, ok := contributing[typ]
	return ok
}

// ObservableID returns the deterministic identifier of an observable: UUIDv5 of
// the canonical form (RFC 8785) of its contributing properties. It reports false
// for other objects and for observables that have none of these properties.
// Two partners that saw the same account thus give it the same identifier.
func (o *Object) ObservableID() (ID, bool) {
	names, ok := contributing[o.typ]
	if !ok {
		return "", false
	}
	var parts []canonicalMember
	for _, name := range names {
		v := o.Root().Get(name)
		if !v.Exists() {
			continue
		}
		text := appendCanonical(nil, v)
		if name == "hashes" {
			if text = oneHash(v); text == nil {
				continue
			}
		}
		parts = append(parts, canonicalMember{name, text})
	}
	if len(parts) == 0 {
		return "", false
	}
	return ID(o.typ + "--" + uuid.NewSHA1(observableSpace, appendCanonicalMembers(nil, parts)).String()), true
}

// oneHash returns a hashes dictionary reduced to the one hash that counts: the
// first present of this order, else the first key in canonical order.
func oneHash(hashes Value) []byte {
	var chosen canonicalMember
	for _, name := range [...]string{"MD5", "SHA-1", "SHA-256", "SHA-512"} {
		if v := hashes.Get(name); v.Exists() {
			chosen = canonicalMember{name, appendCanonical(nil, v)}
			break
		}
	}
	if chosen.text == nil {
		for name, v := range hashes.Members() {
			if chosen.text == nil || compareUTF16(name, chosen.name) < 0 {
				chosen = canonicalMember{name, appendCanonical(nil, v)}
			}
		}
	}
	if chosen.text == nil {
		return nil
	}
	return appendCanonicalMembers(nil, []canonicalMember{chosen})
}
