//go:build unix && !linux

package embedded

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// bindToParent leaves it to the end of standard input to tell the child that its
// parent has died.
func bindToParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// tryLock takes an exclusive lock on a file, if it is free.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
