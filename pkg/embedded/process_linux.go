package embedded

import (
	"os/exec"
	"syscall"
)

// bindToParent makes the kernel kill the child when the thread that started it
// ends, which is when the parent dies: the caller keeps that thread.
func bindToParent(cmd *exec.Cmd) {
	// An own process group: a terminal's Ctrl-C goes to the parent alone, which
	// then stops the engine in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
