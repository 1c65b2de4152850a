package query

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

var noon = time.Date(2026, 11, 24, 14, 14, 52, 0, time.UTC)

// oddActions are events whose texts try to break the layout.
func oddActions() []store.Action {
	at := func(ago time.Duration) time.Time { return noon.Add(-ago) }
	event := func(e action.Event) store.Action {
		e.Tenant, e.ID = "default", "01JD-"+e.Action+e.Time.Format("150405")
		if e.Outcome == "" {
			e.Outcome = "success"
		}
		if e.Actor.Type == "" {
			e.Actor.Type = "user"
		}
		return store.Action{Event: e}
	}
	ip := netip.MustParseAddr
	all := []store.Action{
		event(action.Event{Time: at(80 * time.Second), Actor: action.Actor{ID: "qbo", Name: "QuickBooks Online", Type: "service"}, IP: ip("198.51.100.24"), Action: "invoice.posted.quickbooks", Subject: action.Record{Type: "invoice", ID: "INV-20874", Name: "Dublin Tech Summit – Liffey Hall 1 & 2, LED wall and switching"}, Description: "Posted invoice INV-20874 to QuickBooks Online as document 11-4471, €31,260.00 incl. VAT", SessionID: "9f3c1a77e0d24b58", RequestID: "req_01K9YB7H0J", UserAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"}),
		event(action.Event{Time: at(163 * time.Second), Actor: action.Actor{ID: "u-0019", Name: "Đặng Thị Ngọc Ánh"}, IP: ip("2001:db8:85a3::8a2e:370:7334"), Action: "opportunity.item.updated", Subject: action.Record{Type: "opportunity", ID: "OPP-5512", Name: "Théâtre National de Strasbourg — Cyrano, location lumière & son, 14 représentations"}, Description: "Changed “Robe BMFL Spot” on the invoice draft: quantity 12 → 18, day rate €64.00 → €58.50, discount 0 % → 8 % (agreed with Mme Lefèvre-Düsseldorf on 23 November, valid for the whole run and the two dates in Colmar)"}),
		event(action.Event{Time: at(12 * time.Minute), Actor: action.Actor{ID: "u-0023", Name: "Siobhán Ní Dhomhnaill"}, OnBehalfOf: action.Actor{ID: "u-0004", Name: "Björk Þórðardóttir-Åkesson"}, IP: ip("2a02:8084:6a21:3c80:b5d1:77ff:fe3e:9c04"), Action: "invoice.deleted", Subject: action.Record{Type: "invoice", ID: "INV-20871", Name: "Harbour Lights Festival 2026 – Main Stage, second weekend"}, Description: "Deleted invoice INV-20871 (€18,420.00, 12 days overdue): “Duplicate of INV-20869, client agreed by phone 📞”", Reason: "Ticket 4711"}),
		event(action.Event{Time: at(33 * time.Minute), Actor: action.Actor{ID: "mmueller"}, IP: ip("185.220.101.47"), Action: "data.exported", Outcome: "denied", Subject: action.Record{Type: "list", ID: "invoices", Name: "Invoices, all years"}, Description: "Export of the invoice list refused: the account has no role in Northlight AV Hire"}),
		event(action.Event{Time: at(54 * time.Minute), Actor: action.Actor{ID: "misaki", Name: "佐藤 美咲"}, IP: ip("fd12:3456:789a:1::20"), Action: "invoice.created", Subject: action.Record{Type: "invoice", ID: "INV-20873", Name: "東京ガーデンシアター 冬のライブ 2026 照明・音響・映像一式レンタル"}, Description: "Created invoice INV-20873 from opportunity OPP-5460: 3 days, 41 lines, ¥2,184,000 🎶"}),
		event(action.Event{Time: at(3 * time.Hour), Actor: action.Actor{ID: strings.Repeat("x", 256), Name: strings.Repeat("Wolfeschlegelsteinhausenbergerdorff", 7)}, Action: "warehouse.shelf." + strings.Repeat("relabelled", 11), Outcome: "failure", Subject: action.Record{Type: strings.Repeat("t", 1024), ID: strings.Repeat("i", 1024), Name: strings.Repeat("n", 1024)}, Description: strings.Repeat("no-space-at-all", 200)}),
		event(action.Event{Time: at(26 * time.Hour), Actor: action.Actor{ID: "u-77", Name: "محمد عبد الرحمن"}, IP: ip("10.20.4.18"), Action: "discussion.commented", Subject: action.Record{Type: "project", ID: "P-9", Name: "مهرجان الأضواء — المسرح الرئيسي"}, Description: "תגובה: הלקוח אומר שהמערכת השנייה מעולם לא הגיעה, invoice 20871"}),
		event(action.Event{Time: at(40 * 24 * time.Hour), Actor: action.Actor{ID: "nightly-backup", Type: "system"}, Action: "backup.finished"}),
		event(action.Event{Time: at(500 * 24 * time.Hour), Actor: action.Actor{ID: "e\u0301mile", Name: "E\u0301mile 👩🏽‍🚀 Zoe\u0308"}, Action: "user.sign_in_failed", Outcome: "failure", Subject: action.Record{Name: strings.Repeat("👩🏽‍🚀", 60)}, Description: "<script>alert(1)</script> & \u202eright to left override\u202c then\nsecond line"}),
	}
	all[3].Conflicting = true
	all[5].Conflicting = true
	return all
}

func builderOf(t *testing.T, query string) *viewBuilder {
	t.Helper()
	catalogue, err := action.LoadCatalogue("")
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPage(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	b := &viewBuilder{page: p, now: noon, query: values, filter: readableFilter(values), settable: true}
	for _, a := range oddActions() {
		b.choices.Actors = append(b.choices.Actors, a.Actor)
		b.choices.Actions = append(b.choices.Actions, a.Action)
	}
	return b
}
