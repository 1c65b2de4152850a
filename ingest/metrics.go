package ingest

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// metrics counts what an ingester does, by turn and by block: never by event.
type metrics struct {
	registry  *prometheus.Registry
	records   prometheus.Counter
	accepted  prometheus.Counter
	skipped   prometheus.Counter
	rejected  *prometheus.CounterVec
	blockRows prometheus.Histogram
	inserts   map[string]prometheus.Observer
	retries   *prometheus.CounterVec

	mu sync.Mutex
	// partitions are those that this ingester owns now.
	partitions map[int]*progress
}

// progress is how far a partition has come.
type progress struct {
	position, settled int64
	// log is what the partition held when it was last looked at; nothing was known when
	// looked is false.
	log    bounds
	looked bool
	// waiting are ends of the log that are not settled yet, the oldest first.
	waiting []sighting
}

// sighting is an end of a log, and when it was seen.
type sighting struct {
	end int64
	at  time.Time
}

// maxWaiting bounds the sightings of a partition.
const maxWaiting = 512

// The steps of a service that consumes: the values of a label, there from the start.
var (
	insertSteps = []string{stepEvents, stepRejected, stepLedger}
	steps       = append([]string{stepPrepare, stepJoin, stepResume, stepFetch, stepTopic}, insertSteps...)
)

func newMetrics() *metrics {
	m := &metrics{
		registry:   prometheus.NewRegistry(),
		records:    newCounter("records_read_total", "Records read from Kafka, repeats included."),
		accepted:   newCounter("events_accepted_total", "Events stored."),
		skipped:    newCounter("offsets_skipped_total", "Settled offsets that hold no event: markers and records of aborted transactions."),
		rejected:   prometheus.NewCounterVec(counterOpts("events_rejected_total", "Messages rejected, by reason."), []string{"reason"}),
		retries:    prometheus.NewCounterVec(counterOpts("retries_total", "Attempts that failed and are made again, by what is attempted."), []string{"step"}),
		inserts:    map[string]prometheus.Observer{},
		partitions: map[int]*progress{},
	}
	m.blockRows = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "actionlog", Subsystem: "ingest", Name: "block_rows", Help: "Events and rejected messages of a block written to ClickHouse.",
		Buckets: prometheus.ExponentialBuckets(1, 4, 11),
	})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "actionlog", Subsystem: "ingest", Name: "insert_seconds", Help: "Time of an attempt to insert, failed ones included.",
		Buckets: prometheus.ExponentialBuckets(0.004, 2, 14),
	}, []string{"step"})
	for _, reason := range action.Reasons() {
		m.rejected.WithLabelValues(string(reason))
	}
	for _, step := range steps {
		m.retries.WithLabelValues(step)
	}
	for _, step := range insertSteps {
		m.inserts[step] = seconds.WithLabelValues(step)
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.records, m.accepted, m.skipped, m.rejected, m.retries, m.blockRows, seconds, m)
	return m
}

func counterOpts(name, help string) prometheus.CounterOpts {
	return prometheus.CounterOpts{Namespace: "actionlog", Subsystem: "ingest", Name: name, Help: help}
}

func newCounter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(counterOpts(name, help))
}

// take says where each partition that is owned from now on is read from. What was
// known of those owned before is kept until then, so that a lag is seen while Kafka is
// away.
func (m *metrics) take(positions map[int]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.partitions)
	for partition, position := range positions {
		m.partitions[partition] = &progress{position: position, settled: position}
	}
}

// read counts what was read of a partition.
func (m *metrics) read(part store.Range) {
	m.records.Add(float64(part.Accepted + part.Rejected))
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.partitions[part.Partition]; p != nil {
		p.position = part.To
	}
}

// wrote counts a block that is in the ledger.
func (m *metrics) wrote(b *block) {
	m.blockRows.Observe(float64(b.rows()))
	reasons := map[action.Reason]int{}
	for i := range b.rejected {
		reasons[b.rejected[i].Reason]++
	}
	for reason, n := range reasons {
		m.rejected.WithLabelValues(string(reason)).Add(float64(n))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range b.ranges {
		m.accepted.Add(float64(r.Accepted))
		m.skipped.Add(float64(r.Skipped))
		if p := m.partitions[r.Partition]; p != nil {
			p.settled = max(p.settled, r.To)
			p.dropSettled()
		}
	}
}

// saw is told what the logs hold.
func (m *metrics) saw(logs map[int]bounds, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for partition, log := range logs {
		p := m.partitions[partition]
		if p == nil {
			continue
		}
		p.log, p.looked = log, true
		p.waiting = append(p.waiting, sighting{log.end, at})
		p.dropSettled()
		if len(p.waiting) > maxWaiting {
			// Every second one: what is known of the oldest gets no worse, and of the others by
			// half.
			for i := range p.waiting[:maxWaiting/2] {
				p.waiting[i] = p.waiting[2*i]
			}
			p.waiting = p.waiting[:maxWaiting/2]
		}
	}
}

func (p *progress) dropSettled() {
	for len(p.waiting) > 0 && p.waiting[0].end <= p.settled {
		p.waiting = p.waiting[1:]
	}
}

// lagSeconds is how long records have been known that are not settled.
func (p *progress) lagSeconds(now time.Time) float64 {
	if len(p.waiting) == 0 {
		return 0
	}
	return now.Sub(p.waiting[0].at).Seconds()
}

// attempted is told how long an attempt took.
func (m *metrics) attempted(step string, took time.Duration) {
	if seconds, ok := m.inserts[step]; ok {
		seconds.Observe(took.Seconds())
	}
}

var (
	positionGauge  = partitionGauge("position", "The next offset to read.")
	settledGauge   = partitionGauge("settled", "The offset below which every record is stored or rejected.")
	logStartGauge  = partitionGauge("log_start", "The first offset that Kafka still has.")
	logEndGauge    = partitionGauge("log_end", "The offset that Kafka gives next.")
	lagGauge       = partitionGauge("lag_records", "Offsets that are not settled: log end − settled.")
	lagTimeGauge   = partitionGauge("lag_seconds", "How long ago the oldest offsets that are not settled were first seen.")
	retentionGauge = partitionGauge("retention_margin_records", "Offsets until Kafka's retention reaches what is not settled: settled − log start. Below 0 records are lost.")
)

func partitionGauge(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName("actionlog", "ingest", name), help, []string{"partition"}, nil)
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{positionGauge, settledGauge, logStartGauge, logEndGauge, lagGauge, lagTimeGauge, retentionGauge} {
		descs <- d
	}
}

// Collect implements prometheus.Collector: it tells of the partitions.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for partition, p := range m.partitions {
		label := strconv.Itoa(partition)
		gauge := func(d *prometheus.Desc, v float64) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, label)
		}
		gauge(positionGauge, float64(p.position))
		gauge(settledGauge, float64(p.settled))
		if !p.looked {
			continue
		}
		// The log is looked at less often than blocks are written.
		end := max(p.log.end, p.settled)
		gauge(logStartGauge, float64(p.log.first))
		gauge(logEndGauge, float64(end))
		gauge(lagGauge, float64(end-p.settled))
		gauge(lagTimeGauge, p.lagSeconds(now))
		gauge(retentionGauge, float64(p.settled-p.log.first))
	}
}
