package policy

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/BurntSushi/toml"

	"entente/label"
)

// Carriage is how an agreement's objects travel.
type Carriage string

const (
	// Envelope: a signed handling envelope travels beside the object.
	Envelope Carriage = "envelope"
	// Plain: the partner sees the object's bytes only (a TAXII or MISP client), so
	// the object's own markings have to say all that the label says.
	Plain Carriage = "plain"
)

// Agreement is the part of an agreement that is no rule: who, what about, for
// what, from when until when. Treat its slices as read-only.
type Agreement struct {
	ID            string
	Title         string
	Parties       []string // node names
	CoveredGroups label.Set
	Purposes      label.Set
	Schemes       label.Set // grading schemes it accepts
	Obligations   []string  // on every release under it
	TransferBasis string    // basis of a request that states none
	IntakeProfile string    // labels what parties deliver under it
	Carriage      Carriage
	From, Until   time.Time // first and last day, UTC
	Rules         []Rule    // in the order in which they are cited
}

// Party reports whether a node is a party.
func (a Agreement) Party(node string) bool { return slices.Contains(a.Parties, node) }

// InForce reports whether the agreement is valid at t (its last day included).
// A fact builder combines it with Party into Request.Member.
func (a Agreement) InForce(t time.Time) bool {
	return !t.Before(a.From) && t.Before(a.Until.AddDate(0, 0, 1))
}

// covers reports whether the agreement covers what a label says about groups:
// "*" stands for every listed group, "none" for persons of no group. Data that
// concerns neither person nor group is covered by every agreement.
func (a *Agreement) covers(l *label.Label) bool {
	switch l.Group {
	case label.Mixed, label.Unknown:
		return false
	case label.None:
		return l.Data.AtMost(label.DataNone) || a.CoveredGroups.Has(label.None)
	}
	return a.CoveredGroups.Has("*") || a.CoveredGroups.Has(l.Group)
}

// agreementFile is the TOML form; unknown keys are refused.
type agreementFile struct {
	ID            string    `toml:"id"`
	Title         string    `toml:"title"`
	Parties       []string  `toml:"parties"`
	CoveredGroups []string  `toml:"covered_groups"`
	Purposes      []string  `toml:"purposes"`
	Schemes       []string  `toml:"schemes"`
	Obligations   []string  `toml:"obligations"`
	TransferBasis string    `toml:"transfer_basis"`
	IntakeProfile string    `toml:"intake_profile"`
	Carriage      Carriage  `toml:"carriage"`
	From          time.Time `toml:"from"`
	Until         time.Time `toml:"until"`
}

const maxList = 1000

var (
	agreementID = regexp.MustCompile(`^[A-Z][A-Z0-9-]{1,31}$`)
	slug        = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
)

func parseAgreement(text []byte) (Agreement, error) {
	var f agreementFile
	meta, err := toml.Decode(string(text), &f)
	if err != nil {
		return Agreement{}, err
	}
	if extra := meta.Undecoded(); len(extra) > 0 {
		return Agreement{}, fmt.Errorf("unknown key %s; remove it or correct its spelling", extra[0])
	}
	a := Agreement{
		ID: f.ID, Title: f.Title, Parties: f.Parties, Obligations: f.Obligations,
		CoveredGroups: label.SetOf(f.CoveredGroups...), Purposes: label.SetOf(f.Purposes...), Schemes: label.SetOf(f.Schemes...),
		TransferBasis: f.TransferBasis, IntakeProfile: f.IntakeProfile, Carriage: f.Carriage, From: day(f.From), Until: day(f.Until),
	}
	return a, a.check()
}

// day drops the zone that a TOML local date is given.
func day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

func (a *Agreement) check() error {
	switch {
	case !agreementID.MatchString(a.ID):
		return fmt.Errorf("id %q: use capitals, digits and hyphens, 2 to 32", a.ID)
	case a.Title == "":
		return fmt.Errorf("title is missing")
	case a.From.Year() < 1900 || a.Until.Before(a.From):
		return fmt.Errorf("from and until must be dates, until not before from")
	case a.Carriage != Envelope && a.Carriage != Plain:
		return fmt.Errorf("carriage %q: use envelope or plain", a.Carriage)
	case !transferBases.Has(a.TransferBasis):
		return fmt.Errorf("transfer_basis %q is not in the closed list", a.TransferBasis)
	case len(a.Parties) == 0:
		return fmt.Errorf("parties is empty")
	}
	groups := func(s string) bool { return s == "*" || label.ValidName(s) && s != label.Mixed && s != label.Unknown }
	for _, l := range []struct {
		name  string
		words []string
		ok    func(string) bool
	}{
		{"parties", a.Parties, label.ValidName},
		{"covered_groups", a.CoveredGroups, groups},
		{"purposes", a.Purposes, label.Purposes.Has},
		{"schemes", a.Schemes, label.Schemes().Has},
		{"obligations", a.Obligations, slug.MatchString},
	} {
		if len(l.words) > maxList {
			return fmt.Errorf("%s has more than %d entries", l.name, maxList)
		}
		for _, w := range l.words {
			if !l.ok(w) {
				return fmt.Errorf("%s: %q is not allowed", l.name, w)
			}
		}
	}
	return nil
}
