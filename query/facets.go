package query

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// facetParameters are those of facets.
var facetParameters = slices.Concat(filterParameters, []parameter{{name: "field", repeatable: true}, {name: "limit"}, {name: "prefix"}})

// facetFields are the fields that facets may be asked for, and are by default. The store
// has more, for the profiles of actors.
var facetFields = []string{"actor", "action", "category", "outcome", "subject_type", "ip"}

// The bounds of facets.
const (
	defaultValues = 10
	maxFacet      = 100
	maxPrefix     = 256
)

type facetsJSON struct {
	Facets []facetJSON `json:"facets"`
	searchedTo
	measured
}

type facetJSON struct {
	Field string `json:"field"`
	valuesJSON
}

// valuesJSON are the most frequent values of a field.
type valuesJSON struct {
	Values   []valueJSON `json:"values"`
	Other    uint64      `json:"other"`
	Distinct uint64      `json:"distinct"`
}

type valueJSON struct {
	Value string    `json:"value"`
	Name  string    `json:"name,omitempty"`
	Count uint64    `json:"count"`
	First *timeJSON `json:"first_seen,omitempty"`
	Last  *timeJSON `json:"last_seen,omitempty"`
}

// valueLimit returns how many values of a field an answer has at most.
func (p params) valueLimit() (int, error) {
	value := p.one("limit")
	if value == "" {
		return defaultValues, nil
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil || n < 1 || n > maxFacet {
		return 0, invalid("limit", fmt.Sprintf("limit is %q. Give a whole number from 1 to %d.", search.Short(value), maxFacet))
	}
	return int(n), nil
}

// fields returns the fields whose values are asked for, of those that there are: all by
// default.
func (p params) fields(known []string) ([]string, error) {
	var fields []string
	for _, field := range p.values["field"] {
		if !slices.Contains(known, field) {
			detail := fmt.Sprintf("field is %q.", search.Short(field))
			if guess := nearest(field, known); guess != "" {
				detail += fmt.Sprintf(" Did you mean %q?", guess)
			}
			return nil, invalid("field", detail+" Give one of "+strings.Join(known, ", ")+"; repeat it for several.")
		}
		if !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
	}
	if fields == nil {
		return known, nil
	}
	return fields, nil
}

func (s *Server) facets(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	q, err := s.filter(p, m.start)
	if err != nil {
		return err
	}
	ask := store.FacetQuestion{Filter: q.Filter, Others: true}
	if ask.Fields, err = p.fields(facetFields); err != nil {
		return err
	}
	if ask.Limit, err = p.valueLimit(); err != nil {
		return err
	}
	if ask.Prefix, err = p.text("prefix", maxPrefix, holdsNone); err != nil {
		return err
	}
	found, err := s.store.Facets(m.ctx, ask)
	if err != nil {
		return fmt.Errorf("answer with facets: %w", err)
	}
	m.Partial = !found.Reached.IsZero()
	answer := facetsJSON{Facets: []facetJSON{}, searchedTo: searched(found.Reached)}
	for _, f := range found.Facets {
		answer.Facets = append(answer.Facets, facetJSON{f.Field, values(f)})
	}
	answer.measured = m.end()
	return writeAnswer(w, r, answer)
}

func values(f store.Facet) valuesJSON {
	all := valuesJSON{Values: []valueJSON{}, Other: f.Other, Distinct: f.Distinct}
	for _, v := range f.Values {
		all.Values = append(all.Values, valueJSON{v.Value, v.Name, v.Count, orNull(v.First), orNull(v.Last)})
	}
	return all
}
