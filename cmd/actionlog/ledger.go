package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/ingest"
	"github.com/actionlog/actionlog/pkg/store"
)

// kafkaTimeout bounds how long ledger waits for what Kafka says.
const kafkaTimeout = 10 * time.Second

func runLedger(ctx context.Context, e env, args []string) error {
	if len(args) > 0 && args[0] == "give-up" {
		return runGiveUp(ctx, e, args[1:])
	}
	set := flags(e, "ledger", "| give-up -h")
	topic := set.String("topic", "", "show this topic only; without it all that the ledger knows, and the configured one")
	asJSON := set.Bool("json", false, "print a JSON object a line: the partitions, then the totals")
	if err := parse(set, args); err != nil {
		return err
	}
	cfg, s, err := configuredIngest()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	known, err := s.Ledger(ctx, *topic)
	if err != nil {
		return err
	}
	if *topic != "" {
		cfg.Topic = *topic
	}
	lines := ledgerLines(known)
	if lines, err = addLogs(ctx, e, cfg, s, lines); err != nil {
		return err
	}
	if len(lines) == 0 && *topic != "" {
		return fmt.Errorf("--topic is %q: neither the ledger nor Kafka at ACTIONLOG_KAFKA_BROKERS has it", *topic)
	}
	write := printLedger
	if *asJSON {
		write = encodeLedger
	}
	sum := totals(lines)
	if err := write(e.stdout, lines, sum); err != nil {
		return fmt.Errorf("print the ledger: %w", err)
	}
	if sum.Gaps > 0 {
		return fmt.Errorf("the ledger has a gap in %d partitions: a running ingest closes it, or stops and says what to do; if none runs, start it", sum.Gaps)
	}
	return nil
}

// ledgerLine is what is shown of a partition.
type ledgerLine struct {
	Topic     string `json:"topic"`
	TopicID   string `json:"topic_id"`
	Partition int    `json:"partition"`
	// Note is re-created when the topic's name stands for another one now, and missing
	// when Kafka has none of that name.
	Note     string       `json:"note,omitempty"`
	Settled  int64        `json:"settled"`
	Highest  int64        `json:"highest"`
	Gap      bool         `json:"gap"`
	GapCount int64        `json:"gap_count"`
	Gaps     []store.Span `json:"gaps"`
	Overlap  int64        `json:"overlap"`
	Accepted int64        `json:"accepted"`
	Rejected int64        `json:"rejected"`
	Skipped  int64        `json:"skipped"`
	Lost     int64        `json:"lost"`
	LogStart *int64       `json:"log_start"`
	LogEnd   *int64       `json:"log_end"`
	Lag      *int64       `json:"lag"`
	Written  *time.Time   `json:"written"`
}

// What ledgerLine.Note says.
const (
	noteRecreated = "re-created"
	noteMissing   = "missing"
)

func ledgerLines(partitions []store.Partition) []ledgerLine {
	var lines []ledgerLine
	for _, p := range partitions {
		gaps := p.Gaps
		if gaps == nil {
			gaps = []store.Span{}
		}
		lines = append(lines, ledgerLine{
			Topic: p.Topic, TopicID: p.TopicID.String(), Partition: p.Partition, Settled: p.Settled.Offset, Highest: p.Settled.Highest,
			Gap: p.GapCount > 0, GapCount: p.GapCount, Gaps: gaps, Overlap: p.Overlap,
			Accepted: p.Accepted, Rejected: p.Rejected, Skipped: p.Skipped, Lost: p.Lost, Written: &p.Written,
		})
	}
	return lines
}

// addLogs asks Kafka for the topics of the lines and the configured one, and adds what
// it says. When Kafka does not answer it says so once, and leaves the lag open.
func addLogs(ctx context.Context, e env, cfg ingest.Config, s *store.Store, lines []ledgerLine) ([]ledgerLine, error) {
	topics := []string{cfg.Topic}
	for _, l := range lines {
		topics = append(topics, l.Topic)
	}
	slices.Sort(topics)
	asking, cancel := context.WithTimeout(ctx, kafkaTimeout)
	defer cancel()
	for _, topic := range slices.Compact(topics) {
		cfg.Topic = topic
		service, err := ingest.New(cfg, s, e.logger)
		if err != nil {
			return nil, err
		}
		id, logs, err := service.Logs(asking)
		switch {
		case errors.Is(err, ingest.ErrNoTopic):
			for i := range lines {
				if lines[i].Topic == topic {
					lines[i].Note = noteMissing
				}
			}
		case err != nil && ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			e.logger.WarnContext(ctx, "Kafka does not answer, so the lag is not known", "brokers", cfg.KafkaBrokers, "error", err)
			return lines, nil
		default:
			if deletedBefore(lines, topic, uuid.UUID(id).String(), logs) {
				// The ledger was read first: what was settled since may be deleted by now.
				again, err := s.Ledger(ctx, topic)
				if err != nil {
					return nil, err
				}
				lines = slices.DeleteFunc(lines, func(l ledgerLine) bool { return l.Topic == topic })
				lines = append(lines, ledgerLines(again)...)
			}
			lines = addTopic(lines, topic, uuid.UUID(id).String(), logs)
		}
	}
	return lines, nil
}

// deletedBefore reports whether a log of the topic begins above what its line says is
// settled, or has no line and does not begin at 0.
func deletedBefore(lines []ledgerLine, topic, id string, logs map[int]ingest.Log) bool {
	settled := map[int]int64{}
	for _, l := range lines {
		if l.Topic == topic && l.TopicID == id {
			settled[l.Partition] = l.Settled
		}
	}
	for partition, log := range logs {
		if log.Start > settled[partition] {
			return true
		}
	}
	return false
}

// addTopic adds what Kafka says of one topic, and the partitions that the ledger does
// not know yet.
func addTopic(lines []ledgerLine, topic, id string, logs map[int]ingest.Log) []ledgerLine {
	for i := range lines {
		l := &lines[i]
		if l.Topic != topic {
			continue
		}
		if l.TopicID != id {
			l.Note = noteRecreated
			continue
		}
		if log, ok := logs[l.Partition]; ok {
			l.add(log)
			delete(logs, l.Partition)
		}
	}
	for partition, log := range logs {
		l := ledgerLine{Topic: topic, TopicID: id, Partition: partition, Gaps: []store.Span{}}
		l.add(log)
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b ledgerLine) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.TopicID, b.TopicID), cmp.Compare(a.Partition, b.Partition))
	})
	return lines
}

func (l *ledgerLine) add(log ingest.Log) {
	lag := max(0, log.End-l.Settled)
	l.LogStart, l.LogEnd, l.Lag = &log.Start, &log.End, &lag
	if !l.Gap && log.Start > l.Settled {
		// Kafka has deleted what was not settled: nobody closes this one.
		l.Gap, l.GapCount, l.Gaps = true, 1, []store.Span{{From: l.Settled, To: log.Start}}
	}
}

// ledgerTotals sums the lines up.
type ledgerTotals struct {
	Partitions int `json:"partitions"`
	// Gaps counts partitions that have one. Topics that were re-created are left out: what
	// they still held is gone, and was given up.
	Gaps     int    `json:"gaps"`
	Overlap  int64  `json:"overlap"`
	Accepted int64  `json:"accepted"`
	Rejected int64  `json:"rejected"`
	Skipped  int64  `json:"skipped"`
	Lost     int64  `json:"lost"`
	Lag      *int64 `json:"lag"`
}

func totals(lines []ledgerLine) ledgerTotals {
	sum := ledgerTotals{Partitions: len(lines)}
	for _, l := range lines {
		if l.Gap && l.Note != noteRecreated {
			sum.Gaps++
		}
		sum.Overlap += l.Overlap
		sum.Accepted += l.Accepted
		sum.Rejected += l.Rejected
		sum.Skipped += l.Skipped
		sum.Lost += l.Lost
		if l.Lag != nil {
			if sum.Lag == nil {
				sum.Lag = new(int64)
			}
			*sum.Lag += *l.Lag
		}
	}
	return sum
}

func printLedger(w io.Writer, lines []ledgerLine, sum ledgerTotals) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TOPIC\tTOPIC ID\tPARTITION\tSETTLED\tHIGHEST\tGAP\tOVERLAP\tACCEPTED\tREJECTED\tSKIPPED\tLOST\tLOG END\tLAG\tWRITTEN\tNOTE")
	for _, l := range lines {
		gap, written := "no", "never"
		if l.Gap {
			gap = "yes"
		}
		if l.Written != nil {
			written = l.Written.Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", l.Topic, l.TopicID, l.Partition, l.Settled, l.Highest, gap, l.Overlap,
			l.Accepted, l.Rejected, l.Skipped, l.Lost, l.known(l.LogEnd), l.known(l.Lag), written, l.Note)
	}
	lag := "?"
	if sum.Lag != nil {
		lag = strconv.FormatInt(*sum.Lag, 10)
	}
	fmt.Fprintf(table, "total\t\t%d\t\t\t%d\t%d\t%d\t%d\t%d\t%d\t\t%s\t\t\n", sum.Partitions, sum.Gaps, sum.Overlap, sum.Accepted, sum.Rejected, sum.Skipped, sum.Lost, lag)
	if err := table.Flush(); err != nil {
		return err
	}
	for _, l := range lines {
		for _, g := range l.Gaps {
			fmt.Fprintf(w, "gap: %s[%d] lacks the offsets from %d up to %d\n", l.Topic, l.Partition, g.From, g.To-1)
		}
		if more := l.GapCount - int64(len(l.Gaps)); more > 0 {
			fmt.Fprintf(w, "gap: %s[%d] has %d gaps more\n", l.Topic, l.Partition, more)
		}
	}
	return nil
}

// known is a number that only Kafka knows: ? when it was not asked, - when it has no
// answer.
func (l *ledgerLine) known(n *int64) string {
	switch {
	case n != nil:
		return strconv.FormatInt(*n, 10)
	case l.Note != "":
		return "-"
	default:
		return "?"
	}
}

func encodeLedger(w io.Writer, lines []ledgerLine, sum ledgerTotals) error {
	encoder := json.NewEncoder(w)
	for i := range lines {
		if err := encoder.Encode(&lines[i]); err != nil {
			return err
		}
	}
	return encoder.Encode(struct {
		Totals ledgerTotals `json:"totals"`
	}{sum})
}

func runGiveUp(ctx context.Context, e env, args []string) error {
	set := flags(e, "ledger give-up", "")
	topic := set.String("topic", "", "the topic")
	partition := set.Int("partition", -1, "the partition")
	to := set.Int64("to", -1, "give up every record below this offset that is not settled")
	reason := set.String("reason", "", "why, for those who come after")
	if err := parse(set, args); err != nil {
		return err
	}
	if *topic == "" || *partition < 0 || *to < 0 || *reason == "" {
		return usagef("actionlog ledger give-up needs --topic, --partition, --to and --reason")
	}
	cfg, s, err := configuredIngest()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	cfg.Topic = *topic
	service, err := ingest.New(cfg, s, e.logger)
	if err != nil {
		return err
	}
	lost, err := service.GiveUp(ctx, *partition, *to, whoami()+": "+*reason)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "given up: %d records of %s[%d] below offset %d\n", lost, *topic, *partition, *to)
	return nil
}
