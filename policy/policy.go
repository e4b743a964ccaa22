// Package policy decides whether a class of objects may leave to a partner, and
// says why.
//
// Two layers of Cedar policies, as files that a lawyer can read: guards
// (guards.cedar), which forbid whatever an agreement says, and agreements
// (agreements/NAME.cedar with NAME.toml), which permit. Default deny; a forbid
// wins; a release cites exactly one agreement rule, the first in the file whose
// conditions hold, and that rule's obligations travel with the object.
//
// A decision takes facts only: a label, a partner, a context. No clock, no files,
// no network, no free text: who is a party today, whose review is due, which
// adequacy decision is in force are facts that the caller states. So a decision
// can be replayed bit for bit.
//
// # What can go wrong
//
// Cedar skips a policy that fails to evaluate, also one that forbids. Therefore
// every attribute is required, every policy is validated strictly against the
// schema when it is loaded, every request is checked before it is evaluated, and
// an evaluation error denies and is reported in [Verdict.Fault], which the caller
// must treat as an alarm. A file with any fault is not loaded at all.
//
// Beyond the schema, Load checks what the schema cannot express: every word that
// a policy compares with a fact is of that fact's vocabulary; ordered facts are
// compared with >= and <= only; agreements contain no forbid and use label facts
// only in forms in which a stricter label cannot turn a refusal into a release;
// guards name no partner and no agreement.
//
// Citations in the files are drafting aids for the operator's lawyer. An operator
// can change the guards of his own node; his partners see that the signed policy
// set changed, nothing more.
package policy

import "embed"

//go:embed guards.cedar schema.cedarschema agreements/*.cedar agreements/*.toml profiles/*.toml
var shipped embed.FS
