package taxii

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of a query string. A longer one is malformed.
const (
	maxQuery  = 64 << 10  // bytes
	maxValues = 1000      // values of one match field
	maxLimit  = 1_000_000 // a larger limit is read as this one
)

// endpoint names the five questions that share Query; it is part of a cursor.
type endpoint byte

const (
	epObjects endpoint = iota + 1
	epManifest
	epObject
	epVersions
	epDelete
)

// badParam is what is wrong with a request parameter, in words for the client.
type badParam struct{ name, why string }

func (e *badParam) Error() string { return "parameter " + e.name + " " + e.why }

// parseQuery reads the parameters that ep supports (TAXII 2.1 §3.4) and returns
// the query and the raw next ("" if there is none). Parameters and match fields
// that the endpoint does not define are ignored.
func parseQuery(raw string, ep endpoint) (q Query, next string, err error) {
	if len(raw) > maxQuery {
		return q, "", &badParam{"list", "is too long"}
	}
	values, perr := url.ParseQuery(raw)
	if perr != nil {
		return q, "", &badParam{"list", "is not URL-encoded"}
	}
	get := func(name string, on ...endpoint) string {
		v, given := values[name]
		switch {
		case !given || err != nil || !slices.Contains(on, ep):
			return ""
		case len(v) != 1:
			err = &badParam{name, "is given more than once"}
		case v[0] == "" || !utf8.ValidString(v[0]):
			err = &badParam{name, "has no usable value"}
		default:
			return v[0]
		}
		return ""
	}
	pages := []endpoint{epObjects, epManifest, epObject, epVersions}
	lists := []endpoint{epObjects, epManifest}

	if s := get("limit", pages...); s != "" {
		q.Limit, err = parseLimit(s)
	}
	if s := get("added_after", pages...); s != "" {
		var ok bool
		if q.AddedAfter, ok = parseTimestamp(s); !ok {
			err = &badParam{"added_after", "is not a timestamp like 2026-02-27T10:00:00.000000Z"}
		}
	}
	next = get("next", pages...)
	if s := get("match[id]", lists...); s != "" {
		q.IDs, err = parseList("match[id]", s)
	}
	if s := get("match[type]", lists...); s != "" {
		q.Types, err = parseList("match[type]", s)
	}
	if s := get("match[spec_version]", append(pages, epDelete)...); s != "" {
		q.SpecVersions, err = parseSpecVersions(s)
	}
	if s := get("match[version]", epObjects, epManifest, epObject, epDelete); s != "" {
		q.Versions, err = parseVersions(s)
	}
	if err != nil {
		return Query{}, "", err
	}
	if ep == epVersions || ep == epDelete && values["match[version]"] == nil {
		q.Versions = VersionMatch{All: true}
	}
	q.Bodies = ep == epObjects || ep == epObject
	return q, next, nil
}

// parseLimit reads a whole number above 0 in plain digits.
func parseLimit(s string) (int, error) {
	bad := &badParam{"limit", "is not a whole number above 0"}
	if !allDigits(s) || len(s) > 100 {
		return 0, bad
	}
	n, err := strconv.Atoi(s)
	if err != nil || n > maxLimit { // plain digits can only fail by being too many
		n = maxLimit
	}
	if n == 0 {
		return 0, bad
	}
	return n, nil
}

// parseTimestamp reads an RFC 3339 timestamp in UTC with Z and any number of
// fractional digits: TAXII wants six (§2), STIX any, clients send all kinds.
func parseTimestamp(s string) (time.Time, bool) {
	const seconds = len("2026-02-27T10:00:00")
	if len(s) > 40 || !strings.HasSuffix(s, "Z") || len(s) <= seconds {
		return time.Time{}, false
	}
	// time.Parse is lax about single digits and decimal commas.
	if rest := s[seconds : len(s)-1]; rest != "" && (rest[0] != '.' || !allDigits(rest[1:])) {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// allDigits says whether s is one or more decimal digits.
func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// parseList splits a comma-separated list: no empty values, no white space or
// control characters. Doubled values are dropped.
func parseList(name, s string) ([]string, error) {
	list := strings.Split(s, ",")
	if len(list) > maxValues {
		return nil, &badParam{name, "has too many values"}
	}
	var out []string
	seen := make(map[string]bool, len(list))
	for _, v := range list {
		if v == "" || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return nil, &badParam{name, "has an empty value or a space in it"}
		}
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out, nil
}

// parseSpecVersions reads versions of the form n.m (§1.6.8.2).
func parseSpecVersions(s string) ([]string, error) {
	list, err := parseList("match[spec_version]", s)
	for _, v := range list {
		major, minor, ok := strings.Cut(v, ".")
		if !ok || !allDigits(major) || !allDigits(minor) || len(v) > 9 {
			return nil, &badParam{"match[spec_version]", "is not a version like 2.1"}
		}
	}
	return list, err
}

// parseVersions reads match[version] (§3.4.1): last, first, all and timestamps,
// none of them twice, all only by itself.
func parseVersions(s string) (m VersionMatch, err error) {
	const name = "match[version]"
	list := strings.Split(s, ",")
	if len(list) > maxValues {
		return m, &badParam{name, "has too many values"}
	}
	seen := make(map[string]bool, len(list))
	for _, v := range list {
		if seen[v] {
			return VersionMatch{}, &badParam{name, "names a version twice"}
		}
		seen[v] = true
		switch v {
		case "last":
			m.Last = true
		case "first":
			m.First = true
		case "all":
			m.All = true
		default:
			if _, ok := parseTimestamp(v); !ok {
				return VersionMatch{}, &badParam{name, "is neither last, first, all nor a timestamp"}
			}
			m.Exact = append(m.Exact, v)
		}
	}
	if m.All && len(list) > 1 {
		return VersionMatch{}, &badParam{name, "has all together with something else"}
	}
	return m, nil
}
