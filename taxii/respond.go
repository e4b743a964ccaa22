package taxii

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// setHeaders sets what every answer carries, errors included. Answers are one
// caller's own and must not be kept by anything between.
func setHeaders(h http.Header, r *http.Request) {
	h.Set("Content-Type", MediaType)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// recorder remembers whether an answer has begun.
type recorder struct {
	http.ResponseWriter
	wrote bool
}

// WriteHeader begins the answer.
func (w *recorder) WriteHeader(code int) { w.wrote = true; w.ResponseWriter.WriteHeader(code) }

// Write begins the answer if nothing has.
func (w *recorder) Write(b []byte) (int, error) { w.wrote = true; return w.ResponseWriter.Write(b) }

// Unwrap lets http.ResponseController and http.MaxBytesReader reach the server's writer.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// writeJSON writes one resource.
func writeJSON(w http.ResponseWriter, code int, v any) error {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	s := strings.TrimSuffix(b.String(), "\n")
	w.Header().Set("Content-Length", strconv.Itoa(len(s)))
	w.WriteHeader(code)
	_, _ = w.Write([]byte(s)) // the client has gone: nobody left to tell
	return nil
}

// fixed answers: what the client is told for each error, whatever caused it.
var fixed = []struct {
	err         error
	code        int
	title, text string
}{
	{ErrInvalid, http.StatusBadRequest, "Bad request", "The request is malformed."},
	{ErrUnauthorized, http.StatusUnauthorized, "Unauthorized", "Authenticate to use this server."},
	{ErrForbidden, http.StatusForbidden, "Forbidden", "You may not do this in this collection."},
	{ErrNotFound, http.StatusNotFound, "Not found", "There is nothing here for you."},
	{errMethod, http.StatusMethodNotAllowed, "Method not allowed", "See the Allow header."},
	{errNotAcceptable, http.StatusNotAcceptable, "Not acceptable", "Ask for " + MediaType + "."},
	{ErrTooLarge, http.StatusRequestEntityTooLarge, "Too large", "The body is longer than max_content_length of this API root."},
	{errMediaType, http.StatusUnsupportedMediaType, "Unsupported media type", "Send " + MediaType + " without content encoding."},
	{ErrUnusable, http.StatusUnprocessableEntity, "Unprocessable", "Nothing in the body can be used."},
	{ErrUnavailable, http.StatusServiceUnavailable, "Unavailable", "Try again later."},
}

// resource turns any error into the error resource the client gets. Only an
// *Error made for the client and a parameter's fault say something of their own.
func resource(err error) *Error {
	var own *Error
	if errors.As(err, &own) && own.Code() >= 400 && own.Code() < 600 {
		return own
	}
	var bad *badParam
	if errors.As(err, &bad) {
		return &Error{Title: "Bad request", Description: "The " + bad.Error() + ".", HTTPStatus: "400"}
	}
	for _, f := range fixed {
		if errors.Is(err, f.err) {
			return &Error{Title: f.title, Description: f.text, HTTPStatus: strconv.Itoa(f.code)}
		}
	}
	return &Error{Title: "Internal error", Description: "The server could not answer.", HTTPStatus: "500"}
}

// fail answers with an error resource.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := resource(err)
	code := e.Code()
	if code == http.StatusUnauthorized {
		for _, c := range h.challenges {
			w.Header().Add("WWW-Authenticate", c)
		}
	}
	wait := e.RetryAfter
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((wait.Seconds() + 0.999))))
	}
	if code >= 500 {
		h.report(r, err)
	}
	if e.Title == "" {
		own := *e
		own.Title = http.StatusText(code)
		e = &own
	}
	if werr := writeJSON(w, code, e); werr != nil { // Details that are no JSON
		h.report(r, werr)
		_ = writeJSON(w, code, &Error{Title: http.StatusText(code), HTTPStatus: e.HTTPStatus})
	}
}

func (h *handler) report(r *http.Request, err error) {
	if h.onError != nil {
		h.onError(r, err)
	}
}
