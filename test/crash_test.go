package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"entente/internal/db"
	"entente/internal/node"
)

// killsEach is how many times each of the three kinds of work is killed.
const killsEach = 70

// seed makes the randomness of a run repeatable, apart from what the machine does.
func seeded(t *testing.T) (uint64, *rand.Rand) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return seed, rand.New(rand.NewPCG(seed, 1))
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

// An import that is killed again and again, and started again each time, takes in
// every object once; what it said it had accepted is there; views, ledger and
// objects agree.
func TestKilledImport(t *testing.T) {
	seed, r := seeded(t)
	a, b := newCLI(t, "nordlys"), newCLI(t, "sundmark")
	pair(a, b)
	a.police("sundmark")
	a.run("partner", "subscribe", "sundmark", "PUBLIC", "verification")
	g := &invented{seed: seed}
	var k kills
	var files []string
	for k.total() < killsEach {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("%d.ndjson", len(files)))
		ok(t, os.WriteFile(file, lines(g.batch(3500)), 0o600))
		files = append(files, file)
		for imported := false; !imported; {
			p := start(t, a.command("import", file, "--profile", "public-reference", "--json"))
			p.until(r, r.Int64N(5<<20), time.Second)
			if k.total() >= killsEach {
				<-p.done
				p.done <- nil
			}
			ended, err, written := p.kill()
			k.count(ended, written, idle)
			if imported = ended; !ended {
				continue
			}
			if err != nil {
				t.Fatalf("import after %v: %v\n%s", k, err, p.errs.String())
			}
			var rep struct{ Accepted, Unchanged, Skipped int }
			ok(t, json.Unmarshal(p.out.Bytes(), &rep))
			// All unchanged: the run before was killed when all was done but the words.
			if rep.Accepted+rep.Unchanged+rep.Skipped != 3500 || rep.Unchanged != 0 && rep.Unchanged != 3500 {
				t.Fatalf("the import that ended accounts for %+v of 3500 objects", rep)
			}
		}
	}
	t.Logf("%d objects in %d files, %v", len(g.made), len(files), k)
	a.healthy()
	for _, file := range files {
		var rep struct{ Accepted, Unchanged int }
		a.ask(&rep, "import", file, "--profile", "public-reference")
		if rep.Accepted != 0 || rep.Unchanged != 3500 {
			t.Fatalf("the same file again: %+v, want 3500 unchanged", rep)
		}
	}
	all := map[string]string{}
	for _, o := range g.made {
		all[o.id] = o.raw
	}
	sameObjects(t, "what A holds", held(t, a, ""), all)
	sameObjects(t, "what B may have", released(t, a, "sundmark"), closed(g.made))
}

// held reads what a node holds from one source, every submission counted.
func held(t *testing.T, c *cli, from string) map[string][]string {
	return objects(t, c, `SELECT o.id,b.bytes FROM submission s JOIN source c ON c.n=s.source JOIN object o ON o.n=s.object
		JOIN body b ON b.n=s.body WHERE c.name=$1`, from)
}

// released reads the release log of a node's subscriptions for a partner.
func released(t *testing.T, c *cli, partner string) map[string][]string {
	return objects(t, c, `SELECT o.id,b.bytes FROM view v JOIN released r ON r.view=v.n
		JOIN place p ON p.class=r.class AND p.place>=r.place AND p.place<r.place+r.count
		JOIN submission s ON s.seq=p.seq JOIN object o ON o.n=s.object JOIN body b ON b.n=s.body
		WHERE v.kind='subscription' AND v.partner=$1`, partner)
}

func objects(t *testing.T, c *cli, query string, args ...any) map[string][]string {
	t.Helper()
	n := must(node.Open(t.Context(), c.dir, node.World{}))(t)
	defer n.Close()
	out := map[string][]string{}
	ok(t, n.DB.View(t.Context(), func(tx *db.Tx) error {
		return tx.Rows(query, args, func(scan func(...any) error) error {
			var id, raw string
			defer func() { out[id] = append(out[id], raw) }()
			return scan(&id, &raw)
		})
	}))
	return out
}

// sameObjects wants every object of want exactly once, byte for byte, and no other.
func sameObjects(t *testing.T, what string, got map[string][]string, want map[string]string) {
	t.Helper()
	bad := 0
	fail := func(format string, args ...any) {
		t.Helper()
		if bad++; bad <= 5 {
			t.Errorf(what+": "+format, args...)
		}
	}
	for id, raw := range want {
		switch copies := got[id]; {
		case len(copies) == 0:
			fail("%s is lost", id)
		case len(copies) > 1:
			fail("%s is there %d times", id, len(copies))
		case copies[0] != raw:
			fail("%s has other bytes", id)
		}
	}
	for id := range got {
		if _, wanted := want[id]; !wanted {
			fail("%s must not be there", id)
		}
	}
	if bad > 0 {
		t.Fatalf("%s: %d of %d objects are wrong", what, bad, len(want))
	}
}

// A server that is killed again and again keeps what it acknowledged, once, and a
// client that pages on over its restarts gets every object once, in order.
func TestKilledServer(t *testing.T) {
	seed, r := seeded(t)
	a, b := newCLI(t, "nordlys"), newCLI(t, "sundmark")
	pair(a, b)
	a.police("sundmark")
	var account struct{ Token string }
	a.ask(&account, "user", "add", "tool", "--role", "partner", "--partner", "sundmark")

	c := &remembering{t: t, url: "http://" + a.public + "/shared/collections/inbox/objects/", token: account.Token,
		g: &invented{seed: seed}, r: rand.New(rand.NewPCG(seed, 2)), acked: map[string]string{}, sent: map[string]string{}, got: map[string][]string{}}
	var work sync.WaitGroup
	stop := make(chan struct{})
	work.Go(func() { c.post(stop) })
	work.Go(func() { c.read(stop) })
	var k kills
	for k.total() < killsEach {
		p := a.serve()
		p.until(r, r.Int64N(500<<10), between(r, 20*time.Millisecond, 300*time.Millisecond))
		ended, err, written := p.kill()
		if ended {
			t.Fatalf("serve ended by itself: %v\n%s", err, p.errs.String())
		}
		k.count(ended, written, 4<<10)
	}
	close(stop)
	p := a.serve()
	work.Wait()
	c.walk(nil)
	p.stop(t)
	t.Logf("%v; %d objects acknowledged, %d sent, %d pages read, %d requests broken off", k, len(c.acked), len(c.sent), c.pages, c.broken)

	for id := range c.acked {
		if len(c.got[id]) == 0 {
			t.Errorf("%s was acknowledged and is lost", id)
		}
	}
	want := map[string]string{}
	for id := range c.got { // what was not acknowledged may be there or not
		want[id] = c.sent[id]
	}
	sameObjects(t, "the inbox as paged", c.got, want)
	sameObjects(t, "what A holds", held(t, a, "sundmark"), want)
	a.healthy()
}

// remembering is a TAXII client that knows what the server has told it.
type remembering struct {
	t          testing.TB
	url, token string
	g          *invented
	r          *rand.Rand

	mu            sync.Mutex
	acked, sent   map[string]string
	got           map[string][]string
	after         string // date_added up to which it has read
	pages, broken int
}

// ask sends a request; nil means that no whole answer came.
func (c *remembering) ask(method, url string, body []byte) (int, []byte, http.Header) {
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return 0, nil, nil
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "application/taxii+json;version=2.1")
	req.Header.Set("Content-Type", "application/taxii+json;version=2.1")
	res, err := http.DefaultClient.Do(req)
	if err == nil {
		defer res.Body.Close()
		var text []byte
		if text, err = io.ReadAll(res.Body); err == nil {
			return res.StatusCode, text, res.Header
		}
	}
	c.mu.Lock()
	c.broken++
	c.mu.Unlock()
	time.Sleep(5 * time.Millisecond)
	return 0, nil, nil
}

// post sends envelopes. One that was not acknowledged is sent again, or given up.
func (c *remembering) post(stop chan struct{}) {
	for {
		batch := c.g.batch(20)
		var raws []string
		for _, o := range batch {
			raws = append(raws, o.raw)
			c.sent[o.id] = o.raw
		}
		envelope := []byte(`{"objects":[` + strings.Join(raws, ",") + `]}`)
		for again := true; again; {
			select {
			case <-stop:
				return
			default:
			}
			code, text, _ := c.ask(http.MethodPost, c.url, envelope)
			switch {
			case text == nil:
				again = c.r.IntN(4) > 0
				continue
			case code != http.StatusAccepted:
				c.t.Errorf("POST: %d %s", code, text)
				return
			}
			again = false
			var status struct {
				Success int `json:"success_count"`
			}
			if err := json.Unmarshal(text, &status); err != nil || status.Success != len(batch) {
				c.t.Errorf("POST: %v %s", err, text)
			}
			for _, o := range batch {
				c.acked[o.id] = o.raw
			}
		}
	}
}

// read walks through the inbox over and over, always from where it was.
func (c *remembering) read(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
			c.walk(stop)
		}
	}
}

// walk reads on to the end of the inbox.
func (c *remembering) walk(stop chan struct{}) {
	from := c.after // of the whole walk: a cursor belongs to its question
	next := ""
	for {
		q := "?limit=50"
		if from != "" {
			q += "&added_after=" + from
		}
		if next != "" {
			q += "&next=" + next
		}
		code, text, header := c.ask(http.MethodGet, c.url+q, nil)
		if text == nil {
			select {
			case <-stop:
				return // what was read of this walk counts; the next goes on after it
			default:
				continue
			}
		}
		var page struct {
			More    bool
			Next    string
			Objects []json.RawMessage
		}
		if err := json.Unmarshal(text, &page); err != nil || code != http.StatusOK {
			c.t.Errorf("GET %s: %d %v %.200s", q, code, err, text)
			return
		}
		c.pages++
		for _, raw := range page.Objects {
			var o struct{ ID string }
			if err := json.Unmarshal(raw, &o); err != nil {
				c.t.Error(err)
			}
			c.got[o.ID] = append(c.got[o.ID], string(raw))
		}
		if last := header.Get("X-TAXII-Date-Added-Last"); last != "" {
			if last <= c.after {
				c.t.Errorf("a page ends at %s after one that ended at %s", last, c.after)
			}
			c.after = last
		}
		if !page.More {
			return
		}
		next = page.Next
	}
}

// Two nodes, of which one or the other is killed again and again while objects
// come in at the first, end up with the second holding exactly what it may.
func TestKilledSync(t *testing.T) {
	seed, r := seeded(t)
	a, b := newCLI(t, "nordlys"), newCLI(t, "sundmark")
	pair(a, b)
	a.police("sundmark")
	b.police("nordlys", "--intake", "PUBLIC=partner-reference")
	a.run("partner", "subscribe", "sundmark", "PUBLIC", "verification")

	g := &invented{seed: seed}
	atA, atB := a.serve(), b.serve()
	var k kills
	dir := t.TempDir()
	for i := 0; k.total() < killsEach; i++ {
		file := filepath.Join(dir, fmt.Sprintf("%d.ndjson", i))
		ok(t, os.WriteFile(file, lines(g.batch(150+r.IntN(300))), 0o600))
		in := start(t, a.command("import", file, "--profile", "public-reference"))
		victim, which, most := &atB, b, int64(1<<20)
		if i%3 == 2 {
			victim, which, most = &atA, a, 40<<10
		}
		(*victim).base = (*victim).written()
		(*victim).until(r, r.Int64N(most), between(r, 200*time.Millisecond, 600*time.Millisecond))
		ended, err, written := (*victim).kill()
		if ended {
			t.Fatalf("serve ended by itself: %v\n%s", err, (*victim).errs.String())
		}
		k.count(ended, written, 4<<10)
		*victim = which.serve()
		if err := <-in.done; err != nil {
			t.Fatalf("import: %v\n%s", err, in.errs.String())
		}
	}
	want := closed(g.made)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if len(held(t, b, "nordlys")) >= len(want) || time.Now().After(deadline) {
			break
		}
	}
	atA.stop(t)
	atB.stop(t)
	t.Logf("%d objects, %d of them for B, %v", len(g.made), len(want), k)
	sameObjects(t, "what B may have", released(t, a, "sundmark"), want)
	sameObjects(t, "what B holds from A", held(t, b, "nordlys"), want)
	a.healthy()
	b.healthy()
}
