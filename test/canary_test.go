package test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"entente/internal/access"
	"entente/internal/db"
)

// canaries are strings that must never leave, by the place they were planted in.
type canaries map[string]string

// plant makes a canary that can stand where a name can.
func (c canaries) plant(where string) string {
	if _, twice := c[where]; twice {
		panic("planted twice: " + where)
	}
	c[where] = "cnry" + strings.ReplaceAll(uuid("canary ", where), "-", "")[:16]
	return c[where]
}

// id is a canary that is an identifier.
func (c canaries) id(typ, words string) string {
	c["id of "+words] = uuid("object ", words)
	return idOf(typ, words)
}

// forms are the ways in which a string could be hidden in a text.
func forms(s string) [][]byte {
	var escaped strings.Builder
	for _, r := range s {
		fmt.Fprintf(&escaped, `\u%04x`, r)
	}
	out := [][]byte{[]byte(s), []byte(strings.ToUpper(s)), []byte(hex.EncodeToString([]byte(s))), []byte(strings.ToUpper(hex.EncodeToString([]byte(s)))), []byte(escaped.String())}
	for shift := range 3 { // what surely stands in base64, wherever the string begins
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + s))
		inner := text[(shift*8+5)/6 : (shift+len(s))*8/6]
		out = append(out, []byte(inner), []byte(strings.NewReplacer("+", "-", "/", "_").Replace(inner)))
	}
	return out
}

var base64Run = regexp.MustCompile(`[A-Za-z0-9+/]{24,}={0,2}`)

// opened is a text with everything in it that is base64 opened, and so on.
func opened(text []byte, depth int) [][]byte {
	out := [][]byte{text}
	if depth == 0 {
		return out
	}
	for _, run := range base64Run.FindAll(text, -1) {
		plain, err := base64.StdEncoding.DecodeString(string(run))
		if err == nil && len(plain) > 0 {
			out = append(out, opened(plain, depth-1)...)
		}
	}
	return out
}

func (c canaries) search(t *testing.T, what string, wire []byte) {
	t.Helper()
	texts := opened(wire, 3)
	for where, s := range c {
		for _, form := range forms(s) {
			for _, text := range texts {
				if at := bytes.Index(text, form); at >= 0 {
					t.Errorf("%s: the canary planted in %s is on the wire: …%s…", what, where, text[max(0, at-80):min(len(text), at+80)])
				}
			}
		}
	}
}

// plantAll brings objects full of canaries, none of which may go to sundmark.
func plantAll(w *world, c canaries) {
	red := marked(tlpRed, papGreen)
	w.own(
		report("red", 1, []string{idOf("identity", "c")}, red, `"description":"`+c.plant("description")+`"`, `"labels":["`+c.plant("label")+`"]`,
			`"x_custom":{"deep":["`+c.plant("custom property")+`"]}`, `"`+"x_"+c.plant("name of a custom property")+`":1`,
			`"external_references":[{"source_name":"`+c.plant("source name")+`","url":"https://`+c.plant("url")+`.example/","external_id":"`+c.plant("external id")+`"}]`,
			`"extensions":{"extension-definition--`+uuid("ext")+`":{"extension_type":"property-extension","`+c.plant("extension member")+`":"`+c.plant("extension value")+`"}}`),
		organisation(c.plant("name"), 1, red),
		report("granular", 1, []string{idOf("identity", "c")}, marked(tlpGreen, papGreen), `"description":"`+c.plant("granular-marked part")+`"`,
			`"granular_markings":[{"marking_ref":"`+tlpRed+`","selectors":["description"]}]`),
		object("identity", "person", 1, `"name":"`+c.plant("name of a person")+`"`, `"identity_class":"individual"`, marked(tlpGreen, papGreen)),
		report("barred", 1, []string{"identity--" + uuid("never here")}, marked(tlpGreen, papGreen), `"description":"`+c.plant("barred by an absent object")+`"`),
		report("barred too", 1, []string{c.id("report", "red")}, marked(tlpGreen, papGreen), `"description":"`+c.plant("barred by a withheld object")+`"`),
		organisation("c", 20, red, `"description":"`+c.plant("later version")+`"`),
		strings.Replace(handling("lists", `"named":["sundmark","`+c.plant("named list")+`"]`, `"consent_partners":["`+c.plant("consent list")+`"]`,
			`"consent_agreements":["`+c.plant("agreements list")+`"]`, `"text":"`+c.plant("text of a marking")+`"`, `"handling":["H3"]`, `"handling_text":"`+c.plant("handling text")+`"`), "{", "{"+red+",", 1),
		organisation("under H3", 1, marked(idOf("marking-definition", "lists"), tlpGreen), `"description":"`+c.plant("under a caveat in free text")+`"`),
		`{"type":"url","spec_version":"2.1","id":"url--`+uuid("u")+`","value":"https://`+c.plant("value of an observable")+`.example/",`+red+`}`,
		`{"type":"file","spec_version":"2.1","id":"file--`+uuid("f")+`","name":"`+c.plant("name of a file")+`",`+red+`}`,
		`{"type":"user-account","spec_version":"2.1","id":"user-account--`+uuid("a")+`","account_login":"`+c.plant("login")+`",`+marked(tlpGreen, papGreen)+`}`,
		`{"type":"artifact","spec_version":"2.1","id":"artifact--`+uuid("b")+`","mime_type":"text/plain","payload_bin":"`+base64.StdEncoding.EncodeToString([]byte(c.plant("the material itself")))+`",`+marked(tlpGreen, papGreen)+`}`,
		`{"type":"email-addr","spec_version":"2.1","id":"email-addr--`+uuid("e")+`","value":"`+c.plant("address")+`@example.com",`+marked(tlpGreen, papGreen)+`}`,
	)
	for _, words := range []string{"granular", "barred", "barred too"} {
		c.id("report", words)
	}
	c.id("identity", "person")
	c.id("identity", c["name"])
	c.id("identity", "under H3")
	c.id("marking-definition", "lists")
	w.bring("undeclared", "", "", organisation("undeclared", 1, `"description":"`+c.plant("undeclared source")+`"`, marked(tlpClear)))
	w.bring(c["profile"], "", "", organisation("noted", 1, `"description":"`+c.plant("under an internal profile")+`"`, red))
	w.bring("partner-delivery", "vestholm", "NORDLYS", organisation("theirs", 1, `"description":"`+c.plant("quarantined")+`"`), organisation("c", 1, `"description":"`+c.plant("conflict")+`"`))
	w.write(func(tx *db.Tx) error {
		_, err := w.Access.Add(tx, access.Account{Name: c.plant("account"), Role: "analyst"}, c.plant("password"))
		return err
	})
	token := w.account("other", "vestholm", "")
	c["token of another partner"] = strings.TrimPrefix(token, "entente_")
	for name, key := range map[string][]byte{"signing": w.Keys.Signing.Seed(), "exchange": w.Keys.Exchange.Seed(), "ledger": w.Keys.Ledger.Seed()} {
		c[name+" key"] = string(key)
	}
	cursors := w.Keys.Secret("taxii cursors")
	c["cursor key"] = string(cursors[:])
	w.settle()
}

// No canary in any secret field reaches the partner, whatever it asks, posts and
// fetches, not even in another notation.
func TestCanaries(t *testing.T) {
	c := canaries{}
	profile := c.plant("profile")
	w := newWorld(t, true, func(dir string) {
		text := must(os.ReadFile(filepath.Join(dir, "policy/profiles/own-report.toml")))(t)
		text = bytes.Replace(text, []byte(`name = "own-report"`), []byte(`name = "`+profile+`"`), 1)
		text = bytes.Replace(text, []byte("Own report, reviewed"), []byte(c.plant("title of a profile")), 1)
		ok(t, os.WriteFile(filepath.Join(dir, "policy/profiles/canary.toml"), text, 0o600))
	})
	w.step("base")
	base(w)
	w.step("plant")
	plantAll(w, c)
	w.look("early", nil, []string{organisation("mine", 1), `{"type":"identity"}`[:18] + `,"id":5},` + organisation("mine", 2)})
	w.own(report("d", 9, []string{idOf("identity", "c")}, marked(tlpGreen, papGreen)))
	w.settle()
	ok(t, w.Partner.Notices(t.Context(), map[string]int64{}))
	w.eyes.hold(police("nordlys"))
	got := must(w.eyes.Partner.Sync(t.Context(), "nordlys"))(t)
	w.look("later", nil, []string{organisation("mine", 3)})
	stranger := newTap(t, w.peer.public, "Basic d3Jvbmc6d3Jvbmc=", nil)
	w.taxii("stranger", stranger, nil)

	public, pinned := w.clients()
	wires := map[string][]byte{"public listener": public.all, "exchange listener": pinned.all, "a stranger": stranger.all, "all answers": w.spoke, "notices": w.eyes.heard}
	for what, wire := range wires {
		c.search(t, what, wire)
	}
	t.Logf("%d canaries, %d bytes received, %d objects synchronised", len(c), len(public.all)+len(pinned.all)+len(w.spoke), got.Objects)
	if got.Objects == 0 || len(w.eyes.heard) == 0 {
		t.Error("nothing was synchronised or noticed: the test shows nothing")
	}
	if w.status[202] == 0 || w.status[404] == 0 || w.status[401] == 0 || w.status[400] == 0 || w.status[403] == 0 {
		t.Errorf("not every kind of answer was seen: %v", w.status)
	}
	// The search finds what does travel, in plain and within deliveries.
	for what, wire := range map[string][]byte{"public listener": public.all, "exchange listener": pinned.all} {
		if !slices.ContainsFunc(opened(wire, 3), func(text []byte) bool { return bytes.Contains(text, []byte(`"id":"`+idOf("report", "d"))) }) {
			t.Errorf("%s: the search does not find an object that was released", what)
		}
	}
	w.whole()
}

// lot is what a plain evaluator needs to know of an object.
type lot struct {
	made
	tlp, pap int // -1: not marked
	personal bool
}

// may is the law as one reads it in the agreement NORDLYS art. 3 and the guards:
// no personal data, no TLP:RED, nothing above PAP:GREEN to a partner that does not
// bind itself to more.
func (o lot) may() bool { return !o.personal && o.tlp < 4 && o.pap < 2 }

var identifier = regexp.MustCompile(`[a-z][a-z0-9-]*--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// Every identifier on the wire is of an object that may go, as judged by a few
// lines of Go that share nothing with the policy engine; and all that may go, goes.
func TestOnlyWhatMayGo(t *testing.T) {
	_, r := seeded(t)
	w := newWorld(t, true)
	w.step("lots")
	var all []lot
	for len(all) < 900 {
		var batch []string
		for range 1 + r.IntN(60) {
			o := randomLot(r, len(all))
			all = append(all, o)
			batch = append(batch, o.raw)
		}
		w.own(batch...)
	}
	w.settle()
	w.look("all", nil, nil)
	var mays []made
	for _, o := range all {
		if o.may() {
			mays = append(mays, o.made)
		}
	}
	want := closed(mays)
	public, pinned := w.clients()
	onWire, whole := map[string]bool{}, map[string]bool{}
	for k, wire := range [][]byte{w.spoke, public.all, pinned.all} {
		for i, text := range opened(wire, 3) {
			for _, id := range identifier.FindAll(text, -1) {
				onWire[string(id)] = true
				whole[string(id)] = whole[string(id)] || i+k == 0 // elsewhere it may be cut off
			}
		}
	}
	leaked, missing := 0, 0
	for _, o := range all {
		_, may := want[o.id]
		switch {
		case onWire[o.id] && !may:
			leaked++
			t.Errorf("on the wire, and must not be: %s", o.raw)
		case !onWire[o.id] && may:
			missing++
			t.Errorf("may go, and did not: %s", o.raw)
		}
		delete(onWire, o.id)
	}
	for id := range onWire {
		if whole[id] && !strings.HasPrefix(id, "marking-definition--") {
			t.Errorf("on the wire, and nobody brought it: %s", id)
		}
	}
	t.Logf("%d objects, %d of them may go; %d leaked, %d missing", len(all), len(want), leaked, missing)
	if len(want) < 100 || len(want) > 800 {
		t.Error("too few or too many may go for the test to show much")
	}
	w.whole()
}

func randomLot(r *rand.Rand, i int) lot {
	tlps, paps := []string{tlpClear, tlpGreen, tlpAmber, tlpStrict, tlpRed}, []string{papClear, papGreen, "", papRed}
	o := lot{tlp: r.IntN(6) - 1, pap: []int{-1, 0, 1, 1, 3}[r.IntN(5)], personal: r.IntN(8) == 0}
	if o.tlp == 4 && r.IntN(2) == 0 {
		o.tlp = 1
	}
	var members, markings []string
	if o.tlp >= 0 {
		markings = append(markings, tlps[o.tlp])
	}
	if o.pap >= 0 {
		markings = append(markings, paps[o.pap])
	}
	if len(markings) > 0 {
		members = append(members, marked(markings...))
	}
	words := fmt.Sprint("lot ", i)
	typ := "identity"
	if i%3 == 2 {
		typ = "report"
	}
	o.id = idOf(typ, words)
	if o.personal && typ == "identity" {
		o.raw = object(typ, words, 1, append(members, `"name":"Somebody"`, `"identity_class":"individual"`)...)
		return o
	}
	if o.personal {
		members = append(members, `"x_contact":"somebody`+fmt.Sprint(i)+`@example.com"`)
	}
	if typ == "identity" {
		o.raw = organisation(words, 1, members...)
		return o
	}
	for range 1 + r.IntN(2) {
		j := max(0, i+10-r.IntN(120))
		o.refs = append(o.refs, idOf([]string{"identity", "identity", "report"}[j%3], fmt.Sprint("lot ", j)))
	}
	o.raw = report(words, 1, o.refs, members...)
	return o
}
