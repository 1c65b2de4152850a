package web

import (
	"slices"
	"strings"

	"github.com/actionlog/actionlog/pkg/store"
)

// Download is what the dialog of downloads, and its link without scripts, are about.
type Download struct {
	// All is the view as CSV with all columns, and Columns those that stand for what the
	// page shows.
	All, Columns string
	// Count is where the number of events comes from.
	Count string
}

// download is what a search line finds, as CSV.
func (v *View) download(line string) *Download {
	var shown []string
	for _, c := range v.columnChoices() {
		i := slices.IndexFunc(columns, func(known tableColumn) bool { return known.Name == c.Name })
		for _, name := range columns[i].CSV {
			if c.Shown && !slices.Contains(shown, name) {
				shown = append(shown, name)
			}
		}
	}
	return &Download{All: v.apiAddress("/v1/export.csv", line), Columns: strings.Join(shown, ","), Count: v.apiAddress("/v1/count", line)}
}

// allColumns is how many columns a file may have.
func allColumns() int { return len(store.Columns()) }
