package emit

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/actionlog/actionlog/pkg/action"
)

// Message is a message that is published as it is.
type Message = action.Message

// EmitMessage publishes a message, byte for byte and with its headers, and returns
// when it is acknowledged. It is keyed as [Lines] keys a line. What is not a valid
// event is sent all the same. It tries again for as long as Config.RetryFor.
func (e *Emitter) EmitMessage(ctx context.Context, m Message) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.calls.Done()
	key, now := tenantKey(m.Value), time.Now()
	headers := make([]kafka.Header, len(m.Headers))
	for i, h := range m.Headers {
		headers[i] = kafka.Header(h)
	}
	for backoff := minBackoff; ; backoff = min(2*backoff, maxBackoff) {
		partitions, err := e.partitions(ctx)
		if err != nil {
			return fmt.Errorf("emit a message: %w", err)
		}
		res, err := e.client.Produce(ctx, &kafka.ProduceRequest{
			Topic: e.cfg.Topic, Partition: place(key, partitions), RequiredAcks: kafka.RequireAll, Compression: compression,
			Records: kafka.NewRecordReader(kafka.Record{Time: now, Key: kafka.NewBytes(key), Value: kafka.NewBytes(m.Value), Headers: headers}),
		})
		if err == nil {
			err = res.Error
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil || permanent(err) || tooLarge(err) || time.Since(now)+backoff > e.cfg.RetryFor:
			return fmt.Errorf("emit a message: %w", e.explain(err))
		}
		e.topology.reset()
		timer := time.NewTimer(jitter(backoff))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}
