package action

// The bounds of an event. Those of single fields stand in the tables below.
const (
	// MaxMessageBytes bounds a message. An event that uses every bound to the full,
	// each character written as an escape, needs less than 800,000 bytes, so only
	// white space and digits of no use can pass it. It is below Kafka's own default
	// of 1,048,588 (message.max.bytes), so that a sender meets this bound first.
	MaxMessageBytes = 1_000_000
	// MaxDescriptionBytes bounds the description, in bytes of UTF-8.
	MaxDescriptionBytes = 8 << 10
	// MaxDetailsBytes bounds details, in bytes as sent, white space included.
	MaxDetailsBytes = 64 << 10
	// MaxDetailsDepth bounds the levels of objects and arrays in details, details
	// itself being the first.
	MaxDetailsDepth = 64
	// MaxTenant bounds the tenant, in characters.
	MaxTenant = 128
	// MaxActorID bounds the id of an actor, in characters.
	MaxActorID = 256
	// MaxAction bounds the action, in characters.
	MaxAction = 128
	// MaxRelated bounds the number of related records.
	MaxRelated = 16
	// MinYear and MaxYear bound the year of an event's time, in UTC, inclusive.
	MinYear = 1970
	MaxYear = 2100
)

// What stands in for a field that is absent.
const (
	DefaultTenant = "default"
	// DefaultActorType is the type of an actor, and of whom it acted for.
	DefaultActorType = "user"
	DefaultOutcome   = "success"
)

// ActorTypes returns the kinds of actor, the default first.
func ActorTypes() []string {
	return []string{DefaultActorType, "service", "api_key", "agent", "system"}
}

// Outcomes returns how an action can have ended, the default first.
func Outcomes() []string { return []string{DefaultOutcome, "failure", "denied"} }

// field is one member of a JSON object that is decoded into a T.
type field[T any] struct {
	name     string
	required bool
	// at is where a text goes; nil for a field that read decodes.
	at   func(*T) *string
	text text
	// read decodes any other field, beginning at its value. The decoder's last
	// token is the field's name.
	read func(*decoder, *T) *Rejection
	// scan is read for a value without a fault; false is no verdict. A field has both
	// or neither.
	scan func(*scanner, *T) bool
}

// text is what a string must look like.
type text struct {
	// min and max bound its length in Unicode code points, or in bytes of UTF-8
	// when bytes is set. No string is longer than its message.
	min, max int
	bytes    bool
	// oneOf lists the values allowed, if only some are.
	oneOf []string
	// absent is the value of an absent field.
	absent string
	// form returns what is wrong with a string of the right length, and the
	// remedy, or "". Nil allows any.
	form func(string) string
}

// fields are the members of one kind of object, in the order of the documents.
type fields[T any] struct {
	// of names the object for messages: "an event".
	of   string
	list []field[T]
}

// eventFields, actorFields and recordFields are the one place that states the
// names and bounds of fields. A test holds schemas/event.schema.json to it.
var (
	eventFields = fields[Event]{of: "an event", list: []field[Event]{
		{name: "id", text: text{min: 1, max: 128, form: wrongID}, at: func(e *Event) *string { return &e.ID }},
		{name: "time", read: readTime, scan: scanTime},
		{name: "tenant", text: text{min: 1, max: MaxTenant, absent: DefaultTenant}, at: func(e *Event) *string { return &e.Tenant }},
		{
			name: "actor", required: true,
			read: func(d *decoder, e *Event) *Rejection { return readObject(d, &actorFields, &e.Actor) },
			scan: func(s *scanner, e *Event) bool { return scanObject(s, &actorFields, &e.Actor) },
		},
		{
			name: "on_behalf_of",
			read: func(d *decoder, e *Event) *Rejection { return readObject(d, &actorFields, &e.OnBehalfOf) },
			scan: func(s *scanner, e *Event) bool { return scanObject(s, &actorFields, &e.OnBehalfOf) },
		},
		{name: "ip", read: readIP, scan: scanIP},
		{name: "action", required: true, text: text{min: 1, max: MaxAction, form: wrongAction}, at: func(e *Event) *string { return &e.Action }},
		{name: "outcome", text: text{oneOf: Outcomes(), absent: DefaultOutcome}, at: func(e *Event) *string { return &e.Outcome }},
		{
			name: "subject",
			read: func(d *decoder, e *Event) *Rejection { return readObject(d, &recordFields, &e.Subject) },
			scan: func(s *scanner, e *Event) bool { return scanObject(s, &recordFields, &e.Subject) },
		},
		{name: "related", read: readRelated, scan: scanRelated},
		{name: "description", text: text{max: MaxDescriptionBytes, bytes: true}, at: func(e *Event) *string { return &e.Description }},
		{name: "reason", text: text{max: 1024}, at: func(e *Event) *string { return &e.Reason }},
		{name: "session_id", text: text{max: 256}, at: func(e *Event) *string { return &e.SessionID }},
		{name: "request_id", text: text{max: 256}, at: func(e *Event) *string { return &e.RequestID }},
		{name: "user_agent", text: text{max: 1024}, at: func(e *Event) *string { return &e.UserAgent }},
		{name: "details", read: readDetails, scan: scanDetails},
	}}
	actorFields = fields[Actor]{of: "an actor", list: []field[Actor]{
		{name: "id", required: true, text: text{min: 1, max: MaxActorID}, at: func(a *Actor) *string { return &a.ID }},
		{name: "name", text: text{max: 256}, at: func(a *Actor) *string { return &a.Name }},
		{name: "type", text: text{oneOf: ActorTypes(), absent: DefaultActorType}, at: func(a *Actor) *string { return &a.Type }},
	}}
	recordFields = fields[Record]{of: "a record", list: []field[Record]{
		{name: "type", text: text{max: 1024}, at: func(r *Record) *string { return &r.Type }},
		{name: "id", text: text{max: 1024}, at: func(r *Record) *string { return &r.ID }},
		{name: "name", text: text{max: 1024}, at: func(r *Record) *string { return &r.Name }},
	}}
)

// names returns the fields' names in order.
func (f *fields[T]) names() []string {
	names := make([]string, len(f.list))
	for i := range f.list {
		names[i] = f.list[i].name
	}
	return names
}

// find returns the index of the field called name, or -1. It looks from the
// index next on, and then at those before: senders write fields in one order.
func (f *fields[T]) find(name []byte, next int) int {
	for i := next; i < len(f.list); i++ {
		if f.list[i].name == string(name) {
			return i
		}
	}
	for i := range min(next, len(f.list)) {
		if f.list[i].name == string(name) {
			return i
		}
	}
	return -1
}
