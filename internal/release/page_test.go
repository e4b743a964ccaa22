package release

import (
	"cmp"
	"slices"

	"entente/stix"
)

// naive applies a filter to everything that a view shows, as TAXII 2.1 §3.4 says.
func naive(all []Released, f Filter) (out []Released) {
	byObject := map[stix.ID][]Released{}
	for _, r := range all {
		byObject[r.ID] = append(byObject[r.ID], r)
	}
	for _, r := range all {
		if r.No > f.After && r.At > f.AddedAfter && f.wants(r, byObject[r.ID]) {
			out = append(out, r)
		}
	}
	return out
}

func (f Filter) wants(r Released, of []Released) bool {
	if len(f.Objects) > 0 && !slices.Contains(f.Objects, r.ID) || len(f.Types) > 0 && !slices.Contains(f.Types, r.Type) {
		return false
	}
	specs := f.Specs
	if len(specs) == 0 {
		newest := slices.MaxFunc(of, func(a, b Released) int { return cmp.Compare(a.Spec, b.Spec) })
		specs = []string{newest.Spec}
	}
	of = slices.DeleteFunc(slices.Clone(of), func(x Released) bool { return !slices.Contains(specs, x.Spec) })
	if !slices.ContainsFunc(of, func(x Released) bool { return x.No == r.No }) {
		return false
	}
	age := func(a, b Released) int {
		return cmp.Or(stix.CompareVersions(a.Version, b.Version), cmp.Compare(a.No, b.No))
	}
	v := f.Versions
	switch {
	case v.All,
		v.First && slices.MinFunc(of, age).No == r.No,
		(v.Last || !v.First && len(v.Exact) == 0) && slices.MaxFunc(of, age).No == r.No:
		return true
	}
	return slices.ContainsFunc(v.Exact, func(x string) bool { return stix.CompareVersions(x, r.Version) == 0 })
}
