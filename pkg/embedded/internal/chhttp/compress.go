package chhttp

import (
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// decode undoes a request's Content-Encoding.
func decode(body io.Reader, encoding string) (io.Reader, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(body)
	case "deflate":
		return zlib.NewReader(body)
	case "br":
		return brotli.NewReader(body), nil
	case "zstd":
		d, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	case "lz4":
		return lz4.NewReader(body), nil
	}
	return nil, raise(codeUnknownCompression, "UNKNOWN_COMPRESSION_METHOD", "Unknown compression method %s. Only 'gzip', 'deflate', 'br', 'zstd', 'lz4' are supported", encoding)
}

// chooseEncoding picks the encoding of a response out of an Accept-Encoding
// header, in ClickHouse's order of preference.
func chooseEncoding(accept string) string {
	offered := map[string]bool{}
	for part := range strings.SplitSeq(accept, ",") {
		name, _, _ := strings.Cut(part, ";")
		offered[strings.ToLower(strings.TrimSpace(name))] = true
	}
	for _, name := range []string{"gzip", "deflate", "br", "zstd", "lz4"} {
		if offered[name] {
			return name
		}
	}
	return ""
}

// encode applies a Content-Encoding. Close ends it and leaves w open.
func encode(w io.Writer, encoding string) io.WriteCloser {
	switch encoding {
	case "gzip":
		z, _ := gzip.NewWriterLevel(w, 3) // http_zlib_compression_level's default
		return z
	case "deflate":
		z, _ := zlib.NewWriterLevel(w, 3)
		return z
	case "br":
		return brotli.NewWriterLevel(w, 3)
	case "zstd":
		z, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
		return z
	case "lz4":
		return lz4.NewWriter(w)
	}
	return nopCloser{w}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// blockSize is how much ClickHouse's own compression puts into a block
// (max_compress_block_size).
const blockSize = 1 << 20

// blockWriter compresses into ClickHouse's own block format (compress=1).
type blockWriter struct {
	out io.Writer
	c   *compress.Writer
	buf []byte
}

func newBlockWriter(out io.Writer, method string) *blockWriter {
	m := compress.LZ4
	switch strings.ToUpper(method) {
	case "ZSTD":
		m = compress.ZSTD
	case "NONE":
		m = compress.None
	}
	return &blockWriter{out: out, c: compress.NewWriter(compress.LevelZero, m)}
}

func (b *blockWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		take := min(len(p), blockSize-len(b.buf))
		b.buf = append(b.buf, p[:take]...)
		p = p[take:]
		if len(b.buf) == blockSize {
			if err := b.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (b *blockWriter) flush() error {
	if len(b.buf) == 0 {
		return nil
	}
	if err := b.c.Compress(b.buf); err != nil {
		return err
	}
	b.buf = b.buf[:0]
	_, err := b.out.Write(b.c.Data)
	return err
}

func (b *blockWriter) Close() error { return b.flush() }

// blockReader reads ClickHouse's own block format (decompress=1).
type blockReader struct{ r *compress.Reader }

func newBlockReader(r io.Reader) io.Reader { return blockReader{compress.NewReader(r)} }

func (b blockReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	// The reader wraps the end of the body, which io.Reader's users compare.
	if err != nil && errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}
