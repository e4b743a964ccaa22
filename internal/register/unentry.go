package register

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"entente/stix"
)

// unList is the value of the extension's member "list" for this source.
const unList = "un-sc-consolidated"

// maxReference bounds a reference number, in bytes. Real ones have 7.
const maxReference = 64

// interpolLink finds the link to the INTERPOL-UN Special Notice, which the list
// gives only inside its narrative.
var interpolLink = regexp.MustCompile(`https?://(?:[a-z0-9-]+\.)*interpol\.int(?:/[^\s<>"]*)?`)

// unPublisher is the identity that created_by_ref of every entry names. Its
// times are fixed: they say when this object was drawn up, not when the
// Security Council came to be.
func unPublisher() Listing {
	drawnUp := time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC)
	o := newIdentity("un:security-council", drawnUp, drawnUp)
	o.Name, o.Class = "United Nations Security Council", "organization"
	l, err := o.listing("", 0)
	if err != nil {
		panic("register: the publisher's identity: " + err.Error()) // constant; a test calls this
	}
	return l
}

// unIdentity makes the identity of one INDIVIDUAL or ENTITY element.
func unIdentity(e *element, publisher stix.ID) (*identity, error) {
	ref := e.one("REFERENCE_NUMBER")
	switch {
	case ref == "":
		return nil, errors.New("has no REFERENCE_NUMBER, so nothing to call it by; check the file against the published list")
	case len(ref) > maxReference:
		return nil, fmt.Errorf("has a REFERENCE_NUMBER of %d bytes; %d are allowed", len(ref), maxReference)
	}
	listedOn := e.peek("LISTED_ON")
	listed, ok := listDate(listedOn)
	if !ok {
		return nil, fmt.Errorf("has no usable LISTED_ON (%.40q, want YYYY-MM-DD); check the file against the published list", listedOn)
	}
	if len(listedOn) == 10 { // with a time zone the original text also stays under "other"
		e.one("LISTED_ON")
	}
	name := unName(e)
	if name.Name == "" {
		return nil, errors.New("has no FIRST_NAME to FOURTH_NAME; check the file against the published list")
	}
	a := unAttributes(e, name)
	a.Reference, a.ListedOn = ref, listed.Format(time.DateOnly)

	o := newIdentity("un:"+ref, listed, modifiedAt(latest(listed, a.Updated), a.Version))
	o.CreatedByRef, o.Name, o.Class = publisher, name.Name, "individual"
	if e.name == "ENTITY" {
		o.Class = "organization"
	}
	o.External = []externalReference{{SourceName: "UN Security Council consolidated list", ExternalID: ref}}
	o.Extensions = map[stix.ID]*attributes{stix.ListingExtension: a}
	return o, nil
}

// unName puts the entry's name together from its up to four parts.
func unName(e *element) personName {
	n := personName{
		Kind:   "primary",
		First:  e.one("FIRST_NAME"),
		Second: e.one("SECOND_NAME"),
		Third:  e.one("THIRD_NAME"),
		Fourth: e.one("FOURTH_NAME"),
	}
	n.Name = oneLine(strings.Join([]string{n.First, n.Second, n.Third, n.Fourth}, " "))
	return n
}

// unAttributes maps everything but reference and date of listing, which the
// caller has checked. It must come last: what it does not take is "other".
func unAttributes(e *element, name personName) *attributes {
	a := &attributes{
		ExtensionType: "property-extension",
		List:          unList,
		Subject:       "listed",
		Designation:   "un",
		ListType:      e.one("UN_LIST_TYPE"),
		DataID:        e.one("DATAID"),
		Version:       e.one("VERSIONNUM"),
		Updated:       e.values("LAST_DAY_UPDATED"),
		Gender:        e.one("GENDER"),
		Names:         []personName{name},
		Titles:        e.values("TITLE"),
		Positions:     e.values("DESIGNATION"),
		Nationalities: e.values("NATIONALITY"),
		Comments:      e.prose("COMMENTS1"),
	}
	if s := e.one("NAME_ORIGINAL_SCRIPT"); s != "" {
		a.Names = append(a.Names, personName{Kind: "original-script", Name: s})
	}
	a.Interpol = strings.TrimRight(interpolLink.FindString(a.Comments), ".,;:)")
	dropListType(e)
	a.Aliases = collect(e, e.name+"_ALIAS", aliasOf)
	a.Addresses = collect(e, e.name+"_ADDRESS", placeOf)
	if e.name == "INDIVIDUAL" {
		a.Birth = collect(e, "INDIVIDUAL_DATE_OF_BIRTH", birthOf)
		a.BirthPlaces = collect(e, "INDIVIDUAL_PLACE_OF_BIRTH", placeOf)
		a.Documents = collect(e, "INDIVIDUAL_DOCUMENT", documentOf)
	}
	a.Other = e.rest("", nil)
	return a
}

// dropListType takes LIST_TYPE where it says the one thing it ever says, which
// the member "list" already does.
func dropListType(e *element) {
	for k := range e.each("LIST_TYPE") {
		for v := range k.each("VALUE") {
			v.taken = v.text == "UN List"
		}
	}
}

func aliasOf(e *element) alias {
	return alias{
		Name:           e.one("ALIAS_NAME"),
		Quality:        e.one("QUALITY"),
		Note:           e.prose("NOTE"),
		Birth:          birthText(e, "DATE_OF_BIRTH"),
		CityOfBirth:    e.one("CITY_OF_BIRTH"),
		CountryOfBirth: e.one("COUNTRY_OF_BIRTH"),
	}
}

func placeOf(e *element) place {
	return place{
		Street:        e.one("STREET"),
		City:          e.one("CITY"),
		StateProvince: e.one("STATE_PROVINCE"),
		PostalCode:    e.one("ZIP_CODE"),
		Country:       e.one("COUNTRY"),
		Note:          e.prose("NOTE"),
	}
}

func documentOf(e *element) document {
	return document{
		Kind:           e.one("TYPE_OF_DOCUMENT"),
		Detail:         e.one("TYPE_OF_DOCUMENT2"),
		Number:         e.one("NUMBER"),
		IssuingCountry: e.one("ISSUING_COUNTRY"),
		IssuedOn:       e.one("DATE_OF_ISSUE"),
		CityOfIssue:    e.one("CITY_OF_ISSUE"),
		CountryOfIssue: e.one("COUNTRY_OF_ISSUE"),
		Note:           e.prose("NOTE"),
	}
}
