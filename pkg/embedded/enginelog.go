package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// logTail hands the child's log on and keeps its last lines for the message
// about its death.
type logTail struct {
	logger *slog.Logger

	mu   sync.Mutex
	last []string
}

// tailLines is how many lines of a dying child's log go into the error.
const tailLines = 20

// read hands on lines until the child closes its log.
func (t *logTail) read(ctx context.Context, r io.Reader) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimRight(line, "\n"); line != "" {
			t.line(ctx, line)
		}
		if err != nil {
			return
		}
	}
}

// line hands on one line: the child's own are JSON records of slog, anything
// else is the library's or the Go runtime's.
func (t *logTail) line(ctx context.Context, line string) {
	var record map[string]any
	if json.Unmarshal([]byte(line), &record) != nil {
		t.logger.WarnContext(ctx, "engine: "+line)
		t.mu.Lock()
		defer t.mu.Unlock()
		if len(t.last) < tailLines { // a crash's first lines say most
			t.last = append(t.last, line)
		}
		return
	}
	var at slog.Level
	name, _ := record[slog.LevelKey].(string)
	if at.UnmarshalText([]byte(name)) != nil {
		at = slog.LevelInfo
	}
	message, _ := record[slog.MessageKey].(string)
	var attrs []slog.Attr
	for key, value := range record {
		if key != slog.LevelKey && key != slog.MessageKey && key != slog.TimeKey {
			attrs = append(attrs, slog.Any(key, value))
		}
	}
	t.logger.LogAttrs(ctx, at, "engine: "+message, attrs...)
}

// String is the kept lines, set off for the end of an error message.
func (t *logTail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.last) == 0 {
		return ""
	}
	return ":\n" + strings.Join(t.last, "\n")
}
