package web

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/actionlog/actionlog/pkg/search"
)

// Prefs is how someone likes the page. Cookies keep it, so that the first paint is right.
type Prefs struct {
	// Theme is light or dark; empty follows the system.
	Theme string
	// Compact is set where a row is one line.
	Compact bool
	// Columns are the names of the columns that are shown; nil is the usual six.
	Columns []string
	// Zone is the time zone that was chosen, BrowserZone that of the browser; empty where that
	// is not known. ToldZone is by which name the browser told it.
	Zone, BrowserZone, ToldZone string
	// Lang is the language that was chosen; empty where none was.
	Lang string
	// NoKeys is set where single keys do nothing.
	NoKeys bool
	// NoFolds is set where every event has a row of its own.
	NoFolds bool
	// Scripts is set where the browser has run a script of the page before, and Waits where
	// it has since been led to a page that waits for all that it shows, as it runs none.
	Scripts, Waits bool
}

// The names of the cookies, which are those of the fields of the form too.
const (
	cookieTheme, cookieDensity, cookieColumns = "theme", "density", "columns"
	cookieZone, cookieBrowserZone             = "zone", "tz"
	cookieLang, cookieKeys, cookieFolds       = "lang", "keys", "folds"
	cookieWaits                               = "waits"
)

// PrefNames are the fields that SetPref takes.
func PrefNames() []string {
	return []string{cookieTheme, cookieDensity, cookieColumns, cookieZone, cookieBrowserZone, cookieLang, cookieKeys, cookieFolds}
}

// ReadPrefs returns the preferences of a request. What does not make sense counts as not
// set.
func ReadPrefs(r *http.Request) Prefs {
	value := func(name string) string {
		c, err := r.Cookie(name)
		if err != nil || !validPref(name, c.Value) {
			return ""
		}
		return c.Value
	}
	p := Prefs{
		Theme: value(cookieTheme), Compact: value(cookieDensity) == "compact", Zone: presentZone(value(cookieZone)), BrowserZone: presentZone(value(cookieBrowserZone)), ToldZone: value(cookieBrowserZone),
		Lang: value(cookieLang), NoKeys: value(cookieKeys) == "off", NoFolds: value(cookieFolds) == "off",
	}
	_, err := r.Cookie(cookieWaits)
	p.Waits = err == nil
	p.Scripts = p.BrowserZone != "" && !p.Waits
	if columns := value(cookieColumns); columns != "" {
		p.Columns = strings.Split(columns, ".")
	}
	return p
}

// SetPref is the cookie that keeps a preference, and false where there is none of that
// name or its values make no sense. No values forget it.
func SetPref(name string, values []string) (*http.Cookie, bool) {
	value := strings.Join(values, ".")
	if !slices.Contains(PrefNames(), name) || value != "" && !validPref(name, value) {
		return nil, false
	}
	const year = 365 * 24 * 60 * 60
	//nolint:gosec // no secret: it has to work over plain HTTP too
	c := &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: year, SameSite: http.SameSiteLaxMode, HttpOnly: true}
	if value == "" {
		c.MaxAge = -1
	}
	return c, true
}

// Waits is the cookie of a browser that does not run scripts, for as long as it is open or
// until a script tells the time zone.
func Waits(on bool) *http.Cookie {
	//nolint:gosec // no secret: it has to work over plain HTTP too
	c := &http.Cookie{Name: cookieWaits, Value: "on", Path: "/", SameSite: http.SameSiteLaxMode, HttpOnly: true}
	if !on {
		c.MaxAge = -1
	}
	return c
}

func validPref(name, value string) bool {
	switch name {
	case cookieTheme:
		return value == "light" || value == "dark"
	case cookieDensity:
		return value == "compact" || value == "comfortable"
	case cookieKeys, cookieFolds:
		return value == "on" || value == "off"
	case cookieColumns:
		for name := range strings.SplitSeq(value, ".") {
			if !slices.ContainsFunc(columns, func(c tableColumn) bool { return c.Name == name }) {
				return false
			}
		}
		return true
	case cookieZone, cookieBrowserZone:
		_, err := search.LoadLocation(value)
		return err == nil && value != ""
	case cookieLang:
		return slices.ContainsFunc(languageNames, func(l struct{ tag, name string }) bool { return l.tag == value })
	}
	return false
}

// renamedZones are the time zones that browsers call by a name which the IANA database has
// replaced, and what it calls them.
var renamedZones = map[string]string{
	"Africa/Asmera":         "Africa/Asmara",
	"America/Buenos_Aires":  "America/Argentina/Buenos_Aires",
	"America/Catamarca":     "America/Argentina/Catamarca",
	"America/Coral_Harbour": "America/Atikokan",
	"America/Cordoba":       "America/Argentina/Cordoba",
	"America/Godthab":       "America/Nuuk",
	"America/Indianapolis":  "America/Indiana/Indianapolis",
	"America/Jujuy":         "America/Argentina/Jujuy",
	"America/Louisville":    "America/Kentucky/Louisville",
	"America/Mendoza":       "America/Argentina/Mendoza",
	"Asia/Calcutta":         "Asia/Kolkata",
	"Asia/Katmandu":         "Asia/Kathmandu",
	"Asia/Rangoon":          "Asia/Yangon",
	"Asia/Saigon":           "Asia/Ho_Chi_Minh",
	"Atlantic/Faeroe":       "Atlantic/Faroe",
	"Europe/Kiev":           "Europe/Kyiv",
	"Pacific/Enderbury":     "Pacific/Kanton",
	"Pacific/Ponape":        "Pacific/Pohnpei",
	"Pacific/Truk":          "Pacific/Chuuk",
}

// presentZone is the name that a time zone has by now.
func presentZone(name string) string { return cmp.Or(renamedZones[name], name) }

// OwnZone is the time zone that somebody has; empty where it is not known.
func (p Prefs) OwnZone() string { return cmp.Or(p.Zone, p.BrowserZone) }

// ZoneName is the time zone in which the page shows times where the address names none.
func (p Prefs) ZoneName() string { return cmp.Or(p.OwnZone(), "UTC") }
