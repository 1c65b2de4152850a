package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/actionlog/actionlog/ingest"
	"github.com/actionlog/actionlog/pkg/search"
)

// replay carries out ingest --from: it prints what was stored as a line of JSON.
func replay(ctx context.Context, e env, service *ingest.Ingester, r ingest.Replay) error {
	done, err := service.Replay(ctx, r)
	if printErr := json.NewEncoder(e.stdout).Encode(done); printErr != nil {
		err = errors.Join(err, fmt.Errorf("print what was replayed: %w", printErr))
	}
	return err
}

// parseReplay reads the flags of a replay; nil when none is asked for.
func parseReplay(from, to string, partition int) (*ingest.Replay, error) {
	if from == "" {
		if to != "" || partition >= 0 {
			return nil, usagef("--to and --partition are for a replay: say where it begins with --from")
		}
		return nil, nil
	}
	r := ingest.Replay{Partition: partition}
	var err error
	if r.From, err = parsePlace("--from", from); err != nil {
		return nil, err
	}
	if partition < -1 {
		return nil, usagef("--partition is %d: give the number of one, from 0 on", partition)
	}
	if to == "" {
		return &r, nil
	}
	end, err := parsePlace("--to", to)
	if err != nil {
		return nil, err
	}
	if sameKind := r.From.Time.IsZero() == end.Time.IsZero(); sameKind && (end.Offset < r.From.Offset || end.Time.Before(r.From.Time)) {
		return nil, usagef("--to %s is before --from %s: there is nothing between them", to, from)
	}
	r.To = &end
	return &r, nil
}

func parsePlace(name, text string) (ingest.Place, error) {
	if offset, err := strconv.ParseInt(text, 10, 64); err == nil && offset >= 0 {
		return ingest.Place{Offset: offset}, nil
	}
	at, err := search.ParseTime(text, search.From, time.Now(), time.UTC)
	if err != nil || at.Unix() < 0 { // Kafka takes negative times for something else
		return ingest.Place{}, usagef("%s is %q: give an offset, or a time from 1970 on: RFC 3339 such as 2026-01-31T09:30:00+01:00, or 2026-01-31 or 2026-01-31T09:30 in UTC", name, text)
	}
	return ingest.Place{Time: at}, nil
}
