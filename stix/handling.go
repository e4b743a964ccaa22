package stix

import "fmt"

// Handling is our extension of marking-definition: what a law or an originator
// demands beyond a colour. Closed vocabularies (caveats, purposes, subjects …)
// are the business of the label; here only form and ranges are checked.
// A nil pointer or empty value says nothing; an empty list cannot be sent.
type Handling struct {
	Codes             []string // handling: Europol codes H0 to H3
	HandlingText      string   // handling_text: the free text that H3 refers to
	Caveats           []string
	Level             *int // protective level 0 to 4
	Grade             *Grade
	LegalBasis        string
	Purposes          []string
	Subjects          []string // categories of the persons in the object
	AtRiskFrom        []string // ISO 3166 alpha-2 codes of states that endanger a person in it
	Designation       []string // on whose list an assertion about a person or group rests
	Group             string
	Taint             string
	Named             []string // nodes that may receive it; nobody else
	ConsentPartners   []string
	ConsentAgreements []string
	Reviewed          *bool
	State             string
	RetainUntil       string // timestamp after which the object must be erased
	ReviewBy          string // timestamp by which the holding must be reviewed
	Text              string // for people
}

// Grade is an evaluation of source and information in its original scheme.
// Grades are never converted from one scheme into another.
type Grade struct {
	Scheme string // such as admiralty, europol-4x4, uk-3x5x2
	Source string // the letter or digit the scheme gives to the source
	Info   int    // 1 to 6, what the scheme gives to the information
}

// Limits of the extension's lists and texts.
const (
	maxHandlingItems = 256
	maxHandlingWord  = 256
	maxHandlingText  = 16 << 10
)

// handlingMembers reads each member of the extension. A member not named here is
// refused: a restriction that nobody can read must not be ignored.
var handlingMembers = map[string]func(*Handling, Value) error{
	"extension_type":     nil, // checked first
	"handling":           func(h *Handling, v Value) (err error) { h.Codes, err = words(v, isHandlingCode); return },
	"handling_text":      func(h *Handling, v Value) (err error) { h.HandlingText, err = text(v, maxHandlingText); return },
	"caveats":            func(h *Handling, v Value) (err error) { h.Caveats, err = words(v, nil); return },
	"level":              func(h *Handling, v Value) (err error) { h.Level, err = whole(v, 0, 4); return },
	"grade":              func(h *Handling, v Value) (err error) { h.Grade, err = grade(v); return },
	"legal_basis":        func(h *Handling, v Value) (err error) { h.LegalBasis, err = text(v, maxHandlingWord); return },
	"purposes":           func(h *Handling, v Value) (err error) { h.Purposes, err = words(v, nil); return },
	"subjects":           func(h *Handling, v Value) (err error) { h.Subjects, err = words(v, nil); return },
	"at_risk_from":       func(h *Handling, v Value) (err error) { h.AtRiskFrom, err = words(v, isCountry); return },
	"designation":        func(h *Handling, v Value) (err error) { h.Designation, err = words(v, nil); return },
	"group":              func(h *Handling, v Value) (err error) { h.Group, err = text(v, maxHandlingWord); return },
	"taint":              func(h *Handling, v Value) (err error) { h.Taint, err = text(v, maxHandlingWord); return },
	"named":              func(h *Handling, v Value) (err error) { h.Named, err = words(v, nil); return },
	"consent_partners":   func(h *Handling, v Value) (err error) { h.ConsentPartners, err = words(v, nil); return },
	"consent_agreements": func(h *Handling, v Value) (err error) { h.ConsentAgreements, err = words(v, nil); return },
	"reviewed":           func(h *Handling, v Value) (err error) { h.Reviewed, err = boolean(v); return },
	"state":              func(h *Handling, v Value) (err error) { h.State, err = text(v, maxHandlingWord); return },
	"retain_until":       func(h *Handling, v Value) (err error) { h.RetainUntil, err = moment(v); return },
	"review_by":          func(h *Handling, v Value) (err error) { h.ReviewBy, err = moment(v); return },
	"text":               func(h *Handling, v Value) (err error) { h.Text, err = text(v, maxHandlingText); return },
}

func parseHandling(ext Value) (*Handling, error) {
	if ext.Get("extension_type").Str() != "property-extension" {
		return nil, fmt.Errorf("the handling extension must have extension_type property-extension")
	}
	h := new(Handling)
	for name, v := range ext.Members() {
		read, ok := handlingMembers[name]
		if !ok {
			return nil, fmt.Errorf("the handling extension has no member %s; a restriction that cannot be read must not be ignored", quoteShort(name))
		}
		if read == nil {
			continue
		}
		if err := read(h, v); err != nil {
			return nil, fmt.Errorf("handling extension: %s %w", name, err)
		}
	}
	return h, nil
}

func text(v Value, limit int) (string, error) {
	if v.Kind() != String || v.Str() == "" || len(v.Str()) > limit {
		return "", fmt.Errorf("must be a text of 1 to %d bytes", limit)
	}
	return v.Str(), nil
}

func words(v Value, valid func(string) bool) ([]string, error) {
	if v.Kind() != Array || v.Len() == 0 || v.Len() > maxHandlingItems {
		return nil, fmt.Errorf("must be a list of 1 to %d words", maxHandlingItems)
	}
	var out []string
	for item := range v.Items() {
		w, err := text(item, maxHandlingWord)
		if err != nil || valid != nil && !valid(w) {
			return nil, fmt.Errorf("must not contain %s", shorten(string(item.Raw())))
		}
		out = append(out, w)
	}
	return out, nil
}

func whole(v Value, least, most int64) (*int, error) {
	n, ok := v.Int()
	if !ok || n < least || n > most {
		return nil, fmt.Errorf("must be a whole number from %d to %d", least, most)
	}
	return step(int(n)), nil
}

func boolean(v Value) (*bool, error) {
	if v.Kind() != Bool {
		return nil, fmt.Errorf("must be true or false")
	}
	b := v.Bool()
	return &b, nil
}

func moment(v Value) (string, error) {
	if _, err := ParseTime(v.Str()); err != nil {
		return "", err
	}
	return v.Str(), nil
}

func grade(v Value) (*Grade, error) {
	g := new(Grade)
	for name, m := range v.Members() {
		var err error
		switch name {
		case "scheme":
			g.Scheme, err = text(m, maxHandlingWord)
		case "source":
			g.Source, err = text(m, maxHandlingWord)
		case "info":
			var info *int
			if info, err = whole(m, 1, 6); err == nil {
				g.Info = *info
			}
		default:
			err = fmt.Errorf("is not a member of a grade")
		}
		if err != nil {
			return nil, fmt.Errorf("%s %w", name, err)
		}
	}
	if g.Scheme == "" || g.Source == "" || g.Info == 0 {
		return nil, fmt.Errorf("must have scheme, source and info")
	}
	return g, nil
}

func isHandlingCode(s string) bool { return s == "H0" || s == "H1" || s == "H2" || s == "H3" }

func isCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}
