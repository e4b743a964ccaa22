package taxii

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// world is the fixture of the conformance table: in the first collection five
// objects, one with three versions, one in two specification versions.
func world(t testing.TB) (*memory, http.Handler) {
	b := newMemory()
	b.put(collA, obj("indicator", 1, 1))
	b.put(collA, obj("malware", 2, 1))
	b.put(collA, obj("indicator", 1, 2))
	b.put(collA, obj("campaign", 3, 1))
	b.put(collA, obj("indicator", 1, 3))
	b.put(collA, []byte(strings.Replace(string(obj("tool", 4, 1)), `"2.1"`, `"2.0"`, 1)))
	b.put(collA, obj("tool", 4, 2))
	b.put(collA, []byte(`{"type":"marking-definition","id":"`+objID("marking-definition", 5)+`","spec_version":"2.1","created":"2020-01-01T00:00:00Z"}`))
	for n := range 7 {
		b.put(collRO, obj("report", n, 1))
	}
	b.put(collHid, obj("report", 99, 1))
	b.statuses["anna"] = map[string]Status{statusID: {ID: statusID, Status: StatusPending, PendingCount: 2, SuccessCount: 1,
		Successes: []StatusDetail{{ID: "x", Version: "v"}}}}
	return b, testHandler(t, b)
}

const (
	objectsA  = "/api1/collections/" + collA + "/objects/"
	manifestA = "/api1/collections/" + collA + "/manifest/"
	objectsRO = "/api1/collections/" + collRO + "/objects/"
)

var (
	indicator1 = objectsA + objID("indicator", 1) + "/"
	tool4      = objectsA + objID("tool", 4) + "/"
	stamp      = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`)
)

// check looks at an answer and says what is wrong with it.
type check func(w *httptest.ResponseRecorder) error

func decode(w *httptest.ResponseRecorder) map[string]any {
	var m map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &m)
	return m
}

func has(field string, want any) check {
	return func(w *httptest.ResponseRecorder) error {
		if got := decode(w)[field]; fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("%s is %v, want %v", field, got, want)
		}
		return nil
	}
}

func header(name, want string) check {
	return func(w *httptest.ResponseRecorder) error {
		if got := w.Header().Get(name); got != want {
			return fmt.Errorf("%s is %q, want %q", name, got, want)
		}
		return nil
	}
}

// ids wants exactly these "type n version" objects in this order.
func ids(want ...string) check {
	return func(w *httptest.ResponseRecorder) error {
		var got []string
		list, _ := decode(w)["objects"].([]any)
		for _, o := range list {
			m := o.(map[string]any)
			v, _ := m["modified"].(string)
			if v == "" {
				if v, _ = m["version"].(string); v == "" {
					v, _ = m["created"].(string)
				}
			}
			id := m["id"].(string)
			typ, _, _ := strings.Cut(id, "--")
			got = append(got, fmt.Sprintf("%s%s.%s", typ, id[len(id)-1:], v[18:19]))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("objects %v, want %v", got, want)
		}
		return nil
	}
}

func without(fields ...string) check {
	return func(w *httptest.ResponseRecorder) error {
		for _, f := range fields {
			if v, there := decode(w)[f]; there {
				return fmt.Errorf("%s is there: %v", f, v)
			}
		}
		return nil
	}
}

func dates(first, last int) check { // positions in the first collection
	at := func(n int) string { return fmt.Sprintf("2026-02-27T10:00:00.%06dZ", n) }
	return func(w *httptest.ResponseRecorder) error {
		if err := header("X-TAXII-Date-Added-First", at(first))(w); err != nil {
			return err
		}
		return header("X-TAXII-Date-Added-Last", at(last))(w)
	}
}

func contains(part string) check {
	return func(w *httptest.ResponseRecorder) error {
		if !strings.Contains(w.Body.String(), part) {
			return fmt.Errorf("body lacks %q", part)
		}
		return nil
	}
}

func all(list ...check) check {
	return func(w *httptest.ResponseRecorder) error {
		for _, c := range list {
			if err := c(w); err != nil {
				return err
			}
		}
		return nil
	}
}

func envelopeOf(objects ...[]byte) string {
	var raw []json.RawMessage
	for _, o := range objects {
		raw = append(raw, o)
	}
	return string(envelope(raw))
}

type row struct {
	section, rule, method, target string
	code                          int
	check                         check
	body                          string
	header                        map[string]string
	user                          string // "": anna, "-": nobody
}

func accept(s string) map[string]string      { return map[string]string{"Accept": s} }
func contentType(s string) map[string]string { return map[string]string{"Content-Type": s} }

// rules is the standard as a table; every row fails if the rule is broken.
func rules() []row {
	latest := []string{"malware2.1", "campaign3.1", "indicator1.3", "tool4.2", "marking-definition5.0"}
	rows := []row{
		{"4.1", "discovery at /taxii2/", "GET", "/taxii2/", 200, all(has("title", "Test server"), has("contact", "nobody"), has("default", "/api1/")), "", nil, ""},
		{"4.1.1", "api roots are relative with one slash, default among them", "GET", "/taxii2/", 200, has("api_roots", "[/api1/ /taxii2/deep/ /api1/inner/]"), "", nil, ""},
		{"4.2", "api root has title and versions", "GET", "/api1/", 200, all(has("title", "One"), has("versions", "["+MediaType+"]")), "", nil, ""},
		{"4.2.1", "max_content_length is a positive integer", "GET", "/api1/", 200, has("max_content_length", 20000), "", nil, ""},
		{"4.2.1", "max_content_length has a default", "GET", "/taxii2/deep/", 200, has("max_content_length", float64(DefaultMaxContentLength)), "", nil, ""},
		{"4.2", "an api root inside of another", "GET", "/api1/inner/", 200, has("title", "Inner"), "", nil, ""},
		{"4.2", "unknown api root", "GET", "/api9/", 404, nil, "", nil, ""},
		{"4.2", "path outside of any api root", "GET", "/", 404, nil, "", nil, ""},
		{"4.3", "status by id", "GET", "/api1/status/" + statusID + "/", 200, all(has("id", statusID), has("status", "pending")), "", nil, ""},
		{"4.3.1", "total is the sum of the counts", "GET", "/api1/status/" + statusID + "/", 200, all(has("total_count", 3), has("success_count", 1), has("failure_count", 0), has("pending_count", 2)), "", nil, ""},
		{"4.3.1", "no empty lists in a status", "GET", "/api1/status/" + statusID + "/", 200, without("failures", "pendings"), "", nil, ""},
		{"4.3", "unknown status", "GET", "/api1/status/3d086da7-4bdc-4f91-900e-d77486753710/", 404, nil, "", nil, ""},
		{"4.3", "another caller's status does not exist", "GET", "/api1/status/" + statusID + "/", 404, nil, "", nil, "bert"},
		{"5.1", "collections", "GET", "/api1/collections/", 200, contains(collA), "", nil, ""},
		{"5.1.1", "no collections: the key is left out", "GET", "/taxii2/deep/collections/", 200, without("collections"), "", nil, ""},
		{"5.1", "collections the caller may not know are left out", "GET", "/api1/collections/", 200, func(w *httptest.ResponseRecorder) error {
			if strings.Contains(w.Body.String(), collHid) {
				return fmt.Errorf("hidden collection listed")
			}
			return nil
		}, "", nil, ""},
		{"5.2", "collection by id", "GET", "/api1/collections/" + collA + "/", 200, all(has("id", collA), has("title", "All"), has("can_read", true), has("can_write", true)), "", nil, ""},
		{"5.2.1", "collection by alias", "GET", "/api1/collections/all/", 200, all(has("id", collA), has("alias", "all")), "", nil, ""},
		{"5.2.1", "rights are present even when false", "GET", "/api1/collections/" + collNone + "/", 200, all(has("can_read", false), has("can_write", false)), "", nil, ""},
		{"5.2.1", "media types are named", "GET", "/api1/collections/" + collA + "/", 200, has("media_types", "["+STIXMediaType+"]"), "", nil, ""},
		{"5.2", "unknown collection", "GET", "/api1/collections/nope/", 404, nil, "", nil, ""},
		{"5.2", "a hidden collection's alias", "GET", "/api1/collections/berts/", 404, nil, "", nil, ""},
		{"5.4", "objects through the alias", "GET", "/api1/collections/all/objects/", 200, ids(latest...), "", nil, ""},
		{"5.4", "objects: envelope, latest versions only", "GET", objectsA, 200, ids(latest...), "", nil, ""},
		{"3.3", "objects ascend by date added", "GET", objectsA + "?match[version]=all", 200, ids("indicator1.1", "malware2.1", "indicator1.2", "campaign3.1", "indicator1.3", "tool4.2", "marking-definition5.0"), "", nil, ""},
		{"3.2", "date headers of objects", "GET", objectsA, 200, dates(2, 8), "", nil, ""},
		{"3.2", "date headers of the page, not the collection", "GET", objectsA + "?limit=2", 200, dates(2, 4), "", nil, ""},
		{"3.2", "date headers of manifest", "GET", manifestA, 200, dates(2, 8), "", nil, ""},
		{"3.2", "date headers of one object", "GET", indicator1, 200, dates(5, 5), "", nil, ""},
		{"3.2", "date headers of versions", "GET", indicator1 + "versions/", 200, dates(1, 5), "", nil, ""},
		{"2", "an empty envelope has no objects key", "GET", objectsA + "?match[type]=url", 200, all(without("objects", "more", "next"), header("X-TAXII-Date-Added-First", "")), "", nil, ""},
		{"5.3.1", "an empty manifest is an empty object", "GET", manifestA + "?match[type]=url", 200, without("objects", "more"), "", nil, ""},
		{"5.8.1", "no versions: an empty object", "GET", indicator1 + "versions/?match[spec_version]=2.0", 200, without("versions", "more"), "", nil, ""},
		{"3.4", "added_after excludes its own instant", "GET", objectsA + "?added_after=2026-02-27T10:00:00.000004Z", 200, ids("indicator1.3", "tool4.2", "marking-definition5.0"), "", nil, ""},
		{"3.4", "added_after works on manifest", "GET", manifestA + "?added_after=2026-02-27T10:00:00.000007Z", 200, ids("marking-definition5.0"), "", nil, ""},
		{"3.4", "added_after works on versions", "GET", indicator1 + "versions/?added_after=2026-02-27T10:00:00.000003Z", 200, has("versions", "[2020-01-01T00:00:03.5Z]"), "", nil, ""},
		{"3.4", "added_after of seconds only", "GET", objectsA + "?added_after=2026-02-27T10:00:00Z", 200, ids(latest...), "", nil, ""},
		{"3.4", "limit", "GET", objectsA + "?limit=2", 200, all(ids("malware2.1", "campaign3.1"), has("more", true)), "", nil, ""},
		{"3.4", "limit works on manifest", "GET", manifestA + "?limit=2", 200, all(ids("malware2.1", "campaign3.1"), has("more", true)), "", nil, ""},
		{"3.4", "limit works on versions", "GET", indicator1 + "versions/?limit=2", 200, all(has("more", true), has("versions", "[2020-01-01T00:00:01.5Z 2020-01-01T00:00:02.5Z]")), "", nil, ""},
		{"3.4", "limit works on one object", "GET", indicator1 + "?match[version]=all&limit=1", 200, all(ids("indicator1.1"), has("more", true)), "", nil, ""},
		{"3.4", "everything fits: no more, no next", "GET", objectsA + "?limit=5", 200, all(ids(latest...), without("more", "next")), "", nil, ""},
		{"3.4", "a server's own limit is below the client's", "GET", objectsRO + "?limit=5", 200, all(ids("report0.1", "report1.1", "report2.1"), has("more", true)), "", nil, ""},
		{"3.4", "an enormous limit is a limit", "GET", objectsA + "?limit=99999999999999999999999", 200, ids(latest...), "", nil, ""},
		{"3.4.1", "match type", "GET", objectsA + "?match[type]=malware,campaign", 200, ids("malware2.1", "campaign3.1"), "", nil, ""},
		{"3.4.1", "match type with encoded brackets", "GET", objectsA + "?match%5Btype%5D=malware", 200, ids("malware2.1"), "", nil, ""},
		{"3.4.1", "an unknown type is no error", "GET", objectsA + "?match[type]=x-unheard-of", 200, ids(), "", nil, ""},
		{"3.4.1", "match id", "GET", objectsA + "?match[id]=" + objID("malware", 2), 200, ids("malware2.1"), "", nil, ""},
		{"3.4.1", "match id, several", "GET", objectsA + "?match[id]=" + objID("malware", 2) + "," + objID("tool", 4), 200, ids("malware2.1", "tool4.2"), "", nil, ""},
		{"3.4", "fields are ANDed", "GET", objectsA + "?match[id]=" + objID("malware", 2) + "&match[type]=tool", 200, ids(), "", nil, ""},
		{"3.4.1", "match on manifest looks at the object", "GET", manifestA + "?match[type]=tool", 200, ids("tool4.2"), "", nil, ""},
		{"3.4.1", "version=last is the default", "GET", objectsA + "?match[version]=last", 200, ids(latest...), "", nil, ""},
		{"3.4.1", "version=first", "GET", objectsA + "?match[version]=first&match[type]=indicator", 200, ids("indicator1.1"), "", nil, ""},
		{"3.4.1", "version=first,last", "GET", objectsA + "?match[version]=first,last&match[type]=indicator", 200, ids("indicator1.1", "indicator1.3"), "", nil, ""},
		{"3.4.1", "version=all", "GET", objectsA + "?match[version]=all&match[type]=indicator", 200, ids("indicator1.1", "indicator1.2", "indicator1.3"), "", nil, ""},
		{"3.4.1", "an exact version, as sent", "GET", objectsA + "?match[version]=2020-01-01T00:00:02.5Z&match[type]=indicator", 200, ids("indicator1.2"), "", nil, ""},
		{"3.4.1", "exact and keyword", "GET", objectsA + "?match[version]=first,2020-01-01T00:00:02.5Z&match[type]=indicator", 200, ids("indicator1.1", "indicator1.2"), "", nil, ""},
		{"3.4.1", "version on manifest: one record per version", "GET", manifestA + "?match[version]=all&match[type]=indicator", 200, ids("indicator1.1", "indicator1.2", "indicator1.3"), "", nil, ""},
		{"3.4.1", "an object without modified goes by created", "GET", objectsA + "?match[type]=marking-definition&match[version]=2020-01-01T00:00:00Z", 200, ids("marking-definition5.0"), "", nil, ""},
		{"3.4.1", "no spec_version: the newest per object", "GET", tool4 + "?match[version]=all", 200, ids("tool4.2"), "", nil, ""},
		{"3.4.1", "spec_version asked for and no other", "GET", tool4 + "?match[spec_version]=2.0", 200, ids("tool4.1"), "", nil, ""},
		{"3.4.1", "several spec versions", "GET", tool4 + "?match[version]=all&match[spec_version]=2.0,2.1", 200, ids("tool4.1", "tool4.2"), "", nil, ""},
		{"3.4", "unknown match fields may be ignored", "GET", objectsA + "?match[x_colour]=red", 200, ids(latest...), "", nil, ""},
		{"3.4", "unknown parameters are ignored", "GET", objectsA + "?colour=red", 200, ids(latest...), "", nil, ""},
		{"5.3.1", "manifest record", "GET", manifestA + "?match[type]=malware", 200, all(contains(`"date_added":"2026-02-27T10:00:00.000002Z"`), contains(`"version":"2020-01-01T00:00:01.5Z"`), contains(`"media_type":"`+STIXMediaType+`"`)), "", nil, ""},
		{"5.6", "one object comes in an envelope", "GET", indicator1, 200, ids("indicator1.3"), "", nil, ""},
		{"5.6", "one object, version", "GET", indicator1 + "?match[version]=first", 200, ids("indicator1.1"), "", nil, ""},
		{"5.6", "unknown object", "GET", objectsA + objID("indicator", 77) + "/", 404, nil, "", nil, ""},
		{"5.6", "an object filtered away is an empty envelope", "GET", indicator1 + "?match[version]=1999-01-01T00:00:00Z", 200, ids(), "", nil, ""},
		{"5.8", "versions, as sent, ascending", "GET", indicator1 + "versions/", 200, has("versions", "[2020-01-01T00:00:01.5Z 2020-01-01T00:00:02.5Z 2020-01-01T00:00:03.5Z]"), "", nil, ""},
		{"5.8", "versions of an unknown object", "GET", objectsA + objID("indicator", 77) + "/versions/", 404, nil, "", nil, ""},
		{"5.8", "versions knows no match[version]", "GET", indicator1 + "versions/?match[version]=first", 200, contains("03.5Z"), "", nil, ""},

		{"5.5", "POST gives 202 and a status", "POST", objectsA, 202, all(has("status", "complete"), has("id", statusID), has("success_count", 1), has("total_count", 1)), envelopeOf(obj("indicator", 50, 1)), nil, ""},
		{"4.3.1", "success names id and version", "POST", objectsA, 202, all(contains(`"successes":[{"id":"`+objID("indicator", 50)), contains(`"version":"2020-01-01T00:00:01.5Z"`)), envelopeOf(obj("indicator", 50, 1)), nil, ""},
		{"2", "request_timestamp has microseconds", "POST", objectsA, 202, func(w *httptest.ResponseRecorder) error {
			if s, _ := decode(w)["request_timestamp"].(string); !stamp.MatchString(s) {
				return fmt.Errorf("request_timestamp %q", s)
			}
			return nil
		}, envelopeOf(obj("indicator", 50, 1)), nil, ""},
		{"5.5", "bad objects fail one by one", "POST", objectsA, 202, all(has("success_count", 1), has("failure_count", 1), has("total_count", 2)), envelopeOf(obj("indicator", 50, 1), []byte(`{"x":1}`)), nil, ""},
		{"5.5", "an exact duplicate is no error", "POST", objectsA, 202, has("failure_count", 0), envelopeOf(obj("indicator", 1, 1)), nil, ""},
		{"5.5", "no usable object: 422", "POST", objectsA, 422, nil, envelopeOf([]byte(`{"x":1}`)), nil, ""},
		{"5.5", "no JSON: 422", "POST", objectsA, 422, nil, `<stix/>`, nil, ""},
		{"5.5", "wrong media type: 415", "POST", objectsA, 415, nil, "{}", contentType("application/json"), ""},
		{"5.5", "no media type: 415", "POST", objectsA, 415, nil, "{}", contentType(""), ""},
		{"5.5", "another version: 415", "POST", objectsA, 415, nil, "{}", contentType("application/taxii+json;version=2.0"), ""},
		{"5.5", "packed body: 415", "POST", objectsA, 415, nil, "{}", map[string]string{"Content-Encoding": "gzip"}, ""},
		{"3.1", "media type without version is fine", "POST", objectsA, 202, nil, envelopeOf(obj("indicator", 50, 1)), contentType("application/taxii+json"), ""},
		{"3.1", "media type with a space is fine", "POST", objectsA, 202, nil, envelopeOf(obj("indicator", 50, 1)), contentType("application/taxii+json; version=2.1"), ""},
		{"3.1", "media type with charset is fine", "POST", objectsA, 202, nil, envelopeOf(obj("indicator", 50, 1)), contentType("application/taxii+json;version=2.1;charset=UTF-8"), ""},
		{"5.5", "over max_content_length: 413", "POST", objectsA, 413, nil, strings.Repeat(" ", 20001), nil, ""},
		{"4.2.1", "up to max_content_length: not 413", "POST", objectsA, 202, nil, envelopeOf(obj("indicator", 50, 1)) + strings.Repeat(" ", 20000-len(envelopeOf(obj("indicator", 50, 1)))), nil, ""},
		{"5.5", "POST without can_write: 403", "POST", objectsRO, 403, nil, "{}", nil, ""},
		{"5.5", "POST into a collection that is not listed: 404", "POST", "/api1/collections/" + collHid + "/objects/", 404, nil, "{}", nil, ""},
		{"5.5", "POST into a write-only collection", "POST", "/api1/collections/" + collIn + "/objects/", 202, nil, envelopeOf(obj("indicator", 50, 1)), nil, ""},
		{"5.4", "objects without can_read: 403", "GET", "/api1/collections/" + collIn + "/objects/", 403, nil, "", nil, ""},
		{"5.3", "manifest without can_read: 403", "GET", "/api1/collections/" + collIn + "/manifest/", 403, nil, "", nil, ""},
		{"5.6", "one object without can_read: 403", "GET", "/api1/collections/" + collIn + "/objects/" + objID("x", 1) + "/", 403, nil, "", nil, ""},
		{"5.8", "versions without can_read: 403", "GET", "/api1/collections/" + collIn + "/objects/" + objID("x", 1) + "/versions/", 403, nil, "", nil, ""},
		{"5.4", "objects of a collection that is not listed: 404", "GET", "/api1/collections/" + collHid + "/objects/", 404, nil, "", nil, ""},

		{"5.7", "DELETE gives 200 and no body", "DELETE", indicator1, 200, func(w *httptest.ResponseRecorder) error {
			if w.Body.Len() != 0 {
				return fmt.Errorf("body %q", w.Body)
			}
			return nil
		}, "", nil, ""},
		{"5.7", "DELETE of an unknown object", "DELETE", objectsA + objID("indicator", 77) + "/", 404, nil, "", nil, ""},
		{"5.7", "DELETE with neither right: 404", "DELETE", "/api1/collections/" + collNone + "/objects/" + objID("indicator", 1) + "/", 404, nil, "", nil, ""},
		{"5.7", "DELETE with read only: 403", "DELETE", objectsRO + objID("report", 1) + "/", 403, nil, "", nil, ""},
		{"5.7", "DELETE with write only: 403", "DELETE", "/api1/collections/" + collIn + "/objects/" + objID("report", 1) + "/", 403, nil, "", nil, ""},
		{"5.7", "DELETE with a bad version", "DELETE", indicator1 + "?match[version]=x", 400, nil, "", nil, ""},

		{"1.6.8", "Accept with the version", "GET", "/taxii2/", 200, nil, "", accept(MediaType), ""},
		{"3.1", "Accept without version must not be 406", "GET", "/taxii2/", 200, nil, "", accept("application/taxii+json"), ""},
		{"3.1", "Accept with a space", "GET", "/taxii2/", 200, nil, "", accept("application/taxii+json; version=2.1"), ""},
		{"3.1", "Accept with a quoted version", "GET", "/taxii2/", 200, nil, "", accept(`application/taxii+json;version="2.1"`), ""},
		{"3.1", "Accept in a list with q", "GET", "/taxii2/", 200, nil, "", accept("text/html;q=0.9, application/taxii+json;version=2.1;q=0.5"), ""},
		{"3.1", "Accept anything", "GET", "/taxii2/", 200, nil, "", accept("*/*"), ""},
		{"3.1", "Accept application/*", "GET", "/taxii2/", 200, nil, "", accept("application/*"), ""},
		{"1.6.8", "no Accept at all", "GET", "/taxii2/", 200, nil, "", accept(""), ""},
		{"5.3", "manifest defines the STIX media type too", "GET", manifestA, 200, nil, "", accept(STIXMediaType), ""},
		{"5.3", "manifest's own Accept example", "GET", manifestA, 200, nil, "", accept(MediaType + "," + STIXMediaType), ""},
		{"4.1", "Accept of something else: 406", "GET", "/taxii2/", 406, nil, "", accept("text/html"), ""},
		{"4.1", "Accept of another version: 406", "GET", "/taxii2/", 406, nil, "", accept("application/taxii+json;version=2.0"), ""},
		{"4.1", "Accept with q=0: 406", "GET", "/taxii2/", 406, nil, "", accept("application/taxii+json;version=2.1;q=0, */*"), ""},
		{"5.5", "POST with a wrong Accept: 406", "POST", objectsA, 406, nil, "{}", accept("application/json"), ""},
		{"5.7", "DELETE with a wrong Accept: 406", "DELETE", indicator1, 406, nil, "", accept("application/json"), ""},

		{"1.6.9", "no credentials: 401 with a challenge", "GET", "/taxii2/", 401, header("WWW-Authenticate", `Basic realm="TAXII", charset="UTF-8"`), "", nil, "-"},
		{"5.1", "collections without credentials", "GET", "/api1/collections/", 401, nil, "", nil, "-"},
		{"5.4", "objects without credentials", "GET", objectsA, 401, nil, "", nil, "-"},
		{"5.5", "POST without credentials", "POST", objectsA, 401, nil, "{}", nil, "-"},
		{"5.7", "DELETE without credentials", "DELETE", indicator1, 401, nil, "", nil, "-"},
		{"8.2.1", "no User-Agent is fine", "GET", "/taxii2/", 200, nil, "", map[string]string{"User-Agent": ""}, ""},
		{"3.1", "no trailing slash: sent to the path with it", "GET", objectsA[:len(objectsA)-1] + "?limit=1", 308, header("Location", objectsA+"?limit=1"), "", nil, ""},
		{"3.1", "two slashes are another path", "GET", "//taxii2/", 404, nil, "", nil, ""},
		{"HTTP", "PUT: 405 with Allow", "PUT", objectsA, 405, header("Allow", "OPTIONS, GET, HEAD, POST"), "", nil, ""},
		{"HTTP", "DELETE on a collection: 405", "DELETE", objectsA, 405, nil, "", nil, ""},
		{"HTTP", "POST to discovery: 405", "POST", "/taxii2/", 405, header("Allow", "OPTIONS, GET, HEAD"), "{}", nil, ""},
		{"HTTP", "405 does not tell whether a collection exists", "PUT", "/api1/collections/nope/objects/", 405, nil, "", nil, ""},
		{"HTTP", "OPTIONS", "OPTIONS", indicator1, 204, header("Allow", "OPTIONS, GET, HEAD, DELETE"), "", nil, ""},
		{"HTTP", "HEAD", "HEAD", objectsA, 200, dates(2, 8), "", nil, ""},
		{"3.1", "nothing beyond versions", "GET", indicator1 + "versions/x/", 404, nil, "", nil, ""},
		{"3.1", "nothing else in a collection", "GET", "/api1/collections/" + collA + "/else/", 404, nil, "", nil, ""},
	}
	for _, bad := range []string{
		"limit=0", "limit=-1", "limit=x", "limit=1.5", "limit=", "limit=%2B5", "limit=1&limit=2",
		"added_after=yesterday", "added_after=2026-02-30T00:00:00.000000Z", "added_after=2026-02-27", "added_after=",
		"added_after=2026-02-27T10:00:00.000000%2B01:00", "added_after=2026-02-27T10:00:00Z&added_after=2026-02-27T10:00:00Z",
		"added_after=2026-02-27T10:00:00Z,2026-02-27T10:00:01Z",
		"next=", "next=1", "next=AAAA", "next=x&next=y", "match[id]=", "match[type]=a,,b", "match[type]=a, b",
		"match[type]=a&match[type]=b", "match[version]=newest", "match[version]=", "match[version]=last,last",
		"match[version]=all,last", "match[version]=first&match[version]=last", "match[version]=2020-01-01",
		"match[spec_version]=two", "match[spec_version]=2", "match[spec_version]=2.1&match[spec_version]=2.0",
		"match[type]=%zz", "x=" + strings.Repeat("y", maxQuery), "match[type]=" + strings.Repeat("a,", maxValues) + "b",
		"match[version]=" + strings.Repeat("a,", maxValues) + "b", "match[type]=%ff", "limit=5;limit=6",
	} {
		target := strings.ReplaceAll(bad, " ", "%20")
		bad = bad[:min(len(bad), 60)]
		rows = append(rows, row{"3.4", "malformed on objects: " + bad, "GET", objectsA + "?" + target, 400, nil, "", nil, ""},
			row{"3.4", "malformed on manifest: " + bad, "GET", manifestA + "?" + target, 400, nil, "", nil, ""})
	}
	for _, bad := range []string{"limit=0", "added_after=x", "next=1", "match[spec_version]=x"} {
		rows = append(rows, row{"3.4", "malformed on versions: " + bad, "GET", indicator1 + "versions/?" + bad, 400, nil, "", nil, ""},
			row{"3.4", "malformed on one object: " + bad, "GET", indicator1 + "?" + bad, 400, nil, "", nil, ""})
	}
	return rows
}

// TestStandard runs the table and, on every row, what holds for every answer.
func TestStandard(t *testing.T) {
	for _, c := range rules() {
		t.Run(c.section+" "+c.rule, func(t *testing.T) {
			_, h := world(t)
			user := c.user
			if user == "" {
				user = "anna"
			}
			w := do(h, strings.TrimPrefix(user, "-"), c.method, c.target, c.body, c.header)
			if w.Code != c.code {
				t.Fatalf("status %d, want %d: %s", w.Code, c.code, w.Body)
			}
			if err := everyAnswer(w, c.method); err != nil {
				t.Error(err)
			}
			if c.check != nil {
				if err := c.check(w); err != nil {
					t.Errorf("%v in %s", err, w.Body)
				}
			}
		})
	}
	if n := len(rules()); n < 77 {
		t.Errorf("only %d rules", n)
	}
}

// everyAnswer checks what the standard asks of all answers (§2, §3.1, §3.6.1).
func everyAnswer(w *httptest.ResponseRecorder, method string) error {
	if err := header("Content-Type", "application/taxii+json;version=2.1")(w); err != nil {
		return err
	}
	if err := header("X-Content-Type-Options", "nosniff")(w); err != nil {
		return err
	}
	for _, name := range []string{"X-Taxii-Date-Added-First", "X-Taxii-Date-Added-Last"} {
		if v := w.Header().Get(name); v != "" && !stamp.MatchString(v) {
			return fmt.Errorf("%s is %q", name, v)
		}
	}
	if (w.Code == 401) != (w.Header().Get("WWW-Authenticate") != "") {
		return fmt.Errorf("WWW-Authenticate on %d", w.Code)
	}
	if w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
		return fmt.Errorf("no JSON: %s", w.Body)
	}
	if strings.Contains(w.Body.String(), "[]") {
		return fmt.Errorf("empty list in %s", w.Body)
	}
	if n := w.Header().Get("Content-Length"); n != "" && n != fmt.Sprint(w.Body.Len()) {
		return fmt.Errorf("Content-Length %s for %d bytes", n, w.Body.Len())
	}
	if w.Code >= 400 {
		m := decode(w)
		if title, _ := m["title"].(string); title == "" {
			return fmt.Errorf("error without title: %s", w.Body)
		}
		if m["http_status"] != fmt.Sprint(w.Code) {
			return fmt.Errorf("http_status %v on %d", m["http_status"], w.Code)
		}
	}
	return nil
}
