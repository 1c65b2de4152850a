package store

import (
	"net/netip"
	"strings"
	"testing"
)

func TestFilterByAddress(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	var all []Action
	for i, ip := range []string{"10.0.0.1", "10.255.255.255", "11.0.0.0", "0.0.0.0", "::1", "2001:db8::7", "2001:db8::8", ""} {
		all = append(all, event(i, func(a *Action) {
			if ip != "" {
				a.IP = netip.MustParseAddr(ip)
			}
		}))
	}
	insert(t, s, all)
	f := func(value string, want ...int) {
		t.Helper()
		field, _ := LookupField("ip")
		if err := field.Check(value); err != nil {
			t.Errorf("%s is refused: %v", value, err)
			return
		}
		var in, out []string
		for n := len(all) - 1; n >= 0; n-- {
			out = append(out, all[n].ID)
		}
		for _, n := range want {
			in = append(in, all[n].ID)
			out[len(all)-1-n] = ""
		}
		wantIDs(t, listIDs(t, s, Filter{Tenant: "default", Conditions: []Condition{{Field: "ip", Values: []string{value}}}}, 10), in...)
		wantIDs(t, listIDs(t, s, Filter{Tenant: "default", Conditions: []Condition{{Field: "ip", Values: []string{value}, Not: true}}}, 10), strings.Fields(strings.Join(out, " "))...)
	}
	f("10.0.0.1", 0)
	f("10.0.0.0/8", 1, 0)
	f("10.1.2.3/8", 1, 0)
	f("10.0.0.0/31", 0)
	f("10.0.0.1/32", 0)
	f("0.0.0.0", 3)
	f("0.0.0.0/0", 3, 2, 1, 0)
	f("::ffff:10.0.0.1", 0)
	f("::ffff:10.0.0.0/104", 1, 0)
	f("::ffff:0:0/96", 3, 2, 1, 0)
	f("2001:DB8::7", 5)
	f("2001:db8::/64", 6, 5)
	f("2001:db8::8/125", 6)
	// No address of IPv4 is of a network of IPv6, nor is no address.
	f("::/0", 6, 5, 4)
	f("::/80", 4)
	f("::")
}

func TestCheckSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	f := func(name, value, problem, remedy string) {
		t.Helper()
		field, ok := LookupField(name)
		if !ok {
			t.Fatalf("there is no field %s", name)
		}
		err := field.Check(value)
		if problem == "" && err != nil || problem != "" && (err == nil || !strings.Contains(err.Error(), problem) || !strings.Contains(err.Error(), remedy)) {
			t.Errorf("%s=%s: %v, want %q and %q", name, value, err, problem, remedy)
		}
	}
	f("ip", "10.0.0.0/33", "not a number from 0 to 32", "give an address")
	f("ip", "10.0.0.0/-1", `"-1"`, "give an address")
	f("ip", "10.0.0.0/", `""`, "give an address")
	f("ip", "10.0.0.0/08", `"08"`, "give an address")
	f("ip", "::/129", "not a number from 0 to 128", "give an address")
	f("ip", "::ffff:10.0.0.0/8", "not a number from 96 to 128", "give an address")
	f("ip", "::ffff:10.0.0.0/95", "not a number from 96 to 128", "give an address")
	f("ip", "fe80::1%eth0", "no IP address", "give an address")
	f("ip", "10.0.0", "no IP address", "give an address")
	f("ip", "10.0.0.1 ", "no IP address", "give an address")
	f("ip", "10.0.0.1/24", "", "")
	f("action", "*", "a star", "invoice.*")
	f("action", "inv*", "a star", "invoice.*")
	f("action", "*.posted", "a star", "invoice.*")
	f("action", "a.*.*", "a star", "invoice.*")
	f("action", "invoice.*", "", "")
	f("category", "finances", "no such value", "give one of view, create")
	f("outcome", "Denied", "no such value", "give one of success, failure, denied")
	f("actor", strings.Repeat("x", 257), "it has 257 characters", "give 256 at most")
	f("actor", strings.Repeat("𝄞", 256), "", "")
}
