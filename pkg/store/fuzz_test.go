package store

import (
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
)

// FuzzFilter asks about a word, a field and a path of any text, and compares with the
// oracle.
func FuzzFilter(f *testing.F) {
	catalogue, err := action.LoadCatalogue("")
	if err != nil {
		f.Fatal(err)
	}
	s := testStore(f)
	r := rand.New(rand.NewPCG(1, 1))
	all := oracleEvents(r, 300, oracleDates[2])
	insertWithRepeats(f, s, all)
	for i := range fields {
		path := randomPath(r, all)
		f.Add(randomNeedle(r, all), byte(i), path, randomValue(r, fields[i].Name+path, oneOf(r, all...)), i%3 == 0)
	}
	f.Add("%_\\'\"?\x00", byte(11), `a\.b.0.\\`, "1e400", false)
	f.Add("K", byte(7), "", "::ffff:10.0.0.0/8", true)
	f.Add("", byte(11), "", "5", false)
	f.Fuzz(func(t *testing.T, needle string, about byte, path, value string, not bool) {
		if !utf8.ValidString(needle) || !utf8.ValidString(path) || !utf8.ValidString(value) {
			t.Skip() // nothing of the kind is asked
		}
		filter := Filter{Tenant: "default", Catalogue: catalogue}
		if needle != "" {
			filter.Text = []search.Text{{Needle: needle, Not: not && about%2 == 0}}
		}
		name := fields[int(about)%len(fields)].Name
		if name == DetailsField {
			name += path
		}
		if field, ok := LookupField(name); ok && field.Check(value) == nil {
			filter.Conditions = []Condition{{Field: name, Values: []string{value}, Not: not}}
		}
		want := oracle(all, &filter, NewestFirst)
		var got []string
		err := s.Each(t.Context(), filter, func(a *Action) error { got = append(got, nameOf(a)); return nil })
		wantPlaces(t, "export", filter, got, want, err)
	})
}
