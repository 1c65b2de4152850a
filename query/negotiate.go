package query

import (
	"mime"
	"strconv"
	"strings"
)

// The media types of answers.
const (
	jsonType   = "application/json"
	ndjsonType = "application/x-ndjson"
	eventsType = "text/event-stream"
)

// negotiate returns which of the media types a client likes best by its Accept headers
// (RFC 9110, section 12.5.1): by the weight of the range that names a type most closely;
// of those that are liked as well, the one that is named more closely, and then the
// first. Who accepts none of them gets the first, and so does who says nothing.
func negotiate(accept, offered []string) string {
	best, bestWeight, bestCloseness := offered[0], 0.0, 0
	for _, kind := range offered {
		weight, closeness := liking(accept, kind)
		if weight > bestWeight || weight == bestWeight && weight > 0 && closeness > bestCloseness {
			best, bestWeight, bestCloseness = kind, weight, closeness
		}
	}
	return best
}

// liking returns the weight of a media type, 0 when it is not accepted, and how closely
// it is named.
func liking(accept []string, kind string) (weight float64, closeness int) {
	group, _, _ := strings.Cut(kind, "/")
	for _, header := range accept {
		for part := range strings.SplitSeq(header, ",") {
			named, parameters, err := mime.ParseMediaType(part)
			near := 0
			switch named {
			case kind:
				near = 3
			case group + "/*":
				near = 2
			case "*/*":
				near = 1
			}
			if err != nil || near <= closeness {
				continue
			}
			weight, closeness = 1, near
			if q, given := parameters["q"]; given {
				if weight, err = strconv.ParseFloat(q, 64); err != nil || weight < 0 || weight > 1 {
					weight = 0
				}
			}
		}
	}
	return weight, closeness
}
