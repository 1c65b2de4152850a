package web

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// lineFields are the fields that the search line knows.
var lineFields = store.SearchFields()

// LineView is the search line and what stands below it.
type LineView struct {
	Text string
	// Clear is the log without the line; empty where there is none.
	Clear string
	// Hidden are the parameters that the form keeps and does not show.
	Hidden []HiddenField
	Wrong  *WrongLine
}

// HiddenField is a parameter of a form that nobody sees.
type HiddenField struct{ Name, Value string }

// WrongLine says what is wrong with the line.
type WrongLine struct {
	// Column is where, in characters from 1; 0 where that is not known.
	Column int
	// Part is what stands there.
	Part, Problem string
	// Mended is a line that can be read, and Link the log by it; empty where none was
	// found.
	Mended, Link string
	// Long is set where the mended line has no room beside what is wrong.
	Long bool
	// Beside is set where something else is wrong, whose chip is marked.
	Beside bool
}

func (v *View) line() LineView {
	l := LineView{Text: v.Text}
	if v.Text != "" {
		l.Clear = v.clear()
	}
	for _, name := range slices.Sorted(maps.Keys(v.Kept)) {
		l.Hidden = append(l.Hidden, HiddenField{name, v.Kept.Get(name)})
	}
	return l
}

// wrongLine says what is wrong with the line of the page, and where.
func (v *View) wrongLine(f *Failure) *WrongLine {
	w := &WrongLine{Column: f.Column, Problem: v.says(f)}
	if f.Column > 0 {
		if f.Wrong != nil {
			w.Problem = ended(v.fault(f.Wrong)) // behind the part that is wrong
		}
		begin, end := termAt(v.Text, w.Column)
		w.Part = search.Short(v.Text[begin:end])
	}
	if tooMuch(f) { // one word less would be too much again, or not what was meant
		return w
	}
	if w.Mended = mend(v.Text, w.Column); w.Mended != "" {
		w.Link, w.Long = v.link(w.Mended), utf8.RuneCountInString(w.Mended) > longLine
	}
	return w
}

// longLine is how many characters of a mended line are shown whole.
const longLine = 200

// tooMuch reports whether a line asks for more than a question may hold.
func tooMuch(f *Failure) bool { return f.Said.ID == "words" || f.Said.ID == "values" }

// wrongZone says what is wrong with the time zone of the address, and marks its chip.
func (v *View) wrongZone(f *Failure) (*WrongLine, Chip) {
	w := &WrongLine{Problem: v.says(f), Beside: true}
	if f.Wrong != nil {
		if w.Mended = f.Wrong.Guess; w.Mended != "" {
			w.Link = v.inZone(w.Mended)
		}
	}
	return w, Chip{Label: v.Lang.say("chip.zone"), Value: search.Short(v.askedZone()), Remove: v.inZone(""), Wrong: true}
}

// fault says what is wrong with a text in the language of the page.
func (v *View) fault(at *search.Error) string {
	return v.Lang.say("fault."+at.Fault, "About", at.About, "Guess", at.Guess, "Known", at.Suggestion)
}

// termAt returns where the term begins and ends, in bytes, that holds a column.
func termAt(text string, column int) (begin, end int) {
	at := len(text)
	for i := range text {
		if column--; column == 0 {
			at = i
			break
		}
	}
	end = len(text)
	if i := strings.LastIndexFunc(text[:at], unicode.IsSpace); i >= 0 {
		begin = i + 1
	}
	if i := strings.IndexFunc(text[at:], unicode.IsSpace); i >= 0 {
		end = at + i
	}
	return begin, end
}

// mend returns a line near a wrong one that can be read: with the name of the field that
// was probably meant, with the quote that is missing, or without what is wrong.
func mend(text string, column int) string {
	if column == 0 {
		return ""
	}
	begin, end := termAt(text, column)
	part := text[begin:end]
	name := strings.TrimLeft(part, "-!")
	sign := part[:len(part)-len(name)]
	rest := ""
	if i := strings.IndexAny(name, ":="); i >= 0 {
		name, rest = name[:i], name[i+1:]
	}
	var lines []string
	if guess := search.Nearest(name, knownWords()); guess != "" && guess != name {
		lines = append(lines, text[:begin]+sign+guess+":"+rest+text[end:])
	}
	lines = append(lines, text+`"`, strings.TrimSpace(strings.TrimSpace(text[:begin])+" "+strings.TrimSpace(text[end:])))
	for _, line := range lines {
		if readable(line) {
			return line
		}
	}
	return ""
}

// knownWords are the names that may stand before a colon.
func knownWords() []string {
	words := []string{"from", "to", "after", "before", "tz"}
	for _, name := range lineFields.Names {
		words = append(words, strings.TrimSuffix(name, "."))
	}
	return words
}

// readable reports whether a line holds a question.
func readable(text string) bool {
	line, err := search.Parse(text, lineFields)
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(line.Terms, func(t search.Term) bool {
		field, ok := store.LookupField(t.Field)
		return !ok || field.Check(t.Value) != nil
	})
}
