package main

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/buger/jsonparser"
	"github.com/bytedance/sonic"
	"github.com/go-faster/jx"
	jsonv2 "github.com/go-json-experiment/json"
	goccy "github.com/goccy/go-json"
	"github.com/mailru/easyjson/jlexer"
	"github.com/minio/simdjson-go"
	"github.com/valyala/fastjson"

	"github.com/actionlog/actionlog/pkg/action"
)

// library reads an event in the fastest way that a library has to offer.
type library struct {
	name string
	// read gets a value that it may not change and an event that is reset.
	read func(value []byte, e *event) error
}

// libraries returns all that are compared.
func libraries() []library {
	strict := sonic.Config{ValidateString: true, UseUnicodeErrors: true, DisallowUnknownFields: true, CaseSensitive: true}.Froze()
	return []library{
		{"encoding/json", func(value []byte, e *event) error { return stdjson.Unmarshal(value, e) }},
		// What Go builds as encoding/json/v2 with GOEXPERIMENT=jsonv2.
		{"json/v2", func(value []byte, e *event) error {
			return jsonv2.Unmarshal(value, e, jsonv2.RejectUnknownMembers(true))
		}},
		{"goccy/go-json", func(value []byte, e *event) error { return goccy.Unmarshal(value, e) }},
		{"sonic", func(value []byte, e *event) error { return strict.Unmarshal(value, e) }},
		{"simdjson-go", new(simd).read},
		{"fastjson", new(fast).read},
		{"jx", readJX},
		{"jsonparser", readJSONParser},
		{"easyjson", readEasyJSON},
	}
}

// project is what this project does, which is more: times, addresses and every bound.
type project struct{ decoded action.Event }

func (p *project) read(value []byte, e *event) error {
	if rejected := action.DecodeInto(&p.decoded, value, action.Origin{}); rejected != nil {
		return rejected
	}
	e.Description, e.Details = p.decoded.Description, p.decoded.Details
	return nil
}

// simd keeps the tape of the last event for the next.
type simd struct {
	tape   *simdjson.ParsedJson
	object simdjson.Object
	inner  simdjson.Object
	array  simdjson.Array
}

func (s *simd) read(value []byte, e *event) (err error) {
	if s.tape, err = simdjson.Parse(value, s.tape, simdjson.WithCopyStrings(false)); err != nil {
		return err
	}
	root := s.tape.Iter()
	root.AdvanceInto()
	kind, iter, err := root.Root(nil)
	if err != nil || kind != simdjson.TypeObject {
		return fmt.Errorf("%v: %w", kind, errors.Join(err, errUnknown))
	}
	object, err := iter.Object(&s.object)
	if err != nil {
		return err
	}
	for {
		var member simdjson.Iter
		name, kind, err := object.NextElementBytes(&member)
		if err != nil || kind == simdjson.TypeNone {
			return err
		}
		switch {
		case string(name) == "details":
			if e.Details, err = member.MarshalJSONBuffer(nil); err != nil {
				return err
			}
		case string(name) == "related":
			array, err := member.Array(&s.array)
			if err != nil {
				return err
			}
			records := array.Iter()
			for records.Advance() != simdjson.TypeNone {
				if err := s.entity(&records, e, e.related()); err != nil {
					return err
				}
			}
		case e.entity(name) != nil:
			if err := s.entity(&member, e, e.entity(name)); err != nil {
				return err
			}
		default:
			if err := s.text(&member, e, e.text(name)); err != nil {
				return err
			}
		}
	}
}

func (s *simd) entity(iter *simdjson.Iter, e *event, n *entity) error {
	object, err := iter.Object(&s.inner)
	if err != nil {
		return err
	}
	for {
		var member simdjson.Iter
		name, kind, err := object.NextElementBytes(&member)
		if err != nil || kind == simdjson.TypeNone {
			return err
		}
		if err := s.text(&member, e, n.text(name)); err != nil {
			return err
		}
	}
}

func (s *simd) text(iter *simdjson.Iter, e *event, into *string) error {
	if into == nil {
		return errUnknown
	}
	b, err := iter.StringBytes()
	if err != nil {
		return err
	}
	*into = e.keep(b)
	return nil
}

// fast keeps the tree of the last event for the next.
type fast struct{ parser fastjson.Parser }

func (f *fast) read(value []byte, e *event) error {
	root, err := f.parser.ParseBytes(value)
	if err != nil {
		return err
	}
	return f.members(root, func(name []byte, v *fastjson.Value) error {
		switch {
		case string(name) == "details":
			e.Details = v.MarshalTo(nil)
			return nil
		case string(name) == "related":
			records, err := v.Array()
			if err != nil {
				return err
			}
			for _, record := range records {
				if err := f.entity(record, e, e.related()); err != nil {
					return err
				}
			}
			return nil
		case e.entity(name) != nil:
			return f.entity(v, e, e.entity(name))
		default:
			return f.text(v, e, e.text(name))
		}
	})
}

func (*fast) members(v *fastjson.Value, member func([]byte, *fastjson.Value) error) error {
	object, err := v.Object()
	if err != nil {
		return err
	}
	object.Visit(func(name []byte, v *fastjson.Value) {
		if err == nil {
			err = member(name, v)
		}
	})
	return err
}

func (f *fast) entity(v *fastjson.Value, e *event, n *entity) error {
	return f.members(v, func(name []byte, v *fastjson.Value) error { return f.text(v, e, n.text(name)) })
}

func (*fast) text(v *fastjson.Value, e *event, into *string) error {
	if into == nil {
		return errUnknown
	}
	b, err := v.StringBytes()
	if err != nil {
		return err
	}
	*into = e.keep(b)
	return nil
}

func readJX(value []byte, e *event) error {
	d := jx.GetDecoder()
	defer jx.PutDecoder(d)
	d.ResetBytes(value)
	text := func(d *jx.Decoder, into *string) error {
		if into == nil {
			return errUnknown
		}
		at := len(e.texts)
		texts, err := d.StrAppend(e.texts)
		if err != nil {
			return err
		}
		e.texts = texts[:at]
		*into = e.keep(texts[at:])
		return nil
	}
	object := func(d *jx.Decoder, n *entity) error {
		return d.ObjBytes(func(d *jx.Decoder, name []byte) error { return text(d, n.text(name)) })
	}
	err := d.ObjBytes(func(d *jx.Decoder, name []byte) error {
		switch {
		case string(name) == "details":
			raw, err := d.Raw()
			e.Details = stdjson.RawMessage(raw)
			return err
		case string(name) == "related":
			return d.Arr(func(d *jx.Decoder) error { return object(d, e.related()) })
		case e.entity(name) != nil:
			return object(d, e.entity(name))
		default:
			return text(d, e.text(name))
		}
	})
	if err != nil {
		return err
	}
	if err := d.Skip(); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return errors.New("data follows")
	}
	return nil
}

func readJSONParser(value []byte, e *event) error {
	text := func(b []byte, kind jsonparser.ValueType, into *string) error {
		if into == nil || kind != jsonparser.String {
			return errUnknown
		}
		at := len(e.texts)
		e.texts = append(e.texts, b...)[:at] // room for what Unescape writes
		b, err := jsonparser.Unescape(b, e.texts[at:cap(e.texts)])
		if err != nil {
			return err
		}
		*into = e.keep(b)
		return nil
	}
	object := func(b []byte, n *entity) error {
		return jsonparser.ObjectEach(b, func(name, b []byte, kind jsonparser.ValueType, _ int) error {
			return text(b, kind, n.text(name))
		})
	}
	return jsonparser.ObjectEach(value, func(name, b []byte, kind jsonparser.ValueType, _ int) (err error) {
		switch {
		case string(name) == "details":
			e.Details = b
			return nil
		case string(name) == "related":
			_, each := jsonparser.ArrayEach(b, func(b []byte, _ jsonparser.ValueType, _ int, bad error) {
				err = errors.Join(err, bad, object(b, e.related()))
			})
			return errors.Join(err, each)
		case e.entity(name) != nil:
			return object(b, e.entity(name))
		default:
			return text(b, kind, e.text(name))
		}
	})
}

func readEasyJSON(value []byte, e *event) error {
	l := jlexer.Lexer{Data: value}
	text := func(into *string) {
		if into == nil {
			l.AddError(errUnknown)
			return
		}
		*into = e.keep(l.UnsafeBytes())
	}
	members := func(member func(name []byte)) {
		l.Delim('{')
		for l.Ok() && !l.IsDelim('}') {
			name := l.UnsafeBytes()
			l.WantColon()
			member(name)
			l.WantComma()
		}
		l.Delim('}')
	}
	object := func(n *entity) { members(func(name []byte) { text(n.text(name)) }) }
	members(func(name []byte) {
		switch {
		case string(name) == "details":
			e.Details = l.Raw()
		case string(name) == "related":
			l.Delim('[')
			for l.Ok() && !l.IsDelim(']') {
				object(e.related())
				l.WantComma()
			}
			l.Delim(']')
		case e.entity(name) != nil:
			object(e.entity(name))
		default:
			text(e.text(name))
		}
	})
	l.Consumed()
	return l.Error()
}
