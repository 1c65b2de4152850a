package main

import (
	"encoding/json"
	"errors"
	"unsafe"
)

// event holds what a library reads of an event: texts only, so that times and
// addresses cost every library nothing.
type event struct {
	ID          string          `json:"id"`
	Time        string          `json:"time"`
	Tenant      string          `json:"tenant"`
	Actor       entity          `json:"actor"`
	OnBehalfOf  entity          `json:"on_behalf_of"`
	IP          string          `json:"ip"`
	Action      string          `json:"action"`
	Outcome     string          `json:"outcome"`
	Subject     entity          `json:"subject"`
	Related     []entity        `json:"related"`
	Description string          `json:"description"`
	Reason      string          `json:"reason"`
	SessionID   string          `json:"session_id"`
	RequestID   string          `json:"request_id"`
	UserAgent   string          `json:"user_agent"`
	Details     json.RawMessage `json:"details"`

	texts []byte // what keep has copied
}

// entity is an actor or a record.
type entity struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
}

var errUnknown = errors.New("unknown field")

// reset empties e for the next event.
func (e *event) reset() { *e = event{Related: e.Related[:0], texts: e.texts[:0]} }

// keep copies b to the memory of e, which grows with the first event alone.
func (e *event) keep(b []byte) string {
	at := len(e.texts)
	e.texts = append(e.texts, b...)
	kept := e.texts[at:]
	return unsafe.String(unsafe.SliceData(kept), len(kept))
}

// text returns the field of that name if it is a string, or nil.
func (e *event) text(name []byte) *string {
	switch string(name) {
	case "id":
		return &e.ID
	case "time":
		return &e.Time
	case "tenant":
		return &e.Tenant
	case "ip":
		return &e.IP
	case "action":
		return &e.Action
	case "outcome":
		return &e.Outcome
	case "description":
		return &e.Description
	case "reason":
		return &e.Reason
	case "session_id":
		return &e.SessionID
	case "request_id":
		return &e.RequestID
	case "user_agent":
		return &e.UserAgent
	}
	return nil
}

// entity returns the field of that name if it is an actor or a record, or nil.
func (e *event) entity(name []byte) *entity {
	switch string(name) {
	case "actor":
		return &e.Actor
	case "on_behalf_of":
		return &e.OnBehalfOf
	case "subject":
		return &e.Subject
	}
	return nil
}

// related adds a record.
func (e *event) related() *entity {
	e.Related = append(e.Related, entity{})
	return &e.Related[len(e.Related)-1]
}

// text returns the field of that name, or nil.
func (n *entity) text(name []byte) *string {
	switch string(name) {
	case "id":
		return &n.ID
	case "name":
		return &n.Name
	case "type":
		return &n.Type
	}
	return nil
}
