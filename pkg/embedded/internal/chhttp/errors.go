package chhttp

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Exception codes of ClickHouse (src/Common/ErrorCodes.cpp) that this package
// itself raises.
const (
	codeUnsupportedMethod    = 1
	codeBadArguments         = 36
	codeUnknownType          = 50
	codeSyntaxError          = 62
	codeReadOnly             = 164
	codeMemoryOrIO           = 74 // CANNOT_READ_FROM_FILE_DESCRIPTOR
	codeQueryTooLarge        = 261
	codeUnknownCompression   = 89
	codeQueryCancelled       = 394
	codeAuthenticationFailed = 516
)

// exception is an error of ClickHouse: what goes to the client.
type exception struct {
	code int
	text string // "Code: 60. DB::Exception: … (UNKNOWN_TABLE)"
}

func (e *exception) Error() string { return e.text }

// raise makes an exception in ClickHouse's form.
func raise(code int, name, format string, args ...any) *exception {
	return &exception{code: code, text: fmt.Sprintf("Code: %d. DB::Exception: %s (%s)", code, fmt.Sprintf(format, args...), name)}
}

var codePrefix = regexp.MustCompile(`^Code:\s*(\d+)\.`)

// asException gives any error the form of an exception. The engine's own
// errors have it but for the version at the end, which the server adds.
func asException(err error, version string) *exception {
	e, ok := err.(*exception)
	if !ok {
		text := strings.TrimRight(err.Error(), "\n ")
		m := codePrefix.FindStringSubmatch(text)
		if m == nil {
			// ClickHouse's STD_EXCEPTION, for what is no exception of its own.
			e = &exception{code: 1001, text: "Code: 1001. DB::Exception: " + text + " (STD_EXCEPTION)"}
		} else {
			code, _ := strconv.Atoi(m[1])
			e = &exception{code: code, text: text}
		}
	}
	if !strings.Contains(e.text, "(version ") {
		e = &exception{code: e.code, text: e.text + " (version " + version + ")"}
	}
	return e
}

// status is the HTTP status of an exception code, from ClickHouse's
// src/Server/HTTP/exceptionCodeToHTTPStatus.cpp.
func status(code int) int {
	switch code {
	case 194: // REQUIRED_PASSWORD
		return http.StatusUnauthorized
	case 192, 193, 516, 691: // UNKNOWN_USER, WRONG_PASSWORD, AUTHENTICATION_FAILED, SET_NON_GRANTED_ROLE
		return http.StatusForbidden
	case 36, 427, 6, 25, 26, 38, 41, 72, 27, 376, 467, 675, 676, 130, 131, 442, 444, 457, // BAD_ARGUMENTS, CANNOT_…, BAD_QUERY_PARAMETER
		2, 6000, 53, 55, 69, 70, 80, 110, 117, 167, 168, 223, 306, 62, 43, 321, 395: // …
		return http.StatusBadRequest
	case 46, 47, 50, 56, 60, 63, 73, 78, 81, 97, 115, 336: // UNKNOWN_…
		return http.StatusNotFound
	case codeQueryTooLarge:
		return http.StatusRequestEntityTooLarge
	case 48: // NOT_IMPLEMENTED
		return http.StatusNotImplemented
	case 209, 76, 439, 202: // SOCKET_TIMEOUT, CANNOT_OPEN_FILE, CANNOT_SCHEDULE_TASK, TOO_MANY_SIMULTANEOUS_QUERIES
		return http.StatusServiceUnavailable
	case 381: // HTTP_LENGTH_REQUIRED
		return http.StatusLengthRequired
	case 159: // TIMEOUT_EXCEEDED
		return http.StatusRequestTimeout
	}
	return http.StatusInternalServerError
}
