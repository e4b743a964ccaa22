package label

import (
	"strconv"
	"time"

	"entente/stix"
)

// adulthood is the age from which a person is no minor (Convention on the
// Rights of the Child art. 1).
const adulthood = 18

// listingFacts returns what our listing extension on an identity states about
// the person or group it lists (docs/spec/listing.md). Its members that are facts:
//
//	subject       category of the person, see Subjects; of a group it says nothing here
//	birth         dates of birth, several when the list is unsure: date, and to for a period
//	designation   on whose list the entry rests
//	group         the listed group
//	at_risk_from  countries, for a protected person
//
// minor tells that by one of the birth dates the person may be one. A value that
// cannot be read gives a finding and Unreadable.
func listingFacts(o *stix.Object, now time.Time) (l Label, minor bool, found []Finding) {
	ext := o.Root().Get("extensions").Get(string(stix.ListingExtension))
	if !ext.Exists() {
		return Label{}, false, nil
	}
	f := Facts{
		AtRiskFrom: words(ext.Get("at_risk_from")), Group: ext.Get("group").Str(),
		Designation: permission(word(ext.Get("designation"))),
	}
	if o.Root().Get("identity_class").Str() == "individual" {
		f.Subjects = word(ext.Get("subject"))
	}
	path := "extensions." + string(stix.ListingExtension)
	for birth := range ext.Get("birth").Items() {
		date := birth.Get("to").Str()
		if date == "" {
			date = birth.Get("date").Str()
		}
		if date == "" {
			continue // the list has words only
		}
		latest, ok := latestBirth(date)
		switch {
		case !ok:
			found = append(found, Finding{Path: path + ".birth", Kind: BadListing})
		case latest.AddDate(adulthood, 0, 0).After(now):
			minor = true
			found = append(found, Finding{Path: path + ".birth", Kind: FoundMinor})
		}
	}
	l, err := f.Label()
	if err != nil {
		return Unreadable(), minor, append(found, Finding{Path: path, Kind: BadListing, Why: err.Error()})
	}
	return l, minor, found
}

// word reads a member that holds one word; absent, it states nothing.
func word(v stix.Value) []string {
	if !v.Exists() {
		return nil
	}
	return []string{v.Str()}
}

func words(v stix.Value) (out []string) {
	for item := range v.Items() {
		out = append(out, item.Str())
	}
	return out
}

// latestBirth returns the end of the period that a birth date of any precision
// names: of the possible ages the youngest counts.
func latestBirth(s string) (time.Time, bool) {
	if len(s) > len("2006-01-02") {
		return time.Time{}, false
	}
	if t, err := time.Parse("2006-01-02", s); err == nil {
		return t, true
	}
	if t, err := time.Parse("2006-01", s); err == nil {
		return t.AddDate(0, 1, -1), true
	}
	if y, err := strconv.Atoi(s); err == nil && len(s) == 4 {
		return time.Date(y, 12, 31, 0, 0, 0, 0, time.UTC), true
	}
	return time.Time{}, false
}
