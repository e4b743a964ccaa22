package taxii

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Backend is what a Handler asks. It decides who the caller is, what exists for
// that caller and in which order; the handler decides what is a well-formed
// question and how an answer looks on the wire.
//
// Every method may be called concurrently. Errors: see ErrNotFound and its
// siblings; any other error becomes 500 without details. What a caller may not
// know must be answered like what does not exist (ErrNotFound, or simply not in
// the list).
type Backend interface {
	// Caller tells who is asking. ErrUnauthorized gives 401; a backend that
	// serves the public returns a Caller for nobody instead.
	Caller(r *http.Request) (Caller, error)

	// Server describes the server and the API roots this caller may know.
	Server(ctx context.Context, c Caller) (Server, error)

	// Collections lists what this caller may know of in a root, in an order that
	// does not change between calls. root is a Root.Path that Server returned.
	Collections(ctx context.Context, c Caller, root string) ([]Collection, error)

	// List returns the records after q.After that match q, ascending by Position.
	// It serves objects, manifest, one object and its versions alike. collection
	// is a Collection.ID, never an alias, and its CanRead is true. With q.Object
	// set and nothing of that object visible to the caller: ErrNotFound; visible
	// but filtered away: an empty page.
	List(ctx context.Context, c Caller, root, collection string, q Query) (Page, error)

	// Add takes one envelope from body. size is its length in bytes or -1.
	// An error from body (ErrTooLarge among them) means that the request is
	// incomplete: nothing of it may be kept. The answer names each object under
	// successes, failures or pendings. When nothing was usable: ErrUnusable, or an
	// *Error with status 422 that says why under Details.
	Add(ctx context.Context, c Caller, root, collection string, body io.Reader, size int64) (Status, error)

	// Status returns what Add returned to this same caller, brought up to date.
	Status(ctx context.Context, c Caller, root, id string) (Status, error)

	// Delete makes an object, or the versions that q.Versions and q.SpecVersions
	// name, invisible to the caller. Only those two fields of q and q.Object are
	// set. Without match[version] q.Versions.All is true. ErrNotFound for what is
	// not visible.
	Delete(ctx context.Context, c Caller, root, collection, object string, q Query) error
}

// Caller identifies who asks. The handler looks at nothing but CursorKey.
type Caller interface {
	// CursorKey is a stable name of what this caller may see, unique among
	// callers: a page cursor issued under one key is refused under any other.
	CursorKey() string
}

// Server is what discovery says, and the API roots with their paths.
type Server struct {
	Title, Description, Contact string
	Default                     string // the Path of one of Roots, or empty
	Roots                       []Root // in a stable order
}

// Root is one API root.
type Root struct {
	Path               string // "/api1/": begins and ends with a slash, is unique, is not DiscoveryPath
	Title, Description string
	MaxContentLength   int64 // longest POST body in bytes; 0: DefaultMaxContentLength
}

// DefaultMaxContentLength holds when a Root sets no limit: 64 MiB.
const DefaultMaxContentLength = 64 << 20

// Query is one question about one collection. The zero value asks for the
// newest version of everything, from the start.
type Query struct {
	After        int64        // exclusive position in the caller's view; 0: from the start
	AddedAfter   time.Time    // exclusive; zero: no bound
	Limit        int          // most records wanted; 0: the caller named none
	Object       string       // only this object (the object and versions endpoints)
	IDs          []string     // any of these; nil: any
	Types        []string     // any of these; nil: any
	SpecVersions []string     // any of these; nil: the newest of each object
	Versions     VersionMatch // zero: the newest of each object
	Bodies       bool         // false: Record.Body is not needed (manifest, versions)
}

// VersionMatch says which versions of an object are wanted: the union of what
// is set; nothing set means Last (TAXII 2.1 §3.4.1). Last and First refer to
// what the caller may see.
type VersionMatch struct {
	Last, First, All bool
	Exact            []string // timestamps as the client wrote them; compare as instants
}

// Record is one version of one object as the caller sees it.
type Record struct {
	Position    int64     // above 0, strictly ascending in the view
	ID          string    // STIX identifier
	Type        string    // STIX type
	Version     string    // modified, else created, else a fixed value; the string as its author wrote it
	SpecVersion string    // "2.1"
	MediaType   string    // empty: STIXMediaType
	DateAdded   time.Time // strictly ascending with Position, whole microseconds
	Body        Body      // nil unless Query.Bodies
}

// Body is one object on its way out. The handler copies it to the wire between
// its own punctuation and never looks inside, so that a program can use a type
// that only its release decision is able to make.
type Body interface {
	io.WriterTo
	Len() int // bytes WriteTo will write
}

// Page is one answer to a Query, never longer than Query.Limit.
type Page struct {
	Records []Record
	More    bool  // there is, or may be, more after these
	Next    int64 // with More: where to go on, exclusive; 0: after the last record
}
