package policy

import "entente/label"

// kindOf is how a fact may be used in a policy.
type kindOf uint8

const (
	ordered  kindOf = iota + 1 // Long; compared with >= and <= only
	word                       // String of a closed vocabulary
	set                        // Set<String> of a closed vocabulary
	truth                      // Bool
	union                      // label set that grows with strictness
	limit                      // label set that shrinks with strictness
	flat                       // label word that is this, or mixed or unknown
	worse                      // label word or Bool of a restriction: for guards only
	good                       // label Bool whose yes is the looser answer
	distinct                   // label Bool that strictness does not change
)

// fact describes one attribute: its kind and what it may be compared with.
type fact struct {
	kind  kindOf
	most  int                 // of an ordered fact
	words func(s string) bool // of a word or set
}

func oneOf(words ...string) func(string) bool { return label.SetOf(words...).Has }

// facts is every attribute of the schema, as variable.attribute. A test compares
// it with the schema, so that neither can have more than the other.
var facts = map[string]fact{
	"principal.country":       {kind: word, words: label.ValidCountry},
	"principal.kind":          {kind: word, words: kinds.Has},
	"principal.regime":        {kind: word, words: regimes.Has},
	"principal.level":         {kind: ordered, most: 4},
	"principal.honours":       {kind: set, words: honours.Has},
	"principal.assurances":    {kind: set, words: assurances.Has},
	"principal.risks":         {kind: set, words: validRisk},
	"principal.suspended":     {kind: truth},
	"principal.recallOverdue": {kind: truth},

	"resource.tlp":            {kind: ordered, most: 4},
	"resource.pap":            {kind: ordered, most: 3},
	"resource.level":          {kind: ordered, most: 4},
	"resource.info":           {kind: ordered, most: 6},
	"resource.data":           {kind: ordered, most: 2},
	"resource.handling":       {kind: union, words: oneOf("H1", "H2", "H3")},
	"resource.caveats":        {kind: union, words: label.Caveats.Has},
	"resource.subjects":       {kind: union, words: label.Subjects.Has},
	"resource.designation":    {kind: limit, words: label.ValidDesignation},
	"resource.purposes":       {kind: limit, words: label.Purposes.Has},
	"resource.scheme":         {kind: flat, words: label.Schemes().Has},
	"resource.source":         {kind: flat, words: oneOf("A", "B", "C", "D", "E", "F", "X", "1", "2", "3", label.None)},
	"resource.content":        {kind: flat, words: label.Contents.Has},
	"resource.group":          {kind: flat, words: label.ValidName},
	"resource.basis":          {kind: flat, words: label.Bases.Has},
	"resource.taint":          {kind: worse, words: oneOf("none", "possible", "known")},
	"resource.state":          {kind: worse, words: oneOf("active", "review-due", "disputed", "expired", "revoked", "recalled")},
	"resource.own":            {kind: good},
	"resource.reviewed":       {kind: good},
	"resource.published":      {kind: good},
	"resource.marked":         {kind: good},
	"resource.named":          {kind: good},
	"resource.consented":      {kind: good},
	"resource.groupCovered":   {kind: good},
	"resource.schemeAccepted": {kind: good},
	"resource.fromPartner":    {kind: distinct},
	"resource.atRiskHere":     {kind: worse},
	"resource.atRiskOnward":   {kind: worse},
	"resource.oneStatesWord":  {kind: worse},
	"resource.mixed":          {kind: worse},
	"resource.unstated":       {kind: worse},

	"context.purpose":       {kind: word, words: label.Purposes.Has},
	"context.basis":         {kind: word, words: transferBases.Has},
	"context.urgency":       {kind: word, words: urgencies.Has},
	"context.approvals":     {kind: ordered, most: maxApprovals},
	"context.roles":         {kind: set, words: roles.Has},
	"context.necessity":     {kind: truth},
	"context.purposeAgreed": {kind: truth},
	"context.plain":         {kind: truth},
}
