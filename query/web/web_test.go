package web

import (
	"testing"

	"github.com/actionlog/actionlog/pkg/action"
)

// catalogue is the built-in one.
func catalogue(t *testing.T) *action.Catalogue {
	t.Helper()
	c, err := action.LoadCatalogue("")
	if err != nil {
		t.Fatal(err)
	}
	return c
}
