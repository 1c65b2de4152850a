package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/emit"
	"github.com/actionlog/actionlog/pkg/store"
)

const (
	// retryChunk is how many messages are sent at once and then recorded: what an
	// interruption waits for.
	retryChunk = 100
	// recordTimeout bounds the record of a chunk, which is made after an interruption
	// too.
	recordTimeout = 30 * time.Second
)

func runRejectedRetry(ctx context.Context, e env, args []string) error {
	set := flags(e, "rejected retry", "[ADDRESS ...]")
	var chosen selection
	chosen.flags(set)
	all := set.Bool("all", false, "all there are, where no other flag chooses")
	again := set.Bool("again", false, "also those that were sent again before, where flags choose")
	force := set.Bool("force", false, "send also what would be rejected again")
	with := set.String("with", "", "send the bytes of this `file` instead of the message's own; for one address")
	note := set.String("note", "", "why, for those who come after")
	addresses, err := parseMixed(set, args)
	if err != nil {
		return err
	}
	byFlags := *all || !chosen.empty()
	switch {
	case len(addresses) == 0 && !byFlags:
		return usagef("actionlog rejected retry needs addresses, or --reason, --from, --to, --topic or --all to choose by")
	case len(addresses) > 0 && (byFlags || *again):
		return usagef("actionlog rejected retry takes either addresses or --reason, --from, --to, --topic, --all and --again")
	case *all && !chosen.empty():
		return usagef("--all is for all there are: leave it out, or --reason, --from, --to and --topic")
	case *with != "" && len(addresses) != 1:
		return usagef("--with is for one address: there are %d", len(addresses))
	}
	filter, err := chosen.filter()
	if err != nil {
		return err
	}
	filter.Pending = !*again
	r := retrier{env: e, force: *force, by: store.Retry{Who: whoami(), Note: *note}, emitters: map[string]*emit.Emitter{}}
	if *with != "" {
		if r.mended, err = os.ReadFile(*with); err != nil {
			return fmt.Errorf("--with: %w", err)
		}
		sum := sha256.Sum256(r.mended)
		r.replace, r.by.Note = true, "mended, SHA-256 "+hex.EncodeToString(sum[:])
		if *note != "" {
			r.by.Note = *note + " (" + r.by.Note + ")"
		}
	}
	if err := load(&r.cfg); err != nil {
		return err
	}
	if r.store, err = configuredStore(); err != nil {
		return err
	}
	defer func() { _ = r.store.Close() }()
	defer r.close()
	if len(addresses) > 0 {
		err = r.byAddress(ctx, addresses)
	} else {
		err = r.byFilter(ctx, filter)
	}
	fmt.Fprintf(e.stdout, "%d sent, %d would be rejected again, %d not sent\n", r.sent, r.rejected, r.failed)
	if err == nil && r.rejected+r.failed > 0 {
		err = fmt.Errorf("%d of %d messages were not sent", r.rejected+r.failed, r.sent+r.rejected+r.failed)
	}
	return err
}

// retrier sends rejected messages again.
type retrier struct {
	env
	cfg      EmitConfig
	store    *store.Store
	emitters map[string]*emit.Emitter // by topic
	by       store.Retry
	force    bool
	// mended is sent in the place of a message's own bytes if replace is set.
	mended  []byte
	replace bool

	sent, rejected, failed int
}

func (r *retrier) byAddress(ctx context.Context, addresses []string) error {
	var found []store.Rejected
	for _, address := range addresses {
		// All are found before the first is sent: a mistake in the last sends nothing.
		m, err := findRejected(ctx, r.store, address)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(found, func(other store.Rejected) bool { return other.Origin == m.Origin }) {
			found = append(found, *m)
		}
	}
	for chunk := range slices.Chunk(found, retryChunk) {
		if err := r.send(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// byFilter sends what matches, from the newest to the oldest: what is rejected again
// meanwhile is newer than all of it, and is not met.
func (r *retrier) byFilter(ctx context.Context, f store.RejectedFilter) error {
	for page := (store.RejectedPage{}); ; {
		var err error
		if page, err = r.store.ListRejected(ctx, f, page.Next, retryChunk); err != nil {
			return err
		}
		if err := r.send(ctx, page.Rejected); err != nil {
			return err
		}
		if page.Next == nil {
			return nil
		}
	}
}

// send publishes messages and records those that are acknowledged. An interruption
// is heard before it and not within, so that what Kafka has is always recorded.
func (r *retrier) send(ctx context.Context, chunk []store.Rejected) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted: the messages that are not named above were not sent: %w", err)
	}
	ctx = context.WithoutCancel(ctx)
	outcomes := make([]error, len(chunk))
	var sending sync.WaitGroup
	for i := range chunk {
		m := &chunk[i]
		value := m.Raw
		if r.replace {
			value = r.mended
		}
		message := retryMessage(m, value)
		if _, rejection := message.Decode(m.Origin); rejection != nil && !r.force {
			outcomes[i] = rejection
			continue
		}
		emitter, err := r.emitter(m.Origin.Topic)
		if err != nil {
			outcomes[i] = err
			continue
		}
		sending.Go(func() {
			if errs := emitter.EmitMessages(ctx, message); errs != nil {
				outcomes[i] = errs[0]
			}
		})
	}
	sending.Wait()

	var acknowledged []action.Origin
	var unanswered error
	for i, err := range outcomes {
		address := store.AddressOf(chunk[i].Origin, false)
		if err == nil {
			acknowledged = append(acknowledged, chunk[i].Origin)
			fmt.Fprintf(r.stdout, "%s  sent\n", address)
			continue
		}
		if rejection, ok := errors.AsType[*action.Rejection](err); ok {
			r.rejected++
			fmt.Fprintf(r.stdout, "%s  still rejected: %s\n", address, rejection)
			continue
		}
		r.failed++
		if !emit.Refused(err) {
			unanswered = err
		}
		fmt.Fprintf(r.stdout, "%s  not sent: %v\n", address, err)
	}
	r.sent += len(acknowledged)
	if err := r.record(ctx, acknowledged); err != nil {
		return fmt.Errorf("%d messages named above were sent and this is not recorded: send them again, which is safe: %w", len(acknowledged), err)
	}
	if unanswered != nil && len(acknowledged) == 0 {
		// The next would wait as long for nothing.
		return fmt.Errorf("nothing gets through to Kafka at ACTIONLOG_KAFKA_BROKERS: %w", unanswered)
	}
	return nil
}

func (r *retrier) record(ctx context.Context, acknowledged []action.Origin) error {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	by := r.by
	by.Time = time.Now().UTC().Truncate(time.Millisecond)
	return r.store.InsertRetries(ctx, acknowledged, by)
}

// emitter returns the one of a topic, made when first needed.
func (r *retrier) emitter(topic string) (*emit.Emitter, error) {
	if e := r.emitters[topic]; e != nil {
		return e, nil
	}
	e, err := emit.New(emit.Config{Brokers: r.cfg.KafkaBrokers, Topic: topic, RetryFor: r.cfg.EmitTimeout, Logger: r.logger})
	if err != nil {
		return nil, err
	}
	r.emitters[topic] = e
	return e, nil
}

func (r *retrier) close() {
	for _, e := range r.emitters {
		logClose(r.logger, "emitter", e.Close())
	}
}
