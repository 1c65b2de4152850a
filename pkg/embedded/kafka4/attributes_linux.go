package main

import "syscall"

// attributes give a child a process group of its own, so that Ctrl-C reaches this
// process alone, which then stops its children in order: Kafka last. And the kernel
// kills the child when the thread that started it ends, however that comes about.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
