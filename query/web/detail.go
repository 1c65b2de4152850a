package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/actionlog/actionlog/pkg/action"
)

// detail is a value within details; nil is none.
type detail struct {
	// kind is Scalar.Type, and text its whole text.
	kind, text string
	// members are those of an object, or the elements of an array without names.
	members []detailMember
}

type detailMember struct {
	name  string
	value *detail
}

func (v *detail) is(kind string) bool { return v != nil && v.kind == kind }

// container is the kind of what may hold values; empty for others.
func (v *detail) container() string {
	if v.is("object") || v.is("array") {
		return v.kind
	}
	return ""
}

func (v *detail) size() int {
	if v == nil {
		return 0
	}
	return len(v.members)
}

func (v *detail) at(i int) *detail {
	if i >= v.size() {
		return nil
	}
	return v.members[i].value
}

// one returns the value of a member, the first of its name, nil where there is none.
func (v *detail) one(name string) *detail {
	if v.is("object") {
		for _, m := range v.members {
			if m.name == name {
				return m.value
			}
		}
	}
	return nil
}

// isPair reports whether a value tells what was before and after, or one of them, and
// nothing else.
func (v *detail) isPair(names [2]string) bool {
	first, second := v.one(names[0]), v.one(names[1])
	n := 0
	for _, told := range []*detail{first, second} {
		if told != nil {
			n++
		}
	}
	return n > 0 && n == v.size()
}

func (v *detail) scalar() Scalar {
	if v == nil {
		return Scalar{}
	}
	return Scalar{v.kind, cutEnd(v.text, maxDiffText)}
}

var (
	errTooDeep    = errors.New("details are nested too deep")
	errAfterValue = errors.New("details end before they end")
)

// parseDetails reads JSON with its numbers as they are written and names that are there
// twice.
func parseDetails(details []byte) (*detail, error) {
	from := json.NewDecoder(bytes.NewReader(details))
	from.UseNumber()
	root, err := parseDetail(from, 0)
	if err != nil {
		return nil, err
	}
	if _, err := from.Token(); !errors.Is(err, io.EOF) {
		return nil, errAfterValue
	}
	return root, nil
}

func parseDetail(from *json.Decoder, depth int) (*detail, error) {
	if depth > action.MaxDetailsDepth {
		return nil, errTooDeep
	}
	token, err := from.Token()
	if err != nil {
		return nil, fmt.Errorf("read details: %w", err)
	}
	switch token := token.(type) {
	case string:
		return &detail{kind: "string", text: token}, nil
	case json.Number:
		return &detail{kind: "number", text: token.String()}, nil
	case bool:
		return &detail{kind: "bool", text: strconv.FormatBool(token)}, nil
	case json.Delim:
		v := &detail{kind: "array", text: "[]"}
		if token == '{' {
			v.kind, v.text = "object", "{}"
		}
		for from.More() {
			var m detailMember
			if v.kind == "object" {
				name, err := from.Token()
				if err != nil {
					return nil, fmt.Errorf("read details: %w", err)
				}
				m.name, _ = name.(string)
			}
			if m.value, err = parseDetail(from, depth+1); err != nil {
				return nil, err
			}
			v.members = append(v.members, m)
		}
		if _, err := from.Token(); err != nil {
			return nil, fmt.Errorf("read details: %w", err)
		}
		if len(v.members) > 0 {
			v.text = ""
		}
		return v, nil
	default:
		return &detail{kind: "null", text: "null"}, nil
	}
}
