// Package stix reads STIX 2.1 objects without ever changing them.
//
// It has three parts that build on each other:
//
//   - the gate ([Parse]) decides whether a text is JSON that every careful
//     reader understands in the same way, and keeps its bytes verbatim with an
//     index over them ([Object], [Value]);
//   - [Validate] says which MUST rules of the standard an object breaks;
//   - [Reader] takes objects out of bundles, TAXII envelopes and line-delimited
//     files of any length in bounded memory.
//
// Why so strict: JSON readers disagree. Given the same member twice, or the
// name Object_Marking_Refs, some take the first value, some the last, some a
// third. An object that means RED to the policy engine and GREEN to the
// partner's reader would be a leak, so the gate refuses whatever readers are
// known to disagree on, and everything behind the gate (policy included) reads
// the one index made there. What leaves is the very text that came in.
//
// What can go wrong: an object that breaks a rule is refused with a [GateError]
// or reported as [Problem]s; nothing is ever repaired. Unknown types and
// properties pass unchanged. All values are immutable and safe for concurrent
// use, except [Reader], which belongs to one goroutine.
//
// References are to "STIX Version 2.1", OASIS Standard, 10 June 2021.
package stix
