package web

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Diff is what the details of an event say: how values were before and after, where they
// tell that, and everything else.
//
// Values before and after are told by members of details: before and after, of any
// values, or one of them, of an object; or changes, an object whose members all are
// objects of before and after, from and to, or old and new. Anything else is not guessed
// at: two values in an array may be a list.
type Diff struct {
	// Changed are the values that differ, and Same those that do not, in the order in which
	// they are written, 500 of each at most.
	Changed, Same []Change
	// Differing and Equal are how many there are of each.
	Differing, Equal int
	// Rest is everything else, as the rows of a tree, 500 at most of RestRows.
	Rest     []DetailRow
	RestRows int
}

// Change is a value before and after.
type Change struct {
	// Path is where the value is, as in lines[2].name; empty where it is all that is told.
	// A dot or a bracket in a name has a backslash before it. Of a long one the end is left.
	Path          string
	Before, After Scalar
	Kind          ChangeKind
}

// Retyped reports whether a value became one of another type which its text does not tell, as
// in "1" and 1.
func (c Change) Retyped() bool {
	if c.Kind != ChangeChanged || c.Before.Type == c.After.Type {
		return false
	}
	return c.Before.Text == c.After.Text || c.Before.Type != "null" && c.After.Type != "null"
}

// ChangeKind is what became of a value.
type ChangeKind string

// All kinds of changes.
const (
	ChangeAdded   ChangeKind = "added"
	ChangeRemoved ChangeKind = "removed"
	ChangeChanged ChangeKind = "changed"
	ChangeSame    ChangeKind = "same"
)

// Scalar is a value that holds no others.
type Scalar struct {
	// Type is string, number, bool, null, object or array (which are empty here, but in the
	// rows of a tree); empty where there is no value.
	Type string
	// Text is the string, or the value as it is written, 2,000 characters at most.
	Text string
}

// DetailRow is a row of a tree: a value, or the head of an object or array, whose rows
// follow one level deeper.
type DetailRow struct {
	Depth int
	// Name is a member's, or the number of an element from 0; Element tells which.
	Name    string
	Element bool
	Value   Scalar
	// Size is how many members or elements an object or array has.
	Size int
}

// The bounds of a Diff, in rows and in characters. Details have 64 KiB at most, which
// may be 30,000 values, or a path of thousands of characters to each of many.
const (
	maxDiffRows = 500
	maxDiffText = 2000
	maxDiffPath = 200
)

// ReadDiff reads the details of an event. What is no JSON, or nested deeper than details
// may be, is one row of text.
func ReadDiff(details []byte) Diff {
	var d Diff
	if len(bytes.TrimSpace(details)) == 0 {
		return d
	}
	root, err := parseDetails(details)
	if err != nil {
		text := strings.ToValidUTF8(string(details), string(utf8.RuneError))
		d.Rest, d.RestRows = []DetailRow{{Value: Scalar{Type: "string", Text: cutEnd(text, maxDiffText)}}}, 1
		return d
	}
	if root.kind != "object" {
		d.rest(root, DetailRow{})
		return d
	}
	told := d.tell(root)
	for _, m := range root.members {
		if !slices.Contains(told, m.name) {
			d.rest(m.value, DetailRow{Name: m.name})
		}
	}
	return d
}

// pairs are the names that values before and after go by within changes.
var pairs = [][2]string{{"before", "after"}, {"from", "to"}, {"old", "new"}}

// tell reads what was before and after, and returns the members that told it.
func (d *Diff) tell(root *detail) []string {
	names := map[string]int{}
	for _, m := range root.members {
		names[m.name]++
	}
	if names["before"] > 1 || names["after"] > 1 || names["changes"] > 1 {
		return nil
	}
	before, after := root.one("before"), root.one("after")
	if before != nil && after != nil || before.is("object") || after.is("object") {
		d.compare("", before, after)
		return pairs[0][:]
	}
	changes := root.one("changes")
	if !changes.is("object") || len(changes.members) == 0 {
		return nil
	}
	var all [][2]*detail
	for _, m := range changes.members {
		i := slices.IndexFunc(pairs, func(p [2]string) bool { return m.value.isPair(p) })
		if i < 0 {
			return nil
		}
		all = append(all, [2]*detail{m.value.one(pairs[i][0]), m.value.one(pairs[i][1])})
	}
	for i, m := range changes.members {
		d.compare(childPath("", m.name), all[i][0], all[i][1])
	}
	return []string{"changes"}
}

// compare adds the values of two, either of which may be missing.
func (d *Diff) compare(path string, before, after *detail) {
	if before == nil && after == nil {
		return
	}
	kind := before.container()
	if before != nil && after != nil && kind != after.container() { // what holds values became what holds none, or another
		d.compare(path, before, nil)
		d.compare(path, nil, after)
		return
	}
	kind = cmp.Or(kind, after.container())
	switch {
	case kind == "" || before.size()+after.size() == 0:
		d.add(path, before, after)
	case kind == "array":
		d.compareLists(path, before, after)
	default:
		d.compareMembers(path, before, after)
	}
}

// compareMembers compares those of a name; the second with the second, where a name is
// there twice.
func (d *Diff) compareMembers(path string, before, after *detail) {
	type place struct {
		name string
		nth  int
	}
	places := func(of *detail) (order []place, values map[place]*detail) {
		values = map[place]*detail{}
		if of == nil {
			return nil, values
		}
		times := map[string]int{}
		for _, m := range of.members {
			p := place{m.name, times[m.name]}
			times[m.name]++
			order, values[p] = append(order, p), m.value
		}
		return order, values
	}
	first, was := places(before)
	second, is := places(after)
	for _, p := range first {
		d.compare(childPath(path, p.name), was[p], is[p])
	}
	for _, p := range second {
		if was[p] == nil {
			d.compare(childPath(path, p.name), nil, is[p])
		}
	}
}

// add adds a row for two values that hold no others.
func (d *Diff) add(path string, before, after *detail) {
	c := Change{Path: path, Before: before.scalar(), After: after.scalar()}
	rows, count := &d.Changed, &d.Differing
	switch {
	case before == nil:
		c.Kind = ChangeAdded
	case after == nil:
		c.Kind = ChangeRemoved
	case before.kind == after.kind && before.text == after.text:
		c.Kind = ChangeSame
		rows, count = &d.Same, &d.Equal
	default:
		c.Kind = ChangeChanged
	}
	if *count++; *count <= maxDiffRows {
		*rows = append(*rows, c)
	}
}

// rest adds the rows of a tree.
func (d *Diff) rest(of *detail, row DetailRow) {
	row.Name = cutEnd(row.Name, maxDiffPath)
	row.Value, row.Size = of.scalar(), of.size()
	if d.RestRows++; d.RestRows <= maxDiffRows {
		d.Rest = append(d.Rest, row)
	}
	for i, m := range of.members {
		below := DetailRow{Depth: row.Depth + 1, Name: m.name}
		if below.Element = of.kind == "array"; below.Element {
			below.Name = strconv.Itoa(i)
		}
		d.rest(m.value, below)
	}
}

// pathEscaper marks what would divide a path.
var pathEscaper = strings.NewReplacer(`\`, `\\`, `.`, `\.`, `[`, `\[`)

func childPath(path, name string) string {
	name = pathEscaper.Replace(cutEnd(name, maxDiffPath))
	if path != "" {
		name = path + "." + name
	}
	return cutBegin(name, maxDiffPath)
}

// cutEnd leaves so many characters of a text, the last of them an ellipsis where it was
// longer.
func cutEnd(text string, most int) string {
	if len(text) <= most || utf8.RuneCountInString(text) <= most {
		return text
	}
	n := 0
	for at := range text {
		if n++; n == most {
			return text[:at] + "…"
		}
	}
	return text
}

// cutBegin is cutEnd from the other side.
func cutBegin(text string, most int) string {
	n := utf8.RuneCountInString(text)
	if n <= most {
		return text
	}
	for at := range text {
		if n < most {
			return "…" + text[at:]
		}
		n--
	}
	return text
}
