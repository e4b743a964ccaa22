package taxii

import (
	"encoding/json"
	"fmt"
	"time"
)

// Media types. The forms written here, without a space after the semicolon,
// are the ones the standard prints (TAXII 2.1 §1.6.8); what is read may have one.
const (
	MediaType     = "application/taxii+json;version=2.1"
	STIXMediaType = "application/stix+json;version=2.1"
)

// DiscoveryPath is where discovery lives on every server (TAXII 2.1 §1.6.5, §4.1).
const DiscoveryPath = "/taxii2/"

// timeLayout is the form of every timestamp that TAXII itself defines:
// microseconds, always six digits, always Z (TAXII 2.1 §2, type timestamp).
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Time is a TAXII timestamp: an instant, written in UTC with exactly six
// fractional digits. Reading accepts any RFC 3339 form, since servers differ.
type Time struct{ time.Time }

// NewTime returns t as a TAXII timestamp, cut to whole microseconds.
func NewTime(t time.Time) Time { return Time{t.UTC().Truncate(time.Microsecond)} }

// String gives the form of the standard, for example "2026-02-27T10:00:00.000000Z".
func (t Time) String() string { return t.UTC().Format(timeLayout) }

// MarshalJSON writes the form of the standard.
func (t Time) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// UnmarshalJSON reads any RFC 3339 timestamp; nothing but a string is accepted.
func (t *Time) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("timestamp is not a string: %w", err)
	}
	v, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return fmt.Errorf("timestamp %.40q is not RFC 3339", s)
	}
	t.Time = v.UTC()
	return nil
}

// Discovery says who runs a server and which API roots it offers (TAXII 2.1 §4.1.1).
type Discovery struct {
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Contact     string   `json:"contact,omitempty"`
	Default     string   `json:"default,omitempty"`   // one of APIRoots
	APIRoots    []string `json:"api_roots,omitempty"` // absolute https URLs or absolute paths
}

// APIRoot describes one API root (TAXII 2.1 §4.2.1).
type APIRoot struct {
	Title            string   `json:"title"`
	Description      string   `json:"description,omitempty"`
	Versions         []string `json:"versions"`
	MaxContentLength int64    `json:"max_content_length"` // bytes of one POST body; above 0
}

// Collection describes one collection (TAXII 2.1 §5.2.1).
type Collection struct {
	ID          string   `json:"id"` // a UUID
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Alias       string   `json:"alias,omitempty"` // another name for ID in URLs, unique in its root
	CanRead     bool     `json:"can_read"`
	CanWrite    bool     `json:"can_write"`
	MediaTypes  []string `json:"media_types,omitempty"` // empty when served: STIX 2.1
}

// Collections is the answer of the collections endpoint (TAXII 2.1 §5.1.1).
type Collections struct {
	Collections []Collection `json:"collections,omitempty"`
}

// Envelope carries objects (TAXII 2.1 §3.7). The bytes of each object are
// exactly those that came or will go.
type Envelope struct {
	More    bool              `json:"more,omitempty"`
	Next    string            `json:"next,omitempty"`
	Objects []json.RawMessage `json:"objects,omitempty"`
}

// ManifestRecord describes one version of one object (TAXII 2.1 §5.3.1).
type ManifestRecord struct {
	ID        string `json:"id"`
	DateAdded Time   `json:"date_added"`
	Version   string `json:"version"` // the string as its author wrote it, never reformatted
	MediaType string `json:"media_type,omitempty"`
}

// Manifest is a list of manifest records (TAXII 2.1 §5.3.1).
type Manifest struct {
	More    bool             `json:"more,omitempty"`
	Next    string           `json:"next,omitempty"` // not in the standard's table; see the package comment
	Objects []ManifestRecord `json:"objects,omitempty"`
}

// Versions lists the versions of one object (TAXII 2.1 §5.8.1).
type Versions struct {
	More     bool     `json:"more,omitempty"`
	Next     string   `json:"next,omitempty"` // as in Manifest
	Versions []string `json:"versions,omitempty"`
}

// The two states of a Status (TAXII 2.1 §4.3.1).
const (
	StatusComplete = "complete"
	StatusPending  = "pending"
)

// Status tells what became of a POST (TAXII 2.1 §4.3.1).
// TotalCount is the sum of the three other counts.
type Status struct {
	ID               string         `json:"id"` // a UUID
	Status           string         `json:"status"`
	RequestTimestamp Time           `json:"request_timestamp,omitzero"`
	TotalCount       int            `json:"total_count"`
	SuccessCount     int            `json:"success_count"`
	Successes        []StatusDetail `json:"successes,omitempty"`
	FailureCount     int            `json:"failure_count"`
	Failures         []StatusDetail `json:"failures,omitempty"`
	PendingCount     int            `json:"pending_count"`
	Pendings         []StatusDetail `json:"pendings,omitempty"`
}

// StatusDetail is one object's part in a Status (TAXII 2.1 §4.3.1).
type StatusDetail struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Message string `json:"message,omitempty"`
}
