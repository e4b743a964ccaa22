package stix

import (
	"bytes"
	"errors"
	"io"
)

// Limits of a container.
const (
	// MaxMember is the greatest length of a wrapper's member other than objects.
	MaxMember = 64 << 10
	// MaxMembers is the greatest number of a wrapper's members.
	MaxMembers = 64
)

// maxWindow bounds what a Reader holds of its input: one object and the byte
// that shows it to be too long.
const maxWindow = MaxObject + 1

var errTooLong = errors.New("longer than 1 MiB")

// window is a growing view of an input: buf[pos:] is what was read and not yet
// passed. It knows where in the input it is.
type window struct {
	in     io.Reader
	buf    []byte
	pos    int
	offset int64 // input offset of buf[pos]
	line   int   // 1-based line of buf[pos]
	err    error // sticky; io.EOF at the end
}

// more reads further input behind buf. It reports false at the end of the input,
// on an error, and when the window is full.
func (w *window) more() bool {
	if w.err != nil {
		return false
	}
	if w.pos > 0 && len(w.buf) == cap(w.buf) {
		w.buf = w.buf[:copy(w.buf, w.buf[w.pos:])]
		w.pos = 0
	}
	if len(w.buf) == cap(w.buf) {
		if len(w.buf) >= maxWindow {
			return false
		}
		grown := make([]byte, len(w.buf), min(max(16<<10, 2*cap(w.buf)), maxWindow))
		copy(grown, w.buf)
		w.buf = grown
	}
	for range 100 {
		n, err := w.in.Read(w.buf[len(w.buf):cap(w.buf)])
		w.buf = w.buf[:len(w.buf)+n]
		if err != nil {
			w.err = err
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
	w.err = io.ErrNoProgress
	return false
}

// at returns the byte i places ahead, reading as needed.
func (w *window) at(i int) (byte, bool) {
	for w.pos+i >= len(w.buf) {
		if !w.more() {
			return 0, false
		}
	}
	return w.buf[w.pos+i], true
}

// rest is what has been read and not yet passed.
func (w *window) rest() []byte { return w.buf[w.pos:] }

// pass moves n bytes ahead, counting lines.
func (w *window) pass(n int) {
	w.line += bytes.Count(w.buf[w.pos:w.pos+n], []byte{'\n'})
	w.pos += n
	w.offset += int64(n)
}

// space passes white space and returns the byte that follows.
func (w *window) space() (byte, bool) {
	for {
		c, ok := w.at(0)
		if !ok || (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
			return c, ok
		}
		w.pass(1)
	}
}

// failed returns a read error other than the end of the input.
func (w *window) failed() error {
	if w.err == nil || w.err == io.EOF {
		return nil
	}
	return w.err
}

// extent finds the end of a JSON value of any kind without judging it. It knows
// strings and brackets, which is enough to find where the value ends as long as
// these are sound.
type extent struct {
	depth   int
	inText  bool
	escaped bool
	torn    bool // a raw control character in a string: where it ends is uncertain
	started bool
	done    bool
	scalar  bool
	last    byte // the bracket that closed the value
}

// feed reads b and returns how many of its bytes belong to the value.
func (e *extent) feed(b []byte) int {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case e.escaped:
			e.escaped = false
		case e.inText:
			if n := plainPrefix(b[i:]); n > 0 {
				i += n - 1
				continue
			}
			switch c {
			case '\\':
				e.escaped = true
			case '"':
				e.inText = false
				if e.depth == 0 {
					e.done = true
					return i + 1
				}
			default:
				e.torn = true
			}
		case c == '"':
			if e.scalar {
				e.done = true
				return i
			}
			e.inText = true
		case c == '{' || c == '[':
			if e.scalar {
				e.done = true
				return i
			}
			e.depth++
		case c == '}' || c == ']':
			if e.depth == 0 {
				e.done = true
				return i
			}
			if e.depth--; e.depth == 0 {
				e.last, e.done = c, true
				return i + 1
			}
		case e.depth == 0:
			if c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r' {
				e.done = true
				return i
			}
			e.scalar = true
		}
		e.started = true
	}
	return len(b)
}

// value returns the bytes of the value that begins at the cursor and passes
// them. Beyond limit it keeps only the beginning, passes the whole value all the
// same and reports errTooLong. ended is false if the input ends inside.
func (w *window) value(limit int) (raw []byte, e extent, ended bool, err error) {
	n := 0
	for {
		n += e.feed(w.buf[w.pos+n:])
		if e.done || n > limit || !w.more() {
			break
		}
	}
	if n > limit {
		err = errTooLong
		raw = bytes.Clone(w.buf[w.pos : w.pos+limit])
		w.pass(n)
		for !e.done {
			if len(w.rest()) == 0 && !w.more() {
				break
			}
			w.pass(e.feed(w.rest()))
		}
	} else {
		raw = bytes.Clone(w.buf[w.pos : w.pos+n])
		w.pass(n)
	}
	return raw, e, e.done || e.scalar && w.err != nil, err
}
