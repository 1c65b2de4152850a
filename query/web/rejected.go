package web

import (
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// RejectedPath is the page of what was rejected. Nothing on the log's page leads there:
// that page is for tenants, this one for operators.
const RejectedPath = "/rejected"

const (
	// PreviewBytes bounds what the page shows of a message's value, and headerBytes what
	// it shows of the key and of the value of a header.
	PreviewBytes = 2048
	headerBytes  = 256
	// shownHeaders is one less than the store gives, so that more of them are noticed.
	shownHeaders = store.PreviewHeaders - 1
)

// RejectedPage is the page of what was rejected.
type RejectedPage struct {
	Frame
	Filters RejectedFilters
	// Table and State take the same place: one of them is set.
	Table *RejectedTable
	State *State
}

// RejectedFilters are the pills of that page, which has no search line.
type RejectedFilters struct {
	Hidden                []HiddenField
	Wrong                 string
	Date, Reason, Retried Pill
	Dates                 DateMenu
	Reasons               []Choice
	Choices               []Preset
	// ClearAll is the link without filters; empty when none is set.
	ClearAll string
}

// RejectedTable is the messages of a page.
type RejectedTable struct {
	Count, Span string
	Zone        string
	Rows        []RejectedRow
	// Newest and Older are links; empty at that end of the list.
	Newest, Older string
}

// RejectedRow is a message as the template "rejected-row" shows it.
type RejectedRow struct {
	Ago, Exact, Time       string
	Topic, Place           string
	Reason, Field, Message string
	// Retried says when it was sent again, and By who did; both are empty when nobody did.
	Retried, By string
	Facts       []Fact
	Headers     []HeaderView
	// MoreHeaders says that there are others, or that some are cut.
	MoreHeaders bool
	// Value is the message's beginning as text, Dump in hexadecimal: one of them is
	// set, none when the value is empty.
	Value      []Fragment
	Dump, Size string
	// Note says that the value is cut.
	Note string
	// Show is the command that shows all of it.
	Show string
}

// HeaderView is a header of a message.
type HeaderView struct{ Key, Value []Fragment }

// Rejection is what the page of rejected messages shows.
type Rejection struct {
	// Query are the parameters of the address.
	Query url.Values
	// Page is what was found, and Next the cursor of the page after it.
	Page store.RejectedPage
	Next string
	// Failure is why nothing was looked for; nil where it was.
	Failure *Failure
}

// Rejected shows messages that were rejected.
func (v *View) Rejected(r *Rejection) *RejectedPage {
	v.Line.From, v.Line.To = r.Query.Get("from"), r.Query.Get("to")
	p := &RejectedPage{Frame: v.frame(v.Lang.say("rejected.title"), partRejected), Filters: v.rejectedFilters(r)}
	switch conditions := v.rejectedConditions(r); {
	case r.Failure != nil:
		p.State = v.failed(*r.Failure)
		p.State.Links = []StateLink{{Label: v.Lang.say("try_again"), Link: v.Path, Icon: "rotate-cw", Main: true}}
		if r.Failure.Status == http.StatusBadRequest {
			p.State.Text, p.State.Links = v.Lang.say("rejected.mend"), []StateLink{{Label: v.Lang.say("clear_all"), Link: RejectedPath}}
		}
	case len(r.Page.Rejected) > 0:
		p.Table = v.rejectedTable(r)
	case r.Query.Has("cursor"):
		p.State = &State{
			Icon: "corner-down-left", Title: v.Lang.say("ended.title"), Text: v.Lang.say("ended.text"),
			Links: []StateLink{{Label: v.Lang.say("rejected.newest"), Link: rejectedLink(r.Query), Icon: "arrow-left", Main: true}},
		}
	case len(conditions) > 0:
		p.State = &State{
			Icon: "search", Title: v.Lang.say("rejected.nothing"), Text: v.Lang.say("rejected.nothing_text"), Conditions: conditions,
			Links: []StateLink{{Label: v.Lang.say("clear_all"), Link: RejectedPath}},
		}
	default:
		p.State = &State{Icon: "check", Title: v.Lang.say("rejected.none"), Text: v.Lang.say("rejected.none_text")}
	}
	return p
}

// rejectedLink is the page with other parameters, as pairs of a name and a value: one
// whose value is empty is removed. The list begins anew, so the cursor goes.
func rejectedLink(query url.Values, pairs ...string) string {
	changed := url.Values{}
	maps.Copy(changed, query)
	delete(changed, "cursor")
	for i := 0; i+1 < len(pairs); i += 2 {
		if changed.Del(pairs[i]); pairs[i+1] != "" {
			changed.Set(pairs[i], pairs[i+1])
		}
	}
	if len(changed) == 0 {
		return RejectedPath
	}
	return RejectedPath + "?" + changed.Encode()
}

// reasons are those that the address asks for and that there are.
func reasons(query url.Values) (names []string) {
	for _, name := range query["reason"] {
		if _, err := action.ParseReason(name); err == nil && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func pending(query url.Values) bool {
	return slices.Contains([]string{"1", "true"}, query.Get("pending"))
}

func (v *View) rejectedConditions(r *Rejection) []Chip {
	var all []Chip
	if words := v.dateWords(); words != "" {
		all = append(all, Chip{Label: v.Lang.say("date"), Value: words, Remove: rejectedLink(r.Query, "from", "", "to", "", "tz", "")})
	}
	if chosen := reasons(r.Query); len(chosen) > 0 {
		all = append(all, Chip{Label: v.Lang.say("chip.is", "Field", v.Lang.say("rejected.reason")), Value: v.either(chosen), Remove: rejectedLink(r.Query, "reason", "")})
	}
	if pending(r.Query) {
		all = append(all, Chip{Label: v.Lang.say("rejected.retry"), Value: v.Lang.say("rejected.not_retried"), Remove: rejectedLink(r.Query, "pending", "")})
	}
	return all
}

func (v *View) rejectedFilters(r *Rejection) RejectedFilters {
	l, q, chosen := v.Lang, r.Query, reasons(r.Query)
	f := RejectedFilters{
		Date:    Pill{Name: "date", Icon: "calendar", Label: l.say("date"), Value: v.dateWords(), Quiet: true, RemoveLabel: l.say("date.remove")},
		Reason:  Pill{Name: "reason", Icon: "circle-x", Label: l.say("rejected.reason"), Value: v.either(chosen), RemoveLabel: l.say("rejected.remove_reason")},
		Retried: Pill{Name: "retried", Icon: "rotate-cw", Label: l.say("rejected.retry"), RemoveLabel: l.say("rejected.remove_retry")},
	}
	if r.Failure != nil && r.Failure.Status == http.StatusBadRequest {
		f.Wrong = v.says(r.Failure)
	}
	if f.Date.Value != "" {
		f.Date.Remove = rejectedLink(q, "from", "", "to", "", "tz", "")
	}
	if f.Reason.Value != "" {
		f.Reason.Remove = rejectedLink(q, "reason", "")
	}
	if pending(q) {
		f.Retried.Value, f.Retried.Remove = l.say("rejected.not_retried"), rejectedLink(q, "pending", "")
		f.Hidden = []HiddenField{{"pending", "1"}}
	}
	if zone := q.Get("tz"); zone != "" && (r.Failure == nil || r.Failure.Parameter != "tz") {
		f.Hidden = append(f.Hidden, HiddenField{"tz", zone})
	}
	if f.Date.Remove != "" || f.Reason.Remove != "" || pending(q) {
		f.ClearAll = RejectedPath
	}
	f.Dates = v.dateMenu()
	for i, p := range presets {
		f.Dates.Presets[i].Link = rejectedLink(q, "from", p.from, "to", p.to)
	}
	for _, reason := range action.Reasons() {
		f.Reasons = append(f.Reasons, Choice{Value: string(reason), Chosen: slices.Contains(chosen, string(reason))})
	}
	f.Choices = []Preset{
		{l.say("rejected.all"), rejectedLink(q, "pending", ""), !pending(q)},
		{l.say("rejected.not_retried"), rejectedLink(q, "pending", "1"), pending(q)},
	}
	return f
}

func (v *View) rejectedTable(r *Rejection) *RejectedTable {
	list := r.Page.Rejected
	n := len(list)
	t := &RejectedTable{Count: v.Lang.sayN("messages", n), Span: v.stretch(list[0].Origin.Time, list[n-1].Origin.Time), Zone: v.zoneShort()}
	if r.Next != "" {
		t.Older = rejectedLink(r.Query, "cursor", r.Next)
		if !r.Query.Has("cursor") {
			t.Count = v.Lang.sayN("messages.newest", n)
		}
	}
	if r.Query.Has("cursor") {
		t.Newest = rejectedLink(r.Query)
	}
	for i := range list {
		t.Rows = append(t.Rows, v.rejectedRow(&list[i]))
	}
	return t
}

func (v *View) rejectedRow(m *store.Rejected) RejectedRow {
	l := v.Lang
	address := store.AddressOf(m.Origin, false).String()
	at := m.Origin.Time.In(v.Zone)
	r := RejectedRow{
		Ago: l.ago(v.Now, at), Exact: l.time("second", at), Time: m.Origin.Time.Format(store.TimeLayout),
		Topic: m.Origin.Topic, Place: l.say("rejected.place", "Partition", m.Origin.Partition, "Offset", m.Origin.Offset),
		Reason: string(m.Reason), Field: m.Field, Message: m.Message,
		Size: l.sayN("bytes", m.Size), Show: "actionlog rejected show --raw " + address,
	}
	times := ""
	if m.Retries > 0 {
		r.Retried = l.say("rejected.retried", "Ago", l.ago(v.Now, m.Last.Time))
		r.By = l.sayN("rejected.by", m.Retries, "Who", m.Last.Who)
		times = joined(": ", l.sayN("rejected.times", m.Retries, "Who", m.Last.Who, "Time", l.time("second", m.Last.Time.In(v.Zone))), m.Last.Note)
	}
	r.Facts = present(
		Fact{Label: l.say("rejected.address"), Value: address, Code: true},
		Fact{Label: l.say("rejected.topic_id"), Value: uuid.UUID(m.Origin.TopicID).String(), Code: true},
		Fact{Label: l.say("rejected.was_retried"), Value: times},
		Fact{Label: l.say("rejected.to_retry"), Value: "actionlog rejected retry " + address, Code: true},
	)
	r.MoreHeaders = len(m.Headers) > shownHeaders
	for _, h := range m.Headers[:min(len(m.Headers), shownHeaders)] {
		key, keyCut := cut([]byte(h.Key), headerBytes)
		value, valueCut := cut(h.Value, headerBytes)
		r.Headers = append(r.Headers, HeaderView{readableBytes(key), readableBytes(value)})
		r.MoreHeaders = r.MoreHeaders || keyCut || valueCut
	}
	raw := m.Raw
	if m.Size > len(raw) {
		raw, _ = cut(raw, len(raw)-1)
		r.Note = l.say("rejected.first", "Count", l.number(len(raw)))
	}
	if pieces, ok := action.Readable(raw); ok {
		r.Value = fragments(pieces)
	} else {
		r.Dump = hex.Dump(raw)
	}
	return r
}

// readableBytes is what anyone may have sent, as text.
func readableBytes(raw []byte) []Fragment {
	if pieces, ok := action.Readable(raw); ok {
		return fragments(pieces)
	}
	return []Fragment{{Text: "0x" + hex.EncodeToString(raw)}}
}

// fragments marks what could not be shown as it is.
func fragments(pieces []action.Piece) []Fragment {
	all := make([]Fragment, len(pieces))
	for i, p := range pieces {
		all[i] = Fragment{p.Text, p.Escaped}
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
