package register

// attributes is the listing extension as it is written. docs/spec/listing.md
// describes every member; a change here is a change there, and a change of
// mappingRevision.
type attributes struct {
	ExtensionType string        `json:"extension_type"`
	List          string        `json:"list"`
	ListType      string        `json:"list_type,omitempty"`
	Reference     string        `json:"reference,omitempty"`
	DataID        string        `json:"data_id,omitempty"`
	Version       string        `json:"version,omitempty"`
	ListedOn      string        `json:"listed_on,omitempty"`
	Updated       []string      `json:"updated,omitempty"`
	Subject       string        `json:"subject"`
	Designation   string        `json:"designation,omitempty"`
	Gender        string        `json:"gender,omitempty"`
	Names         []personName  `json:"names,omitempty"`
	Aliases       []alias       `json:"aliases,omitempty"`
	Titles        []string      `json:"titles,omitempty"`
	Positions     []string      `json:"positions,omitempty"`
	Nationalities []string      `json:"nationalities,omitempty"`
	Birth         []birth       `json:"birth,omitempty"`
	BirthPlaces   []place       `json:"birth_places,omitempty"`
	Addresses     []place       `json:"addresses,omitempty"`
	Documents     []document    `json:"documents,omitempty"`
	Comments      string        `json:"comments,omitempty"`
	Interpol      string        `json:"interpol,omitempty"`
	Other         []unknownText `json:"other,omitempty"`
}

// personName is a name the list itself gives as the entry's name. Parts keep
// their position, because what first and second mean differs by culture.
type personName struct {
	Kind   string `json:"kind"` // primary, original-script
	Name   string `json:"name"`
	First  string `json:"first,omitempty"`
	Second string `json:"second,omitempty"`
	Third  string `json:"third,omitempty"`
	Fourth string `json:"fourth,omitempty"`
}

// alias is another name. Quality is the list's own word for how good it is.
type alias struct {
	Name           string  `json:"name,omitempty"`
	Quality        string  `json:"quality,omitempty"`
	Note           string  `json:"note,omitempty"`
	Birth          []birth `json:"birth,omitempty"`
	CityOfBirth    string  `json:"city_of_birth,omitempty"`
	CountryOfBirth string  `json:"country_of_birth,omitempty"`
}

// birth is one statement about a date of birth. Date is YYYY or YYYY-MM-DD; it
// is absent when the list gives the date only in words, which stand in Note.
type birth struct {
	Date      string `json:"date,omitempty"`
	To        string `json:"to,omitempty"`
	Precision string `json:"precision,omitempty"` // year, day, approximate, between
	Note      string `json:"note,omitempty"`
}

// place is an address or a place of birth.
type place struct {
	Street        string `json:"street,omitempty"`
	City          string `json:"city,omitempty"`
	StateProvince string `json:"state_province,omitempty"`
	PostalCode    string `json:"postal_code,omitempty"`
	Country       string `json:"country,omitempty"`
	Note          string `json:"note,omitempty"`
}

// document is an identity document.
type document struct {
	Kind           string `json:"kind,omitempty"`
	Detail         string `json:"detail,omitempty"`
	Number         string `json:"number,omitempty"`
	IssuingCountry string `json:"issuing_country,omitempty"`
	IssuedOn       string `json:"issued_on,omitempty"`
	CityOfIssue    string `json:"city_of_issue,omitempty"`
	CountryOfIssue string `json:"country_of_issue,omitempty"`
	Note           string `json:"note,omitempty"`
}

// unknownText is a text that stood in an element we have no member for.
type unknownText struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}
