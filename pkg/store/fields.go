package store

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
)

// Field is a field by which events are chosen: a parameter of every question about
// them.
type Field struct {
	// Name is the parameter's; that of DetailsField is followed by a path.
	Name string
	// Most bounds a value, in characters. What is longer is found in no event.
	Most int
	// Only are the values that there are; nil where any text may be one.
	Only []string

	// guess is the value that was probably meant by one that is refused, empty when none is
	// near; nil where that is one of Only or not known.
	guess func(string) string
	// check says what is wrong with a value, and the remedy; nil where nothing can be.
	check func(string) error
	// indexed reports whether an inverted index tells which events have a value; nil
	// where none does.
	indexed func(value string) bool
	// hint is a condition that follows from where, for an index; nil where none is
	// needed.
	hint func(values []string) (string, []any)
	// where is that the field has one of the values, as SQL, whether or not the filter
	// asks for the contrary.
	where func(f *Filter, about Condition) (string, []any)
}

// DetailsField is the name of the field for what is within details, up to its path:
// details.total.amount.
const DetailsField = "details."

// The bounds of values, in characters: the event's own or above them.
const (
	maxRecord  = 1024 // the type and the id of a record
	maxSession = 256  // the ids of sessions and requests
	maxPath    = 1024
)

// fields is the one table of them.
var fields = []Field{
	{Name: "actor", Most: action.MaxActorID, indexed: always, where: in("actor_id")},
	{Name: "on_behalf_of", Most: action.MaxActorID, indexed: always, where: in("on_behalf_of_id")},
	{Name: "action", Most: action.MaxAction + len(anyOf), check: checkAction, guess: guessAction, where: whereAction},
	{Name: "category", Most: 16, Only: categoryNames(), where: whereCategory},
	{Name: "outcome", Most: 16, Only: action.Outcomes(), where: in("outcome")},
	{Name: "subject_type", Most: maxRecord, where: whereSubjectType},
	{Name: "subject_id", Most: maxRecord, indexed: always, where: whereSubject, hint: hasTerms},
	{Name: "subject", Most: maxRecord + len("/") + maxRecord, check: checkRecord, indexed: always, where: whereRecord, hint: hasTermsOfRecords},
	{Name: "ip", Most: 64, check: checkIP, indexed: isAddress, where: whereIP},
	{Name: "session_id", Most: maxSession, indexed: always, where: in("session_id")},
	{Name: "request_id", Most: maxSession, indexed: always, where: in("request_id")},
	{Name: "user_agent", Most: 2048, where: whereUserAgent},
	{Name: DetailsField, Most: action.MaxDetailsBytes, where: whereDetails},
}

// Fields returns the fields by which events are chosen.
func Fields() []Field { return slices.Clone(fields) }

// SearchFields returns the names of the fields, as the search line takes them.
func SearchFields() search.Fields {
	var known search.Fields
	for _, field := range fields {
		known.Names = append(known.Names, field.Name)
	}
	return known
}

// LookupField returns the field of a name, which for one within details is
// DetailsField and a path.
func LookupField(name string) (Field, bool) {
	if path, ok := strings.CutPrefix(name, DetailsField); ok && path != "" && utf8.RuneCountInString(path) <= maxPath {
		name = DetailsField
	} else if ok {
		return Field{}, false
	}
	i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return fields[i], true
}

// Check says what is wrong with a value of the field, and what to do.
func (f Field) Check(value string) error {
	if n := utf8.RuneCountInString(value); n > f.Most {
		return fmt.Errorf("it has %d characters: give %d at most, no action holds more", n, f.Most)
	}
	if f.Only != nil && !slices.Contains(f.Only, value) {
		remedy := "give one of " + strings.Join(f.Only, ", ")
		if guess := f.Guess(value); guess != "" {
			remedy = "did you mean " + guess + "? The values are " + strings.Join(f.Only, ", ")
		}
		return errors.New("there is no such value: " + remedy)
	}
	if f.check != nil {
		return f.check(value)
	}
	return nil
}

// Guess returns the value that was probably meant by one that Check refuses, empty when none
// is near.
func (f Field) Guess(value string) string {
	if f.guess != nil {
		return f.guess(value)
	}
	if guess := search.Nearest(value, f.Only); guess != "" {
		return guess
	}
	// As deny begins like denied, and succeeded like success.
	const common = 3
	if len(value) < common {
		return ""
	}
	var alike []string
	for _, v := range f.Only {
		if strings.HasPrefix(v, strings.ToLower(value[:common])) {
			alike = append(alike, v)
		}
	}
	if len(alike) != 1 {
		return ""
	}
	return alike[0]
}

// conditions adds those about fields.
func (f *Filter) conditions(c *condition) error {
	for _, about := range f.Conditions {
		field, ok := LookupField(about.Field)
		if !ok {
			return fmt.Errorf("there is no field %q to choose events by", about.Field)
		}
		term, args := field.where(f, about)
		switch {
		case about.Not:
			term = "NOT " + term
		case field.hint != nil:
			hint, hintArgs := field.hint(about.Values)
			c.and(hint, hintArgs...)
		}
		c.and(term, args...)
	}
	return nil
}

// indexed reports whether an index tells where the events are that the filter is about.
func (f *Filter) indexed() bool {
	number := func(t search.Text) bool {
		_, ok := numberIn(t.Needle)
		return ok && !t.Not
	}
	return slices.ContainsFunc(f.Text, number) || slices.ContainsFunc(f.Conditions, func(c Condition) bool {
		field, _ := LookupField(c.Field)
		if field.indexed == nil || c.Not {
			return false
		}
		return !slices.ContainsFunc(c.Values, func(v string) bool { return !field.indexed(v) })
	})
}

func always(string) bool { return true }

func isAddress(value string) bool { return !isNetwork(value) }

// in is the condition of a column that holds the field as it is.
func in(column string) func(*Filter, Condition) (string, []any) {
	return func(_ *Filter, about Condition) (string, []any) {
		return "(" + column + " IN (?))", []any{about.Values}
	}
}

// anyOf ends the name of a group of actions: invoice.* are all that begin with invoice.
const anyOf = ".*"

func checkAction(value string) error {
	if strings.Contains(strings.TrimSuffix(value, anyOf), "*") {
		return errors.New("a star stands only at the end and after a dot, as in invoice.*")
	}
	if !isActionOrGroup(value) {
		remedy := "give words of a-z, 0-9, _ and - with dots between, such as invoice.posted, or invoice.* for all below invoice"
		if guess := guessAction(value); guess != "" {
			remedy = "did you mean " + guess + "? Or " + remedy
		}
		return errors.New("no action has such a type: " + remedy)
	}
	return nil
}

// isActionOrGroup reports whether there can be events of a type, or of a group.
func isActionOrGroup(value string) bool {
	if group, ok := strings.CutSuffix(value, "*"); ok {
		value = group + "x"
	}
	return action.IsType(value)
}

// guessAction is a type or a group near a text that is none: invoice.* for invoice, and
// invoice.posted for Invoice/Posted.
func guessAction(value string) string {
	words := strings.FieldsFunc(strings.ToLower(value), func(r rune) bool { return strings.ContainsRune(" ./:*", r) })
	guess := strings.Join(words, ".")
	if len(words) < 2 || strings.HasSuffix(strings.TrimSuffix(value, "*"), ".") {
		guess += anyOf
	}
	if !isActionOrGroup(guess) {
		return ""
	}
	return guess
}

func whereAction(_ *Filter, about Condition) (string, []any) {
	var exact, terms []string
	var args []any
	for _, v := range about.Values {
		if group, ok := strings.CutSuffix(v, "*"); ok {
			terms = append(terms, "startsWith(action, ?)")
			args = append(args, group)
		} else {
			exact = append(exact, v)
		}
	}
	if len(exact) > 0 {
		terms = append(terms, "action IN (?)")
		args = append(args, exact)
	}
	return "(" + strings.Join(terms, " OR ") + ")", args
}

func categoryNames() []string {
	var all []string
	for _, c := range action.Categories() {
		all = append(all, string(c))
	}
	return all
}

// whereCategory asks for the actions that the catalogue has under the categories. An
// action that it lacks is of action.UnknownCategory.
func whereCategory(f *Filter, about Condition) (string, []any) {
	var within, without []string
	for _, k := range f.Catalogue.Types() {
		if slices.Contains(about.Values, string(k.Category)) {
			within = append(within, k.Type)
		} else {
			without = append(without, k.Type)
		}
	}
	if slices.Contains(about.Values, string(action.UnknownCategory)) {
		return "(action NOT IN (?))", []any{append(without, "")} // a list has one at least
	}
	return "(action IN (?))", []any{append(within, "")}
}

// whereSubjectType asks, beside ids of records, for a record that has both.
func whereSubjectType(f *Filter, about Condition) (string, []any) {
	if ids := f.Values("subject_id"); !about.Not && len(ids) > 0 {
		return sameRecord(ids, about.Values)
	}
	return in("subject_type")(f, about)
}

// whereSubject counts related records too.
func whereSubject(_ *Filter, about Condition) (string, []any) {
	return "hasAny(" + subjectIDs + ", ?)", []any{about.Values}
}

// parseRecord reads a record as its type and its id, with a slash between them. Types hold
// none.
func parseRecord(value string) (Record, error) {
	kind, id, _ := strings.Cut(value, "/")
	if kind == "" || id == "" {
		return Record{}, errors.New("it is no record: give its type and its id, as in invoice/INV-1, or ask for subject_id alone")
	}
	return Record{kind, id}, nil
}

func checkRecord(value string) error {
	_, err := parseRecord(value)
	return err
}

// whereRecord counts related records too. It is no OR, as sameRecord is none.
func whereRecord(_ *Filter, about Condition) (string, []any) {
	var cases strings.Builder
	var args []any
	for _, value := range about.Values {
		record, _ := parseRecord(value) // it was checked
		is, with := sameRecord([]string{record.ID}, []string{record.Type})
		cases.WriteString(is + ", 1, ")
		args = append(args, with...)
	}
	return "multiIf(" + cases.String() + "0)", args
}

func hasTermsOfRecords(values []string) (string, []any) {
	ids := make([]string, len(values))
	for i, value := range values {
		record, _ := parseRecord(value)
		ids[i] = record.ID
	}
	return hasTerms(ids)
}

func checkIP(value string) error {
	_, err := parsePrefix(value)
	return err
}

// parsePrefix reads an address, as the network of it alone, or a network.
func parsePrefix(value string) (netip.Prefix, error) {
	const remedy = "give an address such as 192.0.2.7 or 2001:db8::7, or a network such as 10.0.0.0/8"
	address, bits, network := strings.Cut(value, "/")
	addr, err := netip.ParseAddr(address)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, errors.New("it is no IP address: " + remedy)
	}
	least, most := 0, addr.BitLen()
	if addr.Is4In6() {
		least = most - addr.Unmap().BitLen() // what is shorter holds more than IPv4
	}
	length := most
	if network {
		n, err := strconv.ParseUint(bits, 10, 8)
		length = int(n)
		if err != nil || length < least || length > most || len(bits) > 1 && bits[0] == '0' {
			return netip.Prefix{}, fmt.Errorf("the length of its network, %q, is not a number from %d to %d: %s", bits, least, most, remedy)
		}
	}
	return netip.PrefixFrom(addr.Unmap(), length-least).Masked(), nil
}

// whereIP asks for addresses by the expression of the index by_ip.
func whereIP(_ *Filter, about Condition) (string, []any) {
	var addresses, terms []string
	var args []any
	for _, v := range about.Values {
		p, err := parsePrefix(v)
		switch {
		case err != nil:
			continue // Check has refused it
		case p.IsSingleIP():
			addresses = append(addresses, hexAddress(p.Addr()))
		default:
			term, bounds := inNetwork(p)
			terms = append(terms, term)
			args = append(args, bounds...)
		}
	}
	if len(addresses) > 0 {
		terms = append(terms, "hex(ip) IN (?)")
		args = append(args, addresses)
	}
	return anyAddress(terms), args
}

// anyAddress is the condition that an event has an address, "::" stands for none, and
// that one of the terms is true of it. The colons are not written, since clickhouse-go
// would take them, between the braces of termsSQL, for a query with named parameters.
func anyAddress(terms []string) string {
	return "((" + strings.Join(terms, " OR ") + ") AND ip != toIPv6(repeat(char(58), 2)))"
}

// inNetwork is the condition that the column ip is of a network. The addresses of IPv4
// stand in it among those of IPv6, but are of no network of IPv6.
func inNetwork(p netip.Prefix) (string, []any) {
	term := "ip BETWEEN toIPv6(?) AND toIPv6(?)"
	if p.Addr().Is6() {
		term = "(" + term + " AND NOT ip BETWEEN toIPv6('0.0.0.0') AND toIPv6('255.255.255.255'))"
	}
	return term, []any{p.Addr().String(), lastAddress(p).String()}
}

// hexAddress writes an address as the index by_ip has it.
func hexAddress(a netip.Addr) string {
	b := a.As16()
	return fmt.Sprintf("%X", b[:])
}

// lastAddress is the highest of a network.
func lastAddress(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

func whereUserAgent(_ *Filter, about Condition) (string, []any) {
	var terms []string
	var args []any
	for _, v := range about.Values {
		terms = append(terms, "caseFoldUTF8(user_agent)"+like)
		args = append(args, likeEscaper.Replace(v))
	}
	return "(" + strings.Join(terms, " OR ") + ")", args
}
