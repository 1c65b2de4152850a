//go:build unix && !linux

package embedded

import (
	"os/exec"
	"syscall"
)

// bindToParent leaves it to the end of standard input to tell the child that its
// parent has died.
func bindToParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
