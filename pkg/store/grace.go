package store

import (
	"context"
	"errors"
	"time"
)

// timeUp reports whether a question was ended by its deadline, rather than by whoever
// asked. The deadline stands at the socket too, where it may strike just before the
// context says so.
func timeUp(ctx context.Context) bool {
	if err := ctx.Err(); err != nil {
		return errors.Is(err, context.DeadlineExceeded)
	}
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline)
}
