// Package label holds the facts on which a release decision rests, and their
// algebra.
//
// A [Label] is what is known about the handling of one submission of one
// object: how it is marked, whose it is, whom it concerns, how sure it is. It
// contains facts only, never a judgement: whether the object may leave is for
// package policy. Objects with equal labels form one class, and a decision is
// taken per class.
//
// # The algebra
//
// Several markings, a container and an intake profile each state facts, and
// [Join] puts them together: the maximum of ordered facts, the union of
// restrictions, the intersection of permissions, the worst state. Join is
// commutative, associative, idempotent and monotone: whatever is joined to a
// label, the result is at least as strict. The zero Label states nothing and is
// the identity. Facts that can only be equal or different (scheme, content,
// group, origin) join to [Mixed] when they differ, a value that no agreement
// accepts; two different legal bases are none.
//
// "Nothing stated" and "the empty set" are different things: an absent list of
// recipients restricts nothing, an empty one excludes everybody. [Label.Final]
// turns what is still unstated into its most restrictive value. Policy sees
// final labels only.
//
// # Default and floor
//
// An intake profile has two tables. What it says under [always] is joined in
// any case and nothing can loosen it. What it says under [default] stands for a
// fact that neither a marking nor the container states; a marking that speaks
// replaces it. So an unmarked delivery is treated strictly and one that its
// originator marked TLP:GREEN is green. Adding a marking therefore never
// loosens a fact that is already stated; it can replace a default.
//
// # What is ours
//
// Two facts and one grading scheme go beyond the release model's table:
//
//   - published: its source has lawfully made it public. The third-party rule
//     excepts public listings, and that exception needs a fact of its own:
//     TLP:CLEAR says that the originator sets no limit, not that the material
//     is already public. Only a profile can state it; joined by AND.
//   - marked: the object's own bytes carry markings at least as strict as the
//     label (tlp, pap, level, handling, caveats). A plain TAXII or MISP client
//     sees only the bytes; where the container or the profile made the label
//     stricter, plain carriage would lose the restriction.
//   - the scheme "ungraded" (source none, info 0): reference data was never
//     graded as intelligence, which is not the same as a grade nobody stated.
//
// Recipients and consents are part of the label, so a class with named recipients
// is a class of its own; a store may keep the lists elsewhere and intern them.
// They never travel: whoever writes an envelope leaves them out, and with them
// own, origin, published and marked, which the receiver establishes for itself.
//
// # What can go wrong
//
// A marking nobody can read, or a reference to one that is not there, gives
// [Unreadable]: someone else's restriction that we do not understand must not
// be ignored. A value outside its range or vocabulary is an error that names
// field and value. The tripwire of [Build] looks for personal data by patterns;
// it finds what looks like it, not what is meant: it can miss a name and it can
// mistake a number. It raises the label, never lowers it.
//
// TLP 1.0 AMBER (share within the organisation and with clients who need to
// know) is read as TLP 2.0 AMBER, because FIRST's text of 2.0 gives AMBER that
// meaning and gives the narrower one a new name, AMBER+STRICT. WHITE is CLEAR.
//
// Everything here is pure: no clock (Now is a parameter), no files, no network.
// All values are safe for concurrent use as long as nobody changes their slices.
package label
