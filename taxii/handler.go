package taxii

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Config holds what a Handler needs to know besides its Backend.
type Config struct {
	// Key encrypts page cursors. Nodes that serve the same backend share it; a
	// new key makes every cursor in clients' hands worthless (they get 400 and
	// start again from added_after).
	Key [32]byte
	// Challenges are the WWW-Authenticate values of a 401. Empty: HTTP Basic.
	Challenges []string
	// OnError, if set, is told of every failure that became a 5xx or cut a
	// connection. It may be called concurrently and must not write to the client.
	OnError func(r *http.Request, err error)
}

// Handler serves discovery at DiscoveryPath and every API root of the backend at
// its path; anything else under it is 404. It can be mounted at "/" or at each of
// those prefixes. It does no TLS: the server around it does (TLS 1.2 or later,
// no early data, §8.2.2).
func Handler(cfg Config, b Backend) http.Handler {
	if len(cfg.Challenges) == 0 {
		cfg.Challenges = []string{`Basic realm="TAXII", charset="UTF-8"`}
	}
	return &handler{backend: b, cursors: newCursors(cfg.Key), challenges: cfg.Challenges, onError: cfg.OnError}
}

type handler struct {
	backend    Backend
	cursors    *cursors
	challenges []string
	onError    func(*http.Request, error)
}

// request is one request on its way through the handler.
type request struct {
	*http.Request
	w      *recorder
	caller Caller
	server Server
	root   Root
	coll   Collection
	part   string // object or status id in the path
}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rw := &recorder{ResponseWriter: w}
	setHeaders(rw.Header(), r)
	defer func() {
		switch p := recover(); {
		case p == nil:
		case p == http.ErrAbortHandler:
			panic(p)
		case rw.wrote: // too late for a status: let the client see a broken answer
			h.report(r, fmt.Errorf("panic: %v", p))
			panic(http.ErrAbortHandler)
		default:
			h.fail(rw, r, fmt.Errorf("panic: %v", p))
		}
	}()
	if err := h.serve(rw, r); err != nil {
		if rw.wrote {
			if r.Context().Err() == nil { // else it is the client that has gone
				h.report(r, err)
			}
			panic(http.ErrAbortHandler)
		}
		h.fail(rw, r, err)
	}
}

// serve decides which endpoint is meant and runs it.
func (h *handler) serve(w *recorder, r *http.Request) error {
	path := r.URL.Path
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") {
		return ErrNotFound
	}
	if !strings.HasSuffix(path, "/") {
		to := url.URL{Path: path + "/", RawQuery: r.URL.RawQuery}
		w.Header().Set("Location", to.EscapedPath()+query(r))
		w.WriteHeader(http.StatusPermanentRedirect)
		return nil
	}
	caller, err := h.backend.Caller(r)
	if err != nil {
		return err
	}
	server, err := h.backend.Server(r.Context(), caller)
	if err != nil {
		return err
	}
	q := &request{Request: r, w: w, caller: caller, server: server}
	methods, err := h.route(q, path)
	if err != nil {
		return err
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, m := range methods {
		if m.name == method {
			if !acceptable(r.Header.Values("Accept"), m.stix) {
				return errNotAcceptable
			}
			return m.run(q)
		}
	}
	w.Header().Set("Allow", allow(methods))
	if method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return errMethod
}

// query gives the raw query with its question mark, for a redirect.
func query(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return "?" + r.URL.RawQuery
}

// method is one HTTP method of an endpoint.
type method struct {
	name string
	stix bool // the STIX media type is acceptable too (§5.3)
	run  func(*request) error
}

func get(run func(*request) error) method { return method{name: http.MethodGet, run: run} }

func allow(methods []method) string {
	s := "OPTIONS"
	for _, m := range methods {
		s += ", " + m.name
		if m.name == http.MethodGet {
			s += ", HEAD"
		}
	}
	return s
}

// route finds the endpoint of a path by its shape alone: whether a collection or
// an object exists is asked later, so that methods tell nothing about it.
func (h *handler) route(q *request, path string) ([]method, error) {
	if path == DiscoveryPath {
		return []method{get(h.discovery)}, nil
	}
	found := false
	for _, root := range q.server.Roots { // the longest path that fits
		if strings.HasPrefix(path, root.Path) && (!found || len(root.Path) > len(q.root.Path)) {
			q.root, found = root, true
		}
	}
	if !found {
		return nil, ErrNotFound
	}
	if q.root.MaxContentLength <= 0 {
		q.root.MaxContentLength = DefaultMaxContentLength
	}
	rest := strings.TrimSuffix(path[len(q.root.Path):], "/")
	if rest == "" {
		return []method{get(h.apiRoot)}, nil
	}
	p := strings.Split(rest, "/")
	switch {
	case p[0] == "status" && len(p) == 2:
		q.part = p[1]
		return []method{get(h.status)}, nil
	case p[0] != "collections" || len(p) > 5:
		return nil, ErrNotFound
	case len(p) == 1:
		return []method{get(h.collections)}, nil
	}
	q.coll.ID = p[1] // until in() has looked it up
	if len(p) > 3 {
		q.part = p[3]
	}
	switch {
	case len(p) == 2:
		return []method{get(h.in(h.collection))}, nil
	case p[2] == "manifest" && len(p) == 3:
		list := get(h.in(h.list(epManifest)))
		list.stix = true
		return []method{list}, nil
	case p[2] != "objects":
		return nil, ErrNotFound
	case len(p) == 3:
		return []method{get(h.in(h.list(epObjects))), {name: http.MethodPost, run: h.in(h.add)}}, nil
	case len(p) == 4:
		return []method{get(h.in(h.list(epObject))), {name: http.MethodDelete, run: h.in(h.delete)}}, nil
	case p[4] == "versions":
		return []method{get(h.in(h.list(epVersions)))}, nil
	}
	return nil, ErrNotFound
}

// in looks up the collection that the path names, by id or alias, among those
// the caller may know, and then runs the endpoint.
func (h *handler) in(run func(*request) error) func(*request) error {
	return func(q *request) error {
		list, err := h.backend.Collections(q.Context(), q.caller, q.root.Path)
		if err != nil {
			return err
		}
		name := q.coll.ID
		for _, c := range list {
			if c.ID == name {
				q.coll = c
				return run(q)
			}
		}
		for _, c := range list {
			if c.Alias != "" && c.Alias == name {
				q.coll = c
				return run(q)
			}
		}
		return ErrNotFound
	}
}

var (
	errNotAcceptable = errors.New("taxii: none of the accepted media types can be served") // 406
	errMethod        = errors.New("taxii: no such method here")                            // 405
	errMediaType     = errors.New("taxii: the body is of another media type")              // 415
)
