package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query/web"
)

// Problem is an error as RFC 9457 problem details. Handlers return it for what
// the client can do something about; any other error becomes one at the edge.
type Problem struct {
	// Type is a URN of the list in schemas/openapi.yaml.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says what is wrong with this request and what to do.
	Detail string `json:"detail"`
	// Parameter is the query or path parameter that is at fault, when one is.
	Parameter string `json:"parameter,omitempty"`

	// said is the detail as the page says it, in the language of who reads it. Wrong, where
	// it is there, says instead what is wrong with a text.
	said  web.Said
	wrong *search.Error
	// column is where in the search line the problem is, in characters from 1; 0 where that
	// is not known.
	column int
	// missing is what a page was to be about and nothing is known of; nil where that is not
	// the problem.
	missing *web.Missing
	// back is the page whose form is at fault; empty where none is.
	back string
	// cause is for the log; clients never see it.
	cause error
	// allow is the Allow header of a 405, retryAfter the Retry-After header of a 429.
	allow      string
	retryAfter time.Duration
}

// Error is Detail.
func (p *Problem) Error() string { return p.Detail }

// Unwrap returns what caused the problem, if it was an error.
func (p *Problem) Unwrap() error { return p.cause }

// problemURN is the prefix of every problem's type.
const problemURN = "urn:actionlog:problem:"

// statusClientClosed is nginx's status for a client that went away before its
// answer. It is only ever logged.
const statusClientClosed = 499

func newProblem(name, title string, status int, detail string) *Problem {
	return &Problem{Type: problemURN + name, Title: title, Status: status, Detail: detail}
}

// invalid says that a parameter is at fault: what is wrong and what to do.
func invalid(parameter, detail string) *Problem {
	p := newProblem("invalid-parameter", "A parameter is not valid", http.StatusBadRequest, detail)
	p.Parameter = parameter
	return p
}

// saying has the page say the detail by the message problem.<id>, of which values are pairs
// of a name and a value.
func (p *Problem) saying(id string, values ...any) *Problem {
	p.said = web.Said{ID: id, Values: values}
	return p
}

// because has the page say what is wrong with a text, where that is what the error is.
func (p *Problem) because(err error) *Problem {
	if p.wrong, _ = errors.AsType[*search.Error](err); p.wrong != nil {
		p.column = p.wrong.Column
	}
	return p
}

// at says where in the search line the problem is, where that is at fault.
func (p *Problem) at(column int) *Problem {
	if p.Parameter == "search" && column > 0 {
		p.Detail, p.column = fmt.Sprintf("search, column %d: %s", column, p.Detail), column
	}
	return p
}

// sentence ends a text that may be a question already.
func sentence(text string) string {
	if strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

func malformedQuery(detail string) *Problem {
	return newProblem("malformed-query", "The query string cannot be read", http.StatusBadRequest, detail).saying("malformed")
}

func notFound(path string) *Problem {
	return newProblem("not-found", "There is nothing at this path", http.StatusNotFound,
		"There is nothing at "+strconv.Quote(path)+". GET /openapi.json lists what there is.")
}

func actionNotFound(tenant, id, content string) *Problem {
	which := "the id " + strconv.Quote(id)
	if content != "" {
		which += " and a content whose hash begins with " + content
	}
	p := newProblem("action-not-found", "There is no such action", http.StatusNotFound,
		"Tenant "+strconv.Quote(tenant)+" has no action with "+which+". Check the id and the parameter tenant; an action that was just sent appears when ingest has stored it.")
	p.Parameter, p.missing = "id", &web.Missing{Kind: web.MissingEvent, ID: id}
	return p
}

func actorNotFound(tenant, id string) *Problem {
	p := newProblem("actor-not-found", "There is no such actor", http.StatusNotFound,
		"In the log of tenant "+strconv.Quote(tenant)+" nobody with the id "+strconv.Quote(id)+" has done anything. Check the id and the parameter tenant; GET /v1/facets?field=actor&prefix= completes ids and names.")
	p.Parameter, p.missing = "id", &web.Missing{Kind: web.MissingUser, ID: id}
	return p
}

func methodNotAllowed(method, allow string) *Problem {
	p := newProblem("method-not-allowed", "The method is not allowed here", http.StatusMethodNotAllowed,
		"This path does not take "+strconv.Quote(method)+". Use one of: "+allow+".")
	p.allow = allow
	return p.saying("method", "Method", search.Short(method), "Known", allow)
}

func timedOut(limit time.Duration, cause error) *Problem {
	p := newProblem("timeout", "The answer took too long", http.StatusGatewayTimeout,
		"The log was not searched within "+limit.String()+". Narrow the question, for example with from and to, or raise ACTIONLOG_QUERY_TIMEOUT.")
	p.cause = cause
	return p
}

// retryAfter is when a client that got no turn is to ask again.
const retryAfter = 5 * time.Second

func tooManyRequests(whose string, t *turns) *Problem {
	p := newProblem("too-many-requests", "Too many requests at once", http.StatusTooManyRequests,
		fmt.Sprintf("%s has %d requests at work and others waiting, and this one waited in vain. Ask again after %d seconds, with fewer requests at once; %s.",
			whose, t.limit, int(retryAfter.Seconds()), t.remedy))
	p.retryAfter = retryAfter
	return p
}

// timeUp reports whether an answer ended because its time was up.
func timeUp(r *http.Request, err error) bool {
	if errors.Is(r.Context().Err(), context.DeadlineExceeded) {
		return true
	}
	// What an answer asks of the database has partialGrace less than the request.
	deadline, ok := r.Context().Deadline()
	return ok && time.Until(deadline) <= partialGrace && errors.Is(err, context.DeadlineExceeded)
}

// asProblem turns whatever a handler returned into a problem.
func (s *Server) asProblem(r *http.Request, err error) *Problem {
	var p *Problem
	switch {
	case errors.As(err, &p):
		return p
	case timeUp(r, err):
		return timedOut(s.cfg.QueryTimeout, err)
	case r.Context().Err() != nil && s.stopping.Err() != nil:
		p = newProblem("unavailable", "The service is not available", http.StatusServiceUnavailable, "The service is stopping. Try again in a moment.").saying("stopping")
	case r.Context().Err() != nil:
		p = newProblem("client-closed", "The client went away", statusClientClosed, "The client went away.")
	case store.IsUnavailable(err):
		p = newProblem("unavailable", "The service is not available", http.StatusServiceUnavailable, "The database cannot be asked now. Try again in a moment; the service's log says why.")
	default:
		p = newProblem("internal", "The service failed", http.StatusInternalServerError, "Something went wrong here. The service's log says what.").saying("internal")
	}
	p.cause = err
	return p
}

// writeProblem answers with problem details. It is how every route but the page
// answers an error.
func writeProblem(w http.ResponseWriter, _ *http.Request, p *Problem) {
	body, err := json.Marshal(p)
	if err != nil { // strings and numbers alone always encode
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	writeBody(w, p.Status, append(body, '\n'))
}

func writeBody(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone is noticed by the server itself
}
