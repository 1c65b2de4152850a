package web

import (
	"slices"
	"strings"

	"github.com/actionlog/actionlog/pkg/action"
)

// Kind is how a type of action is shown.
type Kind struct {
	action.Kind
	// Class is that of the category, by which the style sheet colours the icon.
	Class string
}

// ActionMenu is the menu of action types.
type ActionMenu struct {
	Not        bool
	Categories []CategoryChoice
	// Load is where the list comes from when the menu is opened; empty where it is there.
	Load string
	Note string
}

// CategoryChoice is a category to choose, and the types within it.
type CategoryChoice struct {
	Name, Label, Class string
	Count              string
	Checked            bool
	Types              []TypeChoice
	count              uint64
}

// TypeChoice is a type of action to choose.
type TypeChoice struct {
	Kind
	Count   string
	Checked bool
}

// kind returns how a type of action is shown. An icon that a configured catalogue names
// and the page does not have is replaced by that of its category.
func (v *View) kind(name string) Kind { return v.shown(v.catalogue.Lookup(name)) }

func (v *View) shown(k action.Kind) Kind {
	if !v.site.icons[k.Icon] {
		k.Icon = categoryIcons[k.Category]
	}
	return Kind{k, "t-" + string(k.Category)}
}

// categoryIcons stand for kinds whose own icon is not there.
var categoryIcons = map[action.Category]string{
	action.CategoryView:    "eye",
	action.CategoryCreate:  "plus",
	action.CategoryChange:  "pencil",
	action.CategoryComment: "message-square",
	action.CategoryFinance: "banknote",
	action.CategoryAccess:  "key-round",
	action.CategoryExport:  "file-output",
	action.CategoryDelete:  "trash-2",
}

// actionWords says which types and categories are chosen.
func (v *View) actionWords() string {
	words := func(not bool) []string {
		var all []string
		for _, c := range values(v.Line, "category", not) {
			all = append(all, v.Lang.say("category."+c))
		}
		for _, t := range values(v.Line, "action", not) {
			all = append(all, v.kind(t).Label)
		}
		return all
	}
	var said []string
	if in := words(false); len(in) > 0 {
		said = append(said, v.either(in))
	}
	if out := words(true); len(out) > 0 {
		said = append(said, v.Lang.say("not", "Value", v.either(out)))
	}
	return strings.Join(said, ", ")
}

func (v *View) actionMenu(menus *Menus) ActionMenu {
	in := append(values(v.Line, "action", false), values(v.Line, "category", false)...)
	out := append(values(v.Line, "action", true), values(v.Line, "category", true)...)
	m := ActionMenu{Not: shownExcluded(v.Line, "action", "category")}
	if menus == nil {
		m.Load = v.address("/menus/action", v.Text)
		menus = &Menus{}
	}
	chosen := in
	if m.Not {
		chosen = out
	}
	counts := map[string]uint64{}
	for _, t := range menus.Actions.Values {
		counts[t.Value] = t.Count
	}
	types := v.catalogue.Types()
	known := func(name string) bool {
		return slices.ContainsFunc(types, func(k action.Kind) bool { return k.Type == name })
	}
	for _, name := range slices.Concat(keys(menus), values(v.Line, "action", m.Not)) {
		if !known(name) {
			types = append(types, v.catalogue.Lookup(name))
		}
	}
	m.Note = v.Lang.sayN("action.note", len(types))
	for _, category := range action.Categories() {
		c := CategoryChoice{
			Name: string(category), Label: v.Lang.say("category." + string(category)), Class: "t-" + string(category),
			Checked: slices.Contains(chosen, string(category)),
		}
		for _, k := range types {
			if k.Category != category {
				continue
			}
			t := TypeChoice{Kind: v.shown(k), Checked: slices.Contains(chosen, k.Type)}
			if n := counts[k.Type]; n > 0 {
				t.Count = v.Lang.number(n)
				c.count += n
			}
			c.Types = append(c.Types, t)
		}
		if c.count > 0 {
			c.Count = v.Lang.number(c.count)
		}
		m.Categories = append(m.Categories, c)
	}
	return m
}

func keys(menus *Menus) []string {
	var all []string
	for _, t := range menus.Actions.Values {
		all = append(all, t.Value)
	}
	return all
}

// ActionList is the list of a menu of action types, which a browser asks for when it is
// opened.
func (v *View) ActionList(menus *Menus) ActionMenu { return v.actionMenu(menus) }
