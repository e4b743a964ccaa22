package taxii

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// What a Backend answers when it cannot or will not. Each has one HTTP status;
// the text of a wrapped error never leaves the process. A backend that wants to
// say more to the client returns an *Error instead.
//
// The client returns *Error values for which errors.Is finds these same values.
var (
	ErrInvalid      = errors.New("taxii: the request is malformed")             // 400
	ErrUnauthorized = errors.New("taxii: who is asking is not established")     // 401
	ErrForbidden    = errors.New("taxii: the caller may not do this")           // 403: admits that the thing exists
	ErrNotFound     = errors.New("taxii: there is nothing here for the caller") // 404
	ErrTooLarge     = errors.New("taxii: the body is larger than allowed")      // 413
	ErrUnusable     = errors.New("taxii: nothing in the body can be used")      // 422
	ErrUnavailable  = errors.New("taxii: the service is busy or down")          // 503
)

var statusOf = map[error]int{
	ErrInvalid: http.StatusBadRequest, ErrUnauthorized: http.StatusUnauthorized,
	ErrForbidden: http.StatusForbidden, ErrNotFound: http.StatusNotFound,
	ErrTooLarge: http.StatusRequestEntityTooLarge, ErrUnusable: http.StatusUnprocessableEntity,
	ErrUnavailable: http.StatusServiceUnavailable,
}

// Error is the error resource (TAXII 2.1 §3.6.1). Everything in it is meant for
// the other side: a backend must not put anything here that the caller may not
// know, and the client must treat it as text from a stranger.
type Error struct {
	Title           string         `json:"title"`
	Description     string         `json:"description,omitempty"`
	ErrorID         string         `json:"error_id,omitempty"`
	ErrorCode       string         `json:"error_code,omitempty"`
	HTTPStatus      string         `json:"http_status,omitempty"` // "404"
	ExternalDetails string         `json:"external_details,omitempty"`
	Details         map[string]any `json:"details,omitempty"`

	// RetryAfter is how long to wait before asking again (429 and 503); 0: not said.
	RetryAfter time.Duration `json:"-"`
}

// Code is HTTPStatus as a number, 0 when it is missing or no number.
func (e *Error) Code() int { n, _ := strconv.Atoi(e.HTTPStatus); return n }

// Error gives status, title and description in one line.
func (e *Error) Error() string {
	s := "taxii: " + e.HTTPStatus + " " + e.Title
	if e.Description != "" {
		s += ": " + e.Description
	}
	return s
}

// Is makes errors.Is(err, ErrNotFound) and its siblings work on an *Error.
func (e *Error) Is(target error) bool {
	code, ok := statusOf[target]
	return ok && code == e.Code()
}
