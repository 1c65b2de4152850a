// Package action defines the event that applications publish: its type, its
// decoding from a Kafka message, its bounds, and the reasons for which a
// message is rejected.
package action

import (
	"encoding/json"
	"net/netip"
	"time"
)

// Event is one action: who did what, when, from where, to which record. The
// zero value of an optional field means that it was absent. Its JSON form is
// defined by schemas/event.schema.json, which also states every bound.
type Event struct {
	// ID is made at the source so that a retry is recognised. When the source
	// gives none it is derived from topic, partition and offset.
	ID string `json:"id"`
	// Time is when the action happened, in UTC, truncated to the millisecond.
	Time   time.Time `json:"time"`
	Tenant string    `json:"tenant"`
	// Actor really acted; OnBehalfOf is for whom, when that is someone else.
	Actor       Actor           `json:"actor"`
	OnBehalfOf  Actor           `json:"on_behalf_of,omitzero"`
	IP          netip.Addr      `json:"ip,omitzero"`
	Action      string          `json:"action"`
	Outcome     string          `json:"outcome"`
	Subject     Record          `json:"subject,omitzero"`
	Related     []Record        `json:"related,omitempty"`
	Description string          `json:"description,omitempty"`
	Reason      string          `json:"reason,omitempty"`
	SessionID   string          `json:"session_id,omitempty"`
	RequestID   string          `json:"request_id,omitempty"`
	UserAgent   string          `json:"user_agent,omitempty"`
	Details     json.RawMessage `json:"details,omitempty"`
}

// Actor is someone or something that acts.
type Actor struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	Type string `json:"type"`
}

// Record is a business record that an action touched.
type Record struct {
	Type string `json:"type,omitempty" ch:"type"`
	ID   string `json:"id,omitempty" ch:"id"`
	Name string `json:"name,omitempty" ch:"name"`
}

// Origin is where a message stood in Kafka.
type Origin struct {
	// TopicID tells a topic from a later one of the same name.
	TopicID   [16]byte
	Topic     string
	Partition int
	Offset    int64
	// Time is the message's Kafka timestamp, UTC.
	Time time.Time
}

// ContentHash is the first half of the SHA-256 of a message's bytes. It is part
// of an event's identity: with 128 bits nobody can prepare two events that
// share it, so no later event can take the place of an earlier one.
type ContentHash [16]byte
