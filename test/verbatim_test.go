package test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"entente/internal/db"
	"entente/internal/node"
	"entente/internal/register"
	"entente/internal/release"
	"entente/taxii"
)

// realData is a file of the real data set. Without it the test is skipped, but
// fails where everything is to be there.
func realData(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "shared", "data", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("CI is set and the data is missing: %v", err)
		}
		t.Skipf("the data folder is not here: %v", err)
	}
	return path
}

// Every object of a set comes out of A, by TAXII and from node to node, byte for
// byte as it went in.
func verbatim(t *testing.T, raws []string) {
	t.Helper()
	a, b := newPeer(t, "nordlys", node.World{}), newPeer(t, "sundmark", node.World{})
	meet(a, b)
	a.hold(police("sundmark"))
	from := police("nordlys")
	from.Intake = map[string]string{"PUBLIC": "partner-reference"}
	b.hold(from)
	collection := a.subscribe("sundmark", "PUBLIC", "verification", false)
	began := time.Now()
	for part := range slices.Chunk(raws, 1000) {
		a.bring("public-reference", "", "", part...)
	}
	a.settle()
	imported := time.Since(began)
	want := map[string]string{}
	for _, raw := range raws {
		want[raw] = raw
	}

	began = time.Now()
	paged := map[string][]string{}
	for raw, err := range a.client("sundmark").Objects(t.Context(), "/shared/", collection, taxii.Query{Limit: 1000, Versions: taxii.VersionMatch{All: true}}) {
		ok(t, err)
		paged[string(raw)] = append(paged[string(raw)], string(raw))
	}
	sameObjects(t, "what a TAXII client read", paged, want)
	read := time.Since(began)

	began = time.Now()
	got := must(b.Partner.Sync(t.Context(), "nordlys"))(t)
	synced := time.Since(began)
	if got.Objects != len(raws) || got.Quarantined != 0 || len(got.Refused) != 0 {
		t.Fatalf("synchronised %d of %d, %d in quarantine, refused %v", got.Objects, len(raws), got.Quarantined, got.Refused)
	}
	sameObjects(t, "what B holds", b.bodies("nordlys"), want)
	t.Logf("%d objects: import %v, paging %v, synchronising %v", len(raws), imported, read, synced)
	again := must(b.Partner.Sync(t.Context(), "nordlys"))(t)
	if again.Objects+again.Unchanged != 0 {
		t.Errorf("a second synchronisation brought %+v", again)
	}
	a.whole()
	b.whole()
}

// client is the TAXII client of this program, signed in for a partner.
func (p *peer) client(who string) *taxii.Client {
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	token := p.account("client-"+uuid(time.Now().UnixNano())[:8], who, "")
	return must(taxii.NewClient("https://"+p.public, taxii.WithBearer(token), taxii.WithHTTPClient(insecure)))(p.t)
}

// bodies are the bytes of every submission from a source.
func (p *peer) bodies(from string) map[string][]string {
	p.t.Helper()
	out := map[string][]string{}
	ok(p.t, p.DB.View(p.t.Context(), func(tx *db.Tx) error {
		return tx.Rows("SELECT b.bytes FROM submission s JOIN source c ON c.n=s.source JOIN body b ON b.n=s.body WHERE c.name=$1", []any{from}, func(scan func(...any) error) error {
			var raw string
			defer func() { out[raw] = append(out[raw], raw) }()
			return scan(&raw)
		})
	}))
	return out
}

func TestVerbatimInvented(t *testing.T) {
	odd := []string{
		`{ "type" : "identity", "spec_version":"2.1","id":"` + idOf("identity", "odd") + `","created":"2026-03-01T00:00:00.000Z","modified":"2026-03-01T00:00:00.100Z","name":"\u00e9 \ud83d\ude00 é \/ <&>  ","identity_class":"organization","x_number":1.50e+2,"x_big":9007199254740991,"x_null":{"a":false}}`,
		strings.ReplaceAll(organisation("tabs", 1), ",", "\t,\r "),
		organisation("versions", 1), organisation("versions", 2), organisation("versions", 3, `"revoked":true`),
		fmt.Sprintf(`{"x_first":"before type","value":"198.51.100.9","type":"ipv4-addr","id":"ipv4-addr--%s"}`, uuid("ip")),
		report("both", 1, []string{idOf("identity", "odd"), "ipv4-addr--" + uuid("ip")}, `"x_ref_like":"identity--nonsense"`),
		report("ring one", 1, []string{idOf("report", "ring two")}), report("ring two", 1, []string{idOf("report", "ring one")}),
	}
	g := &invented{seed: 7}
	all := g.batch(2500)
	in := closed(all)
	for _, o := range all {
		if _, may := in[o.id]; may {
			odd = append(odd, o.raw)
		}
	}
	verbatim(t, odd)
}

// All of ATT&CK.
func TestVerbatimATTACK(t *testing.T) {
	f := must(os.Open(realData(t, "stix/attack-enterprise-21.ndjson.zst")))(t)
	defer f.Close()
	z := must(zstd.NewReader(f))(t)
	defer z.Close()
	var raws []string
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 2<<20)
	for lines.Scan() {
		raws = append(raws, lines.Text())
	}
	ok(t, lines.Err())
	if len(raws) != 24771 {
		t.Fatalf("%d objects, want 24771", len(raws))
	}
	verbatim(t, raws)
}

// The UN list goes to each partner as its agreement says: with the persons to
// police and, for the border, to a state with safeguards that has given its
// assurances; groups only to a platform.
func TestListByAgreement(t *testing.T) {
	f := must(os.Open(realData(t, "lists/un-consolidated.xml")))(t)
	defer f.Close()
	a := newPeer(t, "nordlys", node.World{})
	meridian, clearfeed := police("meridian"), police("clearfeed")
	meridian.Kind, meridian.Regime, meridian.Country, meridian.Assurances = "police", "safeguards", "MX", []string{"delete-on-request", "no-death-penalty"}
	clearfeed.Kind, clearfeed.Regime, clearfeed.Level = "platform", "gdpr", 0
	for _, p := range []release.Party{police("sundmark"), meridian, clearfeed} {
		a.hold(p)
	}
	views := map[string]string{
		"police":   a.subscribe("sundmark", "NORDLYS", "terrorism-investigation", false),
		"border":   a.subscribe("meridian", "MERIDIAN", "border-control", false),
		"inquiry":  a.subscribe("meridian", "MERIDIAN", "terrorism-investigation", false),
		"platform": a.subscribe("clearfeed", "CLEARFEED", "content-removal", false),
	}
	entries := map[string]int{}
	var batch []string
	for l, err := range register.ReadUN(f) {
		ok(t, err)
		entries[classOf(t, l.Object)]++
		batch = append(batch, string(l.Object))
	}
	for part := range slices.Chunk(batch, 1000) {
		a.bring("un-consolidated", "", "", part...)
	}
	// Groups whose entry holds an address or a number of somebody are personal data.
	anonymous := 0
	for _, raw := range batch {
		if classOf(t, []byte(raw)) == "organization" && !reachable.MatchString(raw) {
			anonymous++
		}
	}
	persons, groups := entries["individual"], entries["organization"]
	t.Logf("on the list: %d persons, %d groups and their publisher, %d of them without addresses or numbers of people", persons, groups, anonymous)
	if persons < 500 || groups < 200 || anonymous == groups {
		t.Errorf("the list is not what it was taken for")
	}
	check := func(when string, want map[string][2]int) {
		t.Helper()
		for name, n := range want {
			got := count(t, a.shown(views[name]))
			if got["individual"] != n[0] || got["organization"] != n[1] {
				t.Errorf("%s, %s: %d persons and %d groups, want %v", when, name, got["individual"], got["organization"], n)
			}
		}
	}
	check("at first", map[string][2]int{"police": {persons, groups}, "border": {persons, anonymous}, "inquiry": {0, anonymous}, "platform": {0, anonymous}})
	for raw := range a.shown(views["platform"]) {
		if reachable.MatchString(raw) || strings.Contains(raw, `"individual"`) {
			t.Errorf("the platform has %s", raw)
		}
	}
	assured := meridian.Assurances
	meridian.Assurances = nil
	a.hold(meridian)
	check("without assurances", map[string][2]int{"border": {0, anonymous}, "police": {persons, groups}})
	meridian.Assurances = assured
	a.hold(meridian)
	check("with assurances again", map[string][2]int{"border": {persons, anonymous}})
	a.whole()
}

// reachable finds an e-mail address or an international telephone number.
var reachable = regexp.MustCompile(`[\w.-]+@[\w-]+\.|\+\d[\d -]{5,}`)

func classOf(t testing.TB, raw []byte) string {
	var o struct {
		Class string `json:"identity_class"`
	}
	ok(t, json.NewDecoder(bytes.NewReader(raw)).Decode(&o))
	return o.Class
}

// shown are the objects that a view shows, by their bytes.
func (p *peer) shown(collection string) map[string]bool {
	p.t.Helper()
	out := map[string]bool{}
	ok(p.t, p.DB.View(p.t.Context(), func(tx *db.Tx) error {
		return tx.Rows(`SELECT b.bytes FROM view v JOIN released r ON r.view=v.n JOIN place p ON p.class=r.class AND p.place>=r.place AND p.place<r.place+r.count
			JOIN submission s ON s.seq=p.seq JOIN body b ON b.n=s.body WHERE v.collection=$1`, []any{collection}, func(scan func(...any) error) error {
			var raw string
			defer func() { out[raw] = true }()
			return scan(&raw)
		})
	}))
	return out
}

// count says how many objects of each identity_class there are.
func count(t testing.TB, raws map[string]bool) map[string]int {
	out := map[string]int{}
	for raw := range raws {
		out[classOf(t, []byte(raw))]++
	}
	return out
}
