package web

import (
	"strings"
)

// Pill is a filter that opens a menu.
type Pill struct {
	// Name is that of the menu.
	Name        string
	Icon, Label string
	// Value says in words what is set; empty when nothing is.
	Value string
	// Quiet is set where the value says enough and the label need not be shown.
	Quiet bool
	// Remove is the link without this filter; empty when it is not set.
	Remove, RemoveLabel string
}

// Filters are the pills and the chips.
type Filters struct {
	Date, User, Action Pill
	Dates              DateMenu
	Users              UserMenu
	Actions            ActionMenu
	Chips              []Chip
	// Off is what is switched off, and On the log with it on again.
	Off, On string
	// ClearAll is the link without filters; empty when none is set.
	ClearAll string
	// OutOfBand is set in an answer to htmx, which puts the filters into their place.
	OutOfBand bool
}

// filters makes the pills. Menus is nil where the browser asks for their lists when they
// are opened.
func (v *View) filters(menus *Menus) Filters {
	l := v.Lang
	f := Filters{
		Date:   Pill{Name: "date", Icon: "calendar", Label: l.say("date"), Value: v.dateWords(), Quiet: true, RemoveLabel: l.say("date.remove")},
		User:   Pill{Name: "user", Icon: "user-round", Label: l.say("user"), Value: v.userWords(), RemoveLabel: l.say("user.remove")},
		Action: Pill{Name: "action", Icon: "list-filter", Label: l.say("action"), Value: v.actionWords(), RemoveLabel: l.say("action.remove")},
		Dates:  v.dateMenu(),
		Chips:  v.chips(),
	}
	if f.Date.Value != "" {
		f.Date.Remove = v.logLink(withoutDates(v.Line))
	}
	if f.User.Value != "" {
		f.User.Remove = v.logLink(withoutFields(v.Line, "actor"))
	}
	if f.Action.Value != "" {
		f.Action.Remove = v.logLink(withoutFields(v.Line, "action", "category"))
	}
	f.Users, f.Actions = v.userMenu(menus), v.actionMenu(menus)
	if strings.TrimSpace(v.Text) != "" || v.Kept.Get("tz") != "" {
		f.ClearAll = v.inOwnZone().clear()
	}
	if v.Off != "" {
		f.Off, f.On = v.Off, v.link(v.Off)
	}
	return f
}
