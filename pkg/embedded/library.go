package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// libraryFile is where `npm ci --prefix pkg/embedded/engine` puts the library,
// from the top of the source tree.
var libraryFile = filepath.Join("pkg", "embedded", "engine", "node_modules", "@chdb", "lib-linux-x64-gnu", "libchdb.so")

// ErrNoLibrary says that the engine's library is not on this machine.
var ErrNoLibrary = errors.New("the ClickHouse engine's library is not installed")

// FindLibrary returns the path of libchdb.so. An explicit path (the value of
// ACTIONLOG_ENGINE_LIB) must exist. Without one, the library is looked for under
// the working directory and its parents, then next to the executable and under
// its parents, as `make build` lays it out (bin/actionlog beside pkg/embedded).
//
// The library exists for Linux on x86-64 with glibc: npm serves no package of
// it for other platforms today. Elsewhere, set the path to a libchdb 26.7 or
// later of your own.
func FindLibrary(explicit string) (string, error) {
	if explicit != "" {
		path, err := filepath.Abs(explicit)
		if err != nil {
			return "", fmt.Errorf("resolve ACTIONLOG_ENGINE_LIB: %w", err)
		}
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			return "", fmt.Errorf("%w: ACTIONLOG_ENGINE_LIB names %q, which is no file", ErrNoLibrary, path)
		}
		return path, nil
	}
	var starts []string
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	if exe, err := os.Executable(); err == nil {
		if file, err := filepath.EvalSymlinks(exe); err == nil {
			exe = file
		}
		starts = append(starts, filepath.Dir(exe))
	}
	for _, dir := range starts {
		for {
			path := filepath.Join(dir, libraryFile)
			if info, err := os.Stat(path); err == nil && !info.IsDir() {
				return path, nil
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	hint := "run `make build`, or set ACTIONLOG_ENGINE_LIB to the path of libchdb.so"
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		hint = fmt.Sprintf("there is no package of it for %s/%s: set ACTIONLOG_ENGINE_LIB to the path of a libchdb 26.7 or later, or use a ClickHouse server", runtime.GOOS, runtime.GOARCH)
	}
	return "", fmt.Errorf("%w: no %s under %q and their parents; %s", ErrNoLibrary, libraryFile, starts, hint)
}
