package query

import "github.com/actionlog/actionlog/pkg/action"

// kind is how a type of action is shown.
type kind struct {
	action.Kind
	// Class is that of the category, by which the style sheet colours the icon.
	Class string
}

// kind returns how a type of action is shown. An icon that a configured catalogue
// names and the page does not have is replaced by that of its category.
func (p *page) kind(name string) kind { return p.shown(p.catalogue.Lookup(name)) }

func (p *page) shown(k action.Kind) kind {
	if !p.icons[k.Icon] {
		k.Icon = categoryIcons[k.Category]
	}
	return kind{k, categoryClass(k.Category)}
}

// categoryClass is the style sheet's class for a category.
func categoryClass(c action.Category) string { return "t-" + string(c) }

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
