package taxii

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// authTransport adds credentials to requests for one origin and to no others,
// whatever a redirect says.
type authTransport struct {
	base   http.RoundTripper
	origin string
	auth   string
}

// RoundTrip sends one request.
func (t *authTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.auth != "" {
		r = r.Clone(r.Context())
		r.Header.Del("Authorization")
		if origin(r.URL) == t.origin {
			r.Header.Set("Authorization", t.auth)
		}
	}
	if t.base == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	return t.base.RoundTrip(r)
}

// checkRedirect follows a few redirects of a GET, never to an unprotected
// address. Anything else stays where it was sent: a POST must not carry objects
// to a host nobody chose, nor silently turn into a GET.
func checkRedirect(r *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case len(via) > 5:
		return errors.New("taxii: too many redirects")
	case first.Method != http.MethodGet && (origin(r.URL) != origin(first.URL) || r.Method != first.Method):
		return fmt.Errorf("taxii: refused a redirect of %s to %s", first.Method, r.URL.Host)
	}
	return secure(r.URL)
}

// acceptForms are the ways to ask for TAXII 2.1. Servers that compare strings
// know only one of them.
var acceptForms = [...]string{MediaType, "application/taxii+json; version=2.1", "application/taxii+json"}

// answer is a complete, successful response.
type answer struct {
	header http.Header
	body   []byte
}

// ask sends a request and reads the whole answer. It tries again when the server
// says so (429, 503 with or without Retry-After), on other passing faults (502,
// 504, a broken answer) for anything but POST, and once per form of Accept on
// 406. Every other status of 400 and above comes back as *Error.
func (c *Client) ask(ctx context.Context, method string, u *url.URL, body []byte) (*answer, error) {
	forms := len(acceptForms)
	var last error
	for try := 1; try <= c.limits.Attempts; try++ {
		a, err := c.once(ctx, method, u, body)
		if err == nil || ctx.Err() != nil {
			return a, err
		}
		last = err
		var e *Error
		if !errors.As(err, &e) {
			var big *oversizeError
			if method == http.MethodPost || errors.As(err, &big) || errors.As(err, new(*finalError)) {
				return nil, err
			}
			e = &Error{} // a broken connection or answer
		}
		switch code := e.Code(); {
		case code == http.StatusNotAcceptable && forms > 1:
			c.accept.Add(1)
			forms--
			try--
			continue
		case code == 0, code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		case (code == http.StatusBadGateway || code == http.StatusGatewayTimeout) && method != http.MethodPost:
		default:
			return nil, err
		}
		wait := e.RetryAfter
		if wait > c.limits.Wait {
			return nil, err
		}
		if wait <= 0 {
			wait = min(time.Second<<(try-1), c.limits.Wait)
		}
		if try < c.limits.Attempts {
			if err := c.sleep(ctx, wait); err != nil {
				return nil, err
			}
		}
	}
	return nil, fmt.Errorf("taxii: gave up after %d tries: %w", c.limits.Attempts, last)
}

// finalError is a fault that another try cannot mend.
type finalError struct{ error }

// Unwrap gives the fault itself.
func (e *finalError) Unwrap() error { return e.error }

// once sends a request one time.
func (c *Client) once(ctx context.Context, method string, u *url.URL, body []byte) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limits.Attempt)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body == nil {
		req.Body, req.ContentLength = nil, 0
	} else {
		req.Header.Set("Content-Type", MediaType)
	}
	req.Header.Set("Accept", acceptForms[int(uint32(c.accept.Load()))%len(acceptForms)])
	req.Header.Set("User-Agent", c.agent)
	resp, err := c.http.Do(req)
	if err != nil {
		if resp != nil { // a redirect was refused
			return nil, &finalError{err}
		}
		return nil, err
	}
	defer resp.Body.Close()
	r := io.Reader(resp.Body)
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		if r, err = gzip.NewReader(r); err != nil {
			return nil, fmt.Errorf("taxii: answer of %s is said to be gzip: %w", u.Redacted(), err)
		}
	}
	if resp.StatusCode >= 300 {
		return nil, readError(resp, r)
	}
	b, err := readAll(r, c.limits.PageBytes)
	if err != nil {
		return nil, fmt.Errorf("taxii: answer of %s: %w", u.Redacted(), err)
	}
	if method != http.MethodDelete {
		if err := checkType(resp.Header.Get("Content-Type"), b); err != nil {
			return nil, &finalError{fmt.Errorf("taxii: %s answered %w", u.Redacted(), err)}
		}
		if !complete(b) {
			return nil, fmt.Errorf("taxii: answer of %s: %w", u.Redacted(), errTruncated)
		}
	}
	return &answer{resp.Header, b}, nil
}

// complete says whether the brackets of an answer close: a server or proxy that
// sends no length can cut it unnoticed.
func complete(b []byte) bool {
	s := scanner{b: b}
	s.space()
	_, err := s.value()
	return !errors.Is(err, errTruncated)
}

// checkType is lenient about how a server labels JSON and strict about what is
// plainly something else: a web page, or another version of TAXII.
func checkType(header string, body []byte) error {
	typ, params, err := mime.ParseMediaType(header)
	v := params["version"]
	switch {
	case typ == "application/taxii+json" && v != "" && v != "2.1":
		return fmt.Errorf("in TAXII %.20q, not 2.1", v)
	case typ == "application/vnd.oasis.taxii+json":
		return errors.New("in TAXII 2.0, not 2.1")
	case err == nil && strings.HasPrefix(typ, "text/html"),
		!bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")):
		return fmt.Errorf("with %.60q where TAXII was expected: is the address right?", header)
	}
	return nil
}

// readError turns an unsuccessful answer into an *Error. Its text is a
// stranger's: it is cut, and control characters are taken out.
func readError(resp *http.Response, body io.Reader) error {
	e := new(Error)
	if b, err := readAll(body, 64<<10); err == nil && json.Unmarshal(b, e) != nil {
		e = new(Error)
	}
	e.HTTPStatus = strconv.Itoa(resp.StatusCode)
	if e.Title = clean(e.Title); e.Title == "" {
		e.Title = http.StatusText(resp.StatusCode)
	}
	e.Description = clean(e.Description)
	e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	return e
}

func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) && r != ' ' {
			return -1
		}
		return r
	}, s)
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + "…"
	}
	return s
}

// retryAfter reads seconds or a date (RFC 7231 §7.1.3); 0 if there is neither.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && n >= 0 {
		return time.Duration(min(n, 1<<30)) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}
