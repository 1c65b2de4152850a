package web

import (
	"maps"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

// Found is what the page of the log shows.
type Found struct {
	Actions []store.Action
	// Next and Previous are the cursors of the pages around this one, in the order of the
	// list; empty where there is none.
	Next, Previous string
	OldestFirst    bool
	// Continued is set where the list began on another page.
	Continued bool
	// Partial is set where the time was up before the page was full.
	Partial bool
	Took    time.Duration
	// Empty is set where the log holds no event at all.
	Empty bool
	// Names are those of actors whom the question names and no event here does, by id.
	Names map[string]string
	// Menus are what the menus offer; nil where the browser asks when they are opened.
	Menus *Menus
}

// LogPage is the page of the log, and its parts for htmx.
type LogPage struct {
	Frame
	Line    LineView
	Filters Filters
	Head    LogHead
	Results Results
	Columns []Column
	// Bones are rows that stand where events will, until they are there.
	Bones []int
}

// LogHead is the title and what stands beside it.
type LogHead struct {
	// Export is this view as CSV; empty when there is nothing to download.
	Export    string
	OutOfBand bool
}

// Results is what was found. Table and State take the same place: one of them is set.
type Results struct {
	// URL is the page's own address, and Text its search line.
	URL, Text string
	// Event is the event that is open; empty where none is.
	Count, Took string
	// CountFrom is where the number of all that match comes from, after the rows.
	CountFrom string
	// Histogram is the search that the histogram is about; empty where there is none.
	Histogram string
	Table     *Table
	State     *State
	Columns   []Column
	Compact   bool
	Partial   bool
	Back      string
}

// Log shows what was found.
func (v *View) Log(f *Found) *LogPage {
	maps.Copy(v.names, f.Names)
	for i := range f.Actions {
		a := &f.Actions[i]
		v.names[a.Actor.ID] = a.Actor.Name
	}
	p := v.logPage(v.Lang.say("log.title"), f.Menus)
	p.Head.Export = v.exportLink()
	r := &p.Results
	switch {
	case len(f.Actions) > 0:
		r.Table = v.table(f)
		r.Count = r.Table.Pager.Count
		if f.Next != "" && !f.Continued && !f.OldestFirst {
			r.Count = v.Lang.sayN("events.newest", len(f.Actions))
		}
		r.CountFrom = v.address("/fragments/count", v.Text)
	case f.Continued:
		r.State = v.ended()
	case f.Empty:
		r.State = v.firstRun()
	default:
		r.State = v.nothing()
		r.Count, r.CountFrom = v.Lang.sayN("events", 0), v.address("/fragments/count", v.Text)
	}
	r.Took = v.Lang.say("took", "Time", v.Lang.number(max(1, f.Took.Milliseconds())))
	r.Partial = f.Partial
	return p
}

func (v *View) logPage(title string, menus *Menus) *LogPage {
	p := &LogPage{
		Frame: v.frame(title, partLog), Line: v.line(), Filters: v.filters(menus), Columns: v.columnChoices(), Bones: make([]int, 12),
	}
	p.Results = Results{URL: v.address("/", v.Text), Text: v.Text, Columns: p.Columns, Compact: v.Prefs.Compact, Back: v.Path}
	return p
}

// exportLink is this view as CSV.
func (v *View) exportLink() string {
	link := v.address("/v1/export.csv", v.Text)
	if v.Line.Zone == "" && (v.Line.From != "" || v.Line.To != "") {
		link = v.address("/v1/export.csv", v.Text, "tz", v.Zone.String())
	}
	return link
}

// OutOfBand prepares the parts that htmx puts into their own places beside the results.
func (p *LogPage) OutOfBand() *LogPage {
	p.Filters.OutOfBand, p.Head.OutOfBand = true, true
	return p
}

// MoreRows prepares the page to go on with the rows of another.
func (p *LogPage) MoreRows() *LogPage {
	if p.Results.Table != nil {
		p.Results.Table.Pager.OutOfBand = true
	}
	return p
}

// CountView is how many events match.
type CountView struct{ Count, Total string }

// Count says how many events match, at least where not all were counted, of how many there
// are in the log; total is nil where that is not known.
func (v *View) Count(n store.Count, total *store.Count) CountView {
	id := "events"
	if !n.Reached.IsZero() {
		id = "events.at_least"
	}
	c := CountView{Count: v.Lang.sayN(id, n.Count)}
	if total != nil && total.Reached.IsZero() {
		c.Total = v.Lang.number(total.Count)
	}
	return c
}
