package search

import (
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// docsTable returns the cells of the table below a heading of docs/search.md, without
// its head.
func docsTable(t testing.TB, heading string) [][]string {
	t.Helper()
	docs, err := os.ReadFile("../../docs/search.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(docs), "\n"+heading+"\n")
	_, table, foundTable := strings.Cut(section, "|---|")
	if !found || !foundTable {
		t.Fatalf("docs/search.md has no table below %s", heading)
	}
	var rows [][]string
	for _, line := range strings.Split(table, "\n")[1:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		rows = append(rows, strings.Split(strings.Trim(line, "| "), " | "))
	}
	return rows
}

var code = regexp.MustCompile("`([^`]+)`")

// codes are the examples in a cell that are written out.
func codes(cell string) []string {
	var all []string
	for _, match := range code.FindAllStringSubmatch(cell, -1) {
		if !strings.Contains(match[1], "…") {
			all = append(all, match[1])
		}
	}
	return all
}

func TestDocsSayWhatLinesMean(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, row := range docsTable(t, "## The search line") {
		lines, wants := codes(row[0]), codes(row[1])
		for i, line := range lines {
			got, err := Parse(line, testFields)
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			if strings.HasPrefix(row[1], "text") {
				if len(got.Texts) == 0 || len(got.Terms) > 0 {
					t.Errorf("%s is not text", line)
				}
				continue
			}
			if len(lines) != len(wants) {
				i = 0 // all mean the same
			}
			want := url.Values{}
			for pair := range strings.SplitSeq(wants[i], "&") {
				name, value, _ := strings.Cut(pair, "=")
				want.Add(name, value)
			}
			if isPeriod(got.From) {
				got.From = nameOf(got.From)
			}
			if values := got.Values(); !reflect.DeepEqual(values, want) {
				t.Errorf("%s: got %v, want %v", line, values, want)
			}
			compared++
		}
	}
	if compared < 15 {
		t.Errorf("%d examples were found", compared)
	}
}

func TestDocsSayWhatIsATime(t *testing.T) {
	t.Parallel()
	for _, row := range docsTable(t, "## Times: `from` and `to`") {
		for _, text := range codes(row[0]) {
			if text == "month" || text == "quarter" || text == "year" {
				text = "last " + text
			}
			if _, err := ParseTime(text, From, time.Unix(0, 0), time.UTC); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestDocsSayWhatCaseIs(t *testing.T) {
	t.Parallel()
	for _, row := range docsTable(t, "## Case") {
		for _, needle := range codes(row[0]) {
			for i, cell := range row[1:] {
				for _, text := range codes(cell) {
					if Match(text, Text{Needle: needle}) != (i == 0) {
						t.Errorf("%s in %s: found is not %v", needle, text, i == 0)
					}
				}
			}
		}
	}
}
