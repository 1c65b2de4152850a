package chdb

import (
	"runtime"
	"unsafe"
)

// Conn is one connection to the engine, with its own settings and current
// database. It is not safe for use by two goroutines at a time.
type Conn struct {
	lib    *Library
	handle unsafe.Pointer // chdb_connection *
}

// conn is the value that every call but close takes: the pointed-to one.
func (c *Conn) conn() unsafe.Pointer { return *(*unsafe.Pointer)(c.handle) }

// Close closes the connection. Closing the last one stops the engine.
func (c *Conn) Close() {
	if c.handle != nil {
		c.lib.closeConn(c.handle)
		c.handle = nil
	}
}

// Error is an exception of the engine, in its own words:
// "Code: 60. DB::Exception: … (UNKNOWN_TABLE)".
type Error string

// Error returns the engine's text.
func (e Error) Error() string { return string(e) }

// Params are values for the {name:Type} places of a statement, in the engine's
// escaped text form (as in TSV: \N is NULL, a backslash is written twice).
type Params map[string]string

// cParams is Params as the C API takes them. The arrays hold pointers into Go
// memory, so they are pinned for the call.
type cParams struct {
	names, values       []*byte
	nameLens, valueLens []uintptr
	pin                 runtime.Pinner
}

func newParams(params Params) *cParams {
	p := &cParams{}
	for name, value := range params {
		p.names, p.nameLens = append(p.names, p.str(name)), append(p.nameLens, uintptr(len(name)))
		p.values, p.valueLens = append(p.values, p.str(value)), append(p.valueLens, uintptr(len(value)))
	}
	return p
}

func (p *cParams) str(s string) *byte {
	b := make([]byte, len(s)+1)
	copy(b, s)
	p.pin.Pin(&b[0])
	return &b[0]
}

func (p *cParams) args() (names, nameLens, values, valueLens unsafe.Pointer, n uintptr) {
	return unsafe.Pointer(unsafe.SliceData(p.names)), unsafe.Pointer(unsafe.SliceData(p.nameLens)),
		unsafe.Pointer(unsafe.SliceData(p.values)), unsafe.Pointer(unsafe.SliceData(p.valueLens)), uintptr(len(p.names))
}

func (p *cParams) release() {
	p.pin.Unpin()
	runtime.KeepAlive(p)
}

// text gives a statement to C. The engine's parser wants a byte behind the end
// of the text.
func text(s string) (*byte, uintptr) {
	b := make([]byte, len(s)+1)
	copy(b, s)
	return &b[0], uintptr(len(s))
}

// Query runs a statement to its end and returns the whole answer in the given
// format. The caller must Close the result.
func (c *Conn) Query(sql, format string, params Params) (*Result, error) {
	p := newParams(params)
	defer p.release()
	s, sn := text(sql)
	f, fn := text(format)
	names, nameLens, values, valueLens, n := p.args()
	r := c.lib.query(c.conn(), s, sn, f, fn, names, nameLens, values, valueLens, n)
	return c.lib.result(r, "query")
}

// Exec runs a statement whose answer does not matter.
func (c *Conn) Exec(sql string) error {
	r, err := c.Query(sql, "Null", nil)
	if err != nil {
		return err
	}
	r.Close()
	return nil
}

// Stream starts a SELECT, whose answer is then fetched piece by piece. Other
// statements are refused by the engine (code 36) before they do anything.
func (c *Conn) Stream(sql, format string, params Params) (*Stream, error) {
	p := newParams(params)
	defer p.release()
	s, sn := text(sql)
	f, fn := text(format)
	names, nameLens, values, valueLens, n := p.args()
	r, err := c.lib.result(c.lib.streamQuery(c.conn(), s, sn, f, fn, names, nameLens, values, valueLens, n), "start stream")
	if err != nil {
		return nil, err
	}
	return &Stream{conn: c, handle: r}, nil
}

// Insert starts an INSERT without FORMAT clause, whose data is then appended
// piece by piece in the given format. The caller must Close it.
func (c *Conn) Insert(sql, format string, params Params) (*Insert, error) {
	p := newParams(params)
	defer p.release()
	s, sn := text(sql)
	f, fn := text(format)
	names, nameLens, values, valueLens, n := p.args()
	h := c.lib.streamInsert(c.conn(), s, sn, f, fn, names, nameLens, values, valueLens, n)
	if h == nil {
		return nil, Error("start insert: the engine gave no result")
	}
	ins := &Insert{lib: c.lib, handle: h}
	if msg := c.lib.insertError(h); msg != "" {
		ins.Close()
		return nil, Error(msg)
	}
	return ins, nil
}

// Class says what a statement does to state that outlives it.
type Class uint32

// The classes of chdb_query_class in chdb.h.
const (
	ReadOnly       Class = iota // SELECT, SHOW, DESCRIBE, EXPLAIN, EXISTS, CHECK
	Mutating                    // INSERT and DDL within a database
	MutatingGlobal              // functions, users, writes to the system database
	Control                     // SET, USE, SYSTEM, KILL, BACKUP, writes to files
	Unknown                     // not parsed
)

type analysis struct {
	size       uint32
	statements uint32
	_          uint32 // flags
	class      Class
}

// Classify says what a statement would do and how many statements the text
// holds, without running it.
func (c *Conn) Classify(sql string) (class Class, statements int) {
	s, sn := text(sql)
	a := analysis{class: Unknown}
	a.size = uint32(unsafe.Sizeof(a))
	if c.lib.classify(c.conn(), s, sn, nil, 0, &a) != 0 {
		return Unknown, 0
	}
	return a.class, int(a.statements)
}
