package query

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/actionlog/actionlog/query/web"
	"github.com/actionlog/actionlog/schemas"
)

// eventFile is how openapi.yaml refers to the event's schema, and eventPointer is
// where it stands in the one document that is served.
const (
	eventFile    = "event.schema.json"
	eventPointer = "#/components/schemas/Event"
)

// openAPI returns the API's document in JSON, with the event's schema in it.
func openAPI() (web.Asset, error) {
	var document map[string]any
	if err := yaml.Unmarshal(schemas.OpenAPI, &document); err != nil {
		return web.Asset{}, fmt.Errorf("read openapi.yaml: %w", err)
	}
	var event map[string]any
	if err := json.Unmarshal(schemas.Event, &event); err != nil {
		return web.Asset{}, fmt.Errorf("read %s: %w", eventFile, err)
	}
	// Within the document the schema is of its dialect and has no address of its own,
	// from which its references would be resolved.
	delete(event, "$schema")
	delete(event, "$id")
	rewriteReferences(event, "#", eventPointer)
	rewriteReferences(document, eventFile, eventPointer)

	components, _ := document["components"].(map[string]any)
	all, ok := components["schemas"].(map[string]any)
	if !ok {
		return web.Asset{}, errors.New("read openapi.yaml: it has no components.schemas")
	}
	all["Event"] = event

	var b bytes.Buffer
	if err := encodeJSON(&b, document); err != nil {
		return web.Asset{}, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	return web.Asset{Type: jsonType, Plain: b.Bytes(), Gzipped: web.Compress(b.Bytes())}, nil
}

// rewriteReferences puts one base in the place of another in every reference.
func rewriteReferences(node any, from, to string) {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			reference, ok := value.(string)
			if rest, cut := strings.CutPrefix(reference, from); ok && cut && key == "$ref" {
				node[key] = to + strings.TrimPrefix(rest, "#")
				continue
			}
			rewriteReferences(value, from, to)
		}
	case []any:
		for _, value := range node {
			rewriteReferences(value, from, to)
		}
	}
}

func (s *Server) getOpenAPI(w http.ResponseWriter, r *http.Request, _ params) error {
	writeAsset(w, r, s.openapi)
	return nil
}
