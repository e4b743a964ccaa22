package register

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// Every member of the extension is described in the specification.
func TestEveryMemberIsDescribed(t *testing.T) {
	spec, err := os.ReadFile("../../docs/spec/listing.md")
	if err != nil {
		t.Fatal(err)
	}
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !strings.Contains(string(spec), "`"+name+"`") {
				t.Errorf("docs/spec/listing.md does not describe `%s` of %s", name, typ.Name())
			}
			if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
				walk(f.Type.Elem())
			}
		}
	}
	walk(reflect.TypeFor[attributes]())
}
