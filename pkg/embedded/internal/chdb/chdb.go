// Package chdb binds the C API of libchdb, the ClickHouse engine as a shared
// library, without cgo.
//
// One process can hold one data directory. Any number of connections to it may
// be open and work at the same time, but each runs one statement at a time and
// belongs to one goroutine. The declarations follow chdb.h of libchdb 26.7.
package chdb

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Library is a loaded libchdb. It stays loaded for the life of the process:
// the engine's threads cannot be unloaded.
type Library struct {
	version     func() string
	setHandlers func(enabled int32)
	connect     func(argc int32, argv unsafe.Pointer) unsafe.Pointer
	closeConn   func(conn unsafe.Pointer)
	shutdown    func() int32
	classify    func(conn unsafe.Pointer, sql *byte, sqlLen uintptr, db *byte, dbLen uintptr, out *analysis) int32

	query       func(conn unsafe.Pointer, sql *byte, sqlLen uintptr, format *byte, formatLen uintptr, names, nameLens, values, valueLens unsafe.Pointer, n uintptr) unsafe.Pointer
	streamQuery func(conn unsafe.Pointer, sql *byte, sqlLen uintptr, format *byte, formatLen uintptr, names, nameLens, values, valueLens unsafe.Pointer, n uintptr) unsafe.Pointer
	fetch       func(conn, stream unsafe.Pointer) unsafe.Pointer
	cancelQuery func(conn, stream unsafe.Pointer)
	destroy     func(result unsafe.Pointer)

	streamInsert  func(conn unsafe.Pointer, sql *byte, sqlLen uintptr, format *byte, formatLen uintptr, names, nameLens, values, valueLens unsafe.Pointer, n uintptr) unsafe.Pointer
	insertAppend  func(stream unsafe.Pointer, data *byte, n uintptr) int32
	insertDone    func(stream unsafe.Pointer) unsafe.Pointer
	insertCancel  func(stream unsafe.Pointer)
	insertError   func(stream unsafe.Pointer) string
	insertDestroy func(stream unsafe.Pointer)

	resultBuffer  func(result unsafe.Pointer) *byte
	resultLength  func(result unsafe.Pointer) uintptr
	resultError   func(result unsafe.Pointer) string
	resultRows    func(result unsafe.Pointer) uint64
	resultBytes   func(result unsafe.Pointer) uint64
	storageRows   func(result unsafe.Pointer) uint64
	storageBytes  func(result unsafe.Pointer) uint64
	writtenRows   func(result unsafe.Pointer) uint64
	writtenBytes  func(result unsafe.Pointer) uint64
	resultElapsed func(result unsafe.Pointer) float64
}

// Load opens the shared library at path and resolves every function that this
// package calls. It keeps the library from installing signal handlers, so that
// the Go runtime's stay in place.
func Load(path string) (*Library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load engine library %q: %w", path, err)
	}
	lib := &Library{}
	for name, fn := range map[string]any{
		"chdb_version":                     &lib.version,
		"chdb_set_signal_handlers_enabled": &lib.setHandlers,
		"chdb_connect":                     &lib.connect,
		"chdb_close_conn":                  &lib.closeConn,
		"chdb_shutdown":                    &lib.shutdown,
		"chdb_classify_query_n":            &lib.classify,
		"chdb_query_with_params_n":         &lib.query,
		"chdb_stream_query_with_params_n":  &lib.streamQuery,
		"chdb_stream_fetch_result":         &lib.fetch,
		"chdb_stream_cancel_query":         &lib.cancelQuery,
		"chdb_destroy_query_result":        &lib.destroy,
		"chdb_stream_insert_with_params_n": &lib.streamInsert,
		"chdb_stream_append":               &lib.insertAppend,
		"chdb_stream_done":                 &lib.insertDone,
		"chdb_stream_cancel_insert":        &lib.insertCancel,
		"chdb_stream_insert_error":         &lib.insertError,
		"chdb_destroy_insert_stream":       &lib.insertDestroy,
		"chdb_result_buffer":               &lib.resultBuffer,
		"chdb_result_length":               &lib.resultLength,
		"chdb_result_error":                &lib.resultError,
		"chdb_result_rows_read":            &lib.resultRows,
		"chdb_result_bytes_read":           &lib.resultBytes,
		"chdb_result_storage_rows_read":    &lib.storageRows,
		"chdb_result_storage_bytes_read":   &lib.storageBytes,
		"chdb_result_rows_written":         &lib.writtenRows,
		"chdb_result_bytes_written":        &lib.writtenBytes,
		"chdb_result_elapsed":              &lib.resultElapsed,
	} {
		sym, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("resolve %s in engine library %q (older than 26.7?): %w", name, path, err)
		}
		purego.RegisterFunc(fn, sym)
	}
	lib.setHandlers(0)
	return lib, nil
}

// Version returns the library's own version, such as "26.7.3".
func (l *Library) Version() string { return l.version() }

// Shutdown stops the engine's threads. Every connection must be closed first.
func (l *Library) Shutdown() error {
	if l.shutdown() != 0 {
		return errors.New("stop engine: a connection is still open or a thread did not stop")
	}
	return nil
}

// Connect opens a connection. The first one starts the engine on the data
// directory that args name ("--path=…"); later ones join it.
func (l *Library) Connect(args ...string) (*Conn, error) {
	argv := make([]*byte, 0, len(args)+2)
	for _, arg := range append([]string{"clickhouse"}, args...) {
		b := append([]byte(arg), 0)
		argv = append(argv, &b[0])
	}
	argc := int32(len(argv))
	argv = append(argv, nil)
	var pin runtime.Pinner
	defer pin.Unpin()
	for _, p := range argv {
		if p != nil {
			pin.Pin(p)
		}
	}
	handle := l.connect(argc, unsafe.Pointer(unsafe.SliceData(argv)))
	runtime.KeepAlive(argv)
	if handle == nil {
		return nil, errors.New("connect to engine: the library gave no reason (data directory in use, not writable, or broken?)")
	}
	return &Conn{lib: l, handle: handle}, nil
}
