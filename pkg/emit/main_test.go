package emit_test

import (
	"testing"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }
