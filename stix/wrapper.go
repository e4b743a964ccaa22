package stix

import (
	"bytes"
	"io"
	"slices"
)

// wrapper reads the outer object: the members of a bundle or envelope up to its
// list of objects, or else a whole single object.
//
// Until the list is met, nothing is passed that would be needed if this turned
// out to be a single object; so the members are looked at where they stand.
func (r *Reader) wrapper() (Item, error) {
	var e extent
	whole := e.feedTo(&r.w, MaxObject)
	head := r.w.rest()[:min(whole, len(r.w.rest()))]
	if !hasObjects(head) {
		return r.single()
	}
	r.w.pass(1) // {
	r.step = (*Reader).member
	return Item{}, nil
}

// feedTo reads ahead until the value at the cursor ends, the list of objects
// shows, or limit is reached, and returns how many bytes it looked at.
func (e *extent) feedTo(w *window, limit int) int {
	n, checked := 0, 0
	for {
		n += e.feed(w.buf[w.pos+n:])
		if e.done || n > limit {
			return n
		}
		if n >= 2*checked { // looking again at doubled lengths keeps the work linear
			if checked = n; hasObjects(w.rest()[:n]) {
				return n
			}
		}
		if !w.more() {
			return n
		}
	}
}

// hasObjects reports whether a text, which may be cut off, is an object with a
// top-level member "objects" that is a list.
func hasObjects(text []byte) bool {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			end := stringEnd(text, i)
			if depth == 1 && string(text[i:end]) == `"objects"` {
				rest := bytes.TrimLeft(text[end:], " \t\r\n")
				if len(rest) > 0 && rest[0] == ':' {
					rest = bytes.TrimLeft(rest[1:], " \t\r\n")
					return len(rest) > 0 && rest[0] == '['
				} // else it is a value
			}
			i = end - 1
		}
	}
	return false
}

// stringEnd returns the end of the string that begins at i, at most len(text).
func stringEnd(text []byte, i int) int {
	for i++; i < len(text); i++ {
		i += plainPrefix(text[i:])
		if i >= len(text) {
			break
		}
		if text[i] == '"' {
			return i + 1
		}
		if text[i] == '\\' {
			i++
		}
	}
	return len(text)
}

// single reads the outer object as an object in its own right, or as a wrapper
// that holds nothing.
func (r *Reader) single() (Item, error) {
	line, offset := r.w.line, r.w.offset
	raw, e, ended, err := r.w.value(MaxObject)
	r.step = (*Reader).end
	if err != nil {
		r.step = (*Reader).nextLine // it may have been the first line of many
		return r.item(raw, line, offset, tooLong()), nil
	}
	if r.w.failed() != nil {
		return Item{}, r.broken("the input cannot be read")
	}
	if !ended || e.torn {
		_, gateErr := Parse(raw)
		return r.item(raw, line, offset, gateErr), nil
	}
	if r.emptyWrapper(raw) {
		return Item{}, nil
	}
	return r.item(raw, line, offset, nil), nil
}

// emptyWrapper reports whether raw is a bundle or an envelope without objects:
// both may leave the list out.
func (r *Reader) emptyWrapper(raw []byte) bool {
	nodes, gerr := scan(raw)
	if gerr != nil {
		return false
	}
	root := Value{&doc{raw: raw, text: string(raw), nodes: nodes}, 0}
	if root.Get("type").Str() == "bundle" && !root.Get("objects").Exists() {
		r.typ, r.bundleID = "bundle", root.Get("id").Str()
		return true
	}
	for name := range root.Members() {
		if name != "more" && name != "next" {
			return false
		}
	}
	return true
}

// member reads one member of a wrapper.
func (r *Reader) member() (Item, error) {
	if c, ok := r.w.space(); !ok || c != '"' {
		return Item{}, r.broken("expected a member name of the bundle or envelope")
	}
	raw, _, ended, err := r.w.value(MaxName)
	if !ended || err != nil {
		return Item{}, r.broken("a member name of the bundle or envelope does not end")
	}
	if err := r.addName(raw); err != nil {
		return Item{}, err
	}
	if c, _ := r.w.space(); c != ':' {
		return Item{}, r.broken("expected : after a member name of the bundle or envelope")
	}
	r.w.pass(1)
	c, _ := r.w.space()
	name := r.names[len(r.names)-1]
	if name == "objects" {
		if c != '[' {
			return Item{}, r.broken("objects must be a list")
		}
		if err := r.checkWrapper(); err != nil {
			return Item{}, err
		}
		r.w.pass(1)
		r.step = (*Reader).firstElement
		return Item{}, nil
	}
	return Item{}, r.plainMember(name)
}

// addName notes a member name; the gate's rules about names hold here too.
func (r *Reader) addName(raw []byte) error {
	name := string(raw[1 : len(raw)-1])
	folded := string(appendFolded(nil, name))
	switch {
	case len(r.names) == MaxMembers:
		return r.broken("the bundle or envelope has more than %d members", MaxMembers)
	case bytes.IndexByte(raw, '\\') >= 0 || folded != name:
		return r.broken("the member name %s is written in a way that readers differ on", shorten(string(raw)))
	case slices.Contains(r.names, name):
		return r.broken("the member name %s stands twice", quoteShort(name))
	case policyNames[name] && name != "spec_version":
		return r.broken("a bundle or envelope cannot carry %s; mark its objects", name)
	}
	r.names = append(r.names, name)
	return nil
}

// plainMember reads a member's value and what separates it from the next.
func (r *Reader) plainMember(name string) error {
	raw, e, ended, err := r.w.value(MaxMember)
	if err != nil || !ended || e.torn || len(raw) == 0 {
		return r.broken("the member %s does not end within %d bytes", quoteShort(name), MaxMember)
	}
	nodes, gerr := scan(slices.Concat([]byte(`{"v":`), raw, []byte{'}'}))
	if gerr != nil {
		return r.broken("member %s: %s", quoteShort(name), gerr.Message)
	}
	if nodes[2].kind == String {
		switch text := unquote(raw[1 : len(raw)-1]); name {
		case "type":
			r.typ = text
		case "id":
			r.bundleID = text
		}
	}
	return r.separator()
}

// separator passes the comma between two members or the closing brace.
func (r *Reader) separator() error {
	c, ok := r.w.space()
	switch {
	case ok && c == ',':
		r.w.pass(1)
		r.step = (*Reader).member
		return nil
	case ok && c == '}':
		r.w.pass(1)
		r.step = (*Reader).end
		return r.checkWrapper()
	}
	return r.broken("expected , or } in the bundle or envelope")
}

// checkWrapper judges what is known of the wrapper.
func (r *Reader) checkWrapper() error {
	if slices.Contains(r.names, "type") && r.typ != "bundle" {
		return r.broken("only a bundle or a TAXII envelope holds a list of objects, this is %s", quoteShort(r.typ))
	}
	if r.typ == "bundle" && r.bundleID != "" && ID(r.bundleID).Type() != "bundle" {
		return r.broken("the id of the bundle, %s, is malformed", quoteShort(r.bundleID))
	}
	return nil
}

func (r *Reader) firstElement() (Item, error) {
	if c, ok := r.w.space(); ok && c == ']' {
		return Item{}, r.endList()
	}
	return r.element()
}

func (r *Reader) endList() error {
	r.w.pass(1)
	return r.separator()
}

// element reads one object of the list and what follows it.
func (r *Reader) element() (Item, error) {
	c, ok := r.w.space()
	if !ok || c == ',' || c == ']' || c == '}' || c == ':' {
		return Item{}, r.broken("expected an object in the list of objects")
	}
	line, offset := r.w.line, r.w.offset
	raw, e, ended, err := r.w.value(MaxObject)
	var refusal error
	if err != nil {
		refusal = tooLong()
	}
	item := r.item(raw, line, offset, refusal)
	switch {
	case r.w.failed() != nil && !ended:
		return Item{}, r.broken("the input cannot be read")
	case !ended || e.torn || c == '{' && e.last != '}' || c == '[' && e.last != ']':
		r.step = func(r *Reader) (Item, error) { return Item{}, r.broken("%s", errUncertain) }
	default:
		r.step = (*Reader).afterElement
	}
	return item, nil
}

func (r *Reader) afterElement() (Item, error) {
	c, ok := r.w.space()
	switch {
	case ok && c == ',':
		r.w.pass(1)
		r.step = (*Reader).element
		return Item{}, nil
	case ok && c == ']':
		return Item{}, r.endList()
	}
	return Item{}, r.broken("expected , or ] after an object")
}

// end makes sure that nothing follows.
func (r *Reader) end() (Item, error) {
	if _, ok := r.w.space(); ok {
		return Item{}, r.broken("there is more text after the end")
	}
	if r.w.failed() != nil {
		return Item{}, r.broken("the input cannot be read")
	}
	return Item{}, io.EOF
}
