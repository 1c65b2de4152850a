package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/query"
)

// pageEnd is how a page of GET /v1/actions ends.
type pageEnd struct {
	NextCursor string `json:"next_cursor"`
	Partial    bool   `json:"partial"`
}

// streamed is one line of GET /v1/actions as it is streamed: one of these is there, unless
// it says how far the search has come.
type streamed struct {
	Action json.RawMessage `json:"action"`
	End    *pageEnd        `json:"end"`
	Error  *query.Problem  `json:"error"`
}

// runSearch asks a query service for a page of events and prints them: a table when all are
// there, JSON as they are found.
func runSearch(ctx context.Context, e env, args []string) error {
	set := flags(e, "search", `LINE, a search line as the page takes it:
       actionlog search 'actor:alice action:invoice.* "late fee" from:-7d -xero'
       actionlog search -- -xero, where it begins with a minus`)
	address := set.String("url", "http://127.0.0.1:8080", "where the query service is")
	values := url.Values{}
	parameter := func(name, usage string) {
		set.Func(name, usage, func(value string) error { values.Set(name, value); return nil })
	}
	parameter("tenant", "whose log is searched (`default`, unless given)")
	parameter("order", "`newest` first, or oldest")
	parameter("tz", "the time `zone` of dates in the line and of the times shown (UTC, unless given)")
	parameter("cursor", "go on where an answer ended: the `cursor` that it gave")
	limit := set.Int("limit", 50, "how many events, 1000 at most")
	asJSON := set.Bool("json", false, "one JSON object a line, as GET /v1/actions gives them")
	if err := parseFlags(set, args); err != nil {
		return err
	}
	zone, err := search.LoadLocation(values.Get("tz"))
	if err != nil {
		return usagef("--tz: %w", err)
	}
	values.Set("search", strings.Join(set.Args(), " "))
	values.Set("limit", strconv.Itoa(*limit))
	table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	rows := 0
	show := func(event json.RawMessage) error {
		rows++
		return tabulate(table, event, zone)
	}
	if *asJSON {
		show = func(event json.RawMessage) error {
			_, err := fmt.Fprintf(e.stdout, "%s\n", event)
			return err
		}
	} else {
		fmt.Fprintln(table, "TIME\tUSER\tIP\tACTION\tOUTCOME\tSUBJECT\tDESCRIPTION")
	}
	end, err := searchActions(ctx, *address, values, show)
	if err == nil || rows > 0 { // what was wrong with the question is told without a table
		err = errors.Join(table.Flush(), err)
	}
	if end.Partial {
		fmt.Fprintln(e.stderr, "The time was up before all was searched.")
	}
	if end.NextCursor != "" {
		fmt.Fprintf(e.stderr, "There may be more: --cursor %s\n", end.NextCursor)
	}
	return err
}

// searchActions shows each event of a page as it comes, and returns how the page ends.
func searchActions(ctx context.Context, address string, values url.Values, show func(json.RawMessage) error) (pageEnd, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/")+"/v1/actions?"+values.Encode(), nil)
	if err != nil {
		return pageEnd{}, usagef("--url: %w", err)
	}
	request.Header.Set("Accept", "application/x-ndjson")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return pageEnd{}, fmt.Errorf("ask the query service (--url says where it is): %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		var problem query.Problem
		if json.Unmarshal(body, &problem) != nil || problem.Detail == "" {
			return pageEnd{}, fmt.Errorf("%s answers %s", address, response.Status)
		}
		return pageEnd{}, fmt.Errorf("%s: %s", problem.Title, problem.Detail)
	}
	for lines := bufio.NewReader(response.Body); ; {
		text, err := lines.ReadBytes('\n')
		if err != nil {
			return pageEnd{}, fmt.Errorf("read the answer, which breaks off: %w", err)
		}
		var line streamed
		if err := json.Unmarshal(text, &line); err != nil {
			return pageEnd{}, fmt.Errorf("read the answer: %q: %w", text, err)
		}
		switch {
		case line.Error != nil:
			return pageEnd{}, fmt.Errorf("%s: %s", line.Error.Title, line.Error.Detail)
		case line.End != nil:
			return *line.End, nil
		case line.Action != nil:
			if err := show(line.Action); err != nil {
				return pageEnd{}, fmt.Errorf("show an event: %w", err)
			}
		}
	}
}

// tabulate writes an event as a line of a table, with what it holds made visible: a
// terminal would obey control characters.
func tabulate(w io.Writer, event json.RawMessage, zone *time.Location) error {
	var a action.Event
	if err := json.Unmarshal(event, &a); err != nil {
		return err
	}
	user := cmp.Or(a.Actor.Name, a.Actor.ID)
	if a.OnBehalfOf != (action.Actor{}) {
		user += " → " + cmp.Or(a.OnBehalfOf.Name, a.OnBehalfOf.ID)
	}
	ip := ""
	if a.IP.IsValid() {
		ip = a.IP.String()
	}
	subject := cmp.Or(a.Subject.Name, strings.TrimSpace(a.Subject.Type+" "+a.Subject.ID))
	var b bytes.Buffer
	b.WriteString(a.Time.In(zone).Format("2006-01-02 15:04:05.000"))
	for _, cell := range []string{user, ip, a.Action, a.Outcome, subject, a.Description} {
		b.WriteString("\t" + printable([]byte(cell)))
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}
