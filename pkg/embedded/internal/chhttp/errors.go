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
	codeBadArguments         = 36
	codeNotImplemented       = 48
	codeUnknownType          = 50
	codeSyntaxError          = 62
	codeUnknownFormat        = 73
	codeUnknownCompression   = 89
	codeUnknownSetting       = 115
	codeReadOnly             = 164
	codeQueryTooLarge        = 229
	codeOutfile              = 358
	codeAuthenticationFailed = 516
	codeStdException         = 1001
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
		text := unwrap(strings.TrimRight(err.Error(), "\n "))
		m := codePrefix.FindStringSubmatch(text)
		if m == nil {
			// What is no exception of the engine's own.
			e = raise(codeStdException, "STD_EXCEPTION", "%s", text)
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

// wrapped matches an exception whose text is another exception's.
var wrapped = regexp.MustCompile(`(?s)^Code: \d+\. DB::Exception: (Code: \d+\. DB::Exception: .*\(version [^()]*\))\. \([A-Z0-9_]+\)(?: \(version [^()]*\))?$`)

// unwrap takes off the layers that the library's local client adds around an
// exception of the server.
func unwrap(text string) string {
	for {
		m := wrapped.FindStringSubmatch(text)
		if m == nil {
			return text
		}
		text = m[1]
	}
}

// status is the HTTP status of an exception code, from ClickHouse's
// src/Server/HTTP/exceptionCodeToHTTPStatus.cpp.
func status(code int) int {
	switch code {
	case 194: // REQUIRED_PASSWORD
		return http.StatusUnauthorized
	case 192, 193, 497, 512, codeAuthenticationFailed: // UNKNOWN_USER, WRONG_PASSWORD, ACCESS_DENIED, SET_NON_GRANTED_ROLE
		return http.StatusForbidden
	case codeBadArguments, 427, // CANNOT_COMPILE_REGEXP
		6, 25, 26, 27, 38, 41, 72, 376, 441, 675, 676, // CANNOT_PARSE_…
		15, 44, 8, // DUPLICATE_COLUMN, ILLEGAL_COLUMN, THERE_IS_NO_COLUMN
		37, 123, 167, 168, 223, // …_AST
		codeSyntaxError, 117, 53, 321: // INCORRECT_DATA, TYPE_MISMATCH, VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
		return http.StatusBadRequest
	case 46, 47, codeUnknownType, 56, 60, 63, codeUnknownFormat, 78, 81, codeUnknownSetting, 152, 336, 511: // UNKNOWN_…
		return http.StatusNotFound
	case codeQueryTooLarge:
		return http.StatusRequestEntityTooLarge
	case codeNotImplemented:
		return http.StatusNotImplemented
	case 209, 76, 439: // SOCKET_TIMEOUT, CANNOT_OPEN_FILE, CANNOT_SCHEDULE_TASK
		return http.StatusServiceUnavailable
	case 381: // HTTP_LENGTH_REQUIRED
		return http.StatusLengthRequired
	case 159: // TIMEOUT_EXCEEDED
		return http.StatusRequestTimeout
	case 779: // UNSUPPORTED_MEDIA_TYPE
		return http.StatusUnsupportedMediaType
	}
	return http.StatusInternalServerError
}
