package node

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"entente/internal/db"
	"entente/internal/journal"
	"entente/taxii"
)

// Serving is a node whose listeners are open.
type Serving struct {
	Public   string // address of the public listener, "" if there is none
	Exchange string
	stop     context.CancelFunc
	done     chan error
}

// Options of Serve.
type Options struct {
	Dir       string // where the node's own certificate is kept
	PlainHTTP bool   // the public listener without TLS, on loopback only: for tests behind a proxy
	Probe     *taxii.Server
}

// Serve opens the node's listeners and does what a node does by itself, until
// ctx is over or Stop is called.
func (n *Node) Serve(ctx context.Context, o Options) (*Serving, error) {
	ctx, stop := context.WithCancel(ctx)
	s := &Serving{stop: stop, done: make(chan error, 1)}
	var servers []*http.Server
	var listeners []net.Listener
	fail := func(err error) (*Serving, error) {
		stop()
		for _, l := range listeners {
			l.Close()
		}
		return nil, err
	}
	wake := make(chan string, 64)
	if n.Config.Listen != "" {
		l, h, err := n.public(o)
		if err != nil {
			return fail(err)
		}
		listeners, servers, s.Public = append(listeners, l), append(servers, n.server(h)), l.Addr().String()
	}
	if n.Config.Exchange != "" && o.Probe == nil {
		l, h, err := n.exchange(wake)
		if err != nil {
			return fail(err)
		}
		listeners, servers, s.Exchange = append(listeners, l), append(servers, n.server(h)), l.Addr().String()
	}
	changed := make(chan struct{}, 1)
	n.DB.Notify(func() { // before anybody else uses the database
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	for i, srv := range servers {
		go srv.Serve(listeners[i])
	}
	work := make(chan struct{})
	go func() {
		defer close(work)
		n.work(ctx, wake, changed)
	}()
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		var errs []error
		for _, srv := range servers {
			errs = append(errs, srv.Shutdown(grace))
		}
		<-work
		s.done <- errors.Join(errs...)
	}()
	return s, nil
}

// Stop ends serving: requests under way are answered first.
func (s *Serving) Stop() error {
	s.stop()
	return s.Wait()
}

// Wait waits until serving has ended.
func (s *Serving) Wait() error {
	err := <-s.done
	s.done <- err
	return err
}

func (n *Node) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 5 * time.Minute, WriteTimeout: 10 * time.Minute,
		IdleTimeout: 5 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug), // handshakes of scanners
	}
}

// PublicHandler answers on the public listener: TAXII with credentials. probe is
// nil except for a conformance probe.
func (n *Node) PublicHandler(probe *taxii.Server) (http.Handler, error) {
	c, err := n.Partner.TAXII(n.Config.Title, n.Access)
	if err != nil {
		return nil, err
	}
	if probe != nil {
		c.Probe(*probe)
	}
	mux := http.NewServeMux()
	mux.Handle("/", n.taxii(c))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	return mux, nil
}

// public opens the listener for people's tools.
func (n *Node) public(o Options) (net.Listener, http.Handler, error) {
	mux, err := n.PublicHandler(o.Probe)
	if err != nil {
		return nil, nil, err
	}
	l, err := net.Listen("tcp", n.Config.Listen)
	if err != nil {
		return nil, nil, fmt.Errorf("public listener: %w", err)
	}
	if o.PlainHTTP {
		if ip := l.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
			l.Close()
			return nil, nil, fmt.Errorf("plain HTTP on %s is refused: it is for loopback addresses only", l.Addr())
		}
		return l, mux, nil
	}
	cert, err := n.certificate(o.Dir)
	if err != nil {
		l.Close()
		return nil, nil, err
	}
	return tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}), mux, nil
}

func (n *Node) taxii(b taxii.Backend) http.Handler {
	return taxii.Handler(taxii.Config{
		Key: n.Keys.Secret("taxii cursors"), Challenges: []string{`Basic realm="entente", charset="UTF-8"`, `Bearer realm="entente"`},
		OnError: func(r *http.Request, err error) {
			n.log.Error("taxii", "method", r.Method, "path", r.URL.Path, "error", err)
		},
	}, b)
}

// ExchangeHandler answers on the exchange listener, whose TLS is that of
// Partner.ServerTLS. notify is called with the name of a partner that says it has
// something new; it must not block.
func (n *Node) ExchangeHandler(notify func(partner string)) (http.Handler, error) {
	c, err := n.Partner.TAXII(n.Config.Title, nil)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", n.taxii(c))
	mux.Handle("/exchange/", n.Partner.Exchange(notify))
	return mux, nil
}

// exchange opens the listener for other nodes.
func (n *Node) exchange(wake chan<- string) (net.Listener, http.Handler, error) {
	config, err := n.Partner.ServerTLS()
	if err != nil {
		return nil, nil, err
	}
	mux, err := n.ExchangeHandler(func(p string) {
		select {
		case wake <- p:
		default: // it is asked again by and by
		}
	})
	if err != nil {
		return nil, nil, err
	}
	l, err := net.Listen("tcp", n.Config.Exchange)
	if err != nil {
		return nil, nil, fmt.Errorf("exchange listener: %w", err)
	}
	return tls.NewListener(l, config), mux, nil
}

// certificate is the operator's, or one that the node has made for itself
// (ECDSA, since many clients cannot do Ed25519).
func (n *Node) certificate(dir string) (tls.Certificate, error) {
	if n.Config.Certificate != "" {
		return tls.LoadX509KeyPair(n.Config.Certificate, n.Config.Key)
	}
	certFile, keyFile := filepath.Join(dir, "public.crt"), filepath.Join(dir, "public.key")
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if !errors.Is(err, fs.ErrNotExist) {
		return cert, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return cert, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return cert, err
	}
	host, _, _ := net.SplitHostPort(n.Config.Listen)
	t := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: n.Config.Name}, NotBefore: n.now().Add(-time.Hour), NotAfter: n.now().AddDate(5, 0, 0),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true}
	if ip := net.ParseIP(host); ip != nil {
		t.IPAddresses = append(t.IPAddresses, ip)
	} else if host != "" {
		t.DNSNames = append(t.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return cert, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return cert, err
	}
	err = errors.Join(
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600),
		os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	if err != nil {
		return cert, err
	}
	return tls.LoadX509KeyPair(certFile, keyFile)
}

// Beats of what a node does by itself.
const (
	sequenceEvery = 100 * time.Millisecond // the longest that an act waits for its place in the ledger
	refreshEvery  = time.Minute            // agreements begin and lapse
)

// work sequences the ledger, tells partners what is new, fetches what they have
// and lets agreements begin and lapse.
func (n *Node) work(ctx context.Context, wake <-chan string, changed <-chan struct{}) {
	beat := time.NewTicker(sequenceEvery)
	poll := time.NewTicker(n.Config.Poll.Duration)
	refresh := time.NewTicker(refreshEvery)
	defer beat.Stop()
	defer poll.Stop()
	defer refresh.Stop()
	var seen int64 // leaves of the ledger of which partners have been told
	notices := newCourier(n.notices)
	fetch := newCourier(n.fetch)
	defer notices.wait()
	defer fetch.wait()
	fetch.send(ctx, "")
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-wake:
			fetch.send(ctx, p)
		case <-poll.C:
			fetch.send(ctx, "")
			notices.send(ctx, "")
		case <-refresh.C:
			n.report("refresh", n.Release.Refresh(ctx, n.DB))
		case <-beat.C:
			n.sequence(ctx, notices, &seen)
		case <-changed:
			// What comes in together is sequenced together.
			time.Sleep(5 * time.Millisecond)
			n.sequence(ctx, notices, &seen)
		}
	}
}

// sequence appends what waits, and has partners told when the ledger has grown
// since seen, by whichever process: an import sequences what it brought itself.
func (n *Node) sequence(ctx context.Context, notices *courier, seen *int64) {
	_, err := n.Journal.Sequence(ctx, n.DB)
	n.report("sequence the ledger", err)
	var size int64
	n.report("read the ledger", n.DB.View(ctx, func(tx *db.Tx) (err error) {
		size, err = journal.Size(tx)
		return err
	}))
	if size > *seen {
		*seen = size
		notices.send(ctx, "")
	}
}

func (n *Node) report(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		n.log.Warn(what, "error", err)
	}
}

// notices tells partners what is new.
func (n *Node) notices(ctx context.Context, told map[string]int64, _ string) {
	n.report("notices", n.Partner.Notices(ctx, told))
}

// fetch takes in what one partner has for us, or all if p is "".
func (n *Node) fetch(ctx context.Context, _ map[string]int64, p string) {
	var from []string
	if p != "" {
		from = []string{p}
	} else {
		ids, err := n.Partner.Reachable(ctx)
		n.report("partners", err)
		from = ids
	}
	for _, id := range from {
		got, err := n.Partner.Sync(ctx, id)
		n.report("synchronise", err)
		if got.Objects+got.Quarantined+len(got.Refused) > 0 {
			n.log.Info("synchronised", "partner", id, "objects", got.Objects, "quarantined", got.Quarantined, "refused", len(got.Refused))
		}
	}
}
