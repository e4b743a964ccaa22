package taxii

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// list answers the four endpoints that page through a collection (TAXII 2.1
// §5.3, §5.4, §5.6, §5.8).
func (h *handler) list(ep endpoint) func(*request) error {
	return func(q *request) error {
		if !q.coll.CanRead {
			return ErrForbidden
		}
		query, next, err := parseQuery(q.URL.RawQuery, ep)
		if err != nil {
			return err
		}
		query.Object = q.part
		bound := binding(q.caller.CursorKey(), q.root.Path, q.coll.ID, ep, query)
		if next != "" {
			var ok bool
			if query.After, ok = h.cursors.open(bound, next); !ok {
				return &badParam{"next", "was not given out for this question"}
			}
		}
		page, err := h.backend.List(q.Context(), q.caller, q.root.Path, q.coll.ID, query)
		if err != nil {
			return err
		}
		if err := page.check(query); err != nil {
			return err
		}
		next = ""
		if page.More {
			next = h.cursors.seal(bound, page.Next)
		}
		return writePage(q.w, ep, page, next)
	}
}

// check refuses a page that would lead the client astray, and fills in Next.
func (p *Page) check(q Query) error {
	if q.Limit > 0 && len(p.Records) > q.Limit {
		return fmt.Errorf("taxii: backend gave %d records where %d were asked for", len(p.Records), q.Limit)
	}
	last := q.After
	for i := range p.Records {
		r := &p.Records[i]
		if r.Position <= last {
			return fmt.Errorf("taxii: backend gave position %d after %d", r.Position, last)
		}
		if last = r.Position; q.Bodies && r.Body == nil {
			return fmt.Errorf("taxii: backend gave no body at position %d", r.Position)
		}
	}
	if p.Next == 0 {
		p.Next = last
	}
	if p.More && (p.Next <= q.After || p.Next < last) {
		return fmt.Errorf("taxii: backend has more after position %d but no way on", last)
	}
	return nil
}

// writePage writes head, items and tail. Everything is counted before the first
// byte leaves, so that the answer has a length and a short one is seen as broken.
func writePage(w http.ResponseWriter, ep endpoint, p Page, next string) error {
	head, tail := "{", "}"
	if p.More {
		head += `"more":true,"next":"` + next + `"`
	}
	if len(p.Records) > 0 {
		if p.More {
			head += ","
		}
		if ep == epVersions {
			head += `"versions":[`
		} else {
			head += `"objects":[`
		}
		tail = "]}"
		w.Header().Set("X-TAXII-Date-Added-First", NewTime(p.Records[0].DateAdded).String())
		w.Header().Set("X-TAXII-Date-Added-Last", NewTime(p.Records[len(p.Records)-1].DateAdded).String())
	}
	if ep == epObjects || ep == epObject {
		return writeBodies(w, head, tail, p.Records)
	}
	buf := make([]byte, 0, len(head)+len(tail)+len(p.Records)*220)
	buf = append(buf, head...)
	for i, r := range p.Records {
		if i > 0 {
			buf = append(buf, ',')
		}
		if ep == epVersions {
			buf = appendString(buf, r.Version)
		} else {
			buf = appendManifest(buf, r)
		}
	}
	buf = append(buf, tail...)
	w.Header().Set("Content-Length", strconv.Itoa(len(buf)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(buf)
	return nil
}

// appendManifest appends one ManifestRecord.
func appendManifest(b []byte, r Record) []byte {
	b = appendString(append(b, `{"id":`...), r.ID)
	b = NewTime(r.DateAdded).AppendFormat(append(b, `,"date_added":"`...), timeLayout)
	b = appendString(append(b, `","version":`...), r.Version)
	b = appendString(append(b, `,"media_type":`...), cmp.Or(r.MediaType, STIXMediaType))
	return append(b, '}')
}

// appendString appends a JSON string; ids and timestamps need no escapes.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // a string cannot fail
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

var buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(io.Discard, 64<<10) }}

// errShort says that a Body did not keep its word; the connection is cut.
var errShort = errors.New("taxii: a body wrote another length than it announced")

// writeBodies writes an envelope. The objects go from Body.WriteTo to the wire
// without being looked at.
func writeBodies(w http.ResponseWriter, head, tail string, records []Record) error {
	size := int64(len(head) + len(tail) + max(0, len(records)-1))
	for i := range records {
		size += int64(records[i].Body.Len())
	}
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	w.WriteHeader(http.StatusOK)

	buf := buffers.Get().(*bufio.Writer)
	buf.Reset(w)
	defer func() { buf.Reset(io.Discard); buffers.Put(buf) }()
	_, err := buf.WriteString(head)
	for i := 0; i < len(records) && err == nil; i++ {
		if i > 0 {
			_ = buf.WriteByte(',') // its error comes back with the next write
		}
		var n int64
		n, err = records[i].Body.WriteTo(buf)
		if err == nil && n != int64(records[i].Body.Len()) {
			err = errShort
		}
	}
	if err == nil {
		_, _ = buf.WriteString(tail)
		err = buf.Flush()
	}
	return err
}
