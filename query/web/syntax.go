package web

import "strings"

// SyntaxPart is a part of what the search line understands.
type SyntaxPart struct {
	Title string
	Rows  []SyntaxRow
}

// SyntaxRow is what may be written, one way or another, and what it means.
type SyntaxRow struct {
	Codes   []string
	Meaning string
}

// syntax is the language of the search line by example: each part has a message for its
// title, and each row for its meaning. Several ways to write the same are divided by " | ".
var syntax = []struct {
	title string
	rows  [][2]string
}{
	{"syntax.text", [][2]string{
		{`late fee`, "syntax.words"}, {`"late fee"`, "complete.phrase"}, {`-xero | -"late fee"`, "syntax.without"}, {`"actor:x" | "OR"`, "syntax.quoted"},
	}},
	{"complete.fields", [][2]string{
		{`actor:alice`, "hint.actor"},
		{`action:invoice.posted`, "hint.action"},
		{`category:delete`, "hint.category"},
		{`outcome:denied`, "hint.outcome"},
		{`subject_type:invoice`, "hint.subject_type"},
		{`subject_id:INV-1`, "hint.subject_id"},
		{`subject:invoice/INV-1`, "hint.subject"},
		{`ip:10.0.0.0/8`, "syntax.ip"},
		{`on_behalf_of:bob`, "hint.on_behalf_of"},
		{`session_id:9f3c`, "hint.session_id"},
		{`request_id:req-7`, "hint.request_id"},
		{`user_agent:firefox`, "hint.user_agent"},
		{`details.total.amount:5`, "syntax.details"},
	}},
	{"syntax.values", [][2]string{
		{`actor:(alice bob) | actor:alice actor:bob`, "complete.list"},
		{`-actor:bob | actor:!bob`, "complete.not"},
		{`-actor:(alice bob)`, "syntax.none_of"},
		{`action:invoice.*`, "syntax.star"},
		{`actor:"Alice B."`, "syntax.spaces"},
		{`details.note:""`, "syntax.empty"},
	}},
	{"syntax.times", [][2]string{
		{`after:2026-11-24 | since:2026-11 | from:2026`, "syntax.after"},
		{`before:2026-11-24 | to:2026-11-24`, "syntax.before"},
		{`after:2026-11-24T18:00`, "syntax.clock"},
		{`after:2026-11-24T18:00:00+01:00`, "syntax.offset"},
		{`after:-24h | after:-7d | after:-3mo`, "syntax.ago"},
		{`after:today | from:last month to:last month`, "syntax.period"},
		{`tz:Europe/Berlin`, "syntax.tz"},
	}},
}

func (v *View) syntax() []SyntaxPart {
	var all []SyntaxPart
	for _, part := range syntax {
		p := SyntaxPart{Title: v.Lang.say(part.title)}
		for _, row := range part.rows {
			p.Rows = append(p.Rows, SyntaxRow{strings.Split(row[0], " | "), v.Lang.say(row[1])})
		}
		all = append(all, p)
	}
	return all
}
