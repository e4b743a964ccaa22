package taxii

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Add posts objects to a collection (TAXII 2.1 §5.5), in as many envelopes as
// the root's max_content_length asks for; on 413 a batch is halved. The objects
// go out as they are. It returns one Status per envelope that was accepted. What
// the server refused whole (an object too large by itself, a batch with nothing
// usable: ErrTooLarge, ErrUnusable) is named in the error by position, and the
// rest is still sent; any other error ends the call.
func (c *Client) Add(ctx context.Context, root, collection string, objects []json.RawMessage) ([]Status, error) {
	u, err := c.at(root, "collections", collection, "objects")
	if err != nil {
		return nil, err
	}
	info, err := c.Root(ctx, root)
	if err != nil {
		return nil, err
	}
	size := info.MaxContentLength
	if size <= 0 {
		size = DefaultMaxContentLength
	}
	s := &submission{c: c, url: u}
	for from := 0; from < len(objects); {
		to := from + batch(objects[from:], size)
		if err := s.send(ctx, objects[from:to], from); err != nil {
			return s.done, errors.Join(append(s.refused, err)...)
		}
		from = to
	}
	return s.done, errors.Join(s.refused...)
}

const envelopeHead, envelopeTail = `{"objects":[`, `]}`

// maxBatch bounds the objects in one envelope, so that one slow server answer
// does not decide over everything.
const maxBatch = 5000

// batch counts how many objects fit into a body shorter than size; at least 1.
func batch(objects []json.RawMessage, size int64) int {
	n, total := 0, int64(len(envelopeHead)+len(envelopeTail))
	for _, o := range objects {
		total += int64(len(o)) + 1
		if n > 0 && (total > size || n == maxBatch) {
			break
		}
		n++
	}
	return n
}

// submission is one Add under way.
type submission struct {
	c       *Client
	url     *url.URL
	done    []Status
	refused []error
}

// send posts one batch whose first object has the position first in the whole.
func (s *submission) send(ctx context.Context, objects []json.RawMessage, first int) error {
	var st Status
	err := s.c.askJSON(ctx, http.MethodPost, s.url, envelope(objects), &st)
	switch {
	case err == nil:
		s.done = append(s.done, st)
		return nil
	case errors.Is(err, ErrTooLarge) && len(objects) > 1:
		half := len(objects) / 2
		if err := s.send(ctx, objects[:half], first); err != nil {
			return err
		}
		return s.send(ctx, objects[half:], first+half)
	case errors.Is(err, ErrTooLarge), errors.Is(err, ErrUnusable):
		if len(s.refused) < 100 {
			s.refused = append(s.refused, fmt.Errorf("objects %d to %d: %w", first, first+len(objects)-1, err))
		}
		return nil
	}
	return err
}

func envelope(objects []json.RawMessage) []byte {
	var b bytes.Buffer
	b.WriteString(envelopeHead)
	for i, o := range objects {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(o)
	}
	b.WriteString(envelopeTail)
	return b.Bytes()
}

// Status asks what became of a submission (§4.3).
func (c *Client) Status(ctx context.Context, root, id string) (Status, error) {
	var st Status
	u, err := c.at(root, "status", id)
	if err != nil {
		return st, err
	}
	return st, c.getJSON(ctx, u, &st)
}

// Await asks for a status until it is complete, every second at first and every
// half minute in the end. Bound it with ctx: a server may never complete. On an
// error it returns the last status it had.
func (c *Client) Await(ctx context.Context, root string, st Status) (Status, error) {
	for wait := time.Second; st.Status != StatusComplete; wait = min(wait*2, 30*time.Second) {
		if err := c.sleep(ctx, wait); err != nil {
			return st, err
		}
		now, err := c.Status(ctx, root, st.ID)
		if err != nil {
			return st, err
		}
		st = now
	}
	return st, nil
}

// Delete removes an object from a collection, or with q.Versions and
// q.SpecVersions some of its versions (§5.7). The standard leaves open what a
// server deletes when q names no version: name them.
func (c *Client) Delete(ctx context.Context, root, collection, object string, q Query) error {
	u, err := c.at(root, "collections", collection, "objects", object)
	if err != nil {
		return err
	}
	p := pager{url: u, q: Query{Versions: q.Versions, SpecVersions: q.SpecVersions}}
	return c.askJSON(ctx, http.MethodDelete, p.address(), nil, nil)
}
