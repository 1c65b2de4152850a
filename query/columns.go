package query

import (
	"fmt"
	"slices"
	"strings"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// columns returns the columns that the parameter columns names, by their places in
// store.Columns and in the order in which it names them; all where it names none.
func (p params) columns() ([]int, error) {
	all := store.Columns()
	value := p.one("columns")
	if value == "" {
		chosen := make([]int, len(all))
		for i := range chosen {
			chosen[i] = i
		}
		return chosen, nil
	}
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.Name
	}
	var chosen []int
	for name := range strings.SplitSeq(value, ",") {
		i := slices.Index(names, name)
		switch {
		case i < 0:
			detail := fmt.Sprintf("columns names %q, which is no column.", search.Short(name))
			if guess := search.Nearest(name, names); guess != "" {
				detail += fmt.Sprintf(" Did you mean %q?", guess)
			}
			return nil, invalid("columns", detail+" There are: "+strings.Join(names, ", ")+".")
		case slices.Contains(chosen, i):
			return nil, invalid("columns", fmt.Sprintf("columns names %q twice. Name each column once.", name))
		}
		chosen = append(chosen, i)
	}
	return chosen, nil
}
