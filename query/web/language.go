package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/actionlog/actionlog/pkg/action"
)

// languageNames are the languages of the page, as those who speak them call them. The
// first is for whom none is right. Each has a file under locales.
var languageNames = []struct{ tag, name string }{{"en", "English"}, {"de", "Deutsch"}}

// Language is one in which the page speaks.
type Language struct {
	// Tag is as in the attribute lang, and Name what its speakers call it.
	Tag, Name string

	localizer     *i18n.Localizer
	printer       *message.Printer
	months, days  []string
	layouts       map[string]string
	knownMessages map[string]bool
	// labels are what the labels of the built-in action types are in this language: a file
	// of its own beside the messages.
	labels map[string]string
}

// CheckLabels refuses a catalogue with labels in a language that the page does not speak,
// which nobody could see: its tag is mistyped.
func CheckLabels(catalogue *action.Catalogue) error {
	var tags []string
	for _, l := range languageNames {
		tags = append(tags, l.tag)
	}
	for _, k := range catalogue.Types() {
		for _, tag := range slices.Sorted(maps.Keys(k.Labels)) {
			if !slices.Contains(tags, tag) {
				return fmt.Errorf("the action type %s has a label in %q: the page speaks %s", k.Type, tag, strings.Join(tags, ", "))
			}
		}
	}
	return nil
}

func loadLanguages() ([]*Language, error) {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	var all []*Language
	for _, l := range languageNames {
		file, err := bundle.LoadMessageFileFS(files, "locales/"+l.tag+".json")
		if err != nil {
			return nil, fmt.Errorf("load the language %s: %w", l.tag, err)
		}
		one := &Language{
			Tag: l.tag, Name: l.name, printer: message.NewPrinter(language.Make(l.tag)),
			layouts: map[string]string{}, knownMessages: map[string]bool{},
		}
		if one.labels, err = loadLabels(l.tag); err != nil {
			return nil, err
		}
		for _, m := range file.Messages {
			one.knownMessages[m.ID] = true
			if name, ok := strings.CutPrefix(m.ID, "layout."); ok {
				one.layouts[name] = m.Other
			}
			switch m.ID {
			case "months":
				one.months = strings.Fields(m.Other)
			case "days":
				one.days = strings.Fields(m.Other)
			}
		}
		all = append(all, one)
	}
	for _, l := range all {
		l.localizer = i18n.NewLocalizer(bundle, l.Tag)
		if len(l.months) != 12 || len(l.days) != 7 {
			return nil, fmt.Errorf("the language %s has %d months and %d days", l.Tag, len(l.months), len(l.days))
		}
	}
	return all, nil
}

// loadLabels returns the labels of action types in a language; none in that of the
// catalogue.
func loadLabels(tag string) (map[string]string, error) {
	content, err := files.ReadFile("locales/labels." + tag + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // a map without labels
	}
	var labels map[string]string
	if err == nil {
		err = json.Unmarshal(content, &labels)
	}
	if err != nil {
		return nil, fmt.Errorf("load the labels of the language %s: %w", tag, err)
	}
	return labels, nil
}

// Language returns the language that someone chose, or else the one of an
// Accept-Language header that is spoken here.
func (s *Site) Language(chosen, accept string) *Language {
	tags := make([]language.Tag, len(s.languages))
	for i, l := range s.languages {
		if l.Tag == chosen {
			return l
		}
		tags[i] = language.Make(l.Tag)
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return s.languages[0]
	}
	_, i, _ := language.NewMatcher(tags).Match(wanted...)
	return s.languages[i]
}

// Text returns a message of the catalogue. Pairs are the names of what it says and the
// values.
func (l *Language) Text(id string, pairs ...any) (string, error) {
	return l.localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data(pairs)})
}

// label is that of a kind of action: the one that the catalogue has in this language, that
// of the built-in type which is called alike, or the one for all languages.
func (l *Language) label(k action.Kind) string {
	return cmp.Or(k.Labels[l.Tag], l.labels[k.Label], k.Label)
}

// count returns a message that depends on a number, which is its Count.
func (l *Language) count(id string, n any, pairs ...any) (string, error) {
	values := data(pairs)
	values["Count"] = l.number(n)
	return l.localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: values, PluralCount: plural(n)})
}

// plural is a number as the rules of plurals take it.
func plural(n any) any {
	if u, ok := n.(uint64); ok {
		return int(min(u, 1<<53))
	}
	return n
}

func (l *Language) localize(c *i18n.LocalizeConfig) (string, error) {
	if !l.knownMessages[c.MessageID] {
		return "", fmt.Errorf("the language %s has no message %q", l.Tag, c.MessageID)
	}
	text, err := l.localizer.Localize(c)
	if err != nil {
		return "", fmt.Errorf("say %s: %w", c.MessageID, err)
	}
	return text, nil
}

func data(pairs []any) map[string]any {
	values := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		values[name] = pairs[i+1]
	}
	return values
}

// say is Text where an error is a mistake of ours that a test finds; it then shows the id.
func (l *Language) say(id string, pairs ...any) string {
	text, err := l.Text(id, pairs...)
	if err != nil {
		return id
	}
	return text
}

// sayN is count in the same way.
func (l *Language) sayN(id string, n any, pairs ...any) string {
	text, err := l.count(id, n, pairs...)
	if err != nil {
		return id
	}
	return text
}

// number writes a number with the marks of the language.
func (l *Language) number(n any) string { return l.printer.Sprint(n) }

// monthOrDay finds the names that Go writes in English.
var monthOrDay = regexp.MustCompile(`Jan|Mon`)

// time writes a time in a layout of the catalogue, with the names of the language.
func (l *Language) time(layout string, t time.Time) string {
	text := l.layouts[layout]
	var b strings.Builder
	for {
		at := monthOrDay.FindStringIndex(text)
		if at == nil {
			break
		}
		b.WriteString(t.Format(text[:at[0]]))
		if text[at[0]:at[1]] == "Jan" {
			b.WriteString(l.months[t.Month()-1])
		} else {
			b.WriteString(l.days[t.Weekday()])
		}
		text = text[at[1]:]
	}
	b.WriteString(t.Format(text))
	return b.String()
}

// agoStep is the unit in which a time below a bound is said.
type agoStep struct {
	below, unit time.Duration
	name        string
}

// ago says how long ago a time was.
func (l *Language) ago(now, t time.Time) string {
	d, form := now.Sub(t), "ago."
	if d < 0 {
		d, form = -d, "in."
	}
	const day = 24 * time.Hour
	steps := []agoStep{{time.Hour, time.Minute, "minutes"}, {day, time.Hour, "hours"}, {60 * day, day, "days"}, {730 * day, 30 * day, "months"}}
	if d < time.Minute {
		return l.say("ago.now")
	}
	i := slices.IndexFunc(steps, func(s agoStep) bool { return d < s.below })
	if i < 0 {
		return l.sayN(form+"years", int(d/(365*day)))
	}
	return l.sayN(form+steps[i].name, int(d/steps[i].unit))
}
