package action

// Message is what an application sent: the value and the headers of a Kafka record.
type Message struct {
	Value   []byte
	Headers []Header
}

// Header is one header of a Kafka record. A record may have several of one key.
type Header struct {
	Key   string
	Value []byte
}

// Decode reads the event that the message holds, as the function [Decode] does.
func (m Message) Decode(origin Origin) (Event, *Rejection) { return Decode(m.Value, m.retried(origin)) }

// Hash returns the message's content hash.
func (m Message) Hash() ContentHash { return HashContent(m.Value) }
