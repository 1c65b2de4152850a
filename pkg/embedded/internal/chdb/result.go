package chdb

import (
	"unsafe"
)

// Result is one answer, or one piece of a streamed one, in the engine's memory.
type Result struct {
	lib    *Library
	handle unsafe.Pointer
}

// result wraps a handle, or turns it into the error it carries.
func (l *Library) result(handle unsafe.Pointer, doing string) (*Result, error) {
	if handle == nil {
		return nil, Error(doing + ": the engine gave no result")
	}
	if msg := l.resultError(handle); msg != "" {
		l.destroy(handle)
		return nil, Error(msg)
	}
	return &Result{lib: l, handle: handle}, nil
}

// Bytes returns the answer's bytes. They are valid until Close.
func (r *Result) Bytes() []byte {
	n := r.lib.resultLength(r.handle)
	if n == 0 {
		return nil
	}
	return unsafe.Slice(r.lib.resultBuffer(r.handle), n)
}

// Counts are the engine's own figures for a statement, in rows and in bytes of
// its internal representation.
type Counts struct {
	ReadRows, ReadBytes       uint64
	WrittenRows, WrittenBytes uint64
	ResultRows, ResultBytes   uint64
}

// Counts returns the figures so far.
func (r *Result) Counts() Counts {
	l := r.lib
	return Counts{
		ReadRows: l.storageRows(r.handle), ReadBytes: l.storageBytes(r.handle),
		WrittenRows: l.writtenRows(r.handle), WrittenBytes: l.writtenBytes(r.handle),
		ResultRows: l.resultRows(r.handle), ResultBytes: l.resultBytes(r.handle),
	}
}

// Close gives the answer's memory back.
func (r *Result) Close() {
	if r.handle != nil {
		r.lib.destroy(r.handle)
		r.handle = nil
	}
}

// Stream is a SELECT under way.
type Stream struct {
	conn   *Conn
	handle *Result
	ended  bool
}

// Next returns the next piece of the answer, or nil at its end.
func (s *Stream) Next() (*Result, error) {
	r, err := s.conn.lib.result(s.conn.lib.fetch(s.conn.conn(), s.handle.handle), "fetch")
	if err != nil {
		return nil, err
	}
	if len(r.Bytes()) == 0 {
		s.ended = true
		r.Close()
		return nil, nil
	}
	return r, nil
}

// Close ends the statement, cancelling it when it has not come to its end. One
// that an error has ended needs that too, or it stays in system.processes.
func (s *Stream) Close() {
	if s.handle.handle == nil {
		return
	}
	if !s.ended {
		s.conn.lib.cancelQuery(s.conn.conn(), s.handle.handle)
	}
	s.handle.Close()
}

// Insert is an INSERT under way.
type Insert struct {
	lib    *Library
	handle unsafe.Pointer
	done   bool
}

// Write appends data to the insert. It blocks while the engine is behind.
func (i *Insert) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if i.lib.insertAppend(i.handle, &p[0], uintptr(len(p))) != 0 {
		return 0, Error(i.lib.insertError(i.handle))
	}
	return len(p), nil
}

// Finish ends the data and waits until the engine has stored it.
func (i *Insert) Finish() (Counts, error) {
	i.done = true
	r, err := i.lib.result(i.lib.insertDone(i.handle), "finish insert")
	if err != nil {
		return Counts{}, err
	}
	defer r.Close()
	return r.Counts(), nil
}

// Close gives the insert's memory back. Without Finish the insert is broken
// off; blocks that the engine has already stored stay.
func (i *Insert) Close() {
	if i.handle == nil {
		return
	}
	if !i.done {
		i.lib.insertCancel(i.handle)
	}
	i.lib.insertDestroy(i.handle)
	i.handle = nil
}
