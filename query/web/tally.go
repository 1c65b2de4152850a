package web

import (
	"cmp"
	"strconv"

	"github.com/actionlog/actionlog/pkg/store"
)

// Tally is a row of a ranking. Share is its part of the greatest, in percent.
type Tally struct {
	Initials, Icon, Class     string
	Label, Title, Link, Count string
	Share                     string
}

func (v *View) userTallies(f store.Facet) []Tally {
	var all []Tally
	for _, u := range f.Values {
		name := cmp.Or(u.Name, u.Value)
		all = append(all, Tally{
			Initials: initials(name), Label: name, Link: v.userLink(u.Value),
			Count: v.Lang.number(u.Count), Share: share(u.Count, f.Values[0].Count),
		})
	}
	return all
}

// kindTallies ranks types of action; link, if it is there, is where each leads.
func (v *View) kindTallies(f store.Facet, link func(kind string) string) []Tally {
	var all []Tally
	for _, k := range f.Values {
		kind := v.kind(k.Value)
		row := Tally{
			Icon: kind.Icon, Class: kind.Class, Label: kind.Label, Title: kind.Type,
			Count: v.Lang.number(k.Count), Share: share(k.Count, f.Values[0].Count),
		}
		if link != nil {
			row.Link = link(k.Value)
		}
		all = append(all, row)
	}
	return all
}

// share is a part of the greatest count, in percent.
func share(n, most uint64) string {
	if most == 0 {
		return "0"
	}
	return strconv.FormatFloat(100*float64(n)/float64(most), 'f', 1, 64)
}
