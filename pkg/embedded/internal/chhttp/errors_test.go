package chhttp

import (
	"errors"
	"io"
	"testing"
)

func TestAsException(t *testing.T) {
	f := func(in error, code, status_ int, want string) {
		t.Helper()
		e := asException(in, "26.7")
		if e.code != code || e.text != want || status(e.code) != status_ {
			t.Errorf("got %d, %q, status %d", e.code, e.text, status(e.code))
		}
	}
	f(errors.New("Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE)"), 60, 404,
		"Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE) (version 26.7)")
	f(errors.New("Code: 73. DB::Exception: Code: 73. DB::Exception: Code: 73. DB::Exception: No format. (UNKNOWN_FORMAT) (version 26.7.1). (UNKNOWN_FORMAT) (version 26.7.1). (UNKNOWN_FORMAT)"), 73, 404,
		"Code: 73. DB::Exception: No format. (UNKNOWN_FORMAT) (version 26.7.1)")
	f(io.ErrUnexpectedEOF, 1001, 500, "Code: 1001. DB::Exception: unexpected EOF (STD_EXCEPTION) (version 26.7)")
	f(raise(516, "AUTHENTICATION_FAILED", "x: no"), 516, 403, "Code: 516. DB::Exception: x: no (AUTHENTICATION_FAILED) (version 26.7)")
}
