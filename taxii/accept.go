package taxii

import (
	"mime"
	"strconv"
	"strings"
)

// maxAccept bounds the Accept header and the number of ranges in it.
const maxAccept, maxRanges = 8 << 10, 64

// acceptable says whether an answer of MediaType satisfies the Accept header
// values (RFC 7231 §5.3.2, TAXII 2.1 §1.6.8). No header at all accepts anything.
// The most specific range that fits decides, so "*/*, application/taxii+json;q=0"
// refuses. Malformed ranges are passed over. With stix set the STIX media type
// fits too, as the manifest endpoint defines it (§5.3).
func acceptable(accept []string, stix bool) bool {
	header := strings.Join(accept, ",")
	if strings.TrimSpace(strings.Trim(header, ",")) == "" {
		return true
	}
	if len(header) > maxAccept {
		return false
	}
	best, ok := 0, false
	for i, element := range splitQuoted(header, ',') {
		if i == maxRanges {
			break
		}
		rank, q := fit(element, stix)
		switch {
		case rank > best:
			best, ok = rank, q > 0
		case rank == best && rank > 0 && q > 0:
			ok = true
		}
	}
	return ok
}

// fit ranks how specifically one media range names what we send: 0 not at all,
// 1 "*/*", 2 "application/*", 3 the type, 4 the type and version.
func fit(element string, stix bool) (rank int, q float64) {
	typ, params, err := mime.ParseMediaType(strings.TrimSpace(element))
	if err != nil {
		return 0, 0
	}
	switch {
	case typ == "*/*":
		rank = 1
	case typ == "application/*":
		rank = 2
	case typ == "application/taxii+json", stix && typ == "application/stix+json":
		rank = 3
		if v, given := params["version"]; given {
			if v != "2.1" {
				return 0, 0
			}
			rank = 4
		}
	default:
		return 0, 0
	}
	q = 1
	if s, given := params["q"]; given {
		if q, err = strconv.ParseFloat(s, 64); err != nil || !(q >= 0 && q <= 1) {
			return 0, 0
		}
	}
	return rank, q
}

// contentTypeOK says whether a POST body is declared as TAXII 2.1 JSON: with or
// without version, with or without space after the semicolon, in UTF-8 (§3.1).
func contentTypeOK(header string) bool {
	typ, params, err := mime.ParseMediaType(header)
	if err != nil || typ != "application/taxii+json" {
		return false
	}
	if v, given := params["version"]; given && v != "2.1" {
		return false
	}
	cs, given := params["charset"]
	return !given || strings.EqualFold(cs, "utf-8")
}

// splitQuoted splits at sep outside of quoted strings.
func splitQuoted(s string, sep byte) []string {
	var out []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == sep && !quoted:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}
