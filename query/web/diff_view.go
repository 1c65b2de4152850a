package web

import "slices"

// maxIndent is how many levels of a tree are set apart; what lies deeper stands as far in.
const maxIndent = 6

// DiffView is a Diff as the template "diff" shows it.
type DiffView struct {
	Diff
	// Fields are how many values before and after there are, of which Differing differ.
	Fields int
	// Hidden and HiddenRest are how many there are that are not shown.
	Hidden, HiddenRest int
	Rest               []TreeRow
}

// TreeRow is a row of the tree, and how far in it stands.
type TreeRow struct {
	DetailRow
	Indent int
}

// newDiffView leads with what a reader looks for: whole changes first, then what was added
// and what was taken away, each in the order in which it is written.
func newDiffView(d Diff) DiffView {
	order := []ChangeKind{ChangeChanged, ChangeAdded, ChangeRemoved}
	slices.SortStableFunc(d.Changed, func(a, b Change) int {
		return slices.Index(order, a.Kind) - slices.Index(order, b.Kind)
	})
	v := DiffView{
		Diff: d, Fields: d.Differing + d.Equal,
		Hidden: d.Differing - len(d.Changed), HiddenRest: d.RestRows - len(d.Rest),
	}
	for _, row := range d.Rest {
		// The members of details are the first level: their names stand at the edge.
		v.Rest = append(v.Rest, TreeRow{row, min(row.Depth, maxIndent)})
	}
	return v
}
