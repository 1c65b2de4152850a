package store

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/actionlog/actionlog/pkg/action"
)

func TestFilterByDetails(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	documents := []string{
		`{"system": "xero", "amount": 5, "paid": true, "by": null}`,                // 0
		`{"system": "Xero", "amount": 5.0, "paid": "true", "by": "null"}`,          // 1
		`{"total": {"amount": 1e2, "currency": "EUR"}, "lines": ["a", {"n": 7}]}`,  // 2
		`{"total.amount": 100, "total\\amount": 101, "l\u0069nes": {"0": "a"}}`,    // 3
		`{"id": 9007199254740993, "wei": 1000000000000000000000}`,                  // 4
		`{"id": 9007199254740992, "far": 1e400, "q": "\"12345678901234567890 \\"}`, // 5
		`{"id": "9007199254740993", "a": {"1": [["x"], {"0": "y"}]}}`,              // 6
		`{"zero": -0, "a": [18446744073709551616, [1, [2, [3, [4, [5]]]]]]}`,       // 7
		``,                                     // 8
		`{"note": "", "b": ["", 0, null, {}]}`, // 9
		`{"big": 9200000000000000000, "exp": 9.2e18, "unsigned": 18446744073709551615, "half": 0.5, "far": 9007199254740993.0, "k": 1000}`, // 10
		`{"big": "05", "exp": "+5", "half": ".5"}`,                                                               // 11
		strings.Repeat(`{"1":`, action.MaxDetailsDepth) + `"leaf"` + strings.Repeat("}", action.MaxDetailsDepth), // 12
	}
	deep := strings.TrimSuffix(strings.Repeat("1.", action.MaxDetailsDepth), ".")
	var all []Action
	for i, document := range documents {
		all = append(all, event(i, func(a *Action) {
			if document != "" {
				a.Details = json.RawMessage(document)
			}
		}))
	}
	insert(t, s, all)
	f := func(path, value string, want ...int) {
		t.Helper()
		var ids, others []string
		for n, a := range slices.Backward(all) {
			if slices.Contains(want, n) {
				ids = append(ids, a.ID)
			} else {
				others = append(others, a.ID)
			}
		}

		c := Condition{Field: DetailsField + path, Values: []string{"nothing", value}}
		wantIDs(t, listIDs(t, s, Filter{Tenant: "default", Conditions: []Condition{c}}, 100), ids...)
		c.Not = true
		wantIDs(t, listIDs(t, s, Filter{Tenant: "default", Conditions: []Condition{c}}, 100), others...)
	}
	f("system", "xero", 0)
	f("System", "xero")
	f("amount", "5", 0, 1)
	f("amount", "5.00", 0, 1)
	f("amount", "50e-1", 0, 1)
	f("amount", "5 ")
	f("paid", "true", 0, 1)
	f("by", "null", 0, 1)
	f("none", "null")
	f("total.amount", "100", 2)
	f(`total\.amount`, "100", 3)
	f(`total\\amount`, "101", 3)
	f(`total\amount`, "101", 3)
	f("total", `{"amount":100,"currency":"EUR"}`)
	f("lines.0", "a", 2, 3)
	f("lines.1.n", "7", 2)
	f("lines.00", "a")
	f("lines.-1", "7")
	// A number counts in lists, not the members of an object.
	f("0", "xero")
	f("total.0", "100")
	// Whole numbers of 64 bits are exact.
	f("id", "9007199254740993", 4, 6)
	f("id", "9007199254740992", 5)
	f("id", "9007199254740993.0", 4)
	f("id", "9007199254740993e0", 4)
	f("id", "90071992547409930e-1", 4)
	f("id", "9007199254740992.5")
	f("big", "9.2e18", 10)
	f("big", "9200000000000000001")
	f("exp", "9200000000000000000", 10)
	f("exp", "92E17", 10)
	f("unsigned", "1.8446744073709551615e19", 10)
	f("unsigned", "18446744073709551614.0")
	f("k", "1e3", 10)
	f("half", "5e-1", 10)
	f("far", "9007199254740993", 10)
	f("far", "9007199254740992", 10) // what is stored with a point is of double precision
	// What JSON does not write so is a text.
	f("big", "05", 11)
	f("exp", "+5", 11)
	f("half", ".5", 11)
	f("amount", "05")
	f("amount", "+5")
	f("amount", "5.")
	f("id", "9.007199254740992e15", 5)
	// What is too large for the engine hides nothing, neither itself nor its neighbours.
	f("wei", "1000000000000000000000", 4)
	f("wei", "1e21", 4)
	f("far", "1e400", 5)
	f("far", "1e401")
	f("q", `"12345678901234567890 \`, 5)
	f("a.0", "18446744073709551616", 7)
	f("a.1.0", "1", 7)
	f("a.1.1.1.0", "3") // a fourth number is a name
	f("a.1.0.0", "x", 6)
	f("a.1.1.0", "y", 6)
	f("zero", "0", 7)
	f("zero", "-0.0", 7)
	f("zero", "0e99999999999999999999", 7)
	f("zero", "1e-400")
	f("zero", "")
	// As deep as an event nests, and deeper.
	f(deep, "leaf", 12)
	f(deep+".x", "leaf")
	f(strings.Repeat("0.", 511)+"0", "leaf")
	// A text may be empty.
	f("note", "", 9)
	f("b.0", "", 9)
	f("b.1", "")
	f("b.2", "")
	f("b.3", "")
	f("none", "")
}
