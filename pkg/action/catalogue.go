package action

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/actionlog/actionlog/schemas"
)

// Category is what a kind of action does to a record, broadly enough for a colour.
type Category string

// The categories, in the order in which charts stack them and menus list them.
const (
	CategoryView    Category = "view"
	CategoryCreate  Category = "create"
	CategoryChange  Category = "change"
	CategoryComment Category = "comment"
	CategoryFinance Category = "finance"
	CategoryAccess  Category = "access"
	CategoryExport  Category = "export"
	CategoryDelete  Category = "delete"
)

// Categories returns every category in its order.
func Categories() []Category {
	return []Category{
		CategoryView, CategoryCreate, CategoryChange, CategoryComment,
		CategoryFinance, CategoryAccess, CategoryExport, CategoryDelete,
	}
}

// Kind is how people see one type of action.
type Kind struct {
	// Type is the value of an event's action: invoice.posted.
	Type string `json:"type"`
	// Label is what a person reads: Invoice posted. At most [MaxLabel] characters.
	Label string `json:"label"`
	// Labels are what those read who speak another language, by its tag: de. They read
	// Label where theirs is not there.
	Labels map[string]string `json:"labels,omitempty"`
	// Icon names a symbol of the page's sprite, without its prefix: receipt. The
	// names are those of Lucide.
	Icon     string   `json:"icon"`
	Category Category `json:"category"`
}

// MaxLabel bounds the label of a kind, in characters, so that menus stay narrow.
const MaxLabel = 64

// What an action that the catalogue lacks is shown as. The category is change,
// since most actions are changes and none may be taken for a mere view. A filter
// by category has to count unknown types in.
const (
	UnknownIcon     = "braces"
	UnknownCategory = CategoryChange
)

// Catalogue tells the kinds of action that have a label, an icon and a category.
// It does not change once loaded, so goroutines may share it.
type Catalogue struct {
	kinds []Kind
	index map[string]int
}

// LoadCatalogue returns the built-in catalogue, schemas/actions.json, extended by
// the file at extraPath unless that is "": a JSON array of the same form. An entry
// with a type of the built-in catalogue takes its place. The error names every
// entry that is wrong.
func LoadCatalogue(extraPath string) (*Catalogue, error) {
	kinds, err := parseKinds(schemas.Actions)
	if err != nil {
		return nil, fmt.Errorf("read the built-in catalogue: %w", err)
	}
	if extraPath != "" {
		file, err := os.ReadFile(extraPath)
		if err != nil {
			return nil, fmt.Errorf("read the action catalogue: %w", err)
		}
		extra, err := parseKinds(file)
		if err != nil {
			return nil, fmt.Errorf("read the action catalogue %s: %w", extraPath, err)
		}
		kinds = extend(kinds, extra)
	}
	order := Categories()
	slices.SortStableFunc(kinds, func(a, b Kind) int {
		return slices.Index(order, a.Category) - slices.Index(order, b.Category)
	})
	c := &Catalogue{kinds: kinds, index: make(map[string]int, len(kinds))}
	for i, kind := range kinds {
		c.index[kind.Type] = i
	}
	return c, nil
}

// Lookup returns how to show the type of action. A type that the catalogue lacks
// has its own name for a label, [UnknownIcon] and [UnknownCategory].
func (c *Catalogue) Lookup(actionType string) Kind {
	if i, ok := c.index[actionType]; ok {
		return c.kinds[i]
	}
	return Kind{Type: actionType, Label: actionType, Icon: UnknownIcon, Category: UnknownCategory}
}

// Types returns every kind, by category and within that in the catalogue's order.
func (c *Catalogue) Types() []Kind { return slices.Clone(c.kinds) }

// Relabelled returns the same kinds with the labels that a function gives them, as in
// another language.
func (c *Catalogue) Relabelled(label func(Kind) string) *Catalogue {
	other := &Catalogue{kinds: slices.Clone(c.kinds), index: c.index}
	for i := range other.kinds {
		other.kinds[i].Label = label(other.kinds[i])
	}
	return other
}

// extend returns kinds with those of extra in the place of their equals or at the end.
func extend(kinds, extra []Kind) []Kind {
	for _, kind := range extra {
		i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Type == kind.Type })
		if i < 0 {
			kinds = append(kinds, kind)
		} else {
			kinds[i] = kind
		}
	}
	return kinds
}

// parseKinds reads and checks a file of kinds.
func parseKinds(file []byte) ([]Kind, error) {
	var kinds []Kind
	if err := json.Unmarshal(file, &kinds, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("want a JSON array of {type, label, labels, icon, category}: %w", err)
	}
	var errs []error
	for i, kind := range kinds {
		if wrong := kind.wrong(); wrong != "" {
			errs = append(errs, fmt.Errorf("entry %d (%s): %s", i+1, quote(kind.Type), wrong))
		}
		if first := slices.IndexFunc(kinds, func(k Kind) bool { return k.Type == kind.Type }); first < i {
			errs = append(errs, fmt.Errorf("entry %d (%s): entry %d has the same type: keep one", i+1, quote(kind.Type), first+1))
		}
	}
	return kinds, errors.Join(errs...)
}

// wrong returns what is wrong with a kind, and the remedy, or "".
func (k Kind) wrong() string {
	if k.Type == "" {
		return "type is missing: give the value of the events' action"
	}
	if wrong := wrongAction(k.Type); wrong != "" {
		return "type is no action: " + wrong
	}
	if len(k.Type) > MaxAction {
		return fmt.Sprintf("type is longer than %d characters: no event can have it", MaxAction)
	}
	if wrong := wrongLabel(k.Label); wrong != "" {
		return "label is " + wrong
	}
	for _, tag := range slices.Sorted(maps.Keys(k.Labels)) {
		if tag == "" || strings.Trim(tag, "abcdefghijklmnopqrstuvwxyz-") != "" {
			return fmt.Sprintf("labels has %s: name languages as in de", quote(tag))
		}
		if wrong := wrongLabel(k.Labels[tag]); wrong != "" {
			return "labels." + tag + " is " + wrong
		}
	}
	if k.Icon == "" || strings.Trim(k.Icon, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Sprintf("icon is %s: give the name of a Lucide icon, as file-text", quote(k.Icon))
	}
	if !slices.Contains(Categories(), k.Category) {
		names := make([]string, 0, len(Categories()))
		for _, category := range Categories() {
			names = append(names, string(category))
		}
		return fmt.Sprintf("category is %s: give one of %s", quote(string(k.Category)), list(names))
	}
	return ""
}

// wrongLabel returns what is wrong with a label, and the remedy, or "".
func wrongLabel(label string) string {
	if n := utf8.RuneCountInString(label); n == 0 || n > MaxLabel || strings.ContainsFunc(label, unicode.IsControl) {
		return fmt.Sprintf("%s: give 1 to %d printable characters", quote(label), MaxLabel)
	}
	return ""
}
