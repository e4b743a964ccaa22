package store

import (
	"path/filepath"
	"reflect"
	"testing"

	"entente/internal/db"
	"entente/stix"
)

// Numbered says of many submissions what Submission, Identifier and References
// say of one, and whether an object has only one.
func TestNumbered(t *testing.T) {
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "node.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s := New()
	ids := []stix.ID{"malware--00000000-0000-4000-8000-000000000001", "tool--00000000-0000-4000-8000-000000000002"}
	err = d.Update(t.Context(), func(tx *db.Tx) error {
		numbers, _, err := s.Intern(tx, ids)
		if err != nil {
			return err
		}
		class, err := s.Class(tx, []byte("{}"))
		if err != nil {
			return err
		}
		one, two := numbers[ids[0]], numbers[ids[1]]
		subs := []Submission{
			{Object: one, Version: "1", Class: class, Bytes: []byte("a")},
			{Object: one, Version: "2", Class: class, Bytes: []byte("b"), References: []Edge{{two, "x_ref"}, {two, "y_ref"}}},
			{Object: two, Version: "1", Class: class, Bytes: []byte("c")},
		}
		if err := s.Add(tx, Source{N: 1}, Container{}, 1, subs); err != nil {
			return err
		}
		got, err := s.Numbered(tx, []Seq{subs[2].Seq, subs[1].Seq, 99})
		if err != nil {
			return err
		}
		var want []*Submission
		for _, i := range []int{1, 2} {
			w, _, err := s.Submission(tx, subs[i].Seq)
			if err != nil {
				return err
			}
			w.References = subs[i].References
			want = append(want, &w)
		}
		want[0].ID, want[1].ID, want[1].New = ids[0], ids[1], true
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v %+v\nwant %+v %+v", got[0], got[1], want[0], want[1])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
