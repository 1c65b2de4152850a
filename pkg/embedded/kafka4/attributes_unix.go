//go:build unix && !linux

package main

import "syscall"

// attributes give a child a process group of its own, so that Ctrl-C reaches this
// process alone, which then stops its children in order: Kafka last.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
