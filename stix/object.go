package stix

// Object is one STIX object that passed the gate: its bytes as they came and an
// index over them. It is immutable and safe for concurrent use.
type Object struct {
	doc
	id, typ, spec     string
	creator           string
	created, modified string
	revoked           bool
	markings          Value
	granular          Value
}

// index notes where the common properties are.
func (o *Object) index() {
	for name, v := range o.Root().Members() {
		switch name {
		case "id":
			o.id = v.Str()
		case "type":
			o.typ = v.Str()
		case "spec_version":
			o.spec = v.Str()
		case "created_by_ref":
			o.creator = v.Str()
		case "created":
			o.created = v.Str()
		case "modified":
			o.modified = v.Str()
		case "revoked":
			o.revoked = v.Bool()
		case "object_marking_refs":
			o.markings = v
		case "granular_markings":
			o.granular = v
		}
	}
}

// Raw returns the object's bytes exactly as they came. Do not modify them.
func (o *Object) Raw() []byte { return o.raw }

// Root returns the object as a Value, the way to every property.
func (o *Object) Root() Value { return Value{&o.doc, 0} }

// ID returns the object's identifier; it is well-formed and of the object's type.
func (o *Object) ID() ID { return ID(o.id) }

// Type returns the object's type name.
func (o *Object) Type() string { return o.typ }

// SpecVersion returns the stated version of the standard. Where none is stated
// it is "2.1" for observables, which may omit it, and "2.0" for all others,
// since that version had no such property (§3.2).
func (o *Object) SpecVersion() string {
	switch {
	case o.spec != "":
		return o.spec
	case o.IsObservable():
		return "2.1"
	}
	return "2.0"
}

// CreatedBy returns created_by_ref, "" if the creator is not stated.
func (o *Object) CreatedBy() ID { return ID(o.creator) }

// Created returns the timestamp of the first version as sent, "" if absent.
func (o *Object) Created() string { return o.created }

// Modified returns the timestamp of this version as sent, "" if absent.
func (o *Object) Modified() string { return o.modified }

// Version returns the string that names this version of the object: modified,
// else created, else "" (TAXII 2.1 §3.4.1). It is never reformatted.
func (o *Object) Version() string {
	if o.modified != "" {
		return o.modified
	}
	return o.created
}

// Revoked reports whether this version withdraws the object.
func (o *Object) Revoked() bool { return o.revoked }

// IsObservable reports whether the type is one of the standard's cyber-observables (§6).
func (o *Object) IsObservable() bool { return isObservable(o.typ) }

// Markings returns the markings of the whole object, object_marking_refs.
func (o *Object) Markings() []ID {
	var ids []ID
	for item := range o.markings.Items() {
		ids = append(ids, ID(item.Str()))
	}
	return ids
}

// GranularMarking marks parts of an object (§7.2.3): with a marking, or with the
// language of a text, in which case Marking is "".
type GranularMarking struct {
	Marking   ID
	Lang      string
	Selectors []string
}

// Granular returns the object's granular markings in order.
func (o *Object) Granular() []GranularMarking {
	var out []GranularMarking
	for item := range o.granular.Items() {
		out = append(out, GranularMarking{
			Marking:   ID(item.Get("marking_ref").Str()),
			Lang:      item.Get("lang").Str(),
			Selectors: item.Get("selectors").strs(),
		})
	}
	return out
}
