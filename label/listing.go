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
// the person or group it lists. Its members that are facts:
//
//	subjects      categories of the person, see Subjects
//	birth_dates   YYYY, YYYY-MM or YYYY-MM-DD, several when the list is unsure
//	designation   whose lists the entry rests on
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
		Subjects: words(ext.Get("subjects")), AtRiskFrom: words(ext.Get("at_risk_from")),
		Group: ext.Get("group").Str(), Designation: permission(words(ext.Get("designation"))),
	}
	path := "extensions." + string(stix.ListingExtension)
	for _, date := range words(ext.Get("birth_dates")) {
		latest, ok := latestBirth(date)
		switch {
		case !ok:
			found = append(found, Finding{Path: path + ".birth_dates", Kind: BadListing})
		case latest.AddDate(adulthood, 0, 0).After(now):
			minor = true
			found = append(found, Finding{Path: path + ".birth_dates", Kind: FoundMinor})
		}
	}
	l, err := f.Label()
	if err != nil {
		return Unreadable(), minor, append(found, Finding{Path: path, Kind: BadListing, Why: err.Error()})
	}
	return l, minor, found
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
