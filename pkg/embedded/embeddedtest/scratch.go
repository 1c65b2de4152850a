package embeddedtest

import (
	"flag"
	"os"
	"syscall"
)

// plenty is how much memory has to be free for the data of tests: many times what
// those of a package leave.
const plenty = 8 << 30

// scratch makes a directory for what a test process shares. Tests create, sync and delete
// files by the thousand, so that they take a third longer on a disk than in memory;
// benchmarks are about the disk.
func scratch(pattern string) (string, error) {
	const memory = "/dev/shm"
	var fs syscall.Statfs_t
	if bench := flag.Lookup("test.bench"); bench != nil && bench.Value.String() == "" &&
		syscall.Statfs(memory, &fs) == nil && fs.Bavail*uint64(fs.Bsize) >= plenty {
		if dir, err := os.MkdirTemp(memory, pattern); err == nil {
			return dir, nil
		}
	}
	return os.MkdirTemp("", pattern)
}
