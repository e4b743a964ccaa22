package taxii

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

// discovery answers GET /taxii2/ (TAXII 2.1 §4.1). API roots are given as
// relative URLs, which hold under any name the server is reached by.
func (h *handler) discovery(q *request) error {
	s := q.server
	d := Discovery{Title: s.Title, Description: s.Description, Contact: s.Contact}
	for _, r := range s.Roots {
		d.APIRoots = append(d.APIRoots, r.Path)
		if r.Path == s.Default {
			d.Default = s.Default
		}
	}
	return writeJSON(q.w, http.StatusOK, d)
}

// apiRoot answers GET {api-root}/ (§4.2).
func (h *handler) apiRoot(q *request) error {
	return writeJSON(q.w, http.StatusOK, APIRoot{
		Title: q.root.Title, Description: q.root.Description,
		Versions: []string{MediaType}, MaxContentLength: q.root.MaxContentLength,
	})
}

// status answers GET {api-root}/status/{id}/ (§4.3).
func (h *handler) status(q *request) error {
	s, err := h.backend.Status(q.Context(), q.caller, q.root.Path, q.part)
	if err != nil {
		return err
	}
	return writeJSON(q.w, http.StatusOK, s.consistent())
}

// consistent makes the total what the standard says it is.
func (s Status) consistent() Status {
	s.TotalCount = s.SuccessCount + s.FailureCount + s.PendingCount
	return s
}

// collections answers GET {api-root}/collections/ (§5.1).
func (h *handler) collections(q *request) error {
	list, err := h.backend.Collections(q.Context(), q.caller, q.root.Path)
	if err != nil {
		return err
	}
	out := Collections{Collections: make([]Collection, len(list))}
	for i, c := range list {
		out.Collections[i] = c.served()
	}
	return writeJSON(q.w, http.StatusOK, out)
}

// collection answers GET {api-root}/collections/{id}/ (§5.2).
func (h *handler) collection(q *request) error {
	return writeJSON(q.w, http.StatusOK, q.coll.served())
}

// served names the media types, which nothing else would say.
func (c Collection) served() Collection {
	if len(c.MediaTypes) == 0 {
		c.MediaTypes = []string{STIXMediaType}
	}
	return c
}

// add answers POST {api-root}/collections/{id}/objects/ (§5.5).
func (h *handler) add(q *request) error {
	if !q.coll.CanWrite {
		return ErrForbidden
	}
	enc := q.Header.Get("Content-Encoding")
	if !contentTypeOK(q.Header.Get("Content-Type")) || enc != "" && !strings.EqualFold(enc, "identity") {
		return errMediaType
	}
	if q.ContentLength > q.root.MaxContentLength {
		return ErrTooLarge
	}
	// The server's own writer, so that it closes a connection that is still sending.
	body := &bodyReader{r: http.MaxBytesReader(q.w.ResponseWriter, q.Body, q.root.MaxContentLength)}
	s, err := h.backend.Add(q.Context(), q.caller, q.root.Path, q.coll.ID, body, q.ContentLength)
	if body.tooLarge {
		return ErrTooLarge
	}
	if err != nil {
		return err
	}
	return writeJSON(q.w, http.StatusAccepted, s.consistent())
}

// bodyReader gives ErrTooLarge for a body over the limit and remembers it.
type bodyReader struct {
	r        io.Reader
	tooLarge bool
}

// Read reads from the body of the request.
func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		b.tooLarge = true
		err = ErrTooLarge
	}
	return n, err
}

// delete answers DELETE {api-root}/collections/{id}/objects/{object}/ (§5.7).
func (h *handler) delete(q *request) error {
	switch c := q.coll; {
	case !c.CanRead && !c.CanWrite:
		return ErrNotFound
	case !c.CanRead || !c.CanWrite:
		return ErrForbidden
	}
	query, _, err := parseQuery(q.URL.RawQuery, epDelete)
	if err != nil {
		return err
	}
	query.Object = q.part
	if err := h.backend.Delete(q.Context(), q.caller, q.root.Path, q.coll.ID, q.part, query); err != nil {
		return err
	}
	q.w.Header().Set("Content-Length", "0")
	q.w.WriteHeader(http.StatusOK)
	return nil
}
