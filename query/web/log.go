package web

import (
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
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
	// Cut is set where there are more events, but no other page.
	Cut bool
	// Partial is set where the time was up before the page was full, and Reached is how far
	// the search has come by then; zero where it has not begun.
	Partial bool
	Reached time.Time
	Took    time.Duration
	// Empty is set where the log holds no event at all.
	Empty bool
	// Names are those of actors whom the question names and no event here does, by id.
	Names map[string]string
	// Menus are what the menus offer; nil where the browser asks when they are opened.
	Menus *Menus
	// Whole is the page that waits for all that it shows, for a browser that does not run
	// scripts; empty where this one does.
	Whole string
	// Counted is the histogram; nil where the browser asks for it once the rows are there.
	Counted *Counted
}

// LogPage is the page of the log, and its parts for htmx.
type LogPage struct {
	Frame
	Line    LineView
	Filters Filters
	Head    LogHead
	Results Results
	Columns []Column
	// AllColumns is how many columns a file may have.
	AllColumns int
	Syntax     []SyntaxPart
	// Bones are rows that stand where events will, until they are there.
	Bones []int
}

// LogHead is the title and what stands beside it.
type LogHead struct {
	// Download is this view as a file; nil when there is nothing to download.
	Download  *Download
	OutOfBand bool
}

// Results is what was found. Table and State take the same place: one of them is set.
type Results struct {
	// URL is the address of the question, Text its search line, and Cursor where the page
	// begins.
	URL, Text, Cursor string
	// Count is the number of what is shown, until that of all that match is known, which
	// comes with the histogram or, where there is none, from CountFrom.
	Count, Took, CountFrom string
	// Counted is how many match; nil where that is not known yet.
	Counted *CountView
	// Histogram is nil where there is no table.
	Histogram *Histogram
	// Compare says what differs from the rest; empty where everything is shown.
	Compare string
	Table   *Table
	State   *State
	Columns []Column
	Compact bool
	NoFolds bool
	// Gap says what was not searched; nil where all was.
	Gap *Gap
	// Slow is set while a search is at work; nil where it has ended.
	Slow *Slow
	// Live is the switch; nil where nothing can come in.
	Live *Live
	Back string
}

// Log shows what was found.
func (v *View) Log(f *Found) *LogPage {
	v.Know(f.Names)
	for i := range f.Actions {
		a := &f.Actions[i]
		for _, who := range []action.Actor{a.OnBehalfOf, a.Actor} {
			if who.Name != "" {
				v.names[who.ID] = who.Name
			}
		}
	}
	p := v.logPage(v.logTitle(), f.Menus)
	p.Whole = f.Whole
	p.Head.Download = v.download(v.Text)
	r := &p.Results
	switch {
	case len(f.Actions) > 0:
		r.Table = v.table(f)
		r.Count = r.Table.Pager.Count
		if f.Next != "" && !f.Continued && !f.OldestFirst {
			r.Count = v.Lang.sayN("events.newest", len(f.Actions))
		}
		r.Histogram = v.histogram(f.Counted, f.Continued)
		if r.Histogram.Load == "" {
			count := v.Count(store.Count{Count: f.Counted.sum(), Reached: f.Counted.Reached}, f.Counted.Total)
			r.Counted = &count
		}
		if v.Text != "" {
			r.Compare = v.address("/compare", v.Text)
		}
	case f.Partial:
		r.State = v.notYet(f)
	case f.Continued:
		r.State = v.ended()
	case f.Empty:
		r.State = v.firstRun()
	default:
		r.State = v.nothing()
		r.Count, r.CountFrom = v.Lang.sayN("events", 0), v.address("/fragments/count", v.Text)
	}
	r.Took = v.Lang.say("took", "Time", v.Lang.number(max(1, f.Took.Milliseconds())))
	if r.Live = v.live(f); r.Table != nil { // else the state says it
		r.Gap = v.gap(f)
	}
	return p
}

// logTitle names the question too: tabs, histories and bookmarks are told apart by it.
func (v *View) logTitle() string {
	title := v.Lang.say("log.title")
	if v.Text == "" {
		return title
	}
	return search.Short(v.Text) + " · " + title
}

func (v *View) logPage(title string, menus *Menus) *LogPage {
	p := &LogPage{
		Frame: v.frame(title, partLog), Line: v.line(), Filters: v.filters(menus), Columns: v.columnChoices(), AllColumns: allColumns(), Syntax: v.syntax(), Bones: make([]int, bones),
	}
	p.Results = Results{URL: v.address("/", v.Text), Text: v.Text, Cursor: v.Cursor, Columns: p.Columns, Compact: v.Prefs.Compact, NoFolds: v.Prefs.NoFolds, Back: v.Path}
	return p
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
type CountView struct {
	Count, Total string
	// OutOfBand is set in an answer to htmx, which puts the count into its place.
	OutOfBand bool
}

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
