package label

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
)

// Limits of a profile.
const (
	maxProfile      = 256 << 10
	maxProfileItems = 1000
)

// Profile is an intake profile: what is known about everything that comes from
// one kind of source. It gives public data, a partner's delivery and our own
// reports each an honest label. A Profile is immutable and safe for concurrent
// use; it is signed and logged over Canonical.
type Profile struct {
	Name   string // lower-case word by which a submission cites it
	Title  string // for people
	Source string // who publishes or sends, in words

	// Default states the facts that neither a marking nor the container states;
	// Always is joined to every label and cannot be loosened.
	Default, Always Label

	// Content maps STIX types to a content kind; OtherContent is for the rest.
	Content      map[string]string
	OtherContent string

	// NotReferences are property names that look like references and are none.
	NotReferences Set

	publicFields []string
	canonical    []byte
}

// profileFile is the TOML form.
type profileFile struct {
	Name          string            `toml:"name"`
	Title         string            `toml:"title"`
	Source        string            `toml:"source"`
	NotReferences []string          `toml:"not_references"`
	PublicFields  []string          `toml:"public_fields"`
	Default       Facts             `toml:"default"`
	Always        Facts             `toml:"always"`
	Content       map[string]string `toml:"content"`
}

var (
	profileName  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	propertyPath = regexp.MustCompile(`^[a-z0-9_-]+(\.[a-z0-9_-]+)*$`)
	stixTypeName = regexp.MustCompile(`^[a-z0-9-]{3,250}$`)
)

// ParseProfile reads a profile's TOML. Unknown keys, values outside their
// vocabulary and facts that a profile cannot know (own, origin, marked, content)
// are errors that name the key.
func ParseProfile(text []byte) (*Profile, error) {
	p, err := parseProfile(text)
	if err != nil {
		return nil, fmt.Errorf("intake profile: %w", err)
	}
	return p, nil
}

func parseProfile(text []byte) (*Profile, error) {
	if len(text) > maxProfile {
		return nil, errors.New("longer than 256 KiB")
	}
	var f profileFile
	meta, err := toml.Decode(string(text), &f)
	if err != nil {
		return nil, err
	}
	if extra := meta.Undecoded(); len(extra) > 0 {
		return nil, fmt.Errorf("unknown key %s; remove it or correct its spelling", extra[0])
	}
	p := &Profile{Name: f.Name, Title: f.Title, Source: f.Source, Content: map[string]string{}}
	if !profileName.MatchString(f.Name) {
		return nil, &ValueError{"name", f.Name, "use lower-case letters, digits and hyphens"}
	}
	if f.Title == "" || f.Source == "" {
		return nil, fmt.Errorf("%s: title and source are needed, so that people know what they rely on", f.Name)
	}
	if p.Default, err = profileFacts("default", f.Default); err != nil {
		return nil, err
	}
	if p.Always, err = profileFacts("always", f.Always); err != nil {
		return nil, err
	}
	if p.Default.Published != Unstated {
		return nil, errors.New("default: published belongs under [always]; no marking can state it")
	}
	if err := p.lists(f); err != nil {
		return nil, err
	}
	p.canonical = p.encode()
	return p, nil
}

func profileFacts(table string, f Facts) (Label, error) {
	l, err := f.Label()
	if err != nil {
		return l, fmt.Errorf("%s: %w", table, err)
	}
	if l.Own != Unstated || l.Origin != "" || l.Marked != Unstated || l.Content != "" {
		return l, fmt.Errorf("%s: own, origin and marked are computed, content has its own table; remove them", table)
	}
	return l, nil
}

func (p *Profile) lists(f profileFile) error {
	if len(f.Content)+len(f.NotReferences)+len(f.PublicFields) > maxProfileItems {
		return fmt.Errorf("more than %d entries in content, not_references and public_fields", maxProfileItems)
	}
	for typ, kind := range f.Content {
		if kind != "" && !Contents.Has(kind) {
			return fmt.Errorf("content: %w", &ValueError{typ, kind, "use one of " + strings.Join(Contents, ", ")})
		}
		switch {
		case typ == "other":
			p.OtherContent = kind
		case stixTypeName.MatchString(typ):
			p.Content[typ] = kind
		default:
			return fmt.Errorf("content: %q is not a STIX type name; use other for the rest", typ)
		}
	}
	for _, list := range [][]string{f.NotReferences, f.PublicFields} {
		for _, s := range list {
			if !propertyPath.MatchString(s) {
				return &ValueError{"not_references, public_fields", s, "use property names, joined by dots"}
			}
		}
	}
	p.NotReferences = SetOf(f.NotReferences...)
	p.publicFields = SetOf(f.PublicFields...)
	return nil
}

// ContentOf returns the content kind of a STIX type, "" (final: unknown) when
// the profile's table has neither the type nor an entry for other types.
func (p *Profile) ContentOf(stixType string) string {
	if kind, ok := p.Content[stixType]; ok {
		return kind
	}
	return p.OtherContent
}

// PublicFields returns the property paths in which personal data is expected
// and public, such as the authors of a report. A path covers what is below it.
func (p *Profile) PublicFields() Set { return p.publicFields }

// Canonical returns the profile as bytes to sign: the same for every spelling of
// the same profile, and different when anything that has an effect differs.
func (p *Profile) Canonical() []byte { return p.canonical }

// Digest is the SHA-256 of Canonical, the profile's version.
func (p *Profile) Digest() [32]byte { return sha256.Sum256(p.canonical) }

func (p *Profile) encode() []byte {
	table := make([]string, 0, len(p.Content)+1)
	for typ, kind := range p.Content {
		table = append(table, typ+"="+kind)
	}
	table = append(table, "other="+p.OtherContent)
	w := writer{}
	w.key("always")
	w.b = append(w.b, p.Always.Canonical()...)
	w.key("content")
	w.words(SetOf(table...))
	w.key("default")
	w.b = append(w.b, p.Default.Canonical()...)
	w.word("name", p.Name)
	w.key("not_references")
	w.words(p.NotReferences)
	w.key("public_fields")
	w.words(p.publicFields)
	w.word("source", p.Source)
	w.word("title", p.Title)
	return append(w.b, '}')
}
