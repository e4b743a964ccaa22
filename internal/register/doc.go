// Package register brings published lists of persons and groups into the form
// that everything else exchanges: a STIX 2.1 identity that carries our listing
// extension (stix.ListingExtension; member by member in docs/spec/listing.md).
//
// It reads two sources: the XML of the United Nations Security Council
// consolidated list (ReadUN) and our own table of names of listed groups
// (Groups, ReadGroups). Both are streams of Listing values whose first value
// is the identity named by created_by_ref of all the others, so that a
// reference never precedes its target.
//
// What holds for every listing:
//   - The same entry gives the same bytes on every machine and in every run:
//     ids are derived from the reference number, times from the entry's own
//     dates, and the JSON is canonical (RFC 8785). No clock is read.
//   - Nothing is lost: what we have no member for is kept, with the path of the
//     element it stood in, under the extension's member "other". Only leading
//     and trailing white space and empty elements are dropped, and white space
//     inside one-line values is folded to single spaces.
//   - No judgement is added. A date in words stays in words, two entries are
//     never merged, and a name is never corrected.
//
// What can go wrong: one entry that cannot be read (no reference number, no
// date of listing, too large) is reported as an *EntryError and reading goes
// on; a file that is not well-formed XML, or that holds a document type
// declaration, is reported as a *FileError and reading stops there, because
// what follows cannot be trusted to mean what it seems to mean. The caller sees
// which of the two it was and must not treat a list that ended in a *FileError
// as complete: a missing entry would look like a delisting.
//
// An entry that was changed by its publisher without any of its dates or its
// version number changing yields other bytes at the same STIX version. That is
// a conflict which a person must look at; this package does not hide it by
// inventing a newer time.
package register
