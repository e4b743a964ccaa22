package register_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"entente/internal/register"
	"entente/label"
	"entente/policy"
	"entente/stix"
)

// What the register writes of a listing is what a label is built from: who is
// listed, by whom, and whether it may be a child.
func TestLabelsOfListings(t *testing.T) {
	const list = `<?xml version="1.0" encoding="UTF-8"?><CONSOLIDATED_LIST dateGenerated="2026-01-01T00:00:00Z"><INDIVIDUALS>` +
		`<INDIVIDUAL><DATAID>1</DATAID><VERSIONNUM>1</VERSIONNUM><FIRST_NAME>MAREK</FIRST_NAME><UN_LIST_TYPE>Invented</UN_LIST_TYPE><REFERENCE_NUMBER>XXi.001</REFERENCE_NUMBER><LISTED_ON>2020-01-01</LISTED_ON><INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>EXACT</TYPE_OF_DATE><YEAR>1979</YEAR></INDIVIDUAL_DATE_OF_BIRTH></INDIVIDUAL>` +
		`<INDIVIDUAL><DATAID>2</DATAID><VERSIONNUM>1</VERSIONNUM><FIRST_NAME>SELMA</FIRST_NAME><UN_LIST_TYPE>Invented</UN_LIST_TYPE><REFERENCE_NUMBER>XXi.002</REFERENCE_NUMBER><LISTED_ON>2020-01-01</LISTED_ON><INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE><FROM_YEAR>2005</FROM_YEAR><TO_YEAR>2012</TO_YEAR></INDIVIDUAL_DATE_OF_BIRTH></INDIVIDUAL></INDIVIDUALS>` +
		`<ENTITIES><ENTITY><DATAID>3</DATAID><VERSIONNUM>1</VERSIONNUM><FIRST_NAME>TIDE OF ARUVEL</FIRST_NAME><UN_LIST_TYPE>Invented</UN_LIST_TYPE><REFERENCE_NUMBER>XXe.001</REFERENCE_NUMBER><LISTED_ON>2020-01-01</LISTED_ON></ENTITY></ENTITIES></CONSOLIDATED_LIST>`
	set, err := policy.Load(policy.Shipped())
	if err != nil {
		t.Fatal(err)
	}
	profile, _ := set.Profile("un-consolidated")
	want := map[string]struct {
		data     int
		subjects string
		content  string
	}{
		"XXi.001": {1, "listed", "person"},
		"XXi.002": {1, "listed minor", "person"},
		"XXe.001": {0, "", "dossier"},
	}
	for l, err := range register.ReadUN(strings.NewReader(list)) {
		if err != nil {
			t.Fatal(err)
		}
		w, ok := want[l.Reference]
		if !ok {
			continue // the creator
		}
		delete(want, l.Reference)
		o, err := stix.Parse(l.Object)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := label.Build(label.Input{Object: o, Profile: profile, Origin: "nordlys", Now: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)})
		subjects := slices.Sorted(slices.Values([]string(got.Subjects)))
		if got.Data.Value() != w.data || strings.Join(subjects, " ") != w.subjects || got.Content != w.content || !slices.Equal(got.Designation.Words(), []string{"un"}) || !got.Published.Is() {
			t.Errorf("%s: data %d, subjects %v, content %s, designation %v, published %v; want %+v", l.Reference, got.Data.Value(), subjects, got.Content, got.Designation.Words(), got.Published.Is(), w)
		}
	}
	if len(want) > 0 {
		t.Errorf("not read: %v", want)
	}
}
