package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query"
)

// runRejected runs what is done with the messages that were not valid: list, unless
// another is named.
func runRejected(ctx context.Context, e env, args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return runRejectedList(ctx, e, args)
	}
	switch args[0] {
	case "list":
		return runRejectedList(ctx, e, args[1:])
	case "show":
		return runRejectedShow(ctx, e, args[1:])
	case "retry":
		return runRejectedRetry(ctx, e, args[1:])
	default:
		return usagef("there is no command %q: actionlog rejected takes list, show or retry", "rejected "+args[0])
	}
}

// selection is the flags that choose rejected messages.
type selection struct {
	reasons         []string
	from, to, topic string
}

func (s *selection) flags(set *flag.FlagSet) {
	set.Func("reason", "only those of this `reason`; may be repeated", func(value string) error {
		s.reasons = append(s.reasons, value)
		return nil
	})
	set.StringVar(&s.from, "from", "", "only those of this `time` or later: RFC 3339, or a date or time in UTC such as 2026-11-24 or 2026-11-24T18:00")
	set.StringVar(&s.to, "to", "", "only those before this `time`")
	set.StringVar(&s.topic, "topic", "", "only those of this `topic`")
}

func (s *selection) empty() bool {
	return len(s.reasons) == 0 && s.from == "" && s.to == "" && s.topic == ""
}

func (s *selection) filter() (store.RejectedFilter, error) {
	f := store.RejectedFilter{Topic: s.topic}
	for _, name := range s.reasons {
		reason, err := action.ParseReason(name)
		if err != nil {
			return f, usagef("--reason: %w", err)
		}
		f.Reasons = append(f.Reasons, reason)
	}
	for _, bound := range []struct {
		name, value string
		to          *time.Time
	}{{"--from", s.from, &f.From}, {"--to", s.to, &f.To}} {
		if bound.value == "" {
			continue
		}
		t, err := search.ParseTime(bound.value, search.From, time.Now(), time.UTC)
		if err != nil {
			return f, usagef("%s is %q, which is not a time (%w): give RFC 3339 such as 2026-11-24T18:00:00+01:00, or 2026-11-24 or 2026-11-24T18:00 in UTC",
				bound.name, bound.value, err)
		}
		*bound.to = t
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return f, usagef("--from (%s) is not before --to (%s): give a later --to or an earlier --from", s.from, s.to)
	}
	return f, nil
}

func runRejectedList(ctx context.Context, e env, args []string) error {
	set := flags(e, "rejected list", "\n       actionlog rejected show ADDRESS, and actionlog rejected retry: each has its own -h")
	var chosen selection
	chosen.flags(set)
	pending := set.Bool("pending", false, "only those that were never sent again")
	limit := set.Int("limit", 50, "how many to list, the newest first")
	asJSON := set.Bool("json", false, "one JSON object a line, with the bytes in base64, as GET /v1/rejected gives them")
	if err := parse(set, args); err != nil {
		return err
	}
	if *limit < 1 {
		return usagef("--limit is %d: give 1 or more", *limit)
	}
	filter, err := chosen.filter()
	if err != nil {
		return err
	}
	filter.Pending = *pending
	s, err := configuredStore()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if *asJSON {
		encoder := json.NewEncoder(e.stdout)
		encoder.SetEscapeHTML(false)
		_, err := eachRejected(ctx, s.ListRejected, filter, *limit, func(r *store.Rejected) error {
			return encoder.Encode(query.NewRejectedMessage(r))
		})
		return err
	}
	table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME\tADDRESS\tREASON\tRETRIED\tFIELD\tMESSAGE")
	brief := func(ctx context.Context, f store.RejectedFilter, after *store.RejectedCursor, limit int) (store.RejectedPage, error) {
		return s.PreviewRejected(ctx, f, after, limit, 0)
	}
	more, err := eachRejected(ctx, brief, filter, *limit, func(r *store.Rejected) error {
		retried := "-"
		if r.Retries > 0 {
			retried = fmt.Sprintf("%d×, %s by %s", r.Retries, r.Last.Time.Format(time.RFC3339), printable([]byte(r.Last.Who)))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Origin.Time.Format(store.TimeLayout), store.AddressOf(r.Origin, false), r.Reason, retried,
			r.Field, strings.ReplaceAll(r.Message, "\n", " "))
		return nil
	})
	if err != nil {
		return err
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more {
		fmt.Fprintf(e.stderr, "There are more than these %d: raise --limit, or narrow with --reason, --from, --to, --topic and --pending.\n", *limit)
	}
	return nil
}

// lister is a question of the store for a page.
type lister func(context.Context, store.RejectedFilter, *store.RejectedCursor, int) (store.RejectedPage, error)

// eachRejected calls each with the newest messages that match, at most limit of
// them, and reports whether there are more.
func eachRejected(ctx context.Context, read lister, f store.RejectedFilter, limit int, each func(*store.Rejected) error) (more bool, err error) {
	page := store.RejectedPage{}
	for left := limit; left > 0; left -= len(page.Rejected) { // a page may end before the limit
		if page, err = read(ctx, f, page.Next, min(left, 1000)); err != nil {
			return false, err
		}
		for i := range page.Rejected {
			if err := each(&page.Rejected[i]); err != nil {
				return false, err
			}
		}
		if page.Next == nil {
			return false, nil
		}
	}
	return true, nil
}

// findRejected returns the one message at an address.
func findRejected(ctx context.Context, s *store.Store, text string) (*store.Rejected, error) {
	at, err := store.ParseAddress(text)
	if err != nil {
		return nil, usagef("%w", err)
	}
	found, err := s.RejectedAt(ctx, at)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, fmt.Errorf("no message that stood at %s was rejected: actionlog rejected lists those that were, with their addresses", at)
	case len(found) > 1:
		var b strings.Builder
		for _, r := range found {
			fmt.Fprintf(&b, "\n  %s  of %s", store.AddressOf(r.Origin, true), r.Origin.Time.Format(store.TimeLayout))
		}
		return nil, fmt.Errorf("%s is the address of %d messages, since the topic was created again: give one of%s", at, len(found), b.String())
	}
	return &found[0], nil
}

func runRejectedShow(ctx context.Context, e env, args []string) error {
	set := flags(e, "rejected show", "ADDRESS")
	raw := set.Bool("raw", false, "write the message's bytes, exactly, and nothing else")
	arguments, err := parseMixed(set, args)
	if err != nil {
		return err
	}
	if len(arguments) != 1 {
		return usagef("actionlog rejected show takes one address, topic/partition/offset, as actions/0/17: it has %d", len(arguments))
	}
	s, err := configuredStore()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	r, err := findRejected(ctx, s, arguments[0])
	if err != nil {
		return err
	}
	if *raw {
		_, err := e.stdout.Write(r.Raw)
		return err
	}
	return printRejected(e.stdout, r)
}

func printRejected(w io.Writer, r *store.Rejected) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(table, "%s\t%s\n", name, value) }
	row("address", store.AddressOf(r.Origin, false).String())
	row("topic id", uuid.UUID(r.Origin.TopicID).String())
	row("time", r.Origin.Time.Format(store.TimeLayout))
	row("reason", string(r.Reason))
	row("field", r.Field)
	row("message", r.Message)
	now := "accepted: actionlog rejected retry sends it"
	if _, rejection := retryMessage(r, r.Raw).Decode(r.Origin); rejection != nil {
		now = "still rejected: " + rejection.Error()
	}
	row("today", now)
	retried := "never"
	if r.Retries > 0 {
		retried = fmt.Sprintf("%d×, the last at %s by %s", r.Retries, r.Last.Time.Format(store.TimeLayout), printable([]byte(r.Last.Who)))
		if r.Last.Note != "" {
			retried += ": " + printable([]byte(r.Last.Note))
		}
	}
	row("retried", retried)
	row("headers", fmt.Sprint(len(r.Headers)))
	for _, h := range r.Headers {
		row("  "+printable([]byte(h.Key)), printable(h.Value))
	}
	row("value", fmt.Sprintf("%d bytes", len(r.Raw)))
	if err := table.Flush(); err != nil {
		return err
	}
	if pieces, ok := action.Readable(r.Raw); ok {
		_, err := fmt.Fprintf(w, "\n%s\n", joinPieces(pieces))
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s", hex.Dump(r.Raw))
	return err
}

// printable is what anyone may have sent in one line for a terminal.
func printable(raw []byte) string {
	pieces, ok := action.Readable(raw)
	if !ok {
		return "0x" + hex.EncodeToString(raw)
	}
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(joinPieces(pieces))
}

func joinPieces(pieces []action.Piece) string {
	var b bytes.Buffer
	for _, p := range pieces {
		b.WriteString(p.Text)
	}
	return b.String()
}

// retryMessage is a rejected message as it is sent again, with the value that is
// given. Of a retry that was rejected too the header stays: it names the place where
// the message stood at first.
func retryMessage(r *store.Rejected, value []byte) action.Message {
	header := action.RetryHeader(r.Origin)
	headers := slices.Clone(r.Headers)
	if !slices.ContainsFunc(headers, func(h action.Header) bool { return h.Key == header.Key }) {
		headers = append(headers, header)
	}
	return action.Message{Value: value, Headers: headers}
}
