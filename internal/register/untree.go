package register

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// builder makes the tree of one entry within the bounds.
type builder struct {
	open     []*element // from the entry down to the element being read
	elements int
	text     int
	longest  int // bytes of the longest element name
}

// tree reads from the entry's start tag to its end tag. why is set when a bound
// was passed; the entry has then been skipped to its end and the tree holds
// what came before. An error means that the file cannot be read further.
func (u *unReader) tree(t xml.StartElement) (e *element, why string, err error) {
	b := &builder{}
	b.begin(t)
	e = b.open[0]
	for len(b.open) > 0 {
		t, err := u.token()
		if err != nil {
			return nil, "", err
		}
		switch t := t.(type) {
		case xml.StartElement:
			b.begin(t)
		case xml.CharData:
			b.add(string(t))
		case xml.EndElement:
			b.end()
		}
		if why := b.exceeded(); why != "" {
			return e, why, u.skip(len(b.open))
		}
	}
	return e, "", nil
}

func (b *builder) begin(t xml.StartElement) {
	e := &element{name: t.Name.Local}
	for _, a := range t.Attr {
		e.attrs = append(e.attrs, unknownText{a.Name.Local, a.Value})
		b.text += len(a.Name.Local) + len(a.Value)
	}
	if n := len(b.open); n > 0 {
		b.open[n-1].kids = append(b.open[n-1].kids, e)
	}
	b.open = append(b.open, e)
	b.elements += 1 + len(e.attrs)
	b.text += len(e.name)
	b.longest = max(b.longest, len(e.name))
}

// add appends to the text of the open element; comments and CDATA sections may
// split a text.
func (b *builder) add(s string) {
	b.text += len(s)
	b.open[len(b.open)-1].text += s
}

func (b *builder) end() {
	last := len(b.open) - 1
	b.open[last].text = strings.TrimSpace(b.open[last].text)
	b.open = b.open[:last]
}

// exceeded names the bound that was passed, or is empty.
func (b *builder) exceeded() string {
	switch {
	case len(b.open) > maxDepth:
		return fmt.Sprintf("nests deeper than %d elements", maxDepth)
	case b.elements > maxElements:
		return fmt.Sprintf("has more than %d elements and attributes", maxElements)
	case b.longest > maxTag:
		return fmt.Sprintf("has an element whose name is longer than %d bytes", maxTag)
	case b.text > maxText:
		return fmt.Sprintf("holds more than %d bytes of text", maxText)
	}
	return ""
}

// skip reads on until the given number of open elements is closed.
func (u *unReader) skip(open int) error {
	for open > 0 {
		t, err := u.token()
		if err != nil {
			return err
		}
		switch t.(type) {
		case xml.StartElement:
			if open++; open > maxSkip {
				return fmt.Errorf("elements nest deeper than %d", maxSkip)
			}
		case xml.EndElement:
			open--
		}
	}
	return nil
}
