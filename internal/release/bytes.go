package release

import "io"

// Bytes is a stored object on its way to a partner: the one thing that code
// which answers partners may write, and nothing outside this package can make
// one that holds anything. Its content is what the decision judged, verbatim.
type Bytes struct{ b []byte }

// WriteTo writes the object.
func (b Bytes) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(b.b)
	return int64(n), err
}

// Len returns the length of the object in bytes.
func (b Bytes) Len() int { return len(b.b) }
