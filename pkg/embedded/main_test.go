package embedded_test

import (
	"testing"

	"github.com/actionlog/actionlog/pkg/embedded"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

func TestMain(m *testing.M) {
	embedded.Main()
	runParent()
	embeddedtest.Main(m)
}
