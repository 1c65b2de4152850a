package action_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/actionlog/actionlog/pkg/action"
)

func load(t *testing.T, file string) (*action.Catalogue, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "actions.json")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	return action.LoadCatalogue(path)
}

func TestCatalogueBuiltIn(t *testing.T) {
	t.Parallel()
	c, err := action.LoadCatalogue("")
	if err != nil {
		t.Fatal(err)
	}
	var categories []action.Category
	for _, kind := range c.Types() {
		categories = append(categories, kind.Category)
		// A type of the catalogue is one that an event can have.
		if _, rejected := action.Decode([]byte(`{"actor":{"id":"u1"},"action":"`+kind.Type+`"}`), origin()); rejected != nil {
			t.Errorf("%s: %v", kind.Type, rejected)
		}
		if kind.Icon == action.UnknownIcon {
			t.Errorf("%s has the icon of unknown types", kind.Type)
		}
	}
	if got := slices.Compact(categories); !slices.Equal(got, action.Categories()) {
		t.Errorf("categories come as %s, want %s", got, action.Categories())
	}
	f := func(actionType, label, icon string, category action.Category) {
		t.Helper()
		want := action.Kind{Type: actionType, Label: label, Icon: icon, Category: category}
		if got := c.Lookup(actionType); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+v, want %+v", actionType, got, want)
		}
	}
	f("opportunity.item.added", "Item added", "package-plus", action.CategoryCreate)
	f("discussion.commented", "Comment added", "message-square", action.CategoryComment)
	f("data.exported", "Data exported", "file-output", action.CategoryExport)
	f("data.erased", "Personal data erased", "eraser", action.CategoryDelete)
	f("record.deleted", "Record deleted", "trash-2", action.CategoryDelete)
	f("record.viewed", "Record viewed", "eye", action.CategoryView)
	f("invoice.posted", "Invoice posted", "receipt", action.CategoryFinance)
	f("crane.hoisted", "crane.hoisted", "braces", action.CategoryChange)
	f("", "", "braces", action.CategoryChange)
}

func TestCatalogueExtended(t *testing.T) {
	t.Parallel()
	c, err := load(t, `[
		{"type":"crane.hoisted","label":"Crane hoisted","icon":"arrow-up","category":"change"},
		{"type":"invoice.posted","label":"Rechnung gebucht","icon":"banknote","category":"finance"},
		{"type":"crane.seen","label":"Crane seen","labels":{"de":"Kran gesichtet"},"icon":"eye","category":"view"}]`)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Lookup("crane.hoisted").Label; got != "Crane hoisted" {
		t.Errorf("crane.hoisted is %q", got)
	}
	if got := c.Lookup("invoice.posted"); got.Label != "Rechnung gebucht" || got.Icon != "banknote" {
		t.Errorf("invoice.posted is %+v", got)
	}
	if got := c.Lookup("crane.seen").Labels["de"]; got != "Kran gesichtet" {
		t.Errorf("crane.seen is %q in German", got)
	}
	builtIn, err := action.LoadCatalogue("")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(c.Types()), len(builtIn.Types())+2; got != want {
		t.Errorf("%d types, want %d", got, want)
	}
	// New kinds stand last in their category.
	views := slices.DeleteFunc(c.Types(), func(k action.Kind) bool { return k.Category != action.CategoryView })
	if views[len(views)-1].Type != "crane.seen" || c.Types()[len(views)-1].Type != "crane.seen" {
		t.Errorf("views are %+v", views)
	}
	// What Types returns is the caller's.
	c.Types()[0].Label = "changed"
	if c.Types()[0].Label == "changed" {
		t.Error("a caller changes the catalogue")
	}
}

func TestCatalogueRefuses(t *testing.T) {
	t.Parallel()
	f := func(file string, want ...string) {
		t.Helper()
		_, err := load(t, file)
		if err == nil {
			t.Errorf("%s is loaded", file)
			return
		}
		for _, part := range append(want, "actions.json") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v: lacks %q", file, err, part)
			}
		}
	}
	good := `{"type":"a.b","label":"A","icon":"eye","category":"view"}`
	f(``, "JSON array")
	f(`{}`, "JSON array")
	f(`[`+good+`]x`, "JSON array")
	f(`[`+good+`,`+good+`]`, `entry 2 ("a.b")`, "entry 1 has the same type")
	f(`[{"type":"a.b","label":"A","icon":"eye","category":"view","colour":"red"}]`, "colour")
	f(`[`+good+`,{"label":"A","icon":"eye","category":"view"}]`, `entry 2 ("")`, "type is missing")
	f(`[{"type":"Crane","label":"A","icon":"eye","category":"view"}]`, `entry 1 ("Crane")`, "type is no action")
	f(`[{"type":"a.`+strings.Repeat("b", 127)+`","label":"A","icon":"eye","category":"view"}]`, "entry 1", "128")
	f(`[{"type":"a.b","icon":"eye","category":"view"}]`, `entry 1 ("a.b")`, "label")
	f(`[{"type":"a.b","label":"`+strings.Repeat("x", 65)+`","icon":"eye","category":"view"}]`, "label", "64")
	f(`[{"type":"a.b","label":"A","labels":{"de":""},"icon":"eye","category":"view"}]`, `entry 1 ("a.b")`, "labels.de", "64")
	f(`[{"type":"a.b","label":"A","labels":{"DE":"A"},"icon":"eye","category":"view"}]`, "labels has", "DE")
	f(`[{"type":"a.b","label":"A","labels":["A"],"icon":"eye","category":"view"}]`, "labels")
	f(`[{"type":"a.b","label":"A","icon":"i-Eye\"","category":"view"}]`, "icon")
	f(`[{"type":"a.b","label":"A","category":"view"}]`, "icon")
	f(`[{"type":"a.b","label":"A","icon":"eye","category":"money"}]`, `category is "money"`, "finance")
	// Every entry that is wrong is named.
	f(`[{"type":"a.b","label":"A","icon":"eye","category":"x"},{"type":"a","label":"A","icon":"eye","category":"view"}]`, "entry 1", "entry 2")

	if _, err := action.LoadCatalogue(filepath.Join(t.TempDir(), "none.json")); err == nil || !strings.Contains(err.Error(), "none.json") {
		t.Errorf("a file that is not there: %v", err)
	}
}
