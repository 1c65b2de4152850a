package query

import (
	"fmt"
	"net/http"
	"runtime/debug"
)

// recorder remembers what became of an answer.
type recorder struct {
	http.ResponseWriter

	status int
	bytes  int64
	wrote  bool
	// cut is set when an answer failed after its first byte.
	cut bool
}

// Unwrap lets http.ResponseController reach what is behind.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// WriteHeader remembers the status.
func (r *recorder) WriteHeader(status int) {
	if status >= http.StatusOK && !r.wrote {
		r.wrote, r.status = true, status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (r *recorder) Write(b []byte) (int, error) {
	if !r.wrote {
		r.wrote, r.status = true, http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err //nolint:wrapcheck // io.Writer's errors pass through unchanged
}

// panicError is a panic of a handler.
type panicError struct {
	value any
	stack string
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

func stack() string { return string(debug.Stack()) }
