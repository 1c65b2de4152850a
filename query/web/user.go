package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// Menus are the values that the menus offer, with how many events of the question each
// has.
type Menus struct {
	Users, Actions store.Facet
}

// UserMenu is the menu of users.
type UserMenu struct {
	Not   bool
	Users []UserChoice
	// Load is where the list comes from when the menu is opened; empty where it is there.
	Load string
	// Find is where the list of those comes from whose names begin with a text.
	Find string
	Note string
}

// UserChoice is a user to choose.
type UserChoice struct {
	ID, Name, Second, Initials string
	// Count is how many events are the user's; empty where that is not known.
	Count   string
	Checked bool
}

// userWords says which users are chosen.
func (v *View) userWords() string {
	var said []string
	named := func(ids []string) []string {
		all := make([]string, len(ids))
		for i, id := range ids {
			all[i] = v.userName(id)
		}
		return all
	}
	if in := values(v.Line, "actor", false); len(in) > 0 {
		said = append(said, v.either(named(in)))
	}
	if out := values(v.Line, "actor", true); len(out) > 0 {
		said = append(said, v.Lang.say("not", "Value", v.either(named(out))))
	}
	return strings.Join(said, ", ")
}

func (v *View) userMenu(menus *Menus) UserMenu {
	in, out := values(v.Line, "actor", false), values(v.Line, "actor", true)
	m := UserMenu{Not: shownExcluded(v.Line, "actor"), Find: v.address("/menus/user", v.Text)}
	if menus == nil {
		m.Load = m.Find
	}
	chosen := in
	if m.Not {
		chosen = out
	}
	var rest []UserChoice
	if menus != nil {
		for _, u := range menus.Users.Values {
			v.names[u.Value] = u.Name
			c := v.userChoice(u)
			if c.Checked = slices.Contains(chosen, u.Value); c.Checked {
				m.Users = append(m.Users, c)
			} else {
				rest = append(rest, c)
			}
		}
		m.Note = v.Lang.sayN("user.note", menus.Users.Distinct, "Shown", v.Lang.number(len(menus.Users.Values)))
	}
	for _, id := range chosen {
		if !slices.ContainsFunc(m.Users, func(c UserChoice) bool { return c.ID == id }) {
			name := v.userName(id)
			m.Users = append(m.Users, UserChoice{ID: id, Name: name, Initials: initials(name), Checked: true})
		}
	}
	m.Users = append(m.Users, rest...)
	return m
}

// actorKind says what an actor is that is no person; empty for people.
func (v *View) actorKind(kind string) string {
	if kind == "" || kind == action.DefaultActorType {
		return ""
	}
	return v.Lang.say("actor." + kind)
}

func (v *View) userChoice(u store.FacetValue) UserChoice {
	c := UserChoice{ID: u.Value, Name: cmp.Or(u.Name, u.Value), Count: v.Lang.number(u.Count)}
	c.Initials = initials(c.Name)
	if u.Name != "" && u.Name != u.Value {
		c.Second = u.Value
	}
	return c
}

// UserList is the list of a menu of users, which a browser asks for when it is opened or
// a text is typed into it.
func (v *View) UserList(users store.Facet) UserMenu { return v.userMenu(&Menus{Users: users}) }
