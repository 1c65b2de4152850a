package search

import (
	"reflect"
	"strings"
	"testing"
)

// testFields are the fields of the log.
var testFields = Fields{
	Names: []string{
		"tenant", "q", "from", "to", "actor", "on_behalf_of", "action", "category", "outcome", "subject_type", "subject_id",
		"ip", "session_id", "request_id", "user_agent", "details.",
	},
	Aliases: map[string]string{"kind": "category"},
}

func text(needle string, column int) Text { return Text{Needle: needle, Column: column} }

func term(field, value string, column int) Term {
	return Term{Field: field, Value: value, Column: column}
}

func except(field, value string, column int) Term {
	return Term{Field: field, Value: value, Not: true, Column: column}
}

// shown is a line with all there is in it, where String leaves out the columns.
type shown Line

func TestLineIsUnderstood(t *testing.T) {
	t.Parallel()
	f := func(line string, want Line) {
		t.Helper()
		got, err := Parse(line, testFields)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v %v\nwant %+v", line, shown(got), err, shown(want))
		}
	}
	texts := func(texts ...Text) Line { return Line{Texts: texts} }
	terms := func(terms ...Term) Line { return Line{Terms: terms} }
	f("", Line{})
	f("  \u3000", Line{})
	f(`actor:alice action:invoice.* -xero "late fee" after:2026-01-01 ip:10.0.0.0/8 outcome:denied`, Line{
		Texts: []Text{{"xero", true, 30}, text("late fee", 36)},
		Terms: []Term{term("actor", "alice", 7), term("action", "invoice.*", 20), term("outcome", "denied", 86), term("ip", "10.0.0.0/8", 67)},
		From:  "2026-01-01", TimeColumn: 53,
	})
	// Values.
	f(`actor:"Alice B." subject_id:"5\" \\ C:\x"`, terms(term("actor", "Alice B.", 7), term("subject_id", `5" \ C:\x`, 29)))
	f(`ip:fe80::1 actor::x user_agent:a=b`, terms(term("actor", ":x", 18), term("ip", "fe80::1", 4), term("user_agent", "a=b", 32)))
	f(`actor:-x actor:5" actor:a,b) actor:日本`, terms(term("actor", "-x", 7), term("actor", `5"`, 16), term("actor", "a,b)", 25), term("actor", "日本", 36)))
	f(`actor:\!x actor:\\x actor:\x actor:"!x" actor:"\x"`, terms(term("actor", "!x", 7), term("actor", `\x`, 17), term("actor", `\x`, 27), term("actor", "!x", 36), term("actor", `\x`, 47)))
	f(`actor:"C:\temp\"`, terms(term("actor", `C:\temp\`, 7)))
	f(`actor:"(x)" actor:(")" "," "a b")`, terms(term("actor", "(x)", 7), term("actor", ")", 20), term("actor", ",", 24), term("actor", "a b", 28)))
	f("action=invoice.posted details.amount=5", terms(term("action", "invoice.posted", 8), term("details.amount", "5", 38)))
	f(`user=bob -Session=s !status=denied record=("=x" a<b)`, terms(term("actor", "bob", 6), except("outcome", "denied", 29), term("subject_id", "=x", 44), term("subject_id", "a<b", 49), except("session_id", "s", 19)))
	f(`details.a>b:5 details.a>:5 actor:"<b>" user_agent:"=x"`, terms(term("actor", "<b>", 34), term("user_agent", "=x", 51), term("details.a>", "5", 26), term("details.a>b", "5", 13)))
	// Any of.
	f("actor:(alice bob) actor:carol", terms(term("actor", "alice", 8), term("actor", "bob", 14), term("actor", "carol", 25)))
	f("actor:( alice,bob , !carol,) x", Line{Texts: []Text{text("x", 30)}, Terms: []Term{term("actor", "alice", 9), term("actor", "bob", 15), except("actor", "carol", 21)}})
	// None of.
	f("-actor:alice actor:!bob !actor:carol -actor:!dave", terms(except("actor", "alice", 8), except("actor", "bob", 20), except("actor", "carol", 32), term("actor", "dave", 45)))
	f(`-actor:(alice "b c" !d) actor:!"e f"`, terms(except("actor", "alice", 9), except("actor", "b c", 15), term("actor", "d", 21), except("actor", "e f", 31)))
	// Names.
	f("ACTOR:a user:b Type:c record:d session:e request:f agent:g user-agent:h kind:i User-Id:j", terms(term("actor", "a", 7), term("actor", "b", 14), term("actor", "j", 88), term("action", "c", 21), term("category", "i", 78),
		term("subject_id", "d", 30), term("session_id", "e", 40), term("request_id", "f", 50), term("user_agent", "g", 58), term("user_agent", "h", 71)))
	f("details.a.B:1 Details.größe:2 details.x-y:3 -details.items[0].sku:4", terms(term("details.a.B", "1", 13), term("details.größe", "2", 29), except("details.items[0].sku", "4", 67), term("details.x-y", "3", 43)))
	f(`details.a\:b:1 details.a\ b\=c\\d\e:2`, terms(term(`details.a b=c\d\e`, "2", 37), term("details.a:b", "1", 14)))
	// Plain text.
	f(`12:30 https://x.y/z C:\temp std::string 日本:x 10.0.0.1:80 :x`, texts(text("12:30", 1), text("https://x.y/z", 7), text(`C:\temp`, 21), text("std::string", 29), text("日本:x", 41), text("10.0.0.1:80", 46), text(":x", 58)))
	f(`note\:x actor\:a\:b "actor:alice" -actr\:x`, texts(text("note:x", 1), text("actor:a:b", 9), text("actor:alice", 21), Text{"actr:x", true, 35}))
	f(`a=b x=actor:y actor !x --actor:x details. details.x details.x\:y id=x utm_source=x actr=/x`, texts(text("a=b", 1), text("x=actor:y", 5), text("actor", 15), text("!x", 21), Text{"-actor:x", true, 24},
		text("details.", 34), text("details.x", 43), text("details.x:y", 53), text("id=x", 66), text("utm_source=x", 71), text("actr=/x", 84)))
	f(`"actor" = bob actor - x :y user actr = x`, texts(text("actor", 1), text("=", 9), text("bob", 11), text("actor", 15), text("-", 21), text("x", 23), text(":y", 25), text("user", 28), text("actr", 33), text("=", 38), text("x", 40)))
	f(`actr>x a<b actor! details.x! "actor>x" "details.x>5" "actr=x" q>5 -> =x`, texts(text("actr>x", 1), text("a<b", 8), text("actor!", 12), text("details.x!", 19), text("actor>x", 30), text("details.x>5", 40),
		text("actr=x", 54), text("q>5", 63), Text{">", true, 67}, text("=x", 70)))
	f(`"a"b -"" "" !actr:x % a(b) c) or And -not "OR" -"(a)"`, texts(text("a", 1), text("b", 4), text("!actr:x", 13), text("%", 21), text("a(b)", 23), text("c)", 28),
		text("or", 31), text("And", 34), Text{"not", true, 38}, text("OR", 43), Text{"(a)", true, 48}))
	// The quotes of word processors.
	f(`“late fee” -«a b » actor:“Alice B.” actor:(„c d“ e) after:“last month” "“x" 5”`, Line{
		Texts: []Text{text("late fee", 1), {"a b", true, 12}, text("“x", 72), text("5”", 77)},
		Terms: []Term{term("actor", "Alice B.", 26), term("actor", "c d", 44), term("actor", "e", 50)}, From: "last month", TimeColumn: 59,
	})
	// An empty text in details.
	f(`details.x:"" -details.y:“” details.z:(a "")`, terms(term("details.x", "", 11), except("details.y", "", 25), term("details.z", "a", 39), term("details.z", "", 41)))
	f(`actor:OR actor:("OR" NOTE)`, terms(term("actor", "OR", 7), term("actor", "OR", 17), term("actor", "NOTE", 22)))
	// Times.
	f("after=2026 until=today timezone=utc", Line{From: "2026", To: "today", Zone: "utc", TimeColumn: 18})
	f("from:-7d to:now tz:Europe/Berlin", Line{From: "-7d", To: "now", Zone: "Europe/Berlin", TimeColumn: 13})
	f("since:yesterday until:today timezone:utc", Line{From: "yesterday", To: "today", Zone: "utc", TimeColumn: 23})
	f("after:last month before:2026-01-01T12:00 x", Line{From: "last month", To: "2026-01-01T12:00", Texts: []Text{text("x", 42)}, TimeColumn: 25})
	f(`after:"last  month" before:"Last Month"`, Line{From: "last  month", To: "start of Last Month", TimeColumn: 28})
	f("from:this-week before:today", Line{From: "this-week", To: "start of today", TimeColumn: 23})
	f(`before:2026 before`, Line{To: "2026", Texts: []Text{text("before", 13)}, TimeColumn: 8})
	f(`to:"end of last month"`, Line{To: "end of last month", TimeColumn: 4})
}

func TestLineIsRefusedWithColumnAndSuggestion(t *testing.T) {
	t.Parallel()
	f := func(line, want string) {
		t.Helper()
		_, err := Parse(line, testFields)
		if e := problemOf(t, err); !strings.HasPrefix(e.Error(), want) || e.Column == 0 || e.Suggestion == "" {
			t.Errorf("%s:\ngot  %v\nwant %s", line, err, want)
		}
	}
	f("actr:alice", "column 1: unknown field actr, did you mean actor?")
	f("日本 -Actr:alice", "column 5: unknown field Actr, did you mean actor?")
	f("x usr:alice", "column 3: unknown field usr, did you mean user?")
	f("acton:alice", "column 1: unknown field acton, did you mean action?")
	f("id:c1", "column 1: unknown field id, put it in quotes")
	f("subjectid:1", "column 1: unknown field subjectid, did you mean subject_id?")
	f("kindd:1", "column 1: unknown field kindd, did you mean kind?")
	f("afer:2026", "column 1: unknown field afer, did you mean after?")
	f("detail.amount:5", "column 1: unknown field detail.amount, did you mean details.amount?")
	f("details:5", "column 1: unknown field details, did you mean details.amount, with the path that you look for?")
	f("details.:5", "column 1: details. has no path, write details.amount:5")
	f("nonsense:x", "column 1: unknown field nonsense, put it in quotes to look for it as text; the fields are tenant, actor, on_behalf_of,")
	f("nonsense:", "column 1: unknown field nonsense, put it in quotes")
	f("x actor = bob", "column 3: there is a space between actor and its value, write actor:value, or put actor in quotes")
	f("-User :bob", "column 2: there is a space between User and its value")
	f("since  =2026", "column 1: there is a space between since and its value")
	f("details.a :5", "column 1: there is a space between details.a and its value")
	f("details.a > 5", "column 1: values are compared with : or = only, write details.a:value")
	f("tz!=UTC", "column 1: tz cannot be excluded, name the time zone that you mean")
	f("actor != bob", "column 1: values are compared with : or = only, write actor:value")
	f("actr=alice", "column 1: unknown field actr, did you mean actor? Or put it in quotes to look for it as text")
	f("日本 -Actr=alice", "column 5: unknown field Actr, did you mean actor? Or put it in quotes")
	f("detail.amount=5", "column 1: unknown field detail.amount, did you mean details.amount? Or put it in quotes")
	f("details=5", "column 1: unknown field details, did you mean details.amount, with the path that you look for? Or put it in quotes")
	const compared = "values are compared with : or = only, write "
	f("details.amount>5", "column 1: "+compared+"details.amount:value for what has a value, -details.amount:value for what has not, or put it in quotes")
	f("x details.amount>=5", "column 3: "+compared+"details.amount:value")
	f("日本 -details.a.b<5", "column 5: "+compared+"details.a.b:value")
	f("details.x<=5", "column 1: "+compared+"details.x:value")
	f("details.x!=5", "column 1: "+compared+"details.x:value for what has a value, -details.x:value")
	f("details.x==5", "column 11: "+compared+"details.x:value")
	f("details.x:>5", "column 11: "+compared+"details.x:value")
	f("User>x", "column 1: "+compared+"User:value")
	f("actor>=x", "column 1: "+compared+"actor:value")
	f("x actor<x", "column 3: "+compared+"actor:value")
	f("actor!=x", "column 1: "+compared+"actor:value for what has a value, -actor:value")
	f("actor:(a <b)", "column 10: "+compared+"actor:value")
	f("from>2026", "column 1: "+compared+"after: for what is later")
	f("q=x", `column 1: q is no field of a search line, write what you look for as it is`)
	f("q:x", `column 1: q is no field of a search line, write what you look for as it is`)
	f("text:x", `column 1: text is no field of a search line`)
	f("actor: alice", "column 7: actor has no value, write actor:value without a space after the colon")
	f("x User:", "column 8: user has no value")
	f("actor:!", "column 7: actor has no value")
	f(`actor:""`, "column 7: actor has no value")
	f(`actor:(a "")`, "column 10: actor has no value")
	f(`x "late fee actor:bob`, `column 3: this quote is never closed, close it with "`)
	f(`5 "`, `column 3: this quote is never closed`)
	f(`actor:"bob action:x`, `column 7: this quote is never closed`)
	f(`actor:("bob action:x)`, `column 8: this quote is never closed`)
	f(`actor:"bob"x`, `column 12: this follows a closing quote without a space`)
	f(`actor:("bob"x)`, `column 13: this follows a closing quote without a space`)
	f(`after:"last month"x`, `column 19: this follows a closing quote without a space`)
	f(`x “late fee" actor:bob`, "column 3: this quote is never closed, close it with ”, or write \"“\" to look for a quote")
	f(`actor:«bob`, "column 7: this quote is never closed, close it with »")
	f(`actor:“bob”x`, `column 12: this follows a closing quote without a space`)
	f(`actor:“ ”`, `column 7: actor has no value`)
	f("details.x:", `column 11: details.x has no value, write details.x:"" for an empty text, or`)
	f(`details.x= a`, `column 11: details.x has no value, write details.x:"" for an empty text, or`)
	f("alice OR bob", `column 7: OR does not combine terms, write actor:(alice bob) for any of several values of a field, or "OR" to look for the word`)
	f("actor:alice -OR actor:bob", `column 14: OR does not combine terms`)
	f("a AND b", `column 3: AND is not needed, since all terms must match, leave it out, or write "AND" to look for the word`)
	f("NOT a", `column 1: NOT does not exclude, write - before what is not to be found`)
	f("x (a b)", `column 3: brackets do not group terms, write actor:(alice bob) for any of several values of a field, or put the text in quotes to look for a bracket`)
	f("-(a)", `column 2: brackets do not group terms`)
	f("(actor:alice)", `column 1: brackets do not group terms`)
	f("a )", `column 3: brackets do not group terms`)
	f("actor:(alice OR bob)", `column 14: OR does not combine the values of a list, which means any of them, leave it out, or write "OR" for the value`)
	f("actor:(alice, NOT bob)", `column 15: NOT does not combine the values of a list`)
	f("actor:(alice bob", "column 7: this list is never closed, close it with )")
	f("actor:(alice)x", "column 14: this follows a list without a space")
	f("user:()", `column 6: this list is empty, write user:(one "and another")`)
	f("x -after:2026", "column 4: after cannot be excluded, write after: for what is later and before: for what is earlier")
	f("from:!2026", `column 6: from: "!2026" is not a time (unknown form)`)
	f("!tz:UTC", "column 2: tz cannot be excluded")
	f("from:2026 after:2027", "column 11: after sets again what is set already")
	f("until:2026 Before:2027", "column 12: before sets again what is set already")
	f("x before:2026-13-01", `column 10: to: "2026-13-01" is not a time (month out of range), give RFC 3339`)
	f("after:yesterdy", `column 7: from: "yesterdy" is not a time (unknown form), did you mean yesterday?`)
	f("after:last moth x", `column 7: from: "last moth" is not a time (unknown form), did you mean last month?`)
	f("after:last", `column 7: from: "last" is not a time`)
	f("after: today", "column 7: after has no value")
	f("tz:Europe/Berln", `column 4: tz: "Europe/Berln" is not a time zone, did you mean Europe/Berlin?`)
	f("a b\xff", "column 4: this is not valid UTF-8")
}

func TestLineIsWrittenInItsUsualForm(t *testing.T) {
	t.Parallel()
	f := func(line, want string) {
		t.Helper()
		got, err := Parse(line, testFields)
		if err != nil || got.String() != want {
			t.Errorf("%s:\ngot  %s %v\nwant %s", line, got, err, want)
		}
	}
	f("", "")
	f(`actor:alice action:invoice.* -xero "late fee" after:2026-01-01 ip:10.0.0.0/8 outcome:denied`,
		`-xero "late fee" actor:alice action:invoice.* outcome:denied ip:10.0.0.0/8 from:2026-01-01`)
	f(`User:(bob !"a b") "12:30" a=b !x note\:x "OR" a<b “c d”`, `"12:30" "a=b" !x "note:x" "OR" "a<b" "c d" actor:bob -actor:"a b"`)
	f(`actor:"!x" actor:\\x actor:"(x)" actor:"\"" actor:x" actor:"=x"`, `actor:"!x" actor:"\\x" actor:"(x)" actor:"\"" actor:x" actor:"=x"`)
	f(`details.a\ b\:c:1`, `details.a\ b\:c:1`)
	f("after:last month before:today tz:UTC", `from:"last month" to:"start of today" tz:UTC`)
}
