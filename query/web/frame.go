package web

import (
	"cmp"
	"time"
)

// Frame is what every page has around its own part.
type Frame struct {
	Title   string
	Lang    string
	Prefs   Prefs
	Home    string
	Tenant  string
	Nav     []NavLink
	Account Account
	// Shown is the time zone of the page, and FixedZone set where the address or someone's
	// choice names it.
	Shown     string
	FixedZone bool
	// Whole is where a browser is led that does not run scripts; empty where this page is for
	// it too.
	Whole string
	// Back is the page to which a form of preferences returns.
	Back string
}

// NavLink leads to a part of the service.
type NavLink struct {
	Label, Link string
	Current     bool
}

// Account is the menu of what someone likes.
type Account struct {
	Languages []Choice
	// Zone is the one in use, with how far it is from UTC.
	Zone string
	// OwnZone is the one where none is chosen.
	OwnZone string
}

// Choice is one of several of which one holds.
type Choice struct {
	Value, Label string
	Chosen       bool
}

// The parts of the service that the top bar names.
const (
	partLog      = "log"
	partRejected = "rejected"
)

func (v *View) frame(title, part string) Frame {
	f := Frame{
		Title: isolated(title) + " · Actionlog", Lang: v.Lang.Tag, Prefs: v.Prefs, Tenant: v.Kept.Get("tenant"), Home: v.clear(), Back: v.Path,
		Nav:     []NavLink{{v.Lang.say("nav.log"), v.clear(), part == partLog}},
		Account: Account{Zone: zoneWords(v.Now), OwnZone: cmp.Or(v.Prefs.BrowserZone, "UTC")},
	}
	f.Shown, f.FixedZone = v.Zone.String(), v.Prefs.Zone != "" || v.Kept.Get("tz") != "" || v.Line.Zone != ""
	if part == partRejected {
		f.FixedZone = v.Prefs.Zone != "" || v.askedZone() != ""
		f.Nav = append(f.Nav, NavLink{v.Lang.say("nav.rejected"), "/rejected", true})
	}
	for _, l := range v.site.languages {
		f.Account.Languages = append(f.Account.Languages, Choice{l.Tag, l.Name, l == v.Lang})
	}
	return f
}

// zoneWords is the name of a time's zone and how far it is from UTC then.
func zoneWords(t time.Time) string {
	name := t.Location().String()
	if name == "UTC" {
		return name
	}
	return name + " (UTC" + offset(t) + ")"
}

// offset is how far a time's zone is from UTC, as in +5:30.
func offset(t time.Time) string {
	_, seconds := t.Zone()
	sign := "+"
	if seconds < 0 {
		sign, seconds = "−", -seconds
	}
	text := sign + time.Unix(int64(seconds), 0).UTC().Format("15:04")
	if seconds%3600 == 0 {
		text = text[:len(text)-len(":00")]
	}
	if len(text) > len(sign)+1 && text[len(sign)] == '0' {
		text = sign + text[len(sign)+1:]
	}
	return text
}
