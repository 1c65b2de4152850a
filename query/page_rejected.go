package query

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// rejectedPath is the page of what was rejected. Nothing on the log's page leads
// there: that page is for tenants, this one for operators.
const rejectedPath = "/rejected"

const (
	// previewBytes bounds what the page shows of a message's value, and headerBytes
	// what it shows of the key and of the value of a header.
	previewBytes = 2048
	headerBytes  = 256
	// shownHeaders is one less than the store gives, so that more of them are noticed.
	shownHeaders = store.PreviewHeaders - 1
)

// rejectedView is what the template "rejected" shows.
type rejectedView struct {
	Title   string
	Filters rejectedFilters
	// Table and State take the same place: one of them is set.
	Table *rejectedTable
	State *stateView
}

type rejectedFilters struct {
	Hidden                []field
	Errors                map[string]string
	Date, Reason, Retried pill
	Dates                 datesView
	Reasons               []reasonChoice
	Choices               []preset
	// ClearAll is the link without filters; empty when none is set.
	ClearAll string
}

type reasonChoice struct {
	Name    string
	Checked bool
}

type rejectedTable struct {
	Count, Span string
	Rows        []rejectedRow
	// Newest and Older are links; empty at that end of the list.
	Newest, Older string
}

// rejectedRow is a message as the template "rejected-row" shows it.
type rejectedRow struct {
	Ago, Exact, Time       string
	Topic, Place           string
	Reason, Field, Message string
	Retried                twoLines
	Facts                  []fact
	Headers                []headerView
	// MoreHeaders says that there are others, or that some are cut.
	MoreHeaders bool
	// Value is the message's beginning as text, Dump in hexadecimal: one of them is
	// set, none when the value is empty.
	Value      []fragment
	Dump, Size string
	// Note says that the value is cut.
	Note string
	// Show is the command that shows all of it.
	Show string
}

type headerView struct{ Key, Value []fragment }

// serveRejected answers /rejected with the newest messages that match.
func (s *Server) serveRejected(w http.ResponseWriter, r *http.Request, p params) error {
	filter, err := p.rejectedFilter(s.now())
	if err != nil {
		return err
	}
	cursor, err := p.rejectedCursor()
	if err != nil {
		return err
	}
	clean := canonicalQuery(p, store.Filter{Tenant: action.DefaultTenant, From: filter.From, To: filter.To})
	if !reflect.DeepEqual(clean, r.URL.Query()) {
		http.Redirect(w, r, pageURL(rejectedPath, clean.Encode()), http.StatusSeeOther)
		return nil
	}
	list, err := s.store.PreviewRejected(r.Context(), filter, cursor, defaultLimit, previewBytes)
	if err != nil {
		return fmt.Errorf("read the page of rejected messages: %w", err)
	}
	b := s.rejectedBuilder(r, nil)
	return s.page.render(w, r, http.StatusOK, "rejected", b.rejected(list, cursor != nil))
}

// failRejected answers an error with a page, on which the form stays usable.
func (s *Server) failRejected(w http.ResponseWriter, r *http.Request, problem *Problem) {
	b := s.rejectedBuilder(r, problem)
	state := b.failureState()
	v := &rejectedView{Title: state.Title + " · Actionlog", Filters: b.rejectedFilters(), State: state}
	if err := s.page.render(w, r, problem.Status, "rejected", v); err != nil {
		problem.cause = errors.Join(problem.cause, err)
		writeProblem(w, r, problem)
	}
}

func (s *Server) rejectedBuilder(r *http.Request, problem *Problem) *viewBuilder {
	b := &viewBuilder{page: s.page, path: rejectedPath, now: s.now().UTC(), query: r.URL.Query(), problem: problem}
	b.filter = readableFilter(b.query, b.now)
	return b
}

func (b *viewBuilder) rejected(list store.RejectedPage, continued bool) *rejectedView {
	v := &rejectedView{Title: "Rejected messages · Actionlog", Filters: b.rejectedFilters()}
	switch conditions := b.rejectedConditions(); {
	case len(list.Rejected) > 0:
		v.Table = b.rejectedTable(list, continued)
	case continued:
		v.State = &stateView{
			Icon: "corner-down-left", Title: "There is nothing older", Text: "The list ends here.",
			Links: []stateLink{{Label: "Newest messages", Link: b.link("cursor"), Icon: "arrow-left", Main: true}},
		}
	case len(conditions) > 0:
		v.State = &stateView{
			Icon: "search", Title: "No rejected message matches", Text: "Remove a filter to see more.", Conditions: conditions,
			Links: []stateLink{{Label: "Clear all", Link: b.clear()}},
		}
	default:
		v.State = &stateView{
			Icon: "check", Title: "No message was rejected",
			Text: "Everything that has arrived was a valid event. What is not appears here, with its reason and its bytes.",
		}
	}
	return v
}

// reasons are those that the address asks for and that there are.
func (b *viewBuilder) reasons() (names []string) {
	for _, name := range b.query["reason"] {
		if _, err := action.ParseReason(name); err == nil && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (b *viewBuilder) pending() bool {
	on, err := params{values: b.query}.flag("pending")
	return on && err == nil
}

func (b *viewBuilder) rejectedConditions() []condition {
	var all []condition
	if value := b.dateWords(); value != "" {
		all = append(all, condition{"Date is", value, b.allHistory()})
	}
	if chosen := b.reasons(); len(chosen) > 0 {
		all = append(all, condition{"Reason is", names(chosen), b.link("reason")})
	}
	if b.pending() {
		all = append(all, condition{"Never", "retried", b.link("pending")})
	}
	return all
}

func (b *viewBuilder) rejectedFilters() rejectedFilters {
	f := rejectedFilters{Errors: map[string]string{}}
	wrong := map[string]bool{}
	if b.problem != nil && b.problem.Status == http.StatusBadRequest {
		name := b.problem.Parameter
		if !slices.Contains([]string{"from", "to", "reason"}, name) {
			name = "address" // what no field of the form holds
		}
		f.Errors[name], wrong[name] = b.complaint(), true
	}
	pending := b.pending()
	f.Date = pill{Icon: "calendar", Label: "Date range", Value: b.dateWords(), Quiet: true, Wrong: wrong["from"] || wrong["to"], RemoveLabel: "Remove the date range"}
	f.Reason = pill{Icon: "circle-x", Label: "Reason", Value: names(b.reasons()), Title: strings.Join(b.reasons(), ", "), Wrong: wrong["reason"], RemoveLabel: "Remove the reason filter"}
	f.Retried = pill{Icon: "rotate-cw", Label: "Retry", RemoveLabel: "Remove the filter of what was retried"}
	if f.Date.Value != "" || f.Date.Wrong {
		f.Date.Remove = b.allHistory()
	}
	if f.Reason.Value != "" || f.Reason.Wrong {
		f.Reason.Remove = b.link("reason")
	}
	if pending {
		f.Retried.Value, f.Retried.Remove = "not retried", b.link("pending")
		f.Hidden = []field{{"pending", "1"}}
	}
	if f.Date.Remove != "" || f.Reason.Remove != "" || pending {
		f.ClearAll = b.clear()
	}
	f.Dates = datesView{From: fieldTime(b.filter.From), To: fieldTime(b.filter.To), FromError: wrong["from"], ToError: wrong["to"], Presets: b.presets()}
	for _, r := range action.Reasons() {
		f.Reasons = append(f.Reasons, reasonChoice{string(r), slices.Contains(b.reasons(), string(r))})
	}
	f.Choices = []preset{{"All messages", b.link("pending"), !pending}, {"Not retried", b.link("pending", "1"), pending}}
	return f
}

func (b *viewBuilder) rejectedTable(list store.RejectedPage, continued bool) *rejectedTable {
	n := len(list.Rejected)
	t := &rejectedTable{Count: count(n, "message"), Span: stretch(list.Rejected[n-1].Origin.Time, list.Rejected[0].Origin.Time)}
	if list.Next != nil {
		t.Older = b.link("cursor", encodeRejectedCursor(list.Next))
		if !continued {
			t.Count = "Newest " + t.Count
		}
	}
	if continued {
		t.Newest = b.link("cursor")
	}
	for i := range list.Rejected {
		t.Rows = append(t.Rows, b.rejectedRow(&list.Rejected[i]))
	}
	return t
}

func (b *viewBuilder) rejectedRow(m *store.Rejected) rejectedRow {
	address := store.AddressOf(m.Origin, false).String()
	r := rejectedRow{
		Ago: ago(b.now, m.Origin.Time), Exact: m.Origin.Time.Format(secondWords), Time: m.Origin.Time.Format(store.TimeLayout),
		Topic: m.Origin.Topic, Place: fmt.Sprintf("partition %d · offset %d", m.Origin.Partition, m.Origin.Offset),
		Reason: string(m.Reason), Field: m.Field, Message: m.Message,
		Size: grouped(m.Size) + " bytes", Show: "actionlog rejected show --raw " + address,
	}
	if m.Size == 1 {
		r.Size = "1 byte"
	}
	times := ""
	if m.Retries > 0 {
		if times = "once"; m.Retries > 1 {
			times = count(m.Retries, "time")
		}
		r.Retried = twoLines{First: []fragment{{Text: "retried " + ago(b.now, m.Last.Time)}}, Second: joined(" ", times, "by", m.Last.Who)}
		times = joined(": ", fmt.Sprintf("%s, the last at %s UTC by %s", times, m.Last.Time.Format(secondWords), m.Last.Who), m.Last.Note)
	}
	r.Facts = slices.DeleteFunc([]fact{
		{Label: "Date", Value: r.Exact + " UTC", Class: "only-phone"},
		{Label: "Address", Value: address, Class: "is-code"},
		{Label: "Topic ID", Value: uuid.UUID(m.Origin.TopicID).String(), Class: "is-code"},
		{Label: "Retried", Value: times},
		{Label: "To retry", Value: "actionlog rejected retry " + address, Class: "is-code"},
	}, func(f fact) bool { return f.Value == "" })
	r.MoreHeaders = len(m.Headers) > shownHeaders
	for _, h := range m.Headers[:min(len(m.Headers), shownHeaders)] {
		key, keyCut := cut([]byte(h.Key), headerBytes)
		value, valueCut := cut(h.Value, headerBytes)
		r.Headers = append(r.Headers, headerView{readable(key), readable(value)})
		r.MoreHeaders = r.MoreHeaders || keyCut || valueCut
	}
	raw := m.Raw
	if m.Size > len(raw) {
		raw, _ = cut(raw, len(raw)-1)
		r.Note = "The first " + grouped(len(raw)) + " of them are shown."
	}
	if pieces, ok := action.Readable(raw); ok {
		r.Value = fragments(pieces)
	} else {
		r.Dump = hex.Dump(raw)
	}
	return r
}

// readable is what anyone may have sent, as text.
func readable(raw []byte) []fragment {
	if pieces, ok := action.Readable(raw); ok {
		return fragments(pieces)
	}
	return []fragment{{Text: "0x" + hex.EncodeToString(raw)}}
}

// fragments marks what could not be shown as it is.
func fragments(pieces []action.Piece) []fragment {
	all := make([]fragment, len(pieces))
	for i, p := range pieces {
		all[i] = fragment{p.Text, p.Escaped}
	}
	return all
}

// cut returns the first so many bytes, fewer where a character would be torn, and
// whether that is less than there is.
func cut(raw []byte, most int) ([]byte, bool) {
	if len(raw) <= most {
		return raw, false
	}
	end := most
	for end > most-utf8.UTFMax && end > 0 && !utf8.RuneStart(raw[end]) {
		end--
	}
	return raw[:end], true
}

// grouped writes a number with a comma at every third digit.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
