package query

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/actionlog/actionlog/query/web"
)

// compressed is a body as the client takes it, which the header then says.
func compressed(w http.ResponseWriter, r *http.Request, body []byte) []byte {
	if !acceptsGzip(r) {
		return body
	}
	w.Header().Set("Content-Encoding", "gzip")
	var b bytes.Buffer
	z, _ := gzips.Get().(*gzip.Writer)
	defer gzips.Put(z)
	z.Reset(&b)
	// A buffer takes everything, so neither call can fail.
	_, _ = z.Write(body)
	_ = z.Close()
	return b.Bytes()
}

// gzips are writers of the fastest level, which are used again: a new one costs ten times
// what it takes to compress a page of 50 actions. Slower levels take several times as long
// for a tenth of the size.
var gzips = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for levels that there are not
	return z
}}

// acceptsGzip reports whether the client takes a gzip answer.
func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, weighted := strings.Cut(strings.ToLower(strings.ReplaceAll(coding, " ", "")), ";q=")
		if name == "gzip" {
			q, err := strconv.ParseFloat(weight, 64)
			return !weighted || err == nil && q > 0
		}
	}
	return false
}

// writeAsset answers with what never changes while the service runs, and was compressed
// when it began.
func writeAsset(w http.ResponseWriter, r *http.Request, a web.Asset) {
	h := w.Header()
	h.Set("Content-Type", a.Type)
	h.Add("Vary", "Accept-Encoding")
	content := a.Plain
	if acceptsGzip(r) {
		content = a.Gzipped
		h.Set("Content-Encoding", "gzip")
	}
	writeBody(w, http.StatusOK, content)
}
