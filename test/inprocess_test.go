package test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"entente/internal/access"
	"entente/internal/db"
	"entente/internal/intake"
	"entente/internal/node"
	"entente/internal/partner"
	"entente/internal/release"
)

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// dice are random bytes that depend on nothing but the step of the test and on
// how often they were asked for in it, not on how many were taken before.
type dice struct {
	mu   sync.Mutex
	step string
	n    uint64
}

func (d *dice) begin(step string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.step, d.n = step, 0
}

func (d *dice) Read(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	seed := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(d.step), d.n))
	d.n++
	for at := 0; at < len(p); at += len(seed) {
		seed = sha256.Sum256(seed[:])
		copy(p[at:], seed[:])
	}
	return len(p), nil
}

// peer is a node in this process, with its listeners open.
type peer struct {
	*node.Node
	t                testing.TB
	dir              string
	world            node.World
	public, exchange string // addresses

	mu    sync.Mutex
	heard []byte // requests of other nodes
	spoke []byte // what was answered on either listener
}

// newPeer makes a node called name. files may change what is in its folder.
func newPeer(t testing.TB, name string, w node.World, files ...func(dir string)) *peer {
	t.Helper()
	p := &peer{t: t, dir: filepath.Join(t.TempDir(), name), world: w}
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	c := node.DefaultConfig(name)
	c.Endpoint = "https://" + listener.Addr().String()
	p.exchange = listener.Addr().String()
	p.Node = must(node.Init(t.Context(), p.dir, c, w))(t)
	for _, prepare := range files {
		ok(t, p.Node.Close())
		prepare(p.dir)
		p.Node = must(node.Open(t.Context(), p.dir, w))(t)
	}
	t.Cleanup(func() { p.Node.Close() })
	p.listen(must(net.Listen("tcp", "127.0.0.1:0"))(t), listener)
	return p
}

// listen opens the node's own handlers on listeners of the test.
func (p *peer) listen(public, exchange net.Listener) {
	p.t.Helper()
	p.public = public.Addr().String()
	open := must(p.PublicHandler(nil))(p.t)
	pinned := must(p.ExchangeHandler(func(string) {}))(p.t)
	config := must(p.Partner.ServerTLS())(p.t)
	web := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{selfSigned(p.t, p.Keys.Exchange)}}
	for _, s := range []struct {
		l net.Listener
		h http.Handler
	}{{tls.NewListener(public, web), open}, {tls.NewListener(exchange, config), pinned}} {
		srv := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.answer(w, r, s.h) })}
		go srv.Serve(s.l)
		p.t.Cleanup(func() { srv.Close() })
	}
}

// answer keeps what is asked and answered.
func (p *peer) answer(w http.ResponseWriter, r *http.Request, h http.Handler) {
	text, err := httputil.DumpRequest(r, true)
	if err != nil {
		return // the client has gone
	}
	p.keep(&p.heard, text)
	h.ServeHTTP(&recorder{w, p}, r)
	var headers bytes.Buffer
	w.Header().Write(&headers)
	p.keep(&p.spoke, headers.Bytes())
}

func (p *peer) keep(in *[]byte, text []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*in = append(append(*in, text...), '\n')
}

type recorder struct {
	http.ResponseWriter
	p *peer
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) Write(b []byte) (int, error) {
	r.p.mu.Lock()
	r.p.spoke = append(r.p.spoke, b...)
	r.p.mu.Unlock()
	return r.ResponseWriter.Write(b)
}

func selfSigned(t testing.TB, key ed25519.PrivateKey) tls.Certificate {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))(t)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// write runs f in a transaction of the node.
func (p *peer) write(f func(tx *db.Tx) error) {
	p.t.Helper()
	ok(p.t, p.DB.Update(p.t.Context(), f))
}

// meet pairs two nodes.
func meet(a, b *peer) {
	a.t.Helper()
	var invitation, reply, reveal, last partner.Step
	at := func(p *peer, f func(tx *db.Tx) (partner.Step, error)) (step partner.Step) {
		p.write(func(tx *db.Tx) (err error) {
			step, err = f(tx)
			return err
		})
		return step
	}
	invitation = at(a, a.Partner.Invite)
	reply = at(b, func(tx *db.Tx) (partner.Step, error) { return b.Partner.Accept(tx, invitation.Send) })
	reveal = at(a, func(tx *db.Tx) (partner.Step, error) { return a.Partner.Accept(tx, reply.Send) })
	last = at(b, func(tx *db.Tx) (partner.Step, error) { return b.Partner.Accept(tx, reveal.Send) })
	for _, side := range []struct {
		p          *peer
		with, code string
	}{{a, b.Config.Name, last.Code}, {b, a.Config.Name, reveal.Code}} {
		side.p.write(func(tx *db.Tx) error {
			matched, err := side.p.Partner.Confirm(tx, side.with, side.code)
			if !matched {
				side.p.t.Error("the codes of a pairing differ")
			}
			return err
		})
	}
}

// police are the facts about a partner that is police under the same law.
func police(name string) release.Party {
	var p release.Party
	p.ID, p.Kind, p.Regime, p.Country, p.Level = name, "police", "led", "SE", 2
	return p
}

// hold says what holds of a partner.
func (p *peer) hold(facts release.Party) {
	p.t.Helper()
	p.write(func(tx *db.Tx) error {
		if err := p.Release.SetParty(tx, facts); err != nil {
			return err
		}
		return p.Release.RefreshIn(tx)
	})
}

// subscribe makes a view and returns its collection.
func (p *peer) subscribe(who, agreement, purpose string, plain bool) (collection string) {
	p.t.Helper()
	p.write(func(tx *db.Tx) error {
		v, err := p.Release.Subscribe(tx, who, agreement, purpose, plain)
		if err == nil {
			collection = v.Collection
		}
		return err
	})
	return collection
}

// account makes an account for a partner's client and returns its token.
func (p *peer) account(name, of, password string) (token string) {
	p.t.Helper()
	p.write(func(tx *db.Tx) (err error) {
		token, err = p.Access.Add(tx, access.Account{Name: name, Role: "partner", Partner: of}, password)
		return err
	})
	return token
}

// bring takes objects in, as of this node or of a partner.
func (p *peer) bring(profile, from, agreement string, raws ...string) []intake.Result {
	p.t.Helper()
	src := intake.Source{Partner: from, Agreement: agreement, Profile: must(p.Profile(profile))(p.t)}
	var batch []intake.Arrival
	for _, raw := range raws {
		o, err := intake.Check([]byte(raw))
		if err != nil {
			p.t.Fatalf("%v\n%s", err, raw)
		}
		batch = append(batch, intake.Arrival{Object: o})
	}
	return must(p.Intake.Accept(p.t.Context(), src, intake.Container{Kind: "file", Ref: "test"}, batch, nil))(p.t)
}

// settle puts what has been noted into the ledger.
func (p *peer) settle() {
	p.t.Helper()
	_, err := p.Journal.Sequence(p.t.Context(), p.DB)
	ok(p.t, err)
}

// whole wants the node's own checks to find nothing.
func (p *peer) whole() {
	p.t.Helper()
	for _, f := range p.Doctor(p.t.Context()) {
		if !f.OK {
			p.t.Errorf("doctor at %s: %s: %s", p.Config.Name, f.Check, f.What)
		}
	}
}

// tap is a client whose every received byte is kept.
type tap struct {
	t    testing.TB
	base string
	auth string
	http *http.Client
	mu   sync.Mutex
	all  []byte // everything received
	last []byte // since the last request began
}

// newTap makes a client of a listener. cert is nil on the public one.
func newTap(t testing.TB, address, auth string, key ed25519.PrivateKey) *tap {
	c := &tap{t: t, base: "https://" + address, auth: auth}
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}
	if key != nil {
		config.Certificates = []tls.Certificate{selfSigned(t, key)}
	}
	c.http = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableCompression: true, DialTLS: func(network, addr string) (net.Conn, error) {
			conn, err := tls.Dial(network, addr, config)
			return &tapped{conn, c}, err
		}},
	}
	return c
}

type tapped struct {
	net.Conn
	c *tap
}

func (c *tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.c.mu.Lock()
	defer c.c.mu.Unlock()
	c.c.all, c.c.last = append(c.c.all, p[:n]...), append(c.c.last, p[:n]...)
	return n, err
}

// answer is what came back, as it came.
type answer struct {
	status int
	header http.Header
	body   []byte
	raw    []byte // status line, headers and body as on the wire, but for the date
}

// ask sends a request, with TAXII's media types unless header says otherwise.
func (c *tap) ask(method, path, body string, header ...string) answer {
	c.t.Helper()
	c.mu.Lock()
	c.last = nil
	c.mu.Unlock()
	req := must(http.NewRequest(method, c.base+path, nil))(c.t)
	if body != "" {
		req = must(http.NewRequest(method, c.base+path, reader(body)))(c.t)
	}
	req.Header.Set("Accept", "application/taxii+json;version=2.1")
	if body != "" {
		req.Header.Set("Content-Type", "application/taxii+json;version=2.1")
	}
	if c.auth != "" {
		req.Header.Set("Authorization", c.auth)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header, body: must(io.ReadAll(res.Body))(c.t)}
	c.mu.Lock()
	defer c.mu.Unlock()
	a.raw = date.ReplaceAll(c.last, []byte("Date: …\r\n"))
	return a
}
