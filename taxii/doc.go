// Package taxii speaks TAXII 2.1 (OASIS Standard, 10 June 2021): the resources,
// a server as an http.Handler over a small Backend, and a client that copes with
// the servers that exist. It knows nothing of databases and nothing of policy.
//
// # Server
//
// Handler checks every question and dresses every answer; a Backend says who is
// asking, what exists for that caller and in which order. Objects leave as Body
// values, written between the handler's own punctuation: they are never parsed,
// re-encoded or even seen, so what comes out is byte for byte what the backend
// let go.
//
// Decisions where the standard leaves room:
//
//   - A path without its trailing slash gets 308 to the path with it, whatever
//     the path is, before anything is looked up (§3.1 requires the slash of the
//     client; the known servers redirect).
//   - A collection that the backend lists but does not let the caller read or
//     write answers 403, since the caller knows it already; one it does not list
//     answers 404, the same bytes as for one that does not exist (§5.3 to §5.8).
//   - next is also sent in manifests and versions, where the standard's tables
//     forget it; clients page there for ever without it.
//   - An empty answer carries no X-TAXII-Date-Added headers: there is no such date.
//   - match[version] and match[spec_version] work on one object and on DELETE;
//     DELETE without match[version] means all versions (§5.6, §5.7).
//   - HEAD asks the backend exactly what GET asks, bodies included, since the
//     length of the answer is theirs; nothing but headers is sent.
//   - A body of exactly max_content_length bytes is accepted (§4.2.1, §5.5).
//
// # Cursors
//
// The value of next is opaque and stateless: the position, encrypted and
// authenticated together with the caller, root, collection, endpoint and filter
// it belongs to. Any other use of it is 400. limit may change between pages. The
// same question gives the same bytes, and all cursors are of one length.
//
// # What can go wrong
//
// A backend that counts pages wrongly (longer than asked, positions not
// ascending, more without a way on) gets 500, not a wrong page. A Body that
// writes another length than it announced cuts the connection, so that the
// client sees a broken answer and not a short one. A server of strangers can
// send anything: the client caps sizes, times, retries and pages, never sends
// credentials to another host, and returns ErrLoop rather than turning in circles.
package taxii
