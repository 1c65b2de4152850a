package web

// Live is the switch that lets new events flow in at the top.
type Live struct {
	// Tail is where they come from, Rows the newest page, in which they stand, and Chart what
	// counts them.
	Tail, Rows, Chart string
}

// live is the switch of a page, nil where nothing new can come in at its top.
func (v *View) live(f *Found) *Live {
	if f.OldestFirst || f.Continued || v.Around != "" || !v.Filter.To.IsZero() && !v.Filter.To.After(v.Now) {
		return nil
	}
	return &Live{Tail: v.apiAddress("/v1/tail", v.Text), Rows: v.address("/", v.Text), Chart: v.address("/fragments/histogram", v.Text)}
}
