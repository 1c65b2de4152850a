package query

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/actionlog/actionlog/pkg/action"
)

// nothing says that no event matches, and which filters could go.
func (b *viewBuilder) nothing() *stateView {
	state := &stateView{
		Icon: "search", Title: "No event matches all of these",
		Text: "Each filter below narrows the search. Remove one to see more.", Conditions: b.conditions(),
	}
	if len(state.Conditions) == 1 {
		state.Title, state.Text = "No event matches", "Nothing in this log matches this filter."
	}
	if !b.filter.From.IsZero() || !b.filter.To.IsZero() {
		state.Links = append(state.Links, stateLink{Label: "Search all history", Link: b.allHistory()})
	}
	state.Links = append(state.Links, stateLink{Label: "Clear all", Link: b.clear()})
	return state
}

// conditions are the filters that are set, in plain words.
func (b *viewBuilder) conditions() []condition {
	var all []condition
	add := func(label, value, remove string) {
		if value != "" {
			all = append(all, condition{label, value, remove})
		}
	}
	add("Contains", b.text, b.link("q"))
	add("Date is", b.dateWords(), b.allHistory())
	add("User is", names(b.userNames()), b.link("actor"))
	add("Action type is", names(b.actionNames()), b.link("action"))
	return all
}

// firstRun says how the first event gets here.
func (b *viewBuilder) firstRun() *stateView {
	event := `{"actor":{"id":"alice"},"action":"record.viewed"}`
	text := "Events appear here a moment after the log has stored them."
	if b.filter.Tenant != action.DefaultTenant {
		tenant, err := json.Marshal(b.filter.Tenant)
		if err == nil {
			event = `{"tenant":` + string(tenant) + `,` + event[1:]
		}
		text = "This is the log of one tenant. Events name it in their field tenant."
	}
	return &stateView{
		Icon: "terminal", Title: "No event has arrived yet", Text: text,
		Steps: []step{
			{Title: "Send an event from a terminal, in the project's folder", Command: "echo " + shellQuote(event) + " | bin/actionlog emit"},
			{Title: "See it here", Text: "Load this page again: it takes about a second."},
			{Title: "Connect your application", Text: "Publish one JSON object for each action to the Kafka topic of ACTIONLOG_TOPIC. The fields are in schemas/event.schema.json."},
		},
		Links: []stateLink{{Label: "Load again", Link: pageURL(b.path, b.query.Encode()), Icon: "rotate-cw", Main: true}},
	}
}

// failure is the page of an error.
func (b *viewBuilder) failure() *view {
	state := b.failureState()
	v := b.base(state.Title)
	v.State = state
	return v
}

// failureState says what went wrong and what to do.
func (b *viewBuilder) failureState() *stateView {
	again := stateLink{Label: "Try again", Link: pageURL(b.path, b.query.Encode()), Icon: "rotate-cw", Main: true}
	log := stateLink{Label: "Go to the log", Link: pageURL("/", b.only("tenant")), Main: true}
	state := &stateView{Title: b.problem.Title, Text: b.problem.Detail, Icon: "server-off"}
	switch b.problem.Status {
	case http.StatusBadRequest:
		state.Icon, state.Title, state.Text = "corner-down-left", "Nothing was searched", "Mend what is marked above and search again."
		if name := b.problem.Parameter; name != "" {
			state.Links = append(state.Links, stateLink{Label: "Search without it", Link: b.link(name), Main: true})
		}
		state.Links = append(state.Links, stateLink{Label: "Clear all", Link: b.clear()})
		if b.problem.Parameter == "tenant" && b.path == "/" {
			state.Links = []stateLink{{Label: "Go to the default log", Link: "/", Main: true}}
		}
	case http.StatusNotFound:
		state.Icon, state.Title, state.Text = "search", "There is no page here", "The address may be mistyped, or what it led to is gone."
		state.Links = []stateLink{log}
	case http.StatusServiceUnavailable:
		state.Title = "The log cannot be searched right now"
		state.Text = "The database does not answer. Events keep arriving and are safe in Kafka: they show up here as soon as it is back."
		state.Links = []stateLink{again}
		state.Note = "For your administrator: check that ClickHouse answers at ACTIONLOG_CLICKHOUSE_DSN. The log of the query service says what went wrong; /readyz tells when it is well again."
	case http.StatusGatewayTimeout:
		state.Title = "The search took too long"
		state.Links = []stateLink{again}
	default:
		state.Links = []stateLink{log}
	}
	state.Alert = b.problem.Status >= http.StatusInternalServerError
	return state
}

// clear is the link to the page without filters.
func (b *viewBuilder) clear() string {
	if b.path != "/" {
		return b.path
	}
	return pageURL("/", b.only("tenant"))
}

// shellQuote makes one word of a text for a POSIX shell.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
