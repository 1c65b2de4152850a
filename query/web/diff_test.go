package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// shown writes a diff as lines: what differs, what is the same, and the tree.
func shown(d Diff) string {
	var b strings.Builder
	signs := map[ChangeKind]string{ChangeAdded: "+", ChangeRemoved: "-", ChangeChanged: "~", ChangeSame: "="}
	for _, c := range slices.Concat(d.Changed, d.Same) {
		fmt.Fprintf(&b, "%s %s: %s > %s\n", signs[c.Kind], c.Path, written(c.Before, 0), written(c.After, 0))
	}
	for _, r := range d.Rest {
		name := r.Name
		if r.Element {
			name = "[" + name + "]"
		}
		fmt.Fprintf(&b, "%s%s: %s\n", strings.Repeat("  ", r.Depth), name, written(r.Value, r.Size))
	}
	return b.String()
}

func written(s Scalar, size int) string {
	switch {
	case s.Type == "":
		return "none"
	case size > 0:
		return fmt.Sprintf("%s of %d", s.Type, size)
	case s.Type == "string":
		return fmt.Sprintf("%q", s.Text)
	}
	return s.Text
}

func TestDiffTellsWhatChanged(t *testing.T) {
	t.Parallel()
	f := func(details string, want ...string) {
		t.Helper()
		if got := shown(ReadDiff([]byte(details))); got != strings.Join(append(want, ""), "\n") {
			t.Errorf("%s\ngot\n%s\nwant\n%s", details, got, strings.Join(want, "\n"))
		}
	}
	// Values before and after, and what else there is.
	f(`{"before": {"quantity": 2}, "after": {"quantity": 4}, "item": "LED"}`, `~ quantity: 2 > 4`, `item: "LED"`)
	f(`{"before":{"status":"overdue","fee":{"amount":120},"lines":[1,{"name":"K2"}],"id":7},"after":{"status":"deleted","why":"twice","fee":{},"lines":[1],"id":7}}`,
		`~ status: "overdue" > "deleted"`, `- fee.amount: 120 > none`, `- lines[1].name: "K2" > none`, `+ why: none > "twice"`, `= lines[0]: 1 > 1`, `= id: 7 > 7`)
	f(`{"before":1,"after":2}`, `~ : 1 > 2`)
	f(`{"before":{"a":1}}`, `- a: 1 > none`)
	f(`{"after":{"a":{"b":[]}}}`, `+ a.b: none > []`)
	f(`{"before":null,"after":{"a":1}}`, `- : null > none`, `+ a: none > 1`)
	f(`{"before":{"a":{"b":1}},"after":{"a":[2]}}`, `- a.b: 1 > none`, `+ a[0]: none > 2`)
	f(`{"before":{"a":{}},"after":{"a":{}}}`, `= a: {} > {}`)
	f(`{"before":{"a":""},"after":{"a":null}}`, `~ a: "" > null`)
	f(`{"before":{"a":"1"},"after":{"a":1}}`, `~ a: "1" > 1`)
	f(`{"before":{},"after":{}}`, `= : {} > {}`)
	// Fields that each tell it.
	f(`{"changes":{"quantity":{"before":2,"after":4},"discount":{"from":0,"to":8},"note":{"old":"x"},"rate":{"new":{"net":5}}},"x":[true,null]}`,
		`~ quantity: 2 > 4`, `~ discount: 0 > 8`, `- note: "x" > none`, `+ rate.net: none > 5`, `x: array of 2`, `  [0]: true`, `  [1]: null`)
	// What may be something else is not guessed at.
	f(`{"changes":{"tags":["a","b"]}}`, `changes: object of 1`, `  tags: array of 2`, `    [0]: "a"`, `    [1]: "b"`)
	f(`{"changes":{"a":{"from":1,"to":2},"b":5}}`, `changes: object of 2`, `  a: object of 2`, `    from: 1`, `    to: 2`, `  b: 5`)
	f(`{"changes":{"a":{"from":1,"to":2,"by":3}}}`, `changes: object of 1`, `  a: object of 3`, `    from: 1`, `    to: 2`, `    by: 3`)
	f(`{"after":"2026-01-01","changes":{}}`, `after: "2026-01-01"`, `changes: {}`)
	f(`{"accounting":{"system":"xero"}}`, `accounting: object of 1`, `  system: "xero"`)
	f(``)
	f(`{}`)
}

// What was put into a list or taken out of it is all that changed: what stands behind it
// stands at another place only.
func TestDiffAlignsLists(t *testing.T) {
	t.Parallel()
	f := func(before, after string, want ...string) {
		t.Helper()
		d := ReadDiff([]byte(`{"before":{"b":` + before + `},"after":{"b":` + after + `}}`))
		d.Same = nil
		if got := shown(d); got != strings.Join(append(want, ""), "\n") {
			t.Errorf("%s to %s\ngot\n%s\nwant\n%s", before, after, got, strings.Join(want, "\n"))
		}
	}
	f(`[1,2,3]`, `[1,3]`, `- b[1]: 2 > none`)
	f(`[1,3]`, `[1,2,3]`, `+ b[1]: none > 2`)
	f(`[1,2,3]`, `[2,3,4,5]`, `- b[0]: 1 > none`, `+ b[2]: none > 4`, `+ b[3]: none > 5`)
	f(`["a","b","c","d"]`, `["a","x","d"]`, `~ b[1]: "b" > "x"`, `- b[2]: "c" > none`)
	f(`["a","b","c"]`, `["x","b","y","c"]`, `~ b[0]: "a" > "x"`, `+ b[2]: none > "y"`)
	f(`[{"id":1,"n":[1]},{"id":2},{"id":3}]`, `[{"id":1,"n":[1]},{"id":3}]`, `- b[1].id: 2 > none`)
	f(`[1,"1",[1]]`, `["1",[1]]`, `- b[0]: 1 > none`)
	f(`[1,2]`, `[]`, `- b[0]: 1 > none`, `- b[1]: 2 > none`)
	// Of the same length, what stands at a place is what became of what stood there.
	f(`[1,2,3]`, `[2,3,4]`, `~ b[0]: 1 > 2`, `~ b[1]: 2 > 3`, `~ b[2]: 3 > 4`)
	// However long lists are, one element less is one.
	long := strings.Repeat("0,1,", 5000)
	f(`[`+long+`7,`+long+`8]`, `[`+long+long+`8]`, `- b[10000]: 7 > none`)
	d := ReadDiff([]byte(`{"before":{"b":[1,` + long + `2]},"after":{"b":[3,` + long + `2,` + long + `4]}}`))
	if d.Differing+d.Equal < 20_000 || len(d.Changed) > maxDiffRows {
		t.Errorf("%d and %d", d.Differing, d.Equal)
	}
}

func TestDiffTellsOtherTypes(t *testing.T) {
	t.Parallel()
	f := func(before, after string, want bool) {
		t.Helper()
		d := ReadDiff([]byte(`{"before":{"a":` + before + `},"after":{"a":` + after + `}}`))
		if len(d.Changed) != 1 || d.Changed[0].Retyped() != want {
			t.Errorf("%s to %s: %+v", before, after, d.Changed)
		}
	}
	f(`"1"`, `1`, true)
	f(`"12"`, `13`, true)
	f(`true`, `"true"`, true)
	f(`"null"`, `null`, true)
	f(`null`, `5`, false)
	f(`""`, `null`, false)
	f(`1`, `2`, false)
}

func TestDiffKeepsWhatIsOdd(t *testing.T) {
	t.Parallel()
	f := func(details string, want ...string) {
		t.Helper()
		if got := shown(ReadDiff([]byte(details))); got != strings.Join(append(want, ""), "\n") {
			t.Errorf("%s\ngot\n%s\nwant\n%s", details, got, strings.Join(want, "\n"))
		}
	}
	f(`{"before":{"n":9007199254740993},"after":{"n":9007199254740992}}`, `~ n: 9007199254740993 > 9007199254740992`)
	f(`{"n":[1e400,-0,1.10,123456789012345678901234567890]}`, `n: array of 4`, `  [0]: 1e400`, `  [1]: -0`, `  [2]: 1.10`, `  [3]: 123456789012345678901234567890`)
	f(`{"before":{"a":1,"a":2},"after":{"a":1,"a":3,"a":4}}`, `~ a: 2 > 3`, `+ a: none > 4`, `= a: 1 > 1`)
	f(`{"before":1,"before":2,"after":3}`, `before: 1`, `before: 2`, `after: 3`)
	f(`{"before":{},"after":{"a":1},"after":2}`, `before: {}`, `after: object of 1`, `  a: 1`, `after: 2`)
	f(`{"changes":{"a":{"from":1,"from":2}}}`, `changes: object of 1`, `  a: object of 2`, `    from: 1`, `    from: 2`)
	f(`{"before":{"a.b":1,"a":{"b":2,"c[0]":3},"":4,"\\":5},"after":{}}`, `- a\.b: 1 > none`, `- a.b: 2 > none`, `- a.c\[0]: 3 > none`, `- : 4 > none`, `- \\: 5 > none`)
	f(`{"x":"<b>\u0000\ud800"}`, `x: "<b>\x00�"`)
	f(`[1,{"a":2}]`, `: array of 2`, `  [0]: 1`, `  [1]: object of 1`, `    a: 2`)
	f(`{"a":`, `: "{\"a\":"`)
	f(`{"a":1}{}`, `: "{\"a\":1}{}"`)
	f("{\"a\":\xff", `: "{\"a\":�"`)
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	f(deep, fmt.Sprintf(": %q", deep))
}

func TestDiffIsBounded(t *testing.T) {
	t.Parallel()
	many := "[" + strings.Repeat("0,", 20_000) + "0]"
	d := ReadDiff([]byte(`{"before":{"a":` + many + `,"b":` + many + `},"after":{"b":` + many + `},"c":` + many + `}`))
	if len(d.Changed) != maxDiffRows || d.Differing != 20_001 || len(d.Same) != maxDiffRows || d.Equal != 20_001 || len(d.Rest) != maxDiffRows || d.RestRows != 20_002 {
		t.Errorf("%d of %d, %d of %d, %d of %d", len(d.Changed), d.Differing, len(d.Same), d.Equal, len(d.Rest), d.RestRows)
	}
	name, text := strings.Repeat("ü", 3000), strings.Repeat("é", 3000)
	d = ReadDiff([]byte(`{"before":{"x":{"` + name + `":{"last":"` + text + `1"}}},"after":{"x":{"` + name + `":{"last":"` + text + `2"}}},"` + name + `":1}`))
	c := d.Changed[0]
	if utf8.RuneCountInString(c.Path) != maxDiffPath || !strings.HasPrefix(c.Path, "…ü") || !strings.HasSuffix(c.Path, "….last") || c.Kind != ChangeChanged ||
		utf8.RuneCountInString(c.After.Text) != maxDiffText || !strings.HasSuffix(c.After.Text, "é…") || utf8.RuneCountInString(d.Rest[0].Name) != maxDiffPath {
		t.Errorf("%+v", d)
	}
}

func FuzzReadDiff(f *testing.F) {
	for _, seed := range []string{`{"before":{"a":[1,{"b":null}]},"after":{"a":[]}}`, `{"changes":{"a":{"from":1,"to":2}}}`, `{"a":1,"a":2}`, `[[[]]]`, `{"a`, `"\ud800"`, `1e999`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, details []byte) {
		d := ReadDiff(details)
		if len(d.Changed) != min(d.Differing, maxDiffRows) || len(d.Same) != min(d.Equal, maxDiffRows) || len(d.Rest) != min(d.RestRows, maxDiffRows) {
			t.Fatalf("%q: %+v", details, d)
		}
		for _, c := range slices.Concat(d.Changed, d.Same) {
			if utf8.RuneCountInString(c.Path) > maxDiffPath || utf8.RuneCountInString(c.Before.Text) > maxDiffText || !utf8.ValidString(c.Path+c.After.Text) || c.Before.Type+c.After.Type == "" {
				t.Fatalf("%q: %+v", details, c)
			}
		}
		if !json.Valid(details) || d.RestRows == 1 && len(d.Rest) == 1 && d.Rest[0].Value.Type == "string" { // which may be nested too deep
			return
		}
		// What is compared with itself is the same, and the two sides mirror each other.
		same := ReadDiff(fmt.Appendf(nil, `{"before":%s,"after":%s}`, details, details))
		if same.Differing != 0 || same.RestRows > 1 {
			t.Fatalf("%q against itself: %+v", details, same)
		}
		there, back := ReadDiff(fmt.Appendf(nil, `{"before":%s,"after":{"a":[0]}}`, details)), ReadDiff(fmt.Appendf(nil, `{"before":{"a":[0]},"after":%s}`, details))
		if there.Differing != back.Differing || there.Equal != back.Equal {
			t.Fatalf("%q: there %+v, back %+v", details, there, back)
		}
	})
}
