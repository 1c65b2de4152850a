package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// DirLock holds a directory for this process. The kernel lets go of it when the
// process ends, however it ends.
type DirLock struct{ file *os.File }

// LockDir makes the directory when it is missing and takes it for this process.
// While another process has it, it is tried again until wait is over; then the
// error says that another user, such as "engine", has it, and which process that is.
func LockDir(dir, user string, wait time.Duration) (*DirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the %s's directory: %w", user, err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the %s's lock: %w", user, err)
	}
	if err := lockWithin(file, wait); err != nil {
		defer file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("another %s uses %s%s: stop it, or choose another directory", user, dir, holder(file))
		}
		return nil, fmt.Errorf("lock %s: %w", file.Name(), err)
	}
	// Who holds it is only a help for people: the lock is what counts.
	pid := fmt.Appendf(nil, "%d\n", os.Getpid())
	if err := errors.Join(file.Truncate(0), writeAll(file, pid)); err != nil {
		return nil, errors.Join(fmt.Errorf("write %s: %w", file.Name(), err), file.Close())
	}
	return &DirLock{file}, nil
}

// Close lets go of the directory. The file stays: removing it would let two
// processes lock two files of the same name.
func (l *DirLock) Close() error { return l.file.Close() }

func lockWithin(file *os.File, wait time.Duration) error {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) || wait <= 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return err
		}
	}
}

func holder(file *os.File) string {
	text, err := io.ReadAll(io.LimitReader(file, 32))
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return " (process " + pid + ")"
	}
	return ""
}

func writeAll(file *os.File, text []byte) error {
	_, err := file.WriteAt(text, 0)
	return err
}
