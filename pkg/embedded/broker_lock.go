package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// dirLock holds a directory for this process. The kernel lets go of it when the
// process ends, however it ends.
type dirLock struct{ file *os.File }

// lockDir takes the lock of dir, or says which process has it.
func lockDir(dir string) (*dirLock, error) {
	file, err := os.OpenFile(lockPath(dir), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s is already in use by another process%s", dir, holder(file))
		}
		return nil, fmt.Errorf("flock %s: %w", file.Name(), err)
	}
	// Who holds it is only a help for people: the lock is what counts.
	pid := fmt.Sprintf("%d\n", os.Getpid())
	if err := errors.Join(file.Truncate(0), writeAt(file, pid)); err != nil {
		return nil, errors.Join(fmt.Errorf("write %s: %w", file.Name(), err), file.Close())
	}
	return &dirLock{file}, nil
}

// release lets go of the directory. The file stays: removing it would let two
// processes lock two files of the same name.
func (l *dirLock) release() error { return l.file.Close() }

func holder(file *os.File) string {
	text, err := io.ReadAll(io.LimitReader(file, 32))
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return " (pid " + pid + ")"
	}
	return ""
}

func writeAt(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}
