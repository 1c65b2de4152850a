package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// maxChoices is how many values a list of completions has.
const maxChoices = 8

// Completions are what may be written at a place of the search line.
type Completions struct {
	// Idle is set where nothing is being written: the list is then for who asks for it.
	Idle bool
	// Pending is set where an answer that may take longer has more.
	Pending bool
	Groups  []CompletionGroup
}

// CompletionGroup are completions of one kind.
type CompletionGroup struct {
	ID, Title   string
	Completions []Completion
}

// Completion is what may be written.
type Completion struct {
	ID string
	// Code is what is written, and Hint what it means. Count is how many events it finds;
	// empty where that is not known.
	Code, Hint, Count string
	// Insert takes the place of the characters from Begin to End, counted from 0.
	Insert     string
	Begin, End int
	// More is set where more is to be written behind it.
	More bool
}

// completer makes the completions of one place.
type completer struct {
	*View
	search.Place

	// typed is what is written there, in small letters.
	typed string
	// space is what comes behind a value.
	space  string
	groups []CompletionGroup
}

// Complete returns what may be written at a place of the line. Found are values of the
// field there, or users where a word is; their counts are those of all events where
// counted is set.
func (v *View) Complete(at search.Place, found store.Facet, counted bool) Completions {
	if at.Closed {
		return Completions{}
	}
	c := completer{View: v, Place: at, typed: strings.ToLower(at.Text)}
	if after := []rune(v.Text); !at.List && (at.End >= len(after) || !unicode.IsSpace(after[at.End])) {
		c.space = " "
	}
	if !counted {
		for i := range found.Values {
			found.Values[i].Count = 0
		}
	}
	switch {
	case at.Field == "":
		c.words(found)
	case slices.Contains([]string{"from", "to"}, at.Field):
		c.add(c.title("date"), c.times())
	case at.Field == "tz":
		c.add(c.title("zone"), c.zones())
	default:
		c.add(c.title("field."+at.Field), c.values(found))
		c.fieldOperators()
	}
	return Completions{Idle: at.Field == "" && at.Text == "", Groups: c.groups}
}

// title names a list of what matches.
func (c *completer) title(id string) string {
	label := c.Lang.say(id)
	if strings.HasPrefix(c.Field, store.DetailsField) {
		label = c.Field
	}
	if c.Text == "" {
		return label
	}
	return c.Lang.say("complete.matching", "What", label, "Text", c.Text)
}

// add adds a group, where it has any completions.
func (c *completer) add(title string, all []Completion) {
	if len(all) == 0 {
		return
	}
	before := 0
	for _, g := range c.groups {
		before += len(g.Completions)
	}
	for i := range all {
		all[i].ID = "complete-" + strconv.Itoa(before+i)
	}
	c.groups = append(c.groups, CompletionGroup{"complete-group-" + strconv.Itoa(len(c.groups)), title, all})
}

// here is a value in the place of what is written.
func (c *completer) here(value, hint string, count uint64) Completion {
	return c.instead(c.Write(value)+c.space, value, hint, count)
}

func (c *completer) instead(insert, code, hint string, count uint64) Completion {
	one := Completion{Code: code, Hint: hint, Insert: insert, Begin: c.Begin, End: c.End}
	if count > 0 {
		one.Count = c.Lang.number(count)
	}
	return one
}

// begins reports whether any of some texts, or a word in it, begins with what is typed.
func (c *completer) begins(texts ...string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		text = strings.ToLower(text)
		return strings.HasPrefix(text, c.typed) || c.typed != "" && strings.Contains(text, " "+c.typed)
	})
}

// lineNames are what may stand before a colon, in the order in which people need them.
var lineNames = []string{
	"actor", "action", "category", "outcome", "subject_type", "subject_id", "subject", "ip", "after", "before",
	"on_behalf_of", "session_id", "request_id", "user_agent", store.DetailsField, "tz",
}

// words completes a word: to the name of a field, a user or a type of action.
func (c *completer) words(users store.Facet) {
	var names []Completion
	for _, name := range lineNames {
		label := ""
		if slices.Contains(lineFields.Names, name) && name != store.DetailsField {
			label = c.Lang.say("field." + name)
		}
		if !c.begins(name, label) && (c.typed == "" || search.Alias(c.typed) != name) {
			continue
		}
		code := name + ":"
		if name == store.DetailsField {
			code = name
		}
		one := c.instead(code, code, c.Lang.say("hint."+strings.TrimSuffix(name, ".")), 0)
		one.More = true
		names = append(names, one)
	}
	c.add(c.Lang.say("complete.fields"), names)
	if c.typed == "" {
		phrase := c.instead(`"`, `"…"`, c.Lang.say("complete.phrase"), 0)
		operators := []Completion{phrase}
		if !c.Not {
			minus := c.instead("-", "-", c.Lang.say("complete.minus"), 0)
			minus.More = true
			operators = append(operators, minus)
		}
		c.add(c.Lang.say("complete.operators"), operators)
		return
	}
	c.add(c.title("user"), c.named("actor", users))
	if utf8.RuneCountInString(c.typed) > 1 {
		var types []Completion
		for _, k := range c.catalogue.Types() {
			if len(types) < maxChoices/2 && c.begins(k.Label) {
				types = append(types, c.instead("action:"+c.Write(k.Type)+c.space, "action:"+k.Type, k.Label, 0))
			}
		}
		c.add(c.title("action"), types)
	}
}

// named are values of a field with its name before them.
func (c *completer) named(field string, found store.Facet) []Completion {
	var all []Completion
	for _, u := range found.Values {
		all = append(all, c.instead(field+":"+c.Write(u.Value)+c.space, field+":"+u.Value, u.Name, u.Count))
	}
	return all
}

// values are those of the field.
func (c *completer) values(found store.Facet) []Completion {
	counts := map[string]uint64{}
	for _, f := range found.Values {
		counts[f.Value] = f.Count
	}
	switch c.Field {
	case "action":
		return c.actions(found, counts)
	case "category":
		var all []string
		for _, category := range action.Categories() {
			all = append(all, string(category))
		}
		return c.known(all, "category.", counts)
	case "outcome":
		return c.known(action.Outcomes(), "outcome.", counts)
	}
	var all []Completion
	for _, f := range found.Values {
		hint := f.Name
		if hint == f.Value {
			hint = ""
		}
		all = append(all, c.here(f.Value, hint, f.Count))
	}
	return all[:min(len(all), maxChoices)]
}

// known are values of which each has a message.
func (c *completer) known(values []string, messages string, counts map[string]uint64) []Completion {
	var all []Completion
	for _, value := range values {
		if hint := c.Lang.say(messages + value); c.begins(value, hint) {
			all = append(all, c.here(value, hint, counts[value]))
		}
	}
	return all
}

// actions are types of action, the most frequent first, and ahead of them all that begin
// as the one that is being written.
func (c *completer) actions(found store.Facet, counts map[string]uint64) []Completion {
	types := c.catalogue.Types()
	for _, f := range found.Values {
		if !slices.ContainsFunc(types, func(k action.Kind) bool { return k.Type == f.Value }) {
			types = append(types, c.catalogue.Lookup(f.Value))
		}
	}
	types = slices.DeleteFunc(types, func(k action.Kind) bool { return !c.begins(k.Type, k.Label) })
	slices.SortStableFunc(types, func(a, b action.Kind) int { return cmp.Compare(counts[b.Type], counts[a.Type]) })
	var all []Completion
	if group := c.group(types); group != "" {
		n, count := 0, uint64(0)
		for _, k := range types {
			if strings.HasPrefix(k.Type, group) {
				n, count = n+1, count+counts[k.Type]
			}
		}
		all = append(all, c.here(group+"*", c.Lang.sayN("complete.group", n), count))
	}
	for _, k := range types[:min(len(types), maxChoices)] {
		hint := k.Label
		if hint == k.Type {
			hint = ""
		}
		all = append(all, c.here(k.Type, hint, counts[k.Type]))
	}
	return all
}

// group is the beginning, up to a dot, that two types or more have with what is typed;
// empty for none.
func (c *completer) group(types []action.Kind) string {
	if c.typed == "" {
		return ""
	}
	members := map[string]int{}
	for _, k := range types {
		if dot := strings.IndexByte(k.Type[min(len(k.Type), len(c.typed)-1):], '.'); dot >= 0 && strings.HasPrefix(k.Type, c.typed) {
			members[k.Type[:len(c.typed)+dot]]++
		}
	}
	if len(members) != 1 {
		return ""
	}
	for group, n := range members {
		if n > 1 {
			return group
		}
	}
	return ""
}

// times are moments and periods, with what they mean now.
func (c *completer) times() []Completion {
	bound, form := search.From, "date.since"
	if c.Field == "to" {
		bound, form = search.To, "date.before"
	}
	names := append([]string{"-1h", "-24h", "-7d", "-30d", "-3mo", "-1y"}, search.TimeNames()...)
	var all []Completion
	for _, name := range names {
		line, err := search.Parse(c.Name+":"+c.Write(name), lineFields) // before leaves a period out
		if err != nil || !strings.HasPrefix(name, c.typed) || name == "tomorrow" || name == "now" && bound == search.From {
			continue
		}
		t, err := search.ParseTime(line.From+line.To, bound, c.Now, c.Zone)
		if err != nil {
			continue
		}
		all = append(all, c.here(name, c.Lang.say(form, "Time", c.Lang.time("minute", t.In(c.Zone))), 0))
	}
	return all
}

// zones are time zones with their distance from UTC now.
func (c *completer) zones() []Completion {
	typed := strings.ReplaceAll(c.typed, " ", "_")
	names := slices.Concat([]string{c.Prefs.BrowserZone, "UTC"}, search.ZoneNames())
	var all []Completion
	for _, name := range names {
		known := slices.ContainsFunc(all, func(one Completion) bool { return one.Code == name })
		if name == "" || known || !strings.Contains(strings.ToLower(name), typed) {
			continue
		}
		if zone, err := search.LoadLocation(name); err == nil {
			all = append(all, c.here(name, "UTC"+offset(c.Now.In(zone)), 0))
		}
		if len(all) == maxChoices {
			break
		}
	}
	return all
}

// fieldOperators are what else may stand behind the name of a field, before its value.
func (c *completer) fieldOperators() {
	if c.Text != "" || c.List {
		return
	}
	list := c.instead("(", c.Name+":(… …)", c.Lang.say("complete.list"), 0)
	list.More = true
	operators := []Completion{list}
	if !c.Not {
		minus := c.instead("-"+c.Name+":", "-"+c.Name+":", c.Lang.say("complete.not"), 0)
		minus.Begin, minus.More = c.Term, true
		operators = append(operators, minus)
	}
	c.add(c.Lang.say("complete.operators"), operators)
}
