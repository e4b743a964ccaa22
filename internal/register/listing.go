package register

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"entente/stix"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// namespace separates the identifiers derived here from all others
// (stix.DeterministicID). Changing it would give every listing a new identity
// at every partner.
const namespace = "register"

// Listing is one entry of a list, as the STIX identity it became.
type Listing struct {
	// ID is the identity's STIX id, derived from list and reference number.
	ID stix.ID
	// Reference is the list's own number for the entry, such as "QDi.001".
	// It is empty for the publisher's identity and for lists without numbers.
	Reference string
	// Line is the line of the source on which the entry begins; 0 for the
	// publisher's identity.
	Line int
	// Object is the identity as canonical JSON (RFC 8785), at most 1 MiB; only
	// the Entente identity stands as package stix writes it, because the same
	// version of an object has the same bytes everywhere. The receiver must not
	// change it.
	Object []byte
}

// EntryError says why one entry was left out. Reading goes on after it.
type EntryError struct {
	Line      int    // line of the source on which the entry begins
	Reference string // the entry's reference number, if it had been read
	Reason    string // what is wrong and what to do, one line
}

func (e *EntryError) Error() string {
	if e.Reference == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
	}
	return fmt.Sprintf("line %d: entry %s: %s", e.Line, e.Reference, e.Reason)
}

// FileError says why the source cannot be read any further. What came before
// it stands, what comes after it is unknown: the list must not be taken as
// complete.
type FileError struct {
	Line int // line of the source, 1 or more
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap gives the cause, so that errors.Is finds errors of the reader.
func (e *FileError) Unwrap() error { return e.Err }

// stream yields the publisher and then what next gives, until next fails with
// anything but an *EntryError. line says where the source stands.
func stream(publisher Listing, next func() (Listing, error), line func() int) iter.Seq2[Listing, error] {
	return func(yield func(Listing, error) bool) {
		l, err := publisher, error(nil)
		for {
			var bad *EntryError
			switch {
			case err == io.EOF:
				return
			case err != nil && !errors.As(err, &bad):
				yield(Listing{}, &FileError{Line: line(), Err: err})
				return
			case !yield(l, err):
				return
			}
			l, err = next()
		}
	}
}

// identity is the STIX 2.1 identity (section 4.5) with the members we use.
type identity struct {
	Type         string                  `json:"type"`
	SpecVersion  string                  `json:"spec_version"`
	ID           stix.ID                 `json:"id"`
	CreatedByRef stix.ID                 `json:"created_by_ref,omitempty"`
	Created      string                  `json:"created"`
	Modified     string                  `json:"modified"`
	Name         string                  `json:"name"`
	Class        string                  `json:"identity_class"`
	Roles        []string                `json:"roles,omitempty"`
	External     []externalReference     `json:"external_references,omitempty"`
	Extensions   map[stix.ID]*attributes `json:"extensions,omitempty"`
}

type externalReference struct {
	SourceName string `json:"source_name"`
	ExternalID string `json:"external_id"`
}

// newIdentity begins an identity whose id is derived from name.
func newIdentity(name string, created, modified time.Time) *identity {
	return &identity{
		Type:        "identity",
		SpecVersion: "2.1",
		ID:          stix.DeterministicID("identity", namespace, name),
		Created:     timestamp(created),
		Modified:    timestamp(modified),
	}
}

// listing encodes the identity.
func (o *identity) listing(reference string, line int) (Listing, error) {
	raw, err := json.Marshal(o)
	if err != nil {
		return Listing{}, fmt.Errorf("cannot be written as JSON: %w", err)
	}
	v := jsontext.Value(raw)
	if err := v.Canonicalize(); err != nil {
		return Listing{}, fmt.Errorf("cannot be written as canonical JSON: %w", err)
	}
	if len(v) > stix.MaxObject {
		return Listing{}, fmt.Errorf("becomes an object of %d bytes; the gate takes %d", len(v), stix.MaxObject)
	}
	return Listing{ID: o.ID, Reference: reference, Line: line, Object: v}, nil
}

// timestamp writes t as a STIX timestamp with milliseconds.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
