package kafka4

import "syscall"

// attributes give Kafka a process group of its own, so that Ctrl-C reaches this process
// alone, which uses Kafka to the end. And the kernel kills it when the thread that
// started it ends, however that comes about: Go's threads live as long as the process.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
