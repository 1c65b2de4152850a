package action

// Rejection says why a message was not accepted.
type Rejection struct {
	Reason         Reason
	Field, Message string
}

// Reason is one of a closed list.
type Reason string
