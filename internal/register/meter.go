package register

import (
	"bufio"
	"fmt"
	"io"
)

// meter is what stands between a parser that buffers whole tokens and a source
// that may never end one: it fails once a token, or the file, is larger than
// allowed. encoding/xml reads through ReadByte, so nothing is read ahead of it.
// Owned by one goroutine.
type meter struct {
	r     *bufio.Reader
	total int64 // bytes given out
	left  int   // bytes the current token may still take
	size  int   // what allow last granted, for the message
	err   error // the first failure other than io.EOF; stays
}

func newMeter(r io.Reader) *meter { return &meter{r: bufio.NewReaderSize(r, 64<<10)} }

// allow grants n bytes to the next token.
func (m *meter) allow(n int) { m.left, m.size = n, n }

func (m *meter) ReadByte() (byte, error) {
	if m.err != nil {
		return 0, m.err
	}
	b, err := m.r.ReadByte()
	if err == io.EOF {
		return 0, io.EOF
	}
	m.total++
	m.left--
	switch {
	case err != nil:
		m.err = err
	case m.left < 0:
		m.err = fmt.Errorf("a tag or text is larger than %d bytes", m.size)
	case m.total > maxList:
		m.err = fmt.Errorf("the file is larger than %d bytes", maxList)
	}
	return b, m.err
}

// Read gives what ReadByte gives; a parser that prefers it is bounded as well.
func (m *meter) Read(p []byte) (int, error) {
	for n := range p {
		b, err := m.ReadByte()
		if err != nil {
			return n, err
		}
		p[n] = b
	}
	return len(p), nil
}
