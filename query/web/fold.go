package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

// run is a stretch of events, one behind the other, that are shown as one line: those of
// one request by one user, or views of one record by one user.
type run struct {
	from, to int // half-open
	views    bool
}

// runs finds the stretches of a page that are shown as one line, each of two events or
// more, and as long as they can be.
func runs(actions []store.Action) []run {
	var all []run
	for i := 0; i < len(actions); {
		views, request := views(actions[i:]), length(actions[i:], same(requestKey, requestKey(&actions[i])))
		r := run{i, i + max(views, request, 1), views >= request}
		if r.to-r.from > 1 {
			all = append(all, r)
		}
		i = r.to
	}
	return all
}

// views is how many events, from the first on, are views of its record by its user.
func views(actions []store.Action) int { return length(actions, same(viewKey, viewKey(&actions[0]))) }

// length is how many events belong together, from the first on.
func length(actions []store.Action, belongs func(*store.Action) bool) int {
	n := 0
	for n < len(actions) && belongs(&actions[n]) {
		n++
	}
	return n
}

// same reports whether an event is of what a key stands for; none is of an empty key.
func same(of func(*store.Action) string, key string) func(*store.Action) bool {
	return func(a *store.Action) bool { return key != "" && of(a) == key }
}

// requestKey is a key of the request that an event is of, and of who made it; empty where
// none is known.
func requestKey(a *store.Action) string {
	if a.RequestID == "" {
		return ""
	}
	return key(a.RequestID, a.Actor.ID, a.Actor.Type)
}

// viewKey is a key of who has viewed which record; empty where an event is no view, or where
// something else is to be told of it.
func viewKey(a *store.Action) string {
	if a.Action != "record.viewed" || a.Outcome != "success" || a.Subject.ID == "" || a.Conflicting {
		return ""
	}
	return key(a.Actor.ID, a.Actor.Type, a.OnBehalfOf.ID, a.Subject.Type, a.Subject.ID)
}

// key is short enough for an address, and long enough that nobody can make two events that
// share one without belonging together.
func key(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// openRun is the run, or the event, with which a page ends. The address of what is appended
// to the page holds it: rows that go on with it join its line.
type openRun struct {
	Head   string    `json:"head"`
	Length int       `json:"length"`
	Since  time.Time `json:"since"`
	// View and Request are the keys that an event has to have to belong to it; empty where
	// it has ended by that.
	View    string `json:"view,omitempty"`
	Request string `json:"request,omitempty"`
	// Cut is set where it may have begun on a page before.
	Cut bool `json:"cut,omitempty"`
}

// lastRun is how a page ends; nil where no event can go on with it.
func lastRun(actions []store.Action, cut bool) *openRun {
	from := len(actions) - 1
	if all := runs(actions); len(all) > 0 && all[len(all)-1].to == len(actions) {
		from = all[len(all)-1].from
	}
	o := &openRun{Head: actions[from].ID, Since: actions[from].Time, View: viewKey(&actions[from]), Request: requestKey(&actions[from]), Cut: cut && from == 0}
	return o.with(actions[from:])
}

// takes is how many events, from the first on, go on with a run.
func (o *openRun) takes(actions []store.Action) int {
	if o == nil {
		return 0
	}
	return max(length(actions, same(viewKey, o.View)), length(actions, same(requestKey, o.Request)))
}

// with is the run with events that go on with it; nil where no other can.
func (o *openRun) with(actions []store.Action) *openRun {
	if o == nil {
		return nil
	}
	longer := *o
	longer.Length += len(actions)
	for i := range actions {
		longer.Since = earlier(longer.Since, actions[i].Time)
		if viewKey(&actions[i]) != o.View {
			longer.View = ""
		}
		if requestKey(&actions[i]) != o.Request {
			longer.Request = ""
		}
	}
	if longer.View == "" && longer.Request == "" {
		return nil
	}
	return &longer
}

// readOpenRun reads what String writes; nil where it is something else.
func readOpenRun(text string) *openRun {
	var o openRun
	if json.Unmarshal([]byte(text), &o) != nil || o.Head == "" || o.Length < 1 {
		return nil
	}
	return &o
}

// String is the run as an address holds it; empty where there is none.
func (o *openRun) String() string {
	if o == nil {
		return ""
	}
	text, _ := json.Marshal(o) //nolint:errchkjson // texts and numbers alone always encode
	return string(text)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Fold is what the first event of a run says of it.
type Fold struct {
	// ID is that of the event, and Label what is said; empty where the event has no run yet,
	// but what is appended to the page may be of one.
	ID, Label string
	// Missing is set where without a label the place is empty.
	Missing bool
	// Open is set where the other rows are shown. Link is the page on which they are, or on
	// which they no longer are; empty where the page is about one of them.
	Open bool
	Link string
	// OutOfBand is set in an answer to htmx, which puts the fold into its place.
	OutOfBand bool
}

// fold marks the rows of runs. Without the column in which a run is told of, nothing is
// folded.
func (v *View) fold(t *Table, f *Found) {
	if v.Prefs.NoFolds || len(t.Rows) == 0 || !slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == "description" }) {
		return
	}
	above := readOpenRun(v.Run)
	joined := above.takes(f.Actions)
	last := above.with(f.Actions[:joined])
	goesOn := f.Next != "" || f.Cut
	if above != nil && above.Length+joined > 1 { // where none joins it, it is known to be whole
		cut := above.Cut || goesOn && joined == len(t.Rows)
		views, since := above.View != "", above.Since
		if joined > 0 {
			views = views && length(f.Actions, same(viewKey, above.View)) == joined
			since = earlier(since, f.Actions[joined-1].Time)
		}
		t.Joins = &Fold{ID: above.Head, Label: v.foldLabel(views, above.Length+joined, since, cut), OutOfBand: true}
		v.foldIn(t.Joins, t.Rows[:joined])
	}
	rows, actions := t.Rows[joined:], f.Actions[joined:]
	continued := f.Continued && above == nil
	for _, r := range runs(actions) {
		head := rows[r.from]
		cut := continued && r.from == 0 || goesOn && r.to == len(rows)
		head.Fold = &Fold{
			ID: head.ID, Label: v.foldLabel(r.views, r.to-r.from, earlier(actions[r.from].Time, actions[r.to-1].Time), cut),
			Open: v.Open == head.ID, Link: v.openLink(head.ID),
		}
		v.foldIn(head.Fold, rows[r.from+1:r.to])
	}
	if len(actions) > 0 {
		if last = lastRun(actions, continued); last != nil {
			// Of events that share an id the rows have others.
			last.Head = rows[len(rows)-last.Length].ID
		}
	}
	if last == nil || f.Next == "" {
		return
	}
	t.Pager.More = v.pageLink(f.Next, "run", last.String())
	if len(actions) > 0 {
		if head := rows[len(rows)-last.Length]; head.Fold == nil {
			head.Fold = &Fold{ID: head.ID, Missing: len(head.Description) == 0}
		}
	}
}

// foldIn folds rows into the line of a run, which is open where the page is about one of
// them.
func (v *View) foldIn(f *Fold, rows []*Row) {
	if slices.ContainsFunc(rows, func(r *Row) bool { return r.Around }) {
		f.Open, f.Link = true, ""
	}
	for _, row := range rows {
		row.FoldedIn, row.Folded = f.ID, !f.Open
	}
}

// foldLabel says what so many events are, the first of which was at a time. A run that is
// cut may have more events before or behind the page.
func (v *View) foldLabel(views bool, n int, since time.Time, cut bool) string {
	id := "fold.request"
	if views {
		id = "fold.viewed"
	} else {
		n-- // besides the one whose line it is
	}
	if cut {
		id += "_here"
	}
	return v.Lang.sayN(id, n, "Time", v.brief(since))
}

// openLink is this page with the run of an event open, or with none where that is.
func (v *View) openLink(id string) string {
	open := id
	if v.Open == id {
		open = ""
	}
	return v.address("/", v.Text, "cursor", v.Cursor, "off", v.Off, "around", v.Around, "open", open) + "#event-" + id
}
