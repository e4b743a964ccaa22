package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"entente/internal/db"
	"entente/internal/intake"
	"entente/internal/node"
	"entente/label"
)

// world is one of two that differ in what nobody may tell: nordlys with its
// partners sundmark, who looks, and vestholm.
type world struct {
	*peer
	t      testing.TB
	secret bool // whether this is the one with the withheld object
	clock  *clock
	dice   *dice
	eyes   *peer // the node sundmark
	other  *peer // the node vestholm

	token  string
	taps   [2]*tap
	status map[int]int       // how often each status came
	alias  string            // of a plain subscription
	views  map[string]string // what a collection is → its id
	seen   []sight
}

// sight is one question and its answer.
type sight struct {
	question string
	raw      []byte
}

func newWorld(t testing.TB, secret bool, files ...func(dir string)) *world {
	w := &world{t: t, secret: secret, clock: newClock(), dice: &dice{}, views: map[string]string{}, status: map[int]int{}}
	outside := node.World{Now: w.clock.now, Random: w.dice}
	w.dice.begin("nordlys")
	w.peer = newPeer(t, "nordlys", outside, files...)
	w.dice.begin("sundmark")
	w.eyes = newPeer(t, "sundmark", outside)
	w.dice.begin("vestholm")
	w.other = newPeer(t, "vestholm", outside)
	for _, p := range []*peer{w.eyes, w.other} {
		w.step("meet " + p.Config.Name)
		meet(w.peer, p)
		w.hold(police(p.Config.Name))
	}
	w.write(func(tx *db.Tx) error {
		v, err := w.Release.View(tx, "sundmark", "inbox")
		w.views["inbox"] = v.Collection
		return err
	})
	for i, v := range []struct {
		who, agreement, purpose string
		plain                   bool
	}{
		{"sundmark", "NORDLYS", "terrorism-investigation", false},
		{"sundmark", "NORDLYS", "terrorism-investigation", true},
		{"sundmark", "NORDLYS", "verification", false},
		{"sundmark", "PUBLIC", "verification", false},
		{"vestholm", "NORDLYS", "terrorism-investigation", false},
	} {
		w.step(fmt.Sprint("subscribe ", i))
		w.views[fmt.Sprint(v.who, v.agreement, v.purpose, v.plain)] = w.subscribe(v.who, v.agreement, v.purpose, v.plain)
	}
	w.write(func(tx *db.Tx) error {
		v, err := w.Release.View(tx, "sundmark", w.views["sundmarkNORDLYSterrorism-investigationtrue"])
		w.alias = v.Alias
		return err
	})
	w.step("account")
	w.token = w.account("tool", "sundmark", "")
	w.account("person", "sundmark", "correct horse battery")
	w.settle()
	return w
}

// step begins something that happens in both worlds at the same time.
func (w *world) step(name string) {
	w.clock.move(time.Second)
	w.dice.begin(name)
}

// own brings objects of this node; public ones that a publisher has published.
func (w *world) own(raws ...string)    { w.t.Helper(); w.bring("own-report", "", "", raws...) }
func (w *world) public(raws ...string) { w.t.Helper(); w.bring("public-reference", "", "", raws...) }

// variant is a pair of worlds: what happens in both, and the withheld object.
type variant struct {
	name   string
	first  func(w *world)
	secret func(w *world)
	then   func(w *world)
	probes []string // ids that the partner asks for by name
	posts  []string // what it brings, an envelope each
}

// base are objects that the partner has, in every variant.
func base(w *world) {
	w.public(organisation("a", 1), report("b", 1, []string{idOf("identity", "a")}), report("b", 5, []string{idOf("identity", "a")}))
	w.own(organisation("c", 1, marked(tlpGreen, papGreen)), report("d", 1, []string{idOf("identity", "c")}, marked(tlpAmber, papGreen)))
}

// delivered brings objects as sundmark's node would, with a handling envelope
// that says all that is needed for them to be let in and shown.
func (w *world) delivered(raws ...string) {
	w.t.Helper()
	zero, one, yes := 0, 1, true
	facts := must(label.Facts{TLP: &one, PAP: &one, Level: &zero, Scheme: "ungraded", Source: "none", Info: &zero, Data: &zero, Designation: &[]string{"none"}, Group: "none",
		Basis: "police-task", Purposes: &[]string{"terrorism-investigation", "verification"}, Taint: "none", Reviewed: &yes, State: "active"}.Label())(w.t)
	var batch []intake.Arrival
	for _, raw := range raws {
		batch = append(batch, intake.Arrival{Object: must(intake.Check([]byte(raw)))(w.t), Facts: &facts})
	}
	src := intake.Source{Partner: "sundmark", Agreement: "NORDLYS", Profile: must(w.Profile("partner-delivery"))(w.t)}
	for _, r := range must(w.Intake.Accept(w.t.Context(), src, intake.Container{Kind: "delivery", Ref: "test"}, batch, nil))(w.t) {
		if r.Quarantined != "" {
			w.t.Errorf("what was to be let in is held back: %s", r.Quarantined)
		}
	}
}

func variants() []variant {
	x := organisation("x", 3, marked(tlpRed, papGreen))
	xID := idOf("identity", "x")
	green := func(words string, day int, refs ...string) string {
		return report(words, day, refs, marked(tlpGreen, papGreen))
	}
	nobody := idOf("identity", "nobody")
	const guess = "ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd"
	ip := `{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd","value":"198.51.100.3"%s}`
	return []variant{
		{
			name: "class denied", secret: func(w *world) { w.own(x) },
			probes: []string{xID}, posts: []string{x, organisation("x", 3), organisation("x", 9), green("z", 1, xID)},
		},
		{
			name: "class denied, in a batch with what goes",
			first: func(w *world) {
				batch := []string{organisation("e", 1, marked(tlpGreen, papGreen)), organisation("f", 1, marked(tlpClear, papGreen))}
				if w.secret {
					batch = slices.Insert(batch, 1, x)
				}
				w.own(batch...)
			},
			probes: []string{xID}, posts: []string{x},
		},
		{
			name: "barred by a reference", secret: func(w *world) { w.own(green("x", 3, nobody)) },
			then:   func(w *world) { w.own(green("later", 1, idOf("identity", "c"))) },
			probes: []string{idOf("report", "x"), nobody}, posts: []string{green("x", 3, nobody), organisation("nobody", 1, marked(tlpGreen)), green("z", 1, idOf("report", "x"))},
		},
		{
			name:  "referred to by what is withheld with it",
			first: func(w *world) { w.own(green("r", 1, xID), green("s", 1, idOf("report", "r"), idOf("identity", "c"))) }, secret: func(w *world) { w.own(x) },
			probes: []string{xID, idOf("report", "r"), idOf("report", "s")}, posts: []string{x, green("r", 1, xID)},
		},
		{
			name: "a later version of what goes", secret: func(w *world) {
				w.own(organisation("c", 7, marked(tlpRed, papGreen)), report("d", 8, []string{idOf("identity", "c")}, marked(tlpRed)))
			},
			then:   func(w *world) { w.own(green("later", 1, idOf("identity", "c"), idOf("report", "d"))) },
			probes: []string{idOf("identity", "c"), idOf("report", "d")}, posts: []string{organisation("c", 7), organisation("c", 6)},
		},
		{
			name: "an earlier version of what comes later", secret: func(w *world) { w.own(organisation("x", 2, marked(tlpRed))) },
			then:   func(w *world) { w.own(organisation("x", 3, marked(tlpGreen, papGreen)), green("later", 1, xID)) },
			probes: []string{xID}, posts: []string{organisation("x", 2), organisation("x", 3)},
		},
		{
			name: "an id that begins as another does", secret: func(w *world) {
				id := idOf("identity", "c")
				w.own(strings.Replace(organisation("c", 1, marked(tlpRed)), id, id[:len(id)-4]+"ffff", 1))
			},
			probes: []string{idOf("identity", "c"), idOf("identity", "c")[:len(xID)-4] + "ffff", idOf("identity", "c")[:len(xID)-4]},
		},
		{
			name:   "in quarantine from another partner",
			secret: func(w *world) { w.bring("partner-delivery", "vestholm", "NORDLYS", organisation("x", 3)) },
			then:   func(w *world) { w.own(green("later", 1, xID)) },
			probes: []string{xID, idOf("report", "later")}, posts: []string{organisation("x", 3), organisation("x", 3, marked(tlpGreen)), green("z", 1, xID)},
		},
		{
			name: "a conflict",
			secret: func(w *world) {
				w.bring("partner-delivery", "vestholm", "NORDLYS", organisation("c", 1, `"x_other":1`))
			},
			probes: []string{idOf("identity", "c")}, posts: []string{organisation("c", 1), organisation("c", 1, `"x_other":2`)},
		},
		{
			name: "of a class that comes to others later", secret: func(w *world) { w.own(report("x", 3, []string{nobody}, marked(tlpStrict, papGreen))) },
			then: func(w *world) {
				w.own(organisation("e", 1, marked(tlpClear, papGreen)), organisation("f", 1, marked(tlpStrict, papGreen)), green("g", 1, idOf("identity", "e")))
			},
			probes: []string{idOf("report", "x"), idOf("identity", "e")},
		},
		{
			name:   "an observable that the partner can guess",
			secret: func(w *world) { w.own(fmt.Sprintf(ip, `,"x_source":"informant",`+marked(tlpRed))) },
			probes: []string{guess}, posts: []string{fmt.Sprintf(ip, ""), fmt.Sprintf(ip, `,"x_source":"informant",`+marked(tlpRed))},
		},
		{
			name:   "an observable that the partner's node delivers, to see whether it comes back",
			secret: func(w *world) { w.own(fmt.Sprintf(ip, `,"x_source":"informant",`+marked(tlpRed))) },
			then:   func(w *world) { w.delivered(fmt.Sprintf(ip, ","+marked(tlpGreen, papGreen)), green("echo", 1, guess)) },
			probes: []string{guess, idOf("report", "echo")}, posts: []string{fmt.Sprintf(ip, "")},
		},
		{
			name:  "other bytes of what the partner's node has delivered",
			first: func(w *world) { w.delivered(fmt.Sprintf(ip, ","+marked(tlpGreen, papGreen)), green("echo", 1, guess)) },
			secret: func(w *world) {
				w.own(fmt.Sprintf(ip, `,"x_source":"informant",`+marked(tlpRed)))
				w.bring("partner-delivery", "vestholm", "NORDLYS", fmt.Sprintf(ip, `,"x_source":"mine"`))
			},
			then:   func(w *world) { w.own(green("later", 1, guess)) },
			probes: []string{guess, idOf("report", "echo"), idOf("report", "later")}, posts: []string{fmt.Sprintf(ip, "")},
		},
		{
			name: "a marking that the partner cites",
			secret: func(w *world) {
				w.own(strings.Replace(handling("x", `"reviewed":true`, `"level":3`), "{", "{"+marked(tlpRed)+",", 1), organisation("y", 1, marked(idOf("marking-definition", "x"))))
			},
			probes: []string{idOf("marking-definition", "x")},
			posts:  []string{organisation("z", 1, marked(idOf("marking-definition", "x"))), handling("x", `"reviewed":true`, `"level":1`)},
		},
		{
			name: "the creator's own word on what the partner has brought",
			first: func(w *world) {
				creator := string(w.other.Config.Identity)
				w.own(strings.Replace(organisation("creator", 1, marked(tlpGreen, papGreen)), idOf("identity", "creator"), creator, 1))
				w.delivered(organisation("x", 3, `"created_by_ref":"`+creator+`"`, marked(tlpGreen, papGreen)))
			},
			secret: func(w *world) {
				w.bring("own-report", "vestholm", "NORDLYS", organisation("x", 3, `"x_own":1,"created_by_ref":"`+string(w.other.Config.Identity)+`"`, marked(tlpRed)))
			},
			probes: []string{xID}, posts: []string{organisation("x", 3, `"created_by_ref":"`+idOf("identity", "c")+`"`)},
		},
		{
			name: "so many that the ledger has two digits more",
			secret: func(w *world) {
				for i := range 120 {
					w.own(organisation(fmt.Sprint("x", i), 3, marked(tlpRed)))
					w.settle()
				}
			},
			probes: []string{idOf("identity", "x7")},
		},
	}
}

// Two worlds that differ in one object withheld from a partner give it the same
// bytes on every endpoint, whatever it asks and brings.
func TestTwoWorlds(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			var worlds [2][]sight
			for i, secret := range []bool{false, true} {
				w := newWorld(t, secret)
				w.live(v)
				worlds[i] = w.seen
				w.whole()
			}
			compare(t, worlds[0], worlds[1])
		})
	}
}

// The comparison is worth something only if it notices: two worlds that differ
// in an object that is released do differ.
func TestTwoWorldsThatDiffer(t *testing.T) {
	var worlds [2][]sight
	for i, secret := range []bool{false, true} {
		w := newWorld(t, secret)
		w.live(variant{secret: func(w *world) { w.own(organisation("x", 3, marked(tlpGreen, papGreen))) }, probes: []string{idOf("identity", "x")}})
		worlds[i] = w.seen
	}
	differ := 0
	for i := range worlds[0] {
		if !bytes.Equal(worlds[0][i].raw, worlds[1][i].raw) {
			differ++
		}
	}
	if differ < 10 {
		t.Fatalf("only %d of %d answers differ", differ, len(worlds[0]))
	}
}

func compare(t *testing.T, without, with []sight) {
	t.Helper()
	bad := 0
	for i := range min(len(without), len(with)) {
		a, b := without[i], with[i]
		if a.question != b.question {
			t.Fatalf("answer %d led to other questions: %s, %s", i, a.question, b.question)
		}
		if !bytes.Equal(a.raw, b.raw) {
			if bad++; bad <= 2 {
				t.Errorf("%s\nwithout: %s\nwith:    %s", a.question, around(a.raw, b.raw), around(b.raw, a.raw))
			}
		}
	}
	if bad > 0 || len(without) != len(with) {
		t.Errorf("%d of %d answers tell the worlds apart", bad, len(with))
	} else {
		t.Logf("%d answers are the same", len(with))
	}
}

// around cuts out where a differs from b.
func around(a, b []byte) []byte {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[max(0, n-200):min(len(a), n+600)]
}

func (w *world) live(v variant) {
	w.step("base")
	base(w)
	if v.first != nil {
		w.step("first")
		v.first(w)
	}
	w.settle()
	w.look("early", nil, nil)
	if w.secret && v.secret != nil {
		w.dice.begin("secret")
		v.secret(w)
		w.settle()
	}
	w.look("after", v.probes, nil)
	w.step("then")
	if v.then != nil {
		v.then(w)
	}
	w.own(organisation("end", 1, marked(tlpGreen, papGreen)))
	w.settle()
	w.look("later", v.probes, v.posts)
	w.step("end")
	w.public(organisation("end of all", 1))
	w.settle()
	w.look("end", v.probes, v.posts)
}

// look has the partner ask everything there is to be asked, on both listeners.
func (w *world) look(when string, probes, posts []string) {
	w.step("look " + when)
	public, pinned := w.clients()
	probes = append([]string{idOf("report", "b"), idOf("identity", "never")}, probes...)
	w.taxii(when+" public", public, probes)
	if when == "end" {
		w.taxii(when+" exchange", pinned, probes)
	}
	w.exchanged(when, pinned)
	for i, text := range posts {
		w.step(fmt.Sprint("post ", when, i))
		w.bringBack(fmt.Sprint(when, " post ", i), public, text)
		w.settle()
	}
	if posts != nil {
		w.taxii(when+" after posts", public, probes)
	}
}

// clients are the partner's on the two listeners.
func (w *world) clients() (public, pinned *tap) {
	if w.taps[0] == nil {
		w.taps[0] = newTap(w.t, w.peer.public, "Bearer "+w.token, nil)
		w.taps[1] = newTap(w.t, w.exchange, "", w.eyes.Keys.Exchange)
	}
	return w.taps[0], w.taps[1]
}

func (w *world) see(what string, c *tap, method, path, body string, header ...string) answer {
	w.t.Helper()
	a := c.ask(method, path, body, header...)
	w.seen = append(w.seen, sight{what + ": " + method + " " + path, a.raw})
	w.status[a.status]++
	if a.status >= 500 {
		w.t.Errorf("%s %s: %d", method, path, a.status)
	}
	return a
}

// taxii asks every question of TAXII.
func (w *world) taxii(what string, c *tap, probes []string) {
	get := func(path string) answer { w.t.Helper(); return w.see(what, c, "GET", path, "") }
	for _, path := range []string{"/taxii2/", "/taxii2", "/shared/", "/shared/collections/", "/other/", "/shared/status/" + uuid("status") + "/", "/healthz"} {
		get(path)
	}
	var names []string
	for _, id := range w.views {
		names = append(names, id)
	}
	slices.Sort(names)
	names = append(names, "inbox", w.alias, uuid("no collection"), "Inbox")
	filters := []string{"", "?limit=1", "?limit=2", "?match[type]=identity,ipv4-addr,marking-definition", "?match[version]=all", "?match[version]=first", "?match[version]=2026-03-03T00:00:00.000Z",
		"?match[spec_version]=2.0", "?added_after=2026-06-01T12:00:15.000000Z", "?match[id]=" + strings.Join(probes, ","), "?limit=0", "?next=nonsense"}
	for _, name := range names {
		at := "/shared/collections/" + name + "/"
		get(at)
		if w.see(what, c, "GET", at+"objects/?limit=1", "").status == 404 && what != "later public" {
			continue // it is not the caller's: asked in full once
		}
		if name == w.alias || name == "inbox" {
			get(at + "objects/?match[version]=all")
			get(at + "manifest/")
			continue // asked in full by its id
		}
		for _, f := range filters {
			get(at + "objects/" + f)
			get(at + "manifest/" + f)
		}
		w.walk(what, c, at+"objects/")
		w.walk(what, c, at+"manifest/")
		for _, id := range probes {
			for _, f := range []string{"", "?match[version]=all", "?match[spec_version]=2.0"} {
				get(at + "objects/" + id + "/" + f)
			}
			get(at + "objects/?match[version]=all&match[id]=" + id)
			get(at + "manifest/?match[id]=" + id)
			get(at + "objects/" + id + "/versions/")
			w.see(what, c, "HEAD", at+"objects/"+id+"/", "")
			w.see(what, c, "OPTIONS", at+"objects/"+id+"/", "")
			w.see(what, c, "PUT", at+"objects/"+id+"/", "{}")
		}
	}
}

// walk pages through a listing one by one.
func (w *world) walk(what string, c *tap, path string) {
	for next := ""; ; {
		q := "?limit=1"
		if next != "" {
			q += "&next=" + next
		}
		var page struct {
			More bool
			Next string
		}
		a := w.see(what, c, "GET", path+q, "")
		if json.Unmarshal(a.body, &page) != nil || !page.More {
			return
		}
		next = page.Next
	}
}

// bringBack posts objects everywhere, asks for the status, reads them again and
// takes some of them back.
func (w *world) bringBack(what string, c *tap, text string) {
	envelope := `{"objects":[` + text + `]}`
	plain := w.views["sundmarkNORDLYSterrorism-investigationtrue"]
	for _, name := range []string{plain, uuid("no collection"), w.views["sundmarkNORDLYSterrorism-investigationfalse"]} {
		w.see(what, c, "POST", "/shared/collections/"+name+"/objects/", envelope)
	}
	a := w.see(what, c, "POST", "/shared/collections/inbox/objects/", envelope)
	var status struct{ ID string }
	if err := json.Unmarshal(a.body, &status); err != nil || a.status != 202 {
		w.t.Fatalf("POST: %d %s", a.status, a.body)
	}
	w.settle()
	w.see(what, c, "GET", "/shared/status/"+status.ID+"/", "")
	w.see(what, c, "GET", "/shared/collections/inbox/objects/?match[version]=all", "")
	_, pinned := w.clients()
	w.exchanged(what, pinned)
	var o struct{ ID string }
	json.Unmarshal([]byte(text[strings.LastIndex(text, `{"type"`):]), &o)
	if strings.Contains(what, "end") {
		for _, name := range []string{plain, "inbox"} {
			w.see(what, c, "DELETE", "/shared/collections/"+name+"/objects/"+o.ID+"/", "")
			w.see(what, c, "GET", "/shared/collections/"+name+"/objects/", "")
		}
		w.settle()
		w.exchanged(what+" taken back", pinned)
	}
}

// exchanged asks every question of the exchange between nodes.
func (w *world) exchanged(what string, c *tap) {
	a := w.see(what, c, "GET", "/exchange/v1/views", "")
	var offers []struct{ View string }
	if err := json.Unmarshal(a.body, &offers); err != nil {
		w.t.Fatalf("views: %v %s", err, a.raw)
	}
	for _, path := range []string{"/exchange/v1/", "/exchange/v1/views/" + uuid("none") + "/delivery?after=0&limit=10&have=0",
		"/exchange/v1/views/" + w.views["vestholmNORDLYSterrorism-investigationfalse"] + "/delivery?after=0&limit=10&have=0",
		"/exchange/v1/views/" + offers[0].View + "/delivery?after=x&limit=10&have=0"} {
		w.see(what, c, "GET", path, "")
	}
	for _, o := range offers {
		for _, q := range []string{"after=0&limit=1000&have=0", "after=0&limit=1&have=1", "after=2&limit=2&have=1", "after=900&limit=10&have=1"} {
			path := "/exchange/v1/views/" + o.View + "/delivery?" + q
			a := c.ask("GET", path, "")
			w.seen = append(w.seen, sight{what + ": GET " + path, masked(w.t, a)})
		}
	}
}

// masked is a delivery with the regions of the ledger in it replaced by their
// sizes; everything else stays as it was on the wire.
func masked(t testing.TB, a answer) []byte {
	line, bodies, found := bytes.Cut(a.body, []byte("\n"))
	if !found || a.status != 200 {
		return a.raw
	}
	var e struct {
		Payload    []byte
		Signatures []struct{ Sig []byte }
	}
	if err := json.Unmarshal(line, &e); err != nil {
		t.Fatalf("delivery: %v", err)
	}
	var header any
	if err := json.Unmarshal(e.Payload, &header); err != nil {
		t.Fatalf("delivery: %v", err)
	}
	head, _, _ := bytes.Cut(a.raw, []byte("\r\n\r\n"))
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\n%d bytes of payload, %d of signature\n", head, len(e.Payload), len(e.Signatures[0].Sig))
	json.NewEncoder(&out).Encode(sizes(header, ""))
	out.Write(bodies)
	return out.Bytes()
}

func sizes(v any, name string) any {
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			x[k] = sizes(x[k], k)
		}
	case []any:
		for i := range x {
			x[i] = sizes(x[i], name)
		}
	case string:
		if slices.Contains([]string{"checkpoint", "consistency", "key", "vector", "proof"}, name) {
			return strconv.Itoa(len(x)) + " characters"
		}
	}
	return v
}
