// Package schemas embeds the definitions that the code, the tests and the
// documents share.
package schemas

import "embed"

// ClickHouse holds the numbered files of the database schema, applied in the
// order of their names.
//
//go:embed clickhouse/*.sql
var ClickHouse embed.FS
