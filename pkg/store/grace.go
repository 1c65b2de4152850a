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

// grace is what may be added to the time of a question, to finish what it has found.
const grace = time.Second

// withGrace calls f, which finishes an answer, and once more in a grace when the time
// was up in between: what is found is not to be lost for want of a mark or a name.
func withGrace(ctx context.Context, f func(context.Context) error) error {
	err := f(ctx)
	if err == nil || !timeUp(ctx) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return f(ctx)
}
