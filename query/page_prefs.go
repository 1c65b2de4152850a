package query

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/query/web"
)

// maxPrefs bounds the form of preferences.
const maxPrefs = 16 << 10

// noPreference says that a preference cannot be kept: of a time zone, which people write,
// what is wrong with it.
func noPreference(name string, values []string) *Problem {
	p := invalid(name, "There is no preference like this: "+strings.Join(web.PrefNames(), ", ")+" are kept, each with the values that the page offers.").
		saying("preference", "Name", search.Short(name), "Value", search.Short(strings.Join(values, ", ")))
	if name == "zone" && len(values) == 1 {
		_, err := search.LoadLocation(values[0])
		p = p.because(err)
	}
	return p
}

// savePreferences keeps preferences in cookies and leads back to the page that asked, or
// says nothing to a script. The form's field names says which preferences it has, as a
// browser sends nothing of a box that is not ticked.
func (s *Server) savePreferences(w http.ResponseWriter, r *http.Request, _ params) error {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		p := newProblem("cross-origin", "The request comes from another site", http.StatusForbidden, "Preferences are set from the page itself.").saying("cross_origin")
		p.cause = err
		return p
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxPrefs)
	if err := r.ParseForm(); err != nil {
		return newProblem("malformed-form", "The form cannot be read", http.StatusBadRequest, "Send it as application/x-www-form-urlencoded, of 16 KiB at most.").saying("form")
	}
	for name := range strings.FieldsSeq(r.PostForm.Get("names")) {
		values := r.PostForm[name]
		for i := range values { // people write time zones
			values[i] = strings.TrimSpace(values[i])
		}
		if slices.Contains(r.PostForm["forget"], name) || len(values) == 1 && values[0] == "" {
			values = nil
		}
		if (name == "keys" || name == "folds") && len(values) == 0 { // a switch is on where nobody has set it
			values = []string{"off"}
		}
		cookie, ok := web.SetPref(name, values)
		if !ok {
			p := noPreference(name, values)
			p.back = backFrom(r)
			return p
		}
		http.SetCookie(w, cookie)
		if name == "tz" { // which only a script tells: the browser runs them, or does so again
			http.SetCookie(w, web.Waits(false))
		}
	}
	if forHTMX(r) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(w, r, withoutZone(backFrom(r), web.ReadPrefs(r).OwnZone()), http.StatusSeeOther) //nolint:gosec // it is a path of ours
	return nil
}

// withoutZone is a page without the name of a time zone, so that it is shown in another that
// was chosen.
func withoutZone(back, zone string) string {
	path, rawQuery, _ := strings.Cut(back, "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil || query.Get("tz") != zone || zone == "" {
		return back
	}
	query.Del("tz")
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// backFrom is the page that sent the form of preferences.
func backFrom(r *http.Request) string {
	back := r.PostForm.Get("back")
	if !strings.HasPrefix(back, "/") || strings.HasPrefix(back, "//") || strings.HasPrefix(back, `/\`) {
		return "/"
	}
	return back
}

// failPreferences answers an error with a page that leads back to the one before, and to a
// script with problem details.
func (s *Server) failPreferences(w http.ResponseWriter, r *http.Request, problem *Problem) {
	if forHTMX(r) {
		writeProblem(w, r, problem)
		return
	}
	q, f := s.pageRequest(r, params{}), failure(problem)
	f.Back = cmp.Or(problem.back, "/")
	q.Path = f.Back
	s.showFailure(w, r, problem, q, f)
}
