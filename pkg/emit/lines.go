package emit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// readBytes is how much is read at once. It has to hold the longest line
	// and its end.
	readBytes = maxKafkaMessageBytes + len("\r\n")

	// windowBytes bounds what was read and is not acknowledged yet: enough for
	// every partition of a topic to have a full request under way and the next
	// ready. Lines' memory is a small multiple of it.
	windowBytes = 16 << 20
	// windowLines bounds the same for very short lines.
	windowLines = 1 << 18

	// maxEmptyReads is how often a reader may return neither bytes nor an error
	// before it counts as broken, as in bufio.
	maxEmptyReads = 100
)

// Lines publishes each line of r as a message, byte for byte and in order,
// until r ends. It returns how many messages are acknowledged, counted from the
// start. Empty lines are no messages: they are skipped and not counted. After an
// error the first so many lines that are not empty are acknowledged, and the next
// is not known to be. The error names that one by its number in the input, which
// counts every line.
//
// A line ends with "\n" or "\r\n" or with the input, and is sent without its
// end. A line longer than 1,047,552 bytes, which is what fits a Kafka message, is
// an error that names it, after the lines before it are sent. What is not a valid
// event is sent all the same, as is one longer than [action.MaxMessageBytes]:
// ingest rejects it with a reason. Lines are keyed by their tenant ("default" when
// they name none), and have no key when that cannot be told.
//
// After an error, sending the input again from that line, or from the start,
// does no harm to events that carry id and time: they are recognised. Events
// without id or time get theirs from Kafka and may then be shown twice. The
// same holds for the repeats that Lines itself makes when an acknowledgement is
// lost.
//
// Lines holds some 16 MiB of lines, however long the input is, and sends what
// there is without waiting for more. If it ends early, because of an error or
// because ctx ended, while a Read of r is blocked, one goroutine waits for that
// Read to return, and then ends.
func Lines(ctx context.Context, r io.Reader, e *Emitter) (acknowledged int64, err error) {
	if err := e.enter(); err != nil {
		return 0, err
	}
	defer e.calls.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // whatever is under way after an error is not wanted any more

	in := &lineReader{r: r, blocks: make(chan *lineBlock)}
	go in.run(ctx)

	var w window
	for ended := false; ; {
		if len(w.blocks) == 0 && ended {
			return w.acked, in.err
		}
		settled := w.oldestPending()
		if settled == nil && len(w.blocks) > 0 {
			if err := w.settle(ctx); err != nil {
				return w.acked, err
			}
			continue
		}
		blocks := in.blocks // read on only while there is room: nil is never ready
		if w.full() || ended {
			blocks = nil
		}
		select {
		case b, ok := <-blocks:
			if !ok {
				ended = true
				continue
			}
			w.add(b)
			if b.err = e.send(ctx, b.block); b.err != nil {
				err := w.settleAll(ctx, b.err)
				return w.acked, err
			}
		case <-settled:
		case <-ctx.Done():
			err := w.settleAll(ctx, context.Cause(ctx)) // it counts on
			return w.acked, err
		}
	}
}

// window is what is under way, oldest first.
type window struct {
	blocks []*lineBlock
	bytes  int
	lines  int
	acked  int64 // leading lines that are acknowledged
}

func (w *window) full() bool { return w.bytes >= windowBytes || w.lines >= windowLines }

func (w *window) add(b *lineBlock) {
	w.blocks = append(w.blocks, b)
	w.bytes += b.bytes
	w.lines += len(b.records)
}

// oldestPending returns a channel on which the oldest block is waiting, or nil
// when it has its outcome or there is none.
func (w *window) oldestPending() <-chan struct{} {
	if len(w.blocks) == 0 {
		return nil
	}
	return w.blocks[0].pending()
}

// settle counts the oldest block, and returns an error when not all of it is
// acknowledged.
func (w *window) settle(ctx context.Context) error {
	b := w.blocks[0]
	acked, err := b.outcome(ctx)
	w.acked += int64(acked)
	if err != nil {
		return fmt.Errorf("emit: line %d is not acknowledged: %w", b.numbers[acked], err)
	}
	w.blocks[0] = nil
	w.blocks = w.blocks[1:]
	w.bytes -= b.bytes
	w.lines -= len(b.records)
	return nil
}

// settleAll counts what there is when Lines ends early because of cause.
func (w *window) settleAll(ctx context.Context, cause error) error {
	for len(w.blocks) > 0 {
		if err := w.settle(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("emit: after %d acknowledged lines, empty ones not counted: %w", w.acked, cause)
}

// lineBlock is a block of whole lines and where they stood: numbers from 1.
type lineBlock struct {
	*block
	numbers []int64
	bytes   int
}

// lineReader cuts what it reads into blocks of whole lines: what one Read
// brought, so that lines do not wait for more.
type lineReader struct {
	r      io.Reader
	blocks chan *lineBlock // closed at the end
	err    error           // why the input ended early; set before the close
	number int64           // of the last line cut
}

func (in *lineReader) run(ctx context.Context) {
	defer close(in.blocks)
	buf := make([]byte, 0, readBytes)
	for empty := 0; ; {
		have := len(buf) // the start of a line, searched before
		n, err := in.r.Read(buf[have:cap(buf)])
		buf = buf[:have+n]
		if empty++; n > 0 {
			empty = 0
		}
		whole := 0
		if at := bytes.LastIndexByte(buf[have:], '\n'); at >= 0 {
			whole = have + at + 1
		}
		if errors.Is(err, io.EOF) {
			whole = len(buf) // the last line may lack its end
		}
		if whole > 0 {
			var lines []byte
			lines, buf = detach(buf, whole)
			b, cutErr := in.cut(lines, time.Now())
			if len(b.records) > 0 {
				select {
				case in.blocks <- b:
				case <-ctx.Done():
					in.err = fmt.Errorf("emit: line %d is not acknowledged: %w", b.numbers[0], context.Cause(ctx))
					return
				}
			}
			if cutErr != nil {
				in.err = cutErr
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			in.err = fmt.Errorf("emit: read line %d: %w", in.number+1, err)
			return
		case len(buf) == cap(buf):
			in.err = lineTooLong(in.number + 1)
			return
		case empty == maxEmptyReads:
			in.err = fmt.Errorf("emit: read line %d: %w", in.number+1, io.ErrNoProgress)
			return
		}
	}
}

// detach splits off the first n bytes for a block to keep, and returns the rest
// in a buffer with room for the longest line. What is short is copied, so that
// a trickle of lines does not hold a megabyte each.
func detach(buf []byte, n int) (head, rest []byte) {
	if n < readBytes/2 {
		head = bytes.Clone(buf[:n])
		return head, buf[:copy(buf, buf[n:])]
	}
	return buf[:n:n], append(make([]byte, 0, readBytes), buf[n:]...)
}

// cut makes a block of whole lines. An error is about the line after them.
func (in *lineReader) cut(lines []byte, now time.Time) (*lineBlock, error) {
	b := &lineBlock{block: &block{}}
	for len(lines) > 0 {
		line, rest, ended := bytes.Cut(lines, []byte("\n"))
		lines = rest
		in.number++
		if ended {
			line = bytes.TrimSuffix(line, []byte("\r"))
		}
		if len(line) > maxKafkaMessageBytes {
			return b, lineTooLong(in.number)
		}
		if len(line) == 0 {
			continue
		}
		rec := record{key: tenantKey(line), value: line, time: now}
		b.records = append(b.records, rec)
		b.numbers = append(b.numbers, in.number)
		b.bytes += rec.size()
	}
	return b, nil
}

func lineTooLong(number int64) error {
	return fmt.Errorf("emit: line %d is longer than the %d bytes that fit a Kafka message", number, maxKafkaMessageBytes)
}
