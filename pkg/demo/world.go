package demo

import "github.com/actionlog/actionlog/pkg/action"

// person is someone, or something, that acts in the demo company.
type person struct {
	action.Actor
	zone  int // hours ahead of UTC, all year round
	start int // local hour at which the working day begins
	ips   []string
	agent string
}

// Addresses are from the ranges that are reserved for documentation (RFC 5737,
// RFC 3849) and for private use.
func staff() []person {
	user := func(id, name string, zone, start int, agent string, ips ...string) person {
		return person{action.Actor{ID: id, Name: name, Type: "user"}, zone, start, ips, agent}
	}
	return []person{
		user("u-0017", "Alice Okonkwo-Brännström", 0, 9, macSafari, "2001:db8:6a21:3c80:41c8:e2ff:fe07:51d9", "192.0.2.61"),
		user("u-0004", "Björk Þórðardóttir-Åkesson", 0, 8, macSafari, "2001:db8:8d14:2f00:9d3c:41aa:77e0:1b02"),
		user("u-0022", "Đặng Thị Ngọc Ánh", 1, 9, winFirefox, "2001:db8:85a3::8a2e:370:7334"),
		user("u-0009", "María Fernanda Etxeberría-Goikoetxea Ruiz de Alarcón", 1, 9, winChrome, "203.0.113.9"),
		user("u-0031", "佐藤 美咲", 9, 9, macChrome, "2001:db8:789a:1::20", "10.40.2.20"), //nolint:gosmopolitan // the company has customers and staff in Tokyo
		user("u-0012", "Tomáš Dvořák", 1, 7, warehouseTablet, "10.20.4.18"),
		user("u-0028", "أمينة الحسيني", 3, 8, androidChrome, "2001:db8:cafe:4::77"),
		user("u-0015", "Jürgen Weiß", 1, 8, winChrome, "2001:db8:fbf:f3a8:1c5a:77d2:2b60:3a11"),
		user("u-0019", "Chidi Nwachukwu", 0, 9, iphoneSafari, "198.51.100.87", "10.20.4.33"),
		user("u-0025", "Priya Ramanathan", 5, 9, winChrome, "203.0.113.142"),
		user("u-0034", "Renée O’Connor-Lefèvre", -5, 9, macChrome, "2001:db8:5c0:11::4e"),
	}
}

var (
	support = person{
		action.Actor{ID: "s-0002", Name: "Siobhán Ní Dhomhnaill", Type: "user"},
		0, 9,
		[]string{"2001:db8:6a21:3c80:b5d1:77ff:fe3e:9c04"},
		winFirefox,
	}
	xero       = service("svc-xero", "Xero", "service", "198.51.100.40", "XeroSync/2.14 (+northlight)")
	quickbooks = service("svc-quickbooks", "QuickBooks Online", "service", "198.51.100.24", "Intuit-Webhook/1.9")
	backup     = service("svc-backup", "Nightly backup", "system", "10.20.0.5", "northlight-backup/3.2")
	website    = service("key-website", "Website availability", "api_key", "203.0.113.200", "northlight-web/5.1 (node)")
	assistant  = service("agent-quotes", "Quote assistant", "agent", "10.20.0.9", "quote-assistant/0.8")
)

func service(id, name, kind, ip, agent string) person {
	return person{action.Actor{ID: id, Name: name, Type: kind}, 0, 0, []string{ip}, agent}
}

const (
	macSafari       = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15"
	macChrome       = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Safari/537.36"
	winChrome       = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Safari/537.36"
	winFirefox      = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:138.0) Gecko/20100101 Firefox/138.0"
	iphoneSafari    = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Mobile/15E148 Safari/604.1"
	androidChrome   = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Mobile Safari/537.36"
	warehouseTablet = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 Safari/537.36"
	pythonRequests  = "python-requests/2.32.3"
)

// customer is whom the company lets equipment to.
type customer struct {
	id, name, contact string
	currency          string // the sign, as people write it before an amount
	system            string // the accounting system of the office that serves it
	events            []string
}

func customers() []customer {
	return []customer{
		{"C-1042", "Harbour Lights Festival CLG", "Aoife Byrne", "€", "xero", []string{"Harbour Lights Festival – Main Stage, second weekend", "Harbour Lights Festival – Acoustic Tent"}},
		{"C-1077", "Dublin Tech Summit Ltd", "Ruairí Ó Súilleabháin", "€", "quickbooks", []string{"Dublin Tech Summit – Liffey Hall 1 & 2, LED wall and switching"}},
		{"C-1103", "Théâtre National de Strasbourg", "Hélène Lefèvre-Düsseldorf", "€", "xero", []string{"Théâtre National de Strasbourg — Cyrano, location lumière & son, 14 représentations", "Théâtre National de Strasbourg — « L’Échange », captation vidéo"}},
		{"C-1120", "Auditorio de Zaragoza", "Íñigo Sánchez-Peña", "€", "xero", []string{"Gala de los Premios Goya, Auditorio de Zaragoza — sonido, vídeo y traducción simultánea"}},
		{"C-1136", "東京ガーデンシアター", "高橋 健一", "¥", "quickbooks", []string{"東京ガーデンシアター 冬のライブ 音響・照明一式"}}, //nolint:gosmopolitan // the company has customers and staff in Tokyo
		{"C-1151", "Großes Schauspielhaus Berlin GmbH & Co. KG", "Käthe Straußberger", "€", "xero", []string{"Großes Schauspielhaus Berlin – „Die Räuber“, Tonanlage", "Philharmonie im Gasteig: Übertragung „Zauberflöte“"}},
		{"C-1163", "Ångström & Døssing ApS", "Søren Kjærgård", "€", "xero", []string{"Ångström & Døssing — company summer party, PA and lights"}},
		{"C-1188", "Lagos Jazz Collective", "Ọláwálé Adéyẹmí", "£", "quickbooks", []string{"Lagos Jazz Collective – Barbican, backline and monitors"}},
		{"C-1201", "Wedding of Anna Żółkiewska & Paweł Śmigły", "Anna Żółkiewska", "€", "xero", []string{"Wedding Żółkiewska–Śmigły, marquee lighting and dance floor"}},
		{"C-1214", "مركز الملك فهد الثقافي", "خالد العتيبي", "€", "quickbooks", []string{"مركز الملك فهد الثقافي — حفل الافتتاح، صوت وإضاءة"}},
		{"C-1230", "St. Brigid’s GAA Club", "Méabh Ní Ghallchóir", "€", "xero", []string{"St. Brigid’s GAA – dinner dance, 2 radio mics & a projector"}},
		{"C-1247", "Björn Borg Open AB", "Åsa Öhrström", "€", "quickbooks", []string{"Björn Borg Open — centre court, comms and scoreboard feed"}},
	}
}

// item is equipment: its name and day rate, in cents.
type item struct {
	id, name string
	rate     int
}

func items() []item {
	return []item{
		{"A-2201", "Robe BMFL Spot", 6400},
		{"A-2214", "ETC Source Four LED Series 3", 2850},
		{"A-2230", "grandMA3 light console", 24000},
		{"A-3105", "d&b V8 line array cabinet", 7200},
		{"A-3118", "d&b SL-SUB", 8900},
		{"A-3140", "Sennheiser EW-DX receiver", 3800},
		{"A-3147", "Antenna distribution, 8-way", 2200},
		{"A-3152", "Shure SM58", 600},
		{"A-3171", "Yamaha DM7 console", 19500},
		{"A-4010", "ROE Black Pearl 2.8 mm LED panel", 3100},
		{"A-4022", "Barco E2 Gen 2 switcher", 68000},
		{"A-4037", "Panasonic PT-RZ21K projector", 29500},
		{"A-5002", "Prolyte H30V truss, 3 m", 950},
		{"A-5019", "Lodestar 1 t chain hoist", 2600},
		{"A-6001", "32 A three-phase cable, 25 m", 450},
		{"A-6044", "Clear-Com FreeSpeak II beltpack", 3400},
	}
}

func comments() []string {
	return []string{
		"Client confirmed by phone: load-in moves to 06:30, they open the dock for us.",
		"@Tomáš two of the hoists are still at the workshop, can we take the ones from the Cork job?",
		"The client says the second line array 🔊 never arrived, so the late fee on this invoice makes no sense to them. Can we credit it before Friday’s run?",
		"Mme Lefèvre-Düsseldorf accepte la remise de 8 % pour toute la série.",
		"Bitte die Tonpulte getrennt ausweisen, sonst lehnt die Buchhaltung die Rechnung ab.",
		"電源は三相 200V です。変圧器を 2 台追加してください。", //nolint:gosmopolitan // the company has customers and staff in Tokyo
		"Quote is 14 % over last year’s. Fine by me, but tell them why: the LED wall is 2.8 mm now.",
		"Truck 3 is full. Second truck needed, or we leave the spare amps at home.",
		"PO 4500-118 received, attached.",
		"Crew hotel booked: 6 rooms, two nights, breakfast from 05:00 ☕",
		"Se necesitan dos técnicos más para la traducción simultánea.",
		"Returned with a broken gel frame and one missing clamp; photos are in the folder.",
	}
}

// lists are what people export.
func lists() []action.Record {
	return []action.Record{
		{Type: "list", ID: "opportunities", Name: "Opportunities, this quarter"},
		{Type: "list", ID: "invoices", Name: "Invoices, all years"},
		{Type: "list", ID: "customers", Name: "Customers with contacts"},
		{Type: "list", ID: "stock", Name: "Stock and availability"},
		{Type: "list", ID: "timesheets", Name: "Crew timesheets"},
	}
}
