//go:build unix && !linux

package kafka4

import "syscall"

// attributes give Kafka a process group of its own, so that Ctrl-C reaches this process
// alone, which uses Kafka to the end.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
