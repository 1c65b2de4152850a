package webtest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// service is the query service over a log of its own.
type service struct {
	t     *testing.T
	store *store.Store
	url   string
	sent  int64
}

func serve(t *testing.T, events ...action.Event) *service {
	t.Helper()
	return serveConfigured(t, query.Config{}, events...)
}

func serveConfigured(t *testing.T, cfg query.Config, events ...action.Event) *service {
	t.Helper()
	cfg.ClickHouseDSN, cfg.QueryAddr, cfg.QueryTimeout = embeddedtest.Database(t), "127.0.0.1:0", time.Minute
	cfg.QueryConcurrency, cfg.ExportConcurrency = 8, 8
	if _, err := store.Migrate(t.Context(), cfg.ClickHouseDSN); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(cfg.ClickHouseDSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &service{t: t, store: st, url: serveStore(t, st, cfg)}
	s.add(events...)
	return s
}

func serveStore(t *testing.T, st *store.Store, cfg query.Config) string {
	t.Helper()
	server, err := query.New(st, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(server.Handler())
	t.Cleanup(front.Close)
	return front.URL
}

// add puts events into the log as ingest does.
func (s *service) add(events ...action.Event) {
	s.t.Helper()
	var actions store.Batch
	for _, e := range events {
		s.sent++
		e.ID = cmp.Or(e.ID, fmt.Sprintf("event-%04d", s.sent))
		e.Time = e.Time.UTC().Truncate(time.Millisecond)
		e.Tenant = cmp.Or(e.Tenant, "default")
		e.Outcome = cmp.Or(e.Outcome, "success")
		e.Actor.Type = cmp.Or(e.Actor.Type, "user")
		message, err := json.Marshal(e)
		if err != nil {
			s.t.Fatal(err)
		}
		sum := sha256.Sum256(message)
		a := store.Action{Event: e, Origin: action.Origin{Topic: "actions", Offset: s.sent, Time: e.Time}}
		copy(a.ContentHash[:], sum[:])
		actions.Append(&a)
	}
	if err := s.store.InsertActions(context.WithoutCancel(s.t.Context()), &actions); err != nil {
		s.t.Fatal(err)
	}
}

// settle says that all events are in the log, which lets those who follow it see them.
func (s *service) settle() {
	s.t.Helper()
	to := s.sent + 1
	if err := s.store.InsertRanges(context.WithoutCancel(s.t.Context()), []store.Range{{Topic: "actions", To: to, Accepted: to}}); err != nil {
		s.t.Fatal(err)
	}
}

// numbered returns events of which each has its number in its texts, the first one
// the newest, a minute apart.
func numbered(n int) []action.Event {
	events := make([]action.Event, n)
	for i := range events {
		events[i] = action.Event{
			Time: time.Now().Add(-time.Duration(i+1) * time.Minute), Actor: action.Actor{ID: "alice", Name: "Alice Okonkwo"},
			IP: netip.MustParseAddr("192.0.2.7"), Action: "invoice.posted",
			Subject:     action.Record{Type: "invoice", ID: fmt.Sprintf("INV-%04d", i), Name: fmt.Sprintf("Invoice %04d", i)},
			Description: fmt.Sprintf("Posted invoice %04d", i), SessionID: fmt.Sprintf("session-%04d", i), UserAgent: "Mozilla/5.0 (test)",
		}
	}
	return events
}

// oddEvents are events whose texts try to break the layout.
func oddEvents(now time.Time) []action.Event {
	at := func(ago time.Duration) time.Time { return now.Add(-ago) }
	ip := netip.MustParseAddr
	return []action.Event{
		{Time: at(80 * time.Second), Actor: action.Actor{ID: "qbo", Name: "QuickBooks Online", Type: "service"}, IP: ip("198.51.100.24"), Action: "invoice.posted.quickbooks", Subject: action.Record{Type: "invoice", ID: "INV-20874", Name: "Dublin Tech Summit – Liffey Hall 1 & 2, LED wall and switching"}, Description: "Posted invoice INV-20874 to QuickBooks Online as document 11-4471, €31,260.00 incl. VAT", SessionID: "9f3c1a77e0d24b58", RequestID: "req_01K9YB7H0J", UserAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"},
		{Time: at(163 * time.Second), Actor: action.Actor{ID: "u-0019", Name: "Đặng Thị Ngọc Ánh"}, IP: ip("2001:db8:85a3::8a2e:370:7334"), Action: "opportunity.item.updated", Subject: action.Record{Type: "opportunity", ID: "OPP-5512", Name: "Théâtre National de Strasbourg — Cyrano, location lumière & son, 14 représentations"}, Description: "Changed “Robe BMFL Spot” on the invoice draft: quantity 12 → 18, day rate €64.00 → €58.50, discount 0 % → 8 % (agreed with Mme Lefèvre-Düsseldorf on 23 November, valid for the whole run and the two dates in Colmar)"},
		{Time: at(12 * time.Minute), Actor: action.Actor{ID: "u-0023", Name: "Siobhán Ní Dhomhnaill"}, OnBehalfOf: action.Actor{ID: "u-0004", Name: "Björk Þórðardóttir-Åkesson"}, IP: ip("2a02:8084:6a21:3c80:b5d1:77ff:fe3e:9c04"), Action: "invoice.deleted", Subject: action.Record{Type: "invoice", ID: "INV-20871", Name: "Harbour Lights Festival 2026 – Main Stage, second weekend"}, Description: "Deleted invoice INV-20871 (€18,420.00, 12 days overdue): “Duplicate of INV-20869, client agreed by phone 📞”", Reason: "Ticket 4711"},
		{Time: at(33 * time.Minute), Actor: action.Actor{ID: "mmueller"}, IP: ip("185.220.101.47"), Action: "data.exported", Outcome: "denied", Subject: action.Record{Type: "list", ID: "invoices", Name: "Invoices, all years"}, Description: "Export of the invoice list refused: the account has no role in Northlight AV Hire"},
		{Time: at(54 * time.Minute), Actor: action.Actor{ID: "misaki", Name: "佐藤 美咲"}, IP: ip("fd12:3456:789a:1::20"), Action: "invoice.created", Subject: action.Record{Type: "invoice", ID: "INV-20873", Name: "東京ガーデンシアター 冬のライブ 2026 照明・音響・映像一式レンタル"}, Description: "Created invoice INV-20873 from opportunity OPP-5460: 3 days, 41 lines, ¥2,184,000 🎶"},
		{Time: at(3 * time.Hour), Actor: action.Actor{ID: strings.Repeat("x", 256), Name: strings.Repeat("Wolfeschlegelsteinhausenbergerdorff", 7)}, Action: "warehouse.shelf." + strings.Repeat("relabelled", 11), Outcome: "failure", Subject: action.Record{Type: strings.Repeat("t", 1024), ID: strings.Repeat("i", 1024), Name: strings.Repeat("n", 1024)}, Description: strings.Repeat("no-space-at-all", 200)},
		{Time: at(26 * time.Hour), Actor: action.Actor{ID: "u-77", Name: "محمد عبد الرحمن"}, IP: ip("10.20.4.18"), Action: "discussion.commented", Subject: action.Record{Type: "project", ID: "P-9", Name: "مهرجان الأضواء — المسرح الرئيسي"}, Description: "תגובה: הלקוח אומר שהמערכת השנייה מעולם לא הגיעה, invoice 20871"},
		{Time: at(40 * 24 * time.Hour), Actor: action.Actor{ID: "nightly-backup", Type: "system"}, Action: "backup.finished"},
		{Time: at(500 * 24 * time.Hour), Actor: action.Actor{ID: "e\u0301mile", Name: "E\u0301mile 👩🏽‍🚀 Zoe\u0308"}, Action: "user.sign_in_failed", Outcome: "failure", Subject: action.Record{Name: strings.Repeat("👩🏽‍🚀", 60)}, Description: "<script>alert(1)</script> & \u202eright to left override\u202c then\nsecond line"},
	}
}
