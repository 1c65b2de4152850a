// Package schemas embeds the definitions that the code, the tests and the
// documents share.
package schemas

import "embed"

// ClickHouse holds the numbered files of the database schema, applied in the
// order of their names. Every statement can be repeated without harm, and a file stays
// as it was applied, comments and all: see Migration in pkg/store.
//
//go:embed clickhouse/*.sql
var ClickHouse embed.FS

// Event is the JSON Schema (2020-12) that defines an event. The decoder of
// pkg/action accepts what it does; a test holds the two together.
//
//go:embed event.schema.json
var Event []byte

// Actions is the catalogue of the action types that have a label, an icon and a
// category: a JSON array that action.LoadCatalogue reads.
//
//go:embed actions.json
var Actions []byte

// OpenAPI is the OpenAPI 3.1 document of query's HTTP API, in YAML. It refers to
// event.schema.json; query serves the two as one document.
//
//go:embed openapi.yaml
var OpenAPI []byte
