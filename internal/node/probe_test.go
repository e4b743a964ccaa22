package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"entente/stix"
	"entente/taxii"
)

const (
	first  = "91a7b528-80eb-42ed-a74d-c6fbd5a26111"
	second = "91a7b528-80eb-42ed-a74d-c6fbd5a26112"
	third  = "91a7b528-80eb-42ed-a74d-c6fbd5a26113"
)

func version(n int, modified string) string {
	return fmt.Sprintf(`{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-%012d","created":"2020-01-01T00:00:00.000Z","modified":%q,"pattern":"[a:b='c']","pattern_type":"stix","valid_from":"2020-01-01T00:00:00Z","x_spaced" : 1}`, n, modified)
}

// seedText is two roots; the first has a collection that is read in small pages
// and one that is written to only.
func seedText() string {
	added := func(at, object string) string { return fmt.Sprintf(`{"date_added":%q,"object":%s}`, at, object) }
	return fmt.Sprintf(`{"users":[{"name":"user1","password":"pw"},{"name":"user2","password":"x"}],"made_by":"somebody","roots":[
	{"path":"/api1/","title":"One","collections":[
	 {"id":%q,"title":"Read","alias":"read","can_read":true,"can_write":false,"max_page":2,"objects":[%s]},
	 {"id":%q,"title":"Write","can_read":false,"can_write":true}]},
	{"path":"/api2/","title":"Two","collections":[{"id":%q,"title":"Both","alias":"both","can_read":true,"can_write":true,"objects":[%s]}]}]}`,
		first, strings.Join([]string{
			added("2021-01-01T00:00:00.000001Z", version(1, "2020-01-01T00:00:00.000Z")),
			added("2021-01-02T00:00:00Z", version(2, "2020-01-01T00:00:00.000Z")),
			added("2021-01-03T00:00:00.5Z", version(1, "2020-02-01T00:00:00.000Z")),
			added("2021-01-04T00:00:00Z", `{"type":"tool","id":"tool--00000000-0000-4000-8000-000000000003","created":"2016-01-01T00:00:00.000Z","modified":"2016-01-01T00:00:00.000Z","name":"of STIX 2.0","labels":["x"]}`),
			added("2021-01-05T00:00:00Z", version(1, "2020-03-01T00:00:00.000Z")),
			added("2021-01-06T00:00:00Z", `{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd","value":"198.51.100.3"}`),
		}, ","), second, third, added("2021-01-01T00:00:00Z", version(1, "2020-01-01T00:00:00.000Z")))
}

func probe(t *testing.T, text string) (address string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "seed.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{PlainHTTP: true}
	n, clean, err := Probe(t.Context(), file, World{}, &o)
	if err != nil {
		t.Fatal(err)
	}
	dir := o.Dir
	t.Cleanup(func() {
		clean()
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the probe's folder is still there: %v", err)
		}
	})
	n.Config.Listen = "127.0.0.1:0"
	s, err := n.Serve(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() })
	if s.Exchange != "" {
		t.Error("a probe has an exchange listener")
	}
	return "http://" + s.Public
}

// A probe serves what its seed says, on every endpoint.
func TestProbe(t *testing.T) {
	address := probe(t, seedText())
	c, err := taxii.NewClient(address, taxii.WithBasic("user1", "pw"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Discover(t.Context())
	if err != nil || !cmp.Equal(d.APIRoots, []string{"/api1/", "/api2/"}) || d.Default != "/api1/" {
		t.Errorf("discovery %+v, %v", d, err)
	}
	if r, err := c.Root(t.Context(), "/api2/"); err != nil || r.Title != "Two" {
		t.Errorf("root %+v, %v", r, err)
	}
	list, err := c.Collections(t.Context(), "/api1/")
	if err != nil || len(list) != 2 || list[0].ID != first || !list[0].CanRead || list[0].CanWrite || list[1].CanRead || !list[1].CanWrite {
		t.Errorf("collections %+v, %v", list, err)
	}
	if x, err := c.Collection(t.Context(), "/api1/", "read"); err != nil || x.ID != first {
		t.Errorf("by alias: %+v, %v", x, err)
	}
	for root, id := range map[string]string{"/api2/": first, "/api1/": third} {
		if _, err := c.Collection(t.Context(), root, id); !errors.Is(err, taxii.ErrNotFound) {
			t.Errorf("a collection of the other root: %v", err)
		}
	}
	for name, x := range map[string]struct {
		q    taxii.Query
		want []string
	}{
		"latest":       {taxii.Query{}, []string{"2@2020-01", "3@2016-01", "1@2020-03", "d@"}},
		"all versions": {taxii.Query{Versions: taxii.VersionMatch{All: true}}, []string{"1@2020-01", "2@2020-01", "1@2020-02", "3@2016-01", "1@2020-03", "d@"}},
		"first":        {taxii.Query{Versions: taxii.VersionMatch{First: true}}, []string{"1@2020-01", "2@2020-01", "3@2016-01", "d@"}},
		"one version":  {taxii.Query{Versions: taxii.VersionMatch{Exact: []string{"2020-02-01T00:00:00Z"}}}, []string{"1@2020-02"}},
		"no version":   {taxii.Query{Versions: taxii.VersionMatch{Exact: []string{"1970-01-01T00:00:00Z"}}}, []string{"d@"}},
		"STIX 2.1":     {taxii.Query{SpecVersions: []string{"2.1"}}, []string{"2@2020-01", "1@2020-03", "d@"}},
		"a type":       {taxii.Query{Types: []string{"tool"}}, []string{"3@2016-01"}},
		"added after":  {taxii.Query{AddedAfter: time.Date(2021, 1, 4, 0, 0, 0, 0, time.UTC)}, []string{"1@2020-03", "d@"}},
		"an object":    {taxii.Query{IDs: []string{"indicator--00000000-0000-4000-8000-000000000001"}}, []string{"1@2020-03"}},
		"no object":    {taxii.Query{IDs: []string{"indicator--00000000-0000-4000-8000-000000000009"}}, nil},
	} {
		var got []string
		pages := 0
		for p, err := range c.Pages(t.Context(), "/api1/", "read", x.q) {
			if err != nil {
				t.Fatal(err)
			}
			if pages++; len(p.Objects) > 2 {
				t.Errorf("%s: a page of %d", name, len(p.Objects))
			}
			for _, raw := range p.Objects {
				o, err := stix.Parse(raw)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(o.ID()[len(o.ID())-1])+"@"+o.Version()[:min(7, len(o.Version()))])
			}
		}
		if diff := cmp.Diff(x.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	var dates []string
	for m, err := range c.Manifest(t.Context(), "/api1/", first, taxii.Query{Versions: taxii.VersionMatch{All: true}}) {
		if err != nil {
			t.Fatal(err)
		}
		dates = append(dates, m.DateAdded.String())
		if m.Version == "" {
			t.Errorf("%s has no version in the manifest", m.ID)
		}
	}
	want := []string{"2021-01-01T00:00:00.000001Z", "2021-01-02T00:00:00.000000Z", "2021-01-03T00:00:00.500000Z", "2021-01-04T00:00:00.000000Z", "2021-01-05T00:00:00.000000Z", "2021-01-06T00:00:00.000000Z"}
	if diff := cmp.Diff(want, dates); diff != "" {
		t.Errorf("dates (-want +got):\n%s", diff)
	}
	var versions []string
	for v, err := range c.Versions(t.Context(), "/api1/", first, "indicator--00000000-0000-4000-8000-000000000001", taxii.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, v[:7])
	}
	if diff := cmp.Diff([]string{"2020-01", "2020-02", "2020-03"}, versions); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
}

// What is posted to a probe can be read back, verbatim, by every user of it; what
// cannot be read or written is refused.
func TestProbePost(t *testing.T) {
	address := probe(t, seedText())
	one, _ := taxii.NewClient(address, taxii.WithBasic("user1", "pw"))
	two, _ := taxii.NewClient(address, taxii.WithBasic("user2", "x"))
	object := json.RawMessage(version(7, "2020-01-01T00:00:00.000Z"))
	st, err := one.Add(t.Context(), "/api2/", "both", []json.RawMessage{object})
	if err != nil || len(st) != 1 || st[0].SuccessCount != 1 {
		t.Fatalf("%+v, %v", st, err)
	}
	if got, err := one.Status(t.Context(), "/api2/", st[0].ID); err != nil || got.Status != taxii.StatusComplete {
		t.Errorf("status %+v, %v", got, err)
	}
	found := false
	for raw, err := range two.Objects(t.Context(), "/api2/", third, taxii.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		found = found || string(raw) == string(object)
	}
	if !found {
		t.Error("what was posted is not there as it was")
	}
	if _, err := one.Add(t.Context(), "/api1/", first, []json.RawMessage{object}); err == nil {
		t.Error("written to a collection that cannot be")
	}
	for _, err := range one.Objects(t.Context(), "/api1/", second, taxii.Query{}) {
		if err == nil {
			t.Error("read from a collection that cannot be")
		}
	}
	stranger, _ := taxii.NewClient(address, taxii.WithBasic("user1", "x"))
	if _, err := stranger.Discover(t.Context()); !errors.Is(err, taxii.ErrUnauthorized) {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestBadSeeds(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":           "{",
		"a bad user":         `{"users":[{"name":"a b","password":"x"}]}`,
		"a bad date":         strings.Replace(seedText(), "2021-01-02T00:00:00Z", "yesterday", 1),
		"a bad object":       strings.Replace(seedText(), `"type":"tool"`, `"type":"tool","type":"tool"`, 1),
		"a collection twice": strings.Replace(seedText(), second, first, 1),
	} {
		file := filepath.Join(t.TempDir(), "seed.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var o Options
		if _, clean, err := Probe(t.Context(), file, World{}, &o); err == nil {
			clean()
			t.Errorf("%s: taken", name)
		} else if _, err := os.Stat(o.Dir); o.Dir != "" && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: its folder is still there", name)
		}
	}
}

func FuzzParseSeed(f *testing.F) {
	f.Add([]byte(seedText()))
	f.Add([]byte(`{"roots":[{"collections":[{"objects":[{"object":{}}]}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		seed, err := parseSeed(text)
		if err != nil {
			return
		}
		for _, r := range seed.Roots {
			for _, c := range r.Collections {
				for _, o := range c.Objects {
					stix.Parse(o.Object)
				}
			}
		}
	})
}
