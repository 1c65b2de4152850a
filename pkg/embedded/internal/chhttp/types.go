package chhttp

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// typeSkipper finds the end of a column's data. A column is written in two
// passes over its type: first the state prefixes, then the data.
type typeSkipper interface {
	prefix(r *nativeReader)
	data(r *nativeReader, rows uint64)
}

type (
	fixedType  uint64 // bytes a value
	stringType struct{}
	nullable   struct{ of typeSkipper }
	array      struct{ of typeSkipper }
	tuple      []typeSkipper
	lowCard    struct{ of typeSkipper }
	variant    []typeSkipper
)

func (fixedType) prefix(*nativeReader)                {}
func (t fixedType) data(r *nativeReader, rows uint64) { r.skipN(rows, uint64(t)) }

func (stringType) prefix(*nativeReader)              {}
func (stringType) data(r *nativeReader, rows uint64) { r.strings(rows) }

func (t nullable) prefix(r *nativeReader) { t.of.prefix(r) }
func (t nullable) data(r *nativeReader, rows uint64) {
	r.skip(rows)
	t.of.data(r, rows)
}

func (t array) prefix(r *nativeReader) { t.of.prefix(r) }
func (t array) data(r *nativeReader, rows uint64) {
	t.of.data(r, r.lastOffset(rows))
}

func (t tuple) prefix(r *nativeReader) {
	for _, of := range t {
		of.prefix(r)
	}
}

func (t tuple) data(r *nativeReader, rows uint64) {
	if len(t) == 0 { // Tuple() has a byte a row
		r.skip(rows)
	}
	for _, of := range t {
		of.data(r, rows)
	}
}

// The state prefix of a LowCardinality column is its version; its data is the
// kind of its indexes, the dictionary and the indexes.
func (t lowCard) prefix(r *nativeReader) { r.skip(8) }
func (t lowCard) data(r *nativeReader, rows uint64) {
	if rows == 0 {
		return
	}
	width := uint64(1) << (r.uint64() & 0xff) // 0: UInt8 … 3: UInt64
	if r.err == nil && width > 8 {
		r.err = errors.New("LowCardinality index of unknown width")
		return
	}
	t.of.data(r, r.uint64())
	r.skipN(r.uint64(), width)
}

func (t variant) prefix(r *nativeReader) {
	if mode := r.uint64(); mode != 0 && r.err == nil {
		r.err = errors.New("Variant in compact form")
	}
	for _, of := range t {
		of.prefix(r)
	}
}

func (t variant) data(r *nativeReader, rows uint64) {
	from := r.pos
	r.skip(rows)
	if r.err != nil {
		return
	}
	var counts [256]uint64
	for _, d := range r.data[from:r.pos] {
		counts[d]++ // 255 is NULL
	}
	for i, of := range t {
		of.data(r, counts[i])
	}
}

// jsonType is a JSON column written as text: a version, then strings.
type jsonType struct{ stringType }

func (jsonType) prefix(r *nativeReader) {
	if version := r.uint64(); version != 1 && r.err == nil {
		r.err = raise(codeUnknownType, "UNKNOWN_TYPE", "The embedded engine sends JSON columns in the Native format only as text: set output_format_native_write_json_as_string = 1")
	}
}

// sizes are the bytes of a value of each type of fixed size.
var sizes = map[string]fixedType{
	"Int8": 1, "Int16": 2, "Int32": 4, "Int64": 8, "Int128": 16, "Int256": 32,
	"UInt8": 1, "UInt16": 2, "UInt32": 4, "UInt64": 8, "UInt128": 16, "UInt256": 32,
	"Float32": 4, "Float64": 8, "BFloat16": 2, "Bool": 1, "UUID": 16, "IPv4": 4, "IPv6": 16,
	"Date": 2, "Date32": 4, "DateTime": 4, "DateTime64": 8, "Time": 4, "Time64": 8,
	"Enum8": 1, "Enum16": 2, "Decimal32": 4, "Decimal64": 8, "Decimal128": 16, "Decimal256": 32,
	"Nothing": 1,
}

// geo are the types that stand for others.
var geo = map[string]string{
	"Point": "Tuple(Float64, Float64)", "Ring": "Array(Point)", "LineString": "Array(Point)",
	"MultiLineString": "Array(LineString)", "Polygon": "Array(Ring)", "MultiPolygon": "Array(Polygon)",
}

// parseType reads a type as ClickHouse spells it.
func parseType(s string) (typeSkipper, error) {
	name, inner, _ := strings.Cut(s, "(")
	name = strings.TrimSpace(name)
	args := splitArgs(strings.TrimSuffix(inner, ")"))
	if size, ok := sizes[name]; ok {
		return size, nil
	}
	if as, ok := geo[name]; ok {
		return parseType(as)
	}
	switch {
	case name == "String":
		return stringType{}, nil
	case name == "JSON":
		return jsonType{}, nil
	case strings.HasPrefix(name, "Interval"):
		return fixedType(8), nil
	case name == "FixedString" && len(args) == 1:
		n, err := strconv.ParseUint(args[0], 10, 32)
		return fixedType(n), err
	case name == "Decimal" && len(args) > 0:
		return decimalType(args[0])
	case name == "SimpleAggregateFunction" && len(args) > 1:
		return parseType(args[1])
	case name == "Nested":
		of, err := parseTuple(args)
		return array{of}, err
	case name == "Map":
		of, err := parseTuple(args)
		return array{of}, err
	case name == "Tuple":
		return parseTuple(args)
	case name == "Variant":
		slices.Sort(args)
		of, err := parseTuple(args)
		return variant(of), err
	case len(args) == 1 && (name == "Nullable" || name == "Array" || name == "LowCardinality"):
		of, err := parseType(args[0])
		if err != nil {
			return nil, err
		}
		switch name {
		case "Nullable":
			return nullable{of}, nil
		case "Array":
			return array{of}, nil
		}
		if n, ok := of.(nullable); ok {
			of = n.of // the dictionary has no NULLs; key 0 stands for it
		}
		return lowCard{of}, nil
	}
	return nil, fmt.Errorf("type %s is not supported there", name)
}

// decimalType is the width of a Decimal by its precision.
func decimalType(precision string) (typeSkipper, error) {
	p, err := strconv.Atoi(precision)
	switch {
	case err != nil:
		return nil, err
	case p <= 9:
		return fixedType(4), nil
	case p <= 18:
		return fixedType(8), nil
	case p <= 38:
		return fixedType(16), nil
	}
	return fixedType(32), nil
}

// parseTuple reads the elements of a Tuple, with or without names.
func parseTuple(args []string) (tuple, error) {
	var t tuple
	for _, arg := range args {
		of, err := parseType(dropName(arg))
		if err != nil {
			return nil, err
		}
		t = append(t, of)
	}
	return t, nil
}

// dropName takes the name off a tuple's element: "a UInt8", "`a b` UInt8".
func dropName(arg string) string {
	s := scanner{text: arg}
	s.next()
	rest := s.pos
	switch t := s.next(); {
	case t.kind == end || s.punctuation(t) == '(' && t.from == rest:
		return arg
	default:
		return strings.TrimSpace(arg[rest:])
	}
}

// splitArgs cuts a type's arguments at the commas outside brackets and quotes.
func splitArgs(inner string) []string {
	var args []string
	s := scanner{text: inner}
	depth, from := 0, 0
	for {
		t := s.next()
		switch p := s.punctuation(t); {
		case p == '(':
			depth++
		case p == ')':
			depth--
		case p == ',' && depth == 0, t.kind == end || t.kind == torn:
			if arg := strings.TrimSpace(inner[from:t.from]); arg != "" {
				args = append(args, arg)
			}
			from = t.to
			if p != ',' {
				return args
			}
		}
	}
}
