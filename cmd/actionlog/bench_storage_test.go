package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/pkg/workload"
)

var storageEvents = flag.Int("bench.storage", 0, "on how many events TestBenchStorage compares layouts; 0 skips it")

// layout is an alternative to the table of the schema.
type layout struct {
	name string
	// change makes its statement of the schema's.
	change func(ddl string) string
	// where replaces conditions that the layout's indexes are not over.
	where map[string]string
	// settings are added to the questions.
	settings string
}

// folded is the expression that the text's indexes are over; see pkg/store.
const folded = `if(isValidASCII(concat(description, '\n', subject_name)), lower(concat(description, '\n', subject_name)), caseFoldUTF8(concat(description, '\n', subject_name)))`

var (
	indexLines      = regexp.MustCompile(`(?m)^    INDEX [^\n]*\n( {20,}TYPE[^\n]*\n)?`)
	projectionLines = regexp.MustCompile(`(?m)^    PROJECTION [^\n]*\n`)
	textIndexes     = regexp.MustCompile(`(?m)^    INDEX by_text[^\n]*\n( {20,}TYPE[^\n]*\n)`)
	fieldIndexes    = regexp.MustCompile(`(?m)^    INDEX by_(actor|term|session|ip) [^\n]*\n`)
	lastComma       = regexp.MustCompile(`,(\s*)\)\nENGINE`)
)

// replaced is a layout with other lines in the place of some.
func replaced(lines *regexp.Regexp, by string) func(string) string {
	return func(ddl string) string {
		first := true
		return lines.ReplaceAllStringFunc(ddl, func(string) string {
			if !first {
				return ""
			}
			first = false
			return by
		})
	}
}

var layouts = []layout{
	{name: "the schema", change: func(ddl string) string { return ddl }},
	{name: "no index, no projection", change: func(ddl string) string {
		return projectionLines.ReplaceAllString(indexLines.ReplaceAllString(ddl, ""), "")
	}},
	{name: "without projections", change: replaced(projectionLines, "")},
	{
		name: "Bloom filters on fields", change: replaced(fieldIndexes,
			"    INDEX by_actor actor_id TYPE bloom_filter(0.01) GRANULARITY 2,\n    INDEX by_subject subject_id TYPE bloom_filter(0.01) GRANULARITY 2,\n"+
				"    INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 8,\n    INDEX by_ip ip TYPE bloom_filter(0.01) GRANULARITY 8,\n"),
		where: map[string]string{"a record": "subject_id = '%s'", "an address": "ip = toIPv6('%s')"},
	},
	{name: "inverted index of sessions", change: replaced(regexp.MustCompile(`(?m)^    INDEX by_session [^\n]*\n`),
		"    INDEX by_session session_id TYPE text(tokenizer = 'array', posting_list_codec = 'bitpacking') GRANULARITY 1,\n")},
	{name: "inverted index of words", change: replaced(textIndexes,
		"    INDEX by_text "+folded+" TYPE text(tokenizer = 'splitByNonAlpha', posting_list_codec = 'bitpacking') GRANULARITY 1,\n")},
	{name: "5-grams of 8 KiB", change: replaced(textIndexes,
		"    INDEX by_text "+folded+" TYPE ngrambf_v1(5, 8192, 2, 0) GRANULARITY 2,\n")},
	{name: "3-grams of 2 KiB", change: replaced(textIndexes,
		"    INDEX by_text "+folded+" TYPE ngrambf_v1(3, 2048, 2, 0) GRANULARITY 2,\n")},
	{name: "granules of 1,024", change: granules(1024, 16384)},
	{name: "granules of 256", change: granules(256, 8192)},
	{name: "granules of 8,192", change: granules(8192, 65536)},
}

// granules is a layout with other granules, and blocks of other bytes. Indexes keep their
// rows, where they can.
func granules(rows, bytes int) func(string) string {
	ofIndexes := regexp.MustCompile(` GRANULARITY (\d+),`)
	return func(ddl string) string {
		ddl = strings.Replace(ddl, "index_granularity = 512", fmt.Sprintf("index_granularity = %d", rows), 1)
		ddl = strings.Replace(ddl, "min_compress_block_size = 8192", fmt.Sprintf("min_compress_block_size = %d", bytes), 1)
		return ofIndexes.ReplaceAllStringFunc(ddl, func(term string) string {
			n, _ := strconv.Atoi(ofIndexes.FindStringSubmatch(term)[1])
			return fmt.Sprintf(" GRANULARITY %d,", max(1, n*512/rows))
		})
	}
}

// storageQuestions are asked of each layout in one query over all of the history.
func (d *searchData) storageQuestions() [][2]string {
	rare := d.find(func(a workload.Place) bool { return a.User > 4950 })
	record := d.find(func(a workload.Place) bool { return a.Record > 350_000 })
	number := record.Subject.ID[len("opp-"):]
	contains := func(text string) string { return folded + " LIKE '%" + text + "%'" }
	return [][2]string{
		{"newest", "1"},
		{"a rare actor", "actor_id = '" + rare.Actor.ID + "'"},
		{"a record", "hasAny(arrayPushFront(related.id, subject_id), ['" + record.Subject.ID + "'])"},
		{"a session", "session_id = '" + d.workload.Event(d.workload.Events/3).SessionID + "'"},
		{"an address", "hex(ip) = hex(toIPv6('" + rare.IP.String() + "'))"},
		{"rare substring", contains(strings.ToLower(workload.Remark[1:7]))},
		{"number", contains(number)},
		{"part of it", contains(number[1:])},
		{"common word", contains("gala")},
		{"a miss", contains("zeppelin")},
	}
}

// TestBenchStorage is no test: make bench-storage runs it. It compares layouts of the
// table: bytes, insert, and the time of questions.
func TestBenchStorage(t *testing.T) {
	if *storageEvents == 0 {
		t.Skip("measures, and tests nothing: make bench-storage")
	}
	d := openSearchData(t, *storageEvents, *searchDir)
	questions := d.storageQuestions()
	values := map[string]string{}
	for _, q := range questions {
		values[q[0]] = q[1]
	}
	type row struct {
		Name    string             `json:"layout"`
		Bytes   float64            `json:"disk_bytes_per_event"`
		Insert  float64            `json:"insert_us_per_event"`
		Merge   float64            `json:"merge_us_per_event"`
		Medians map[string]float64 `json:"median_ms"`
	}
	var rows []row
	fmt.Print("| layout | bytes | insert µs | merge µs |")
	for _, q := range questions {
		fmt.Print(" ", q[0], " |")
	}
	fmt.Println("\n|---|" + strings.Repeat("---:|", 3+len(questions)))
	for _, l := range layouts {
		r := row{Name: l.name, Medians: map[string]float64{}}
		r.Insert, r.Merge = d.lay(l)
		r.Bytes = d.number("SELECT round(sum(bytes_on_disk) / sum(rows), 1) FROM system.parts WHERE active AND database = 'bench' AND table = 'layout'")
		fmt.Printf("| %s | %.1f | %.1f | %.1f |", l.name, r.Bytes, r.Insert, r.Merge)
		for _, q := range questions {
			where := q[1]
			if other, ok := l.where[q[0]]; ok {
				where = fmt.Sprintf(other, regexp.MustCompile(`'([^']*)'\D*$`).FindStringSubmatch(where)[1])
			}
			r.Medians[q[0]] = ms(d.timeSQL("SELECT " + store.InsertColumns() + " FROM layout WHERE tenant = 'default' AND " + where +
				" ORDER BY time DESC, id_high DESC, id_low DESC, id_text DESC, content_hash DESC LIMIT 59 SETTINGS use_query_condition_cache = 0" + l.settings + " FORMAT Null"))
			fmt.Printf(" %.1f |", r.Medians[q[0]])
		}
		fmt.Println()
		rows = append(rows, r)
	}
	d.execute("DROP TABLE layout SYNC")
	line, err := json.Marshal(map[string]any{"events": *storageEvents, "layouts": rows})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s\n", line)
}

// lay makes the table of a layout, and returns what inserting and merging an event
// took, in microseconds of the engine's processor time.
func (d *searchData) lay(l layout) (insert, merge float64) {
	migrations, err := store.Migrations()
	if err != nil {
		d.t.Fatal(err)
	}
	statement := lastComma.ReplaceAllString(l.change(migrations[0].Statements[0]), "$1)\nENGINE")
	d.execute("DROP TABLE IF EXISTS layout SYNC")
	d.execute(strings.Replace(statement, "CREATE TABLE IF NOT EXISTS actions", "CREATE TABLE layout", 1))
	d.execute("SYSTEM STOP MERGES layout")
	// What an insert costs is measured on a month; the rest goes in without indexes, which
	// the merges make.
	month := "WHERE time >= '2026-09-01' AND time < '2026-10-01' "
	insert = d.costPerRow("SELECT count() FROM actions "+month, func() { d.insertLayout(month, "") })
	d.execute("TRUNCATE TABLE layout")
	d.execute("ALTER TABLE layout MODIFY SETTING materialize_projections_on_insert = 0, materialize_projections_on_merge = 1")
	d.insertLayout("", ", materialize_skip_indexes_on_insert = 0, max_insert_threads = 2")
	d.execute("SYSTEM START MERGES layout")
	return insert, d.costPerRow("SELECT count() FROM layout", func() { d.merge("layout") })
}

func (d *searchData) insertLayout(where, settings string) {
	d.execute("INSERT INTO layout (" + store.InsertColumns() + ") SELECT " + store.InsertColumns() + " FROM actions " + where + "SETTINGS optimize_on_insert = 0, " +
		"max_partitions_per_insert_block = 0, min_insert_block_size_rows = 150000, min_insert_block_size_bytes = 0, max_block_size = 150000" + settings)
}

// costPerRow returns the engine's processor time for some work, in microseconds a row.
func (d *searchData) costPerRow(count string, work func()) float64 {
	rows := d.number(count)
	began := cpuTime(d.t, d.engine.Pid())
	work()
	return math.Round(float64((cpuTime(d.t, d.engine.Pid())-began).Nanoseconds())/rows/100) / 10
}

// timeSQL returns the median time of a statement.
func (d *searchData) timeSQL(sql string) time.Duration {
	var all []time.Duration
	for range 9 {
		began := time.Now()
		d.execute(sql)
		all = append(all, time.Since(began))
	}
	return quantile(all, 0.5)
}
