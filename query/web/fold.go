package web

import (
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
		views, request := views(actions[i:]), request(actions[i:])
		r := run{i, i + max(views, request, 1), views >= request}
		if r.to-r.from > 1 {
			all = append(all, r)
		}
		i = r.to
	}
	return all
}

// request is how many events, from the first on, are of its request.
func request(actions []store.Action) int {
	return length(actions, func(a *store.Action) bool { return a.RequestID != "" && sameRequest(&actions[0], a) })
}

// views is how many events, from the first on, are views of its record by its user.
func views(actions []store.Action) int {
	return length(actions, func(a *store.Action) bool { return isView(&actions[0]) && sameView(&actions[0], a) })
}

// length is how many events belong together, from the first on.
func length(actions []store.Action, belongs func(*store.Action) bool) int {
	n := 0
	for n < len(actions) && belongs(&actions[n]) {
		n++
	}
	return n
}

func sameRequest(a, b *store.Action) bool {
	return a.RequestID == b.RequestID && a.Actor.ID == b.Actor.ID && a.Actor.Type == b.Actor.Type
}

// isView reports whether an event is a view of a record that nothing else is to be told of.
func isView(a *store.Action) bool {
	return a.Action == "record.viewed" && a.Outcome == "success" && a.Subject.ID != "" && !a.Conflicting
}

func sameView(a, b *store.Action) bool {
	return isView(b) && a.Actor.ID == b.Actor.ID && a.Actor.Type == b.Actor.Type && a.OnBehalfOf.ID == b.OnBehalfOf.ID &&
		a.Subject.Type == b.Subject.Type && a.Subject.ID == b.Subject.ID
}

// Fold is what the first event of a run says of it.
type Fold struct {
	Label string
	// IDs are those of the rows that it opens.
	IDs string
	// Open is set where they are shown, and Link the page on which they are.
	Open bool
	Link string
}

// fold marks the rows of runs. Without the column in which a run is told of, nothing is
// folded.
func (v *View) fold(rows []*Row, actions []store.Action) {
	if v.Prefs.NoFolds || len(rows) == 0 || !slices.ContainsFunc(rows[0].Columns, func(c Column) bool { return c.Name == "description" }) {
		return
	}
	for _, r := range runs(actions) {
		head, rest := rows[r.from], rows[r.from+1:r.to]
		f := &Fold{Link: v.openLink(head.ID), Open: v.Open == head.ID}
		for _, row := range rest {
			f.IDs = joined(" ", f.IDs, "event-"+row.ID)
			f.Open = f.Open || row.Around
		}
		if r.views {
			f.Label = v.Lang.sayN("fold.viewed", r.to-r.from, "Time", v.brief(earlier(actions[r.from].Time, actions[r.to-1].Time)))
		} else {
			f.Label = v.Lang.sayN("fold.request", len(rest))
		}
		head.Fold = f
		for _, row := range rest {
			row.FoldedIn, row.Folded = head.ID, !f.Open
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// openLink is this page with the run of an event open.
func (v *View) openLink(id string) string {
	return v.address("/", v.Text, "cursor", v.Cursor, "off", v.Off, "around", v.Around, "open", id) + "#event-" + id
}
