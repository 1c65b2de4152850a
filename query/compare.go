package query

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// compareParameters are those of a comparison: the filters are of the selection.
var compareParameters = slices.Concat(filterParameters, []parameter{{name: "against"}, {name: "field", repeatable: true}, {name: "limit"}})

type compareJSON struct {
	// Count is how many actions are selected, RestCount with how many they are compared.
	Count     uint64              `json:"count"`
	RestCount uint64              `json:"rest_count"`
	Fields    []comparedFieldJSON `json:"fields"`
	// SearchedFrom is, in a partial answer, from where on nothing was read.
	SearchedFrom *timeJSON `json:"searched_from,omitempty"`
	searchedTo
	measured
}

type comparedFieldJSON struct {
	Field    string              `json:"field"`
	Values   []comparedValueJSON `json:"values"`
	Distinct uint64              `json:"distinct"`
}

type comparedValueJSON struct {
	Value string `json:"value"`
	// Type is a subject's.
	Type  string `json:"type,omitempty"`
	Name  string `json:"name,omitempty"`
	Count uint64 `json:"count"`
	// Share is the part of the selection that has the value, from 0 to 1.
	Share     float64 `json:"share"`
	RestCount uint64  `json:"rest_count"`
	RestShare float64 `json:"rest_share"`
	Score     float64 `json:"score"`
}

func (s *Server) compareActions(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	q, err := s.filter(p, m.start)
	if err != nil {
		return err
	}
	ask := store.Comparison{Selection: q.Filter}
	if ask.Against, err = p.against(&q, m.start, s.catalogue); err != nil {
		return err
	}
	if ask.Fields, err = p.fields(store.ComparedFields()); err != nil {
		return err
	}
	if ask.Limit, err = p.valueLimit(); err != nil {
		return err
	}
	answer, err := s.readComparison(m, ask)
	if err != nil {
		return err
	}
	return writeAnswer(w, r, answer)
}

// readComparison answers with what differs.
func (s *Server) readComparison(m *measure, ask store.Comparison) (*compareJSON, error) {
	found, err := s.store.Compare(m.ctx, ask)
	if err != nil {
		return nil, fmt.Errorf("answer with a comparison: %w", err)
	}
	m.Partial = !found.Reached.IsZero() || !found.Until.IsZero()
	answer := &compareJSON{
		Count: found.Count, RestCount: found.Rest, Fields: []comparedFieldJSON{},
		SearchedFrom: orNull(found.Until), searchedTo: searched(found.Reached),
	}
	for _, f := range found.Fields {
		field := comparedFieldJSON{Field: f.Field, Values: []comparedValueJSON{}, Distinct: f.Distinct}
		for _, v := range f.Values {
			field.Values = append(field.Values, comparedValueJSON{
				Value: v.Value, Type: v.Type, Name: v.Name, Count: v.Count, Share: share(v.Count, found.Count),
				RestCount: v.Rest, RestShare: share(v.Rest, found.Rest), Score: math.Round(v.Score*100) / 100,
			})
		}
		answer.Fields = append(answer.Fields, field)
	}
	answer.measured = m.end()
	return answer, nil
}

func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// against returns with what a selection is compared, but for itself: the actions of the
// search line that is given; else, of a selection that a field or a text makes, those of
// its time; else all.
func (p params) against(selection *question, now time.Time, catalogue *action.Catalogue) (store.Filter, error) {
	line, err := p.text("against", maxLine, "write fewer conditions")
	if err != nil {
		return store.Filter{}, err
	}
	if line == "" {
		whole := store.Filter{Tenant: selection.Tenant, Catalogue: catalogue}
		if len(selection.Conditions) > 0 || len(selection.Text) > 0 {
			whole.From, whole.To = selection.From, selection.To
		}
		return whole, nil
	}
	given := params{values: map[string][]string{"tenant": {selection.Tenant}, "search": {line}}}
	if parsed, err := search.Parse(line, searchFields); err == nil && parsed.Zone == "" {
		given.values["tz"] = []string{selection.Zone.String()}
	}
	q, err := given.filter(now, catalogue)
	if problem := (*Problem)(nil); errors.As(err, &problem) {
		p := invalid("against", "against is read as a search line. "+problem.Detail)
		p.said, p.wrong = problem.said, problem.wrong
		return store.Filter{}, p
	}
	return q.Filter, err
}
