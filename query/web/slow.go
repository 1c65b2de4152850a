package web

// bones are how many rows stand where events will.
const bones = 12

// Slow is a search that is still at work.
type Slow struct {
	// Stream is where its rows come from.
	Stream string
}

// Gap says what a search has not looked at, and where it goes on.
type Gap struct{ Title, Text, GoOn string }

// Rows are those that were found since the last ones.
type Rows struct {
	Rows []*Row
	// Said is how many were found by now and how far the search has come.
	Said string
	// GoOn is the page that goes on from there, and Gap what is said where it is stopped.
	GoOn string
	Gap  *Gap
}

// Slow shows a page whose rows are yet to come.
func (v *View) Slow(f *Found) *LogPage {
	p := v.logPage(v.logTitle(), f.Menus)
	p.Head.Download = v.download(v.Text)
	r := &p.Results
	r.Table = v.table(&Found{OldestFirst: f.OldestFirst})
	p.Whole = f.Whole
	r.Count = v.Lang.say("searching")
	r.Histogram = v.histogram(nil, false)
	r.Histogram.Load = "" // it comes with the whole results
	r.Slow = &Slow{Stream: v.address("/fragments/rows", v.Text, "cursor", v.Cursor)}
	return p
}

// Found shows the events that were found last, when there are so many in all by then.
func (v *View) Found(f *Found, count int) *Rows {
	id := "slow.back"
	if f.OldestFirst {
		id = "slow.forward"
	}
	r := &Rows{
		Said: v.Lang.sayN("slow.so_far", count) + " · " + v.Lang.say(id, "Time", v.Lang.time("minute", f.Reached.In(v.Zone))),
		GoOn: v.pageLink(f.Next), Gap: v.gap(f),
	}
	r.Gap.Title = v.Lang.say("slow.stopped")
	if len(f.Actions) > 0 {
		r.Rows = v.table(f).Rows
	}
	return r
}

// gap says what was not searched, nil where all was.
func (v *View) gap(f *Found) *Gap {
	if !f.Partial {
		return nil
	}
	g := &Gap{Title: v.Lang.say("partial.title"), Text: v.Lang.say("partial.text"), GoOn: v.pageLink(f.Next)}
	if f.Next == "" {
		g.GoOn = v.pageLink(f.Previous)
	}
	if !f.Reached.IsZero() {
		id := "partial.back"
		if f.OldestFirst {
			id = "partial.forward"
		}
		g.Text = v.Lang.say(id, "Time", v.Lang.time("minute", f.Reached.In(v.Zone)))
	}
	return g
}

// notYet says that nothing was found in what was searched.
func (v *View) notYet(f *Found) *State {
	g := v.gap(f)
	s := &State{
		Icon: "clock", Title: v.Lang.say("partial.nothing"), Text: g.Text,
		Links: []StateLink{{Label: v.Lang.say("partial.go_on"), Link: g.GoOn, Icon: "arrow-right", Main: true}},
	}
	if f.Reached.IsZero() {
		s.Text = v.Lang.say("partial.none_yet")
	}
	if g.GoOn == "" {
		s.Links[0] = StateLink{Label: v.Lang.say("try_again"), Link: v.Path, Icon: "rotate-cw", Main: true}
	}
	return s
}
