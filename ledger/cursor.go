package ledger

import "iter"

// cursor reads a sequence one element ahead.
type cursor[T any] struct {
	next func() (T, error, bool)
	stop func()
	head *T // read but not taken yet
	err  error
}

// newCursor reads seq; a nil seq is empty. Call stop when done.
func newCursor[T any](seq iter.Seq2[T, error]) cursor[T] {
	next, stop := iter.Pull2(sequence(seq))
	return cursor[T]{next: next, stop: stop}
}

// peek returns the next element without taking it; nil at the end.
func (c *cursor[T]) peek() (*T, error) {
	if c.head == nil && c.err == nil {
		if v, err, ok := c.next(); ok && err != nil {
			c.err = err
		} else if ok {
			c.head = &v
		}
	}
	return c.head, c.err
}

func (c *cursor[T]) drop() { c.head = nil }

// take returns the next element; nil at the end.
func (c *cursor[T]) take() (*T, error) {
	v, err := c.peek()
	c.head = nil
	return v, err
}

// sequence returns seq, or an empty sequence for nil.
func sequence[T any](seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	if seq == nil {
		return func(func(T, error) bool) {}
	}
	return seq
}
