package stix

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Reader takes the objects out of a bundle, a TAXII envelope, a single object or
// a line-delimited file (one object per line, lines end in \n only: texts may
// hold other separators such as U+2028). Which of these it is shows by itself.
//
// A Reader holds at most about 1 MiB of its input, however long that is. It
// hands out each object's bytes exactly as they stand. One bad object does not
// stop the rest wherever it is certain where the next one begins.
// A Reader belongs to one goroutine.
type Reader struct {
	w        window
	step     func(*Reader) (Item, error)
	index    int
	bundleID string
	names    []string // the wrapper's member names so far
	typ      string   // the wrapper's type
	err      error    // sticky
}

// Item is one object as it came out of a container, or the reason why it did not.
type Item struct {
	Object *Object
	Err    error  // why this one object was refused; Object is nil then, and reading goes on
	Line   int    // 1-based line of the object's first byte
	Offset int64  // byte offset of the object's first byte
	Index  int    // 0-based place among the container's objects, refused ones included
	ID     string // the object's id; of a refused object, as far as it could be made out
}

// ContainerError says why a container cannot be read any further.
type ContainerError struct {
	Offset  int64
	Line    int
	Message string
	Err     error // the read error behind it, if any
}

// Error returns the reason in one line.
func (e *ContainerError) Error() string {
	s := fmt.Sprintf("cannot read on at line %d, byte %d: %s", e.Line, e.Offset, e.Message)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the read error behind it.
func (e *ContainerError) Unwrap() error { return e.Err }

// NewReader returns a Reader of r. It reads nothing yet.
func NewReader(r io.Reader) *Reader {
	return &Reader{w: window{in: r, line: 1}, step: (*Reader).begin}
}

// BundleID returns the identifier of the bundle being read as soon as it has
// been met, which may be after the objects; "" for other containers.
func (r *Reader) BundleID() string {
	if r.typ != "bundle" {
		return ""
	}
	return r.bundleID
}

// Next returns the next object, good or refused. It returns io.EOF after the
// last; any other error means that the container cannot be read any further.
func (r *Reader) Next() (Item, error) {
	for r.err == nil {
		item, err := r.step(r)
		if err == nil && (item.Object != nil || item.Err != nil) {
			return item, nil
		}
		r.err = err
	}
	return Item{}, r.err
}

func (r *Reader) broken(format string, args ...any) error {
	return &ContainerError{Offset: r.w.offset, Line: r.w.line, Message: fmt.Sprintf(format, args...), Err: r.w.failed()}
}

// item passes one object through the gate.
func (r *Reader) item(raw []byte, line int, offset int64, refusal error) Item {
	it := Item{Line: line, Offset: offset, Index: r.index}
	r.index++
	if refusal == nil {
		o, err := Parse(raw)
		if err == nil {
			it.Object, it.ID = o, string(o.ID())
			return it
		}
		refusal = err
	}
	it.Err, it.ID = refusal, guessID(raw)
	return it
}

func tooLong() error {
	return &GateError{Offset: MaxObject, Rule: RuleSize, Message: "the object is longer than the 1 MiB allowed"}
}

// begin finds out what the input is.
func (r *Reader) begin() (Item, error) {
	c, ok := r.w.space()
	switch {
	case !ok && r.w.failed() != nil:
		return Item{}, r.broken("the input cannot be read")
	case !ok:
		return Item{}, io.EOF
	case c != '{':
		return Item{}, r.broken("expected a bundle, an envelope, an object or lines of objects, all beginning with {")
	}
	if r.lineDelimited() {
		r.step = (*Reader).nextLine
	} else {
		r.step = (*Reader).wrapper
	}
	return Item{}, nil
}

// lineDelimited looks at the first line: an object by itself, or a damaged one
// followed by a line that begins another, makes a line-delimited file.
func (r *Reader) lineDelimited() bool {
	n := 0
	for {
		if i := bytes.IndexByte(r.w.rest()[n:], '\n'); i >= 0 {
			n += i
			break
		}
		n = len(r.w.rest())
		if !r.w.more() {
			return false // one line only: a wrapper or a single object
		}
	}
	line := bytes.TrimRight(r.w.rest()[:n], " \t\r")
	var e extent
	if end := e.feed(line); e.done && end == len(line) {
		return !hasObjects(line)
	}
	if bytes.IndexByte([]byte(",:[{"), line[len(line)-1]) >= 0 {
		return false
	}
	next, ok := r.w.at(n + 1)
	return ok && next == '{'
}

// nextLine reads one line of a line-delimited file.
func (r *Reader) nextLine() (Item, error) {
	if _, ok := r.w.space(); !ok {
		if r.w.failed() != nil {
			return Item{}, r.broken("the input cannot be read")
		}
		return Item{}, io.EOF
	}
	line, offset, n := r.w.line, r.w.offset, 0
	for {
		rest := r.w.rest()
		if i := bytes.IndexByte(rest[n:], '\n'); i >= 0 {
			n += i
			break
		}
		n = len(rest)
		if n > MaxObject {
			return r.skipLine(line, offset)
		}
		if !r.w.more() {
			if r.w.failed() != nil {
				return Item{}, r.broken("the input cannot be read")
			}
			break
		}
	}
	raw := bytes.Clone(bytes.TrimRight(r.w.rest()[:n], " \t\r"))
	r.w.pass(n)
	if len(raw) > MaxObject {
		return r.item(raw[:MaxObject], line, offset, tooLong()), nil
	}
	return r.item(raw, line, offset, nil), nil
}

// skipLine passes the rest of an over-long line.
func (r *Reader) skipLine(line int, offset int64) (Item, error) {
	head := bytes.Clone(r.w.rest()[:MaxObject])
	for {
		rest := r.w.rest()
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			r.w.pass(i)
			break
		}
		r.w.pass(len(rest))
		if !r.w.more() {
			if r.w.failed() != nil {
				return Item{}, r.broken("the input cannot be read")
			}
			break
		}
	}
	return r.item(head, line, offset, tooLong()), nil
}

// guessID makes out the id of a text that was refused, for the report to its
// sender. It reads no further than the first identifier-like member id.
func guessID(raw []byte) string {
	const key = `"id"`
	for from := 0; ; {
		i := bytes.Index(raw[from:], []byte(key))
		if i < 0 {
			return ""
		}
		from += i + len(key)
		rest := bytes.TrimLeft(raw[from:], " \t\r\n")
		if len(rest) == 0 || rest[0] != ':' {
			continue
		}
		rest = bytes.TrimLeft(rest[1:], " \t\r\n")
		if len(rest) < 2 || rest[0] != '"' {
			continue
		}
		end := bytes.IndexByte(rest[1:], '"')
		if end < 0 || end > 300 {
			continue
		}
		if id := string(rest[1 : 1+end]); looksLikeID(id) && ID(id).Valid() {
			return id
		}
	}
}

// errUncertain is the refusal of an object after which the next cannot be found.
var errUncertain = errors.New("where the next object begins is uncertain")
