package partner

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strconv"
	"time"

	"entente/internal/db"
	"entente/internal/release"
)

// The exchange listener speaks TLS 1.3 only, with the hybrid post-quantum key
// exchange that is Go's default. Both sides show a certificate that they signed
// themselves; it counts for nothing but its key, which must be the one on the
// partner's card. There is no authority to trust.

// certificate wraps the exchange key of this node for TLS.
func (r *Room) certificate() (tls.Certificate, error) {
	public := r.keys.Exchange.Public()
	serial := new(big.Int).SetBytes(public.(ed25519.PublicKey)[:8])
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: r.node},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, public, r.keys.Exchange)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: r.keys.Exchange}, nil
}

// ServerTLS is the configuration of the exchange listener.
func (r *Room) ServerTLS() (*tls.Config, error) {
	cert, err := r.certificate()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert,
		NextProtos: []string{"http/1.1"}, SessionTicketsDisabled: true,
		// On every handshake, resumed ones included.
		VerifyConnection: func(cs tls.ConnectionState) error {
			_, err := r.peer(context.Background(), &cs)
			return err
		},
	}, nil
}

var errStranger = errors.New("this key is not that of a partner")

// peer finds the partner whose key is at the other end.
func (r *Room) peer(ctx context.Context, cs *tls.ConnectionState) (p Partner, err error) {
	key := peerKey(cs)
	if key == nil {
		return p, errStranger
	}
	err = r.db.View(ctx, func(tx *db.Tx) error {
		all, err := r.partners(tx, "state=$1", Paired)
		if err != nil {
			return err
		}
		for _, q := range all {
			if subtle.ConstantTimeCompare(q.Card.Exchange, key) == 1 {
				p = q
				return nil
			}
		}
		return errStranger
	})
	return p, err
}

func peerKey(cs *tls.ConnectionState) ed25519.PublicKey {
	if cs == nil || len(cs.PeerCertificates) != 1 {
		return nil
	}
	key, _ := cs.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	return key
}

// client speaks to one partner and to nobody else.
func (r *Room) client(p Partner) *http.Client {
	config := &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"},
		InsecureSkipVerify: true, // no authority: VerifyConnection pins the key of the card
		VerifyConnection: func(cs tls.ConnectionState) error {
			if key := peerKey(&cs); key == nil || subtle.ConstantTimeCompare(key, p.Card.Exchange) != 1 {
				return fmt.Errorf("whoever answers at %s does not have the key of %s", p.Card.Endpoint, p.ID)
			}
			return nil
		},
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		cert, err := r.certificate()
		return &cert, err
	}
	return &http.Client{
		Timeout:       10 * time.Minute, // a full page over a thin link
		Transport:     &http.Transport{TLSClientConfig: config, MaxIdleConns: 1, IdleConnTimeout: 5 * time.Minute, TLSHandshakeTimeout: 30 * time.Second, ResponseHeaderTimeout: 2 * time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("a node never redirects") },
	}
}

// Exchange serves other nodes. notify is called with the name of a partner that
// says it has something new; it must not block.
func (r *Room) Exchange(notify func(partner string)) http.Handler {
	mux := http.NewServeMux()
	as := func(f func(http.ResponseWriter, *http.Request, Partner) error) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			p, err := r.peer(req.Context(), req.TLS)
			if err == nil {
				err = f(w, req, p)
			}
			exchangeError(w, err)
		}
	}
	mux.HandleFunc("GET /exchange/v1/views", as(r.serveViews))
	mux.HandleFunc("GET /exchange/v1/views/{view}/delivery", as(r.serveDelivery))
	mux.HandleFunc("POST /exchange/v1/notice", as(func(w http.ResponseWriter, req *http.Request, p Partner) error {
		if err := r.onNotice(req, p); err != nil {
			return err
		}
		notify(p.ID)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}))
	return mux
}

// errMalformed and errNothing are what the other side is told; anything else is
// our trouble and stays here.
var (
	errMalformed = errors.New("the request is malformed")
	errNothing   = errors.New("there is nothing here for you")
)

func exchangeError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	text := "internal error"
	switch {
	case err == nil:
		return
	case errors.Is(err, errMalformed):
		status, text = http.StatusBadRequest, errMalformed.Error()
	case errors.Is(err, errNothing):
		status, text = http.StatusNotFound, errNothing.Error()
	case errors.Is(err, errStranger):
		status, text = http.StatusUnauthorized, errStranger.Error()
	case errors.Is(err, errAhead):
		status, text = http.StatusConflict, errAhead.Error()
	}
	http.Error(w, text, status)
}

func (r *Room) serveViews(w http.ResponseWriter, req *http.Request, p Partner) error {
	offers := []offer{}
	err := r.db.View(req.Context(), func(tx *db.Tx) error {
		views, err := r.release.Views(tx, p.ID)
		for _, v := range views {
			if v.Kind == release.Subscription {
				offers = append(offers, offer{v.Collection, v.Agreement, v.Purpose, v.Title})
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(offers)
}

func (r *Room) serveDelivery(w http.ResponseWriter, req *http.Request, p Partner) error {
	var after, limit, have int64
	for name, into := range map[string]*int64{"after": &after, "limit": &limit, "have": &have} {
		n, err := strconv.ParseInt(req.URL.Query().Get(name), 10, 64)
		if err != nil || n < 0 {
			return errMalformed
		}
		*into = n
	}
	var header []byte
	var bodies []release.Bytes
	err := r.release.Read(req.Context(), r.db, func(tx *db.Tx) error {
		v, err := r.release.View(tx, p.ID, req.PathValue("view"))
		if err != nil {
			return err
		}
		if v == nil || v.Kind != release.Subscription {
			return errNothing
		}
		header, bodies, err = r.deliver(tx, v, after, int(min(limit, maxDelivery)), have)
		return err
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/vnd.entente.delivery")
	return ignoreHangUp(writeDelivery(w, header, bodies))
}

// ignoreHangUp: a partner that goes away in the middle asks again.
func ignoreHangUp(error) error { return nil }

// notice tells a partner that a view has something new.
type notice struct {
	From string `json:"from"`
	To   string `json:"to"`
	View string `json:"view"`
	Last int64  `json:"last"`
}

func (r *Room) onNotice(req *http.Request, p Partner) error {
	text, err := io.ReadAll(io.LimitReader(req.Body, 64<<10))
	if err != nil {
		return errMalformed
	}
	var n notice
	if err := unseal(p.Card.Signing, typeNotice, text, &n); err != nil || n.From != p.ID || n.To != r.node {
		return errMalformed
	}
	return nil
}

// Notices tells every partner that can be reached of what it has not been told
// yet; told remembers what it has, by view. A partner that is away is told
// again by the next call, and asks by itself now and then anyway.
func (r *Room) Notices(ctx context.Context, told map[string]int64) error {
	type due struct {
		p Partner
		v *release.View
	}
	var all []due
	err := r.db.View(ctx, func(tx *db.Tx) error {
		partners, err := r.partners(tx, "state=$1", Paired)
		if err != nil {
			return err
		}
		for _, p := range partners {
			views, err := r.release.Views(tx, p.ID)
			if err != nil {
				return err
			}
			for _, v := range views {
				if p.Card.Endpoint != "" && v.Kind == release.Subscription && v.Last() > told[v.Collection] {
					all = append(all, due{p, v})
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range all {
		if err := r.tell(ctx, d.p, d.v); err != nil {
			errs = append(errs, err)
			continue
		}
		told[d.v.Collection] = d.v.Last()
	}
	return errors.Join(errs...)
}

func (r *Room) tell(ctx context.Context, p Partner, v *release.View) error {
	text, err := seal(r.keys.Signing, typeNotice, notice{r.node, p.ID, v.Collection, v.Last()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Card.Endpoint+"/exchange/v1/notice", bytes.NewReader(text))
	if err != nil {
		return err
	}
	client := r.client(p)
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("tell %s that there is something new: %w", p.ID, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		return fmt.Errorf("tell %s that there is something new: %s", p.ID, res.Status)
	}
	return nil
}
