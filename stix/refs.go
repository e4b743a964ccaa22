package stix

import "strconv"

// Ref is a reference from an object to another.
type Ref struct {
	Property string // the name of the property that refers, such as "source_ref"
	Path     string // where it stands, such as "granular_markings[0].marking_ref"
	Target   ID
}

// Refs returns every reference the object makes: each identifier that stands in
// a property named _ref or _refs at any depth, in extensions and custom
// properties too, including nested lists and dictionaries below such a property.
// The keys of extensions are not references. The same target is returned once
// per property name, at the first place it stands.
func (o *Object) Refs() []Ref {
	w := refWalk{d: &o.doc}
	w.value(0, "")
	return w.refs
}

type refWalk struct {
	d    *doc
	path []byte
	refs []Ref
	seen map[target]bool // once there are many
}

type target struct {
	id       ID
	property string
}

// fewRefs is the number of references up to which they are simply compared.
const fewRefs = 16

// value collects below the node at; property is the referring property it
// stands in, "" outside of any. It returns the node after the subtree.
func (w *refWalk) value(at uint32, property string) {
	n, mark := w.d.nodes[at], len(w.path)
	switch n.kind {
	case String:
		if n.flags&flagID != 0 {
			w.add(ID(w.d.str(at)), property)
		}
	case Array:
		index := 0
		for i := at + 1; i < n.link; i = w.d.nodes[i].link {
			w.path = append(strconv.AppendInt(append(w.path, '['), int64(index), 10), ']')
			w.value(i, property)
			w.path = w.path[:mark]
			index++
		}
	case Dictionary:
		for k := at + 1; k < n.link; k = w.d.nodes[k+1].link {
			name := w.d.str(k)
			if mark > 0 {
				w.path = append(w.path, '.')
			}
			w.path = append(w.path, name...)
			if w.d.nodes[k].flags&flagRef != 0 {
				w.value(k+1, name)
			} else {
				w.value(k+1, property)
			}
			w.path = w.path[:mark]
		}
	}
}

func (w *refWalk) add(id ID, property string) {
	if len(w.refs) < fewRefs {
		for _, r := range w.refs {
			if r.Target == id && r.Property == property {
				return
			}
		}
	} else {
		if w.seen == nil {
			w.seen = make(map[target]bool)
			for _, r := range w.refs {
				w.seen[target{r.Target, r.Property}] = true
			}
		}
		if w.seen[target{id, property}] {
			return
		}
		w.seen[target{id, property}] = true
	}
	w.refs = append(w.refs, Ref{Property: property, Path: string(w.path), Target: id})
}
