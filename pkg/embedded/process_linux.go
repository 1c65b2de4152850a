package embedded

import (
	"errors"
	"os"
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

// tryLock takes an exclusive lock on a file, if it is free.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
