// Package web turns what the log holds into what templates print. It reads no store and
// speaks no HTTP.
package web
