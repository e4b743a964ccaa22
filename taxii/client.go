package taxii

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Client asks one TAXII 2.1 server. It is bound to one origin (scheme, host and
// port): credentials go there and nowhere else, and API roots on other hosts
// need a Client of their own. Safe for concurrent use.
type Client struct {
	base   *url.URL // discovery
	http   *http.Client
	auth   string // Authorization value
	agent  string
	limits Limits
	accept atomic.Int32 // index in acceptForms that this server took last
	sleep  func(context.Context, time.Duration) error
}

// Limits bound what a server can make a Client do. A zero field takes the default.
type Limits struct {
	PageBytes int64         // longest answer, unpacked; default 64 MiB
	Wait      time.Duration // longest Retry-After that is waited for; default 2 minutes
	Attempts  int           // tries of one request; default 4
	Attempt   time.Duration // longest time for one try, body included; default 5 minutes
}

// Option changes a Client under construction.
type Option func(*Client)

// WithBasic authenticates with HTTP Basic (RFC 7617).
func WithBasic(user, password string) Option {
	return func(c *Client) {
		c.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
}

// WithBearer authenticates with a bearer token (RFC 6750).
func WithBearer(token string) Option { return func(c *Client) { c.auth = "Bearer " + token } }

// WithHTTPClient uses the transport, cookie jar and timeout of h, for example
// for client certificates or a proxy. Its CheckRedirect is not used.
func WithHTTPClient(h *http.Client) Option {
	return func(c *Client) { c.http = &http.Client{Transport: h.Transport, Jar: h.Jar, Timeout: h.Timeout} }
}

// WithLimits sets the limits.
func WithLimits(l Limits) Option { return func(c *Client) { c.limits = l } }

// WithUserAgent sets the User-Agent; the default is "entente-taxii".
func WithUserAgent(s string) Option { return func(c *Client) { c.agent = s } }

// NewClient makes a client for a server. A URL without a path means discovery at
// DiscoveryPath; any other URL is taken as the discovery URL itself, since some
// servers have it elsewhere. Plain http is refused except to a loopback address
// (TAXII 2.1 §8.5.1). Nothing is sent yet.
func NewClient(server string, opts ...Option) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("taxii: server address %.200q: %w", server, err)
	}
	if u.User != nil || u.Host == "" {
		return nil, errors.New("taxii: want a server address like https://host/ without user or password in it")
	}
	if err := secure(u); err != nil {
		return nil, err
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = DiscoveryPath
	}
	u = slashed(u)
	c := &Client{base: u, agent: "entente-taxii", sleep: sleep}
	for _, o := range opts {
		o(c)
	}
	if c.http == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		c.http = &http.Client{Transport: t}
	}
	c.limits.defaults()
	c.http.Transport = &authTransport{base: c.http.Transport, origin: origin(u), auth: c.auth}
	c.http.CheckRedirect = checkRedirect
	return c, nil
}

func (l *Limits) defaults() {
	if l.PageBytes <= 0 {
		l.PageBytes = 64 << 20
	}
	if l.Wait <= 0 {
		l.Wait = 2 * time.Minute
	}
	if l.Attempts <= 0 {
		l.Attempts = 4
	}
	if l.Attempt <= 0 {
		l.Attempt = 5 * time.Minute
	}
}

// Discover asks what the server offers (§4.1).
func (c *Client) Discover(ctx context.Context) (Discovery, error) {
	var d Discovery
	return d, c.getJSON(ctx, c.base, &d)
}

// Root asks about an API root (§4.2). root is an entry of Discovery.APIRoots, or
// any path or URL on this server.
func (c *Client) Root(ctx context.Context, root string) (APIRoot, error) {
	var r APIRoot
	u, err := c.at(root)
	if err != nil {
		return r, err
	}
	return r, c.getJSON(ctx, u, &r)
}

// Collections lists the collections of an API root (§5.1).
func (c *Client) Collections(ctx context.Context, root string) ([]Collection, error) {
	u, err := c.at(root, "collections")
	if err != nil {
		return nil, err
	}
	var list Collections
	return list.Collections, c.getJSON(ctx, u, &list)
}

// Collection asks about one collection by id or alias (§5.2).
func (c *Client) Collection(ctx context.Context, root, id string) (Collection, error) {
	var col Collection
	u, err := c.at(root, "collections", id)
	if err != nil {
		return col, err
	}
	return col, c.getJSON(ctx, u, &col)
}

// at resolves an API root against the server and appends path segments. A root
// on another host is refused: it would get no credentials anyway.
func (c *Client) at(root string, segments ...string) (*url.URL, error) {
	ref, err := url.Parse(root)
	if err != nil || root == "" || ref.RawQuery != "" || ref.Fragment != "" || ref.User != nil {
		return nil, fmt.Errorf("taxii: %.200q is no address of an API root", root)
	}
	u := c.base.ResolveReference(ref)
	if origin(u) != origin(c.base) {
		return nil, fmt.Errorf("taxii: API root %s is not on %s: make a client for that server", u.Redacted(), c.base.Host)
	}
	u = slashed(u)
	for _, s := range segments {
		if s == "" || s == "." || s == ".." || len(s) > 500 {
			return nil, fmt.Errorf("taxii: %.200q cannot be part of an address", s)
		}
		u = u.JoinPath(url.PathEscape(s))
	}
	return slashed(u), nil
}

// slashed gives u with a slash at the end of its path (§3.1).
func slashed(u *url.URL) *url.URL {
	if strings.HasSuffix(u.Path, "/") {
		return u
	}
	return u.JoinPath("/")
}

func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// secure refuses anything but https, or http to this machine itself.
func secure(u *url.URL) error {
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("taxii: %s://%s is not https", u.Scheme, u.Host)
}

// getJSON fetches one small resource.
func (c *Client) getJSON(ctx context.Context, u *url.URL, into any) error {
	return c.askJSON(ctx, http.MethodGet, u, nil, into)
}

func (c *Client) askJSON(ctx context.Context, method string, u *url.URL, body []byte, into any) error {
	a, err := c.ask(ctx, method, u, body)
	if err != nil {
		return err
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return fmt.Errorf("taxii: answer of %s: %w", u.Redacted(), err)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// readAll reads at most limit bytes.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = &oversizeError{limit}
	}
	return b, err
}

// oversizeError says that an answer was longer than Limits.PageBytes.
type oversizeError struct{ limit int64 }

func (e *oversizeError) Error() string {
	return fmt.Sprintf("taxii: the answer is longer than %d bytes", e.limit)
}
