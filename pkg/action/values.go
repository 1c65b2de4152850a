package action

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// readTime reads the event's time.
func readTime(d *decoder, e *Event) *Rejection {
	s, r := d.text("a string in the form of RFC 3339, as " + exampleTime)
	if r != nil {
		return r
	}
	t, wrong := parseTime(s)
	if wrong != "" {
		return d.malformedText(s, wrong)
	}
	if !inRange(t) {
		return &Rejection{Reason: ReasonOutOfRange, Field: "time", Message: fmt.Sprintf(
			"time is %s: send a time from %d to %d, in UTC", quote(s), MinYear, MaxYear)}
	}
	e.Time = t
	return nil
}

// readIP reads the actor's address.
func readIP(d *decoder, e *Event) *Rejection {
	s, r := d.text("a string")
	if r != nil {
		return r
	}
	addr, wrong := parseIP(s)
	if wrong != "" {
		return d.malformedText(s, wrong)
	}
	e.IP = addr
	return nil
}

// readRelated reads the array of records.
func readRelated(d *decoder, e *Event) *Rejection {
	if kind := d.json.PeekKind(); kind != '[' && kind != jsontext.KindInvalid {
		return d.wrongType(kind, "an array", "related")
	}
	if _, err := d.json.ReadToken(); err != nil {
		return d.broken(err)
	}
	for n := 0; ; n++ {
		switch kind := d.json.PeekKind(); kind {
		case ']', jsontext.KindInvalid:
			if _, err := d.json.ReadToken(); err != nil {
				return d.broken(err)
			}
			return nil
		case '{':
		default:
			return d.wrongType(kind, "an object", "related["+strconv.Itoa(n)+"]")
		}
		if n == MaxRelated {
			return &Rejection{Reason: ReasonTooMany, Field: "related", Message: fmt.Sprintf(
				"related has more than %d records: send at most %d, or name the rest in details", MaxRelated, MaxRelated)}
		}
		e.Related = append(e.Related, Record{})
		if r := readObject(d, &recordFields, &e.Related[n]); r != nil {
			return r
		}
	}
}

// readDetails reads an object of any members and keeps its bytes.
func readDetails(d *decoder, e *Event) *Rejection {
	if kind := d.json.PeekKind(); kind == jsontext.KindInvalid {
		_, err := d.json.ReadToken()
		return d.broken(err)
	} else if kind != '{' {
		return d.wrongType(kind, "an object", "details")
	}
	// Its names are anyone's, so another decoder reads it, which sees those that
	// come twice. The value is the first brace after its name.
	after := int(d.json.InputOffset())
	start := after + bytes.IndexByte(d.value[after:], '{')
	if start < after {
		return d.malformed()
	}
	in := newDecoder(d.value[start:])
	in.base, in.start = "details", start
	// Token by token, since this stops at the first bound that is passed, however
	// long or deep the value is.
	for {
		if _, err := in.json.ReadToken(); err != nil {
			return in.broken(err)
		}
		size := int(in.json.InputOffset())
		switch depth := in.json.StackDepth(); {
		case size > MaxDetailsBytes:
			return &Rejection{Reason: ReasonTooLong, Field: "details", Message: fmt.Sprintf(
				"details has more than %d bytes: send at most %d", MaxDetailsBytes, MaxDetailsBytes)}
		case depth > MaxDetailsDepth:
			return &Rejection{Reason: ReasonTooDeep, Field: "details", Message: fmt.Sprintf(
				"details has objects and arrays more than %d levels deep: send at most %d levels", MaxDetailsDepth, MaxDetailsDepth)}
		case depth == 0:
			e.Details = in.value[:size:size]
			if err := d.json.SkipValue(); err != nil {
				return d.broken(err)
			}
			return nil
		}
	}
}

// complete gives an event what its message left to the origin.
func complete(e *Event, origin Origin) *Rejection {
	if e.Time.IsZero() {
		t := origin.Time.UTC().Truncate(time.Millisecond)
		if !inRange(t) {
			return &Rejection{Reason: ReasonOutOfRange, Field: "time", Message: fmt.Sprintf(
				"time is absent and the timestamp of the Kafka message, %s, is not from %d to %d: send the time",
				origin.Time.UTC().Format(time.RFC3339Nano), MinYear, MaxYear)}
		}
		e.Time = t
	}
	if e.ID == "" {
		e.ID = derivedID(origin)
	}
	return nil
}

// inRange reports whether t is from MinYear to MaxYear.
func inRange(t time.Time) bool { return earliest <= t.Unix() && t.Unix() < afterLatest }

// The seconds of Unix time from which, and before which, an event's time is.
var (
	earliest    = time.Date(MinYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	afterLatest = time.Date(MaxYear+1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)
