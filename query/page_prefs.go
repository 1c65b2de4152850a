package query

import (
	"net/http"
	"slices"
	"strings"

	"github.com/actionlog/actionlog/query/web"
)

// maxPrefs bounds the form of preferences.
const maxPrefs = 16 << 10

// savePreferences keeps preferences in cookies and leads back to the page that asked, or
// says nothing to a script. The form's field names says which preferences it has, as a
// browser sends nothing of a box that is not ticked.
func (s *Server) savePreferences(w http.ResponseWriter, r *http.Request, _ params) error {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		p := newProblem("cross-origin", "The request comes from another site", http.StatusForbidden, "Preferences are set from the page itself.")
		p.cause = err
		return p
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxPrefs)
	if err := r.ParseForm(); err != nil {
		return newProblem("malformed-form", "The form cannot be read", http.StatusBadRequest, "Send it as application/x-www-form-urlencoded, of 16 KiB at most.")
	}
	for name := range strings.FieldsSeq(r.PostForm.Get("names")) {
		values := r.PostForm[name]
		if slices.Contains(r.PostForm["forget"], name) || len(values) == 1 && values[0] == "" {
			values = nil
		}
		if name == "keys" && len(values) == 0 {
			values = []string{"off"}
		}
		cookie, ok := web.SetPref(name, values)
		if !ok {
			return invalid(name, "There is no preference like this: "+strings.Join(web.PrefNames(), ", ")+" are kept, each with the values that the page offers.")
		}
		http.SetCookie(w, cookie)
	}
	if forHTMX(r) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	back := r.PostForm.Get("back")
	if !strings.HasPrefix(back, "/") || strings.HasPrefix(back, "//") || strings.HasPrefix(back, `/\`) {
		back = "/"
	}
	http.Redirect(w, r, back, http.StatusSeeOther) //nolint:gosec // it is a path of ours, as checked above
	return nil
}
