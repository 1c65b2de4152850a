package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// AssetPrefix is where the files of the page are served.
const AssetPrefix = "/assets/"

// Asset is a file of the page. Its path holds a hash of its content, so it may be kept
// for ever.
type Asset struct {
	Path, Type     string
	Plain, Gzipped []byte
}

// assets are the page's files by their names.
type assets map[string]Asset

// The style sheet begins with these, then come the components by name; what is last
// overrules them. The script is made alike, but for what runs before the first paint:
// htmx comes last and finds what listens to it.
var (
	firstScripts = []string{"al.js"}
	lastScripts  = []string{"vendor/htmx.min.js"}
	bootScript   = "boot.js"
	firstStyles  = []string{"tokens.css", "base.css"}
	lastStyles   = []string{"print.css"}
)

func loadAssets() (assets, error) {
	loaded := assets{}
	add := func(name, kind string, content []byte) {
		sum := sha256.Sum256(content)
		extension := path.Ext(name)
		loaded[name] = Asset{
			Path:    AssetPrefix + strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(sum[:6]) + extension,
			Type:    kind,
			Plain:   content,
			Gzipped: Compress(content),
		}
	}
	for _, name := range []string{"icons.svg", "mark.svg"} {
		content, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("load the page's files: %w", err)
		}
		add(name, "image/svg+xml", content)
	}
	style, err := concatenate("*.css", firstStyles, lastStyles)
	if err != nil {
		return nil, err
	}
	add("app.css", "text/css; charset=utf-8", style)
	script, err := concatenate("*.js", firstScripts, lastScripts)
	if err != nil {
		return nil, err
	}
	add("app.js", "text/javascript; charset=utf-8", script)
	return loaded, nil
}

// concatenate joins the files of a pattern, some of them ahead and some behind.
func concatenate(pattern string, first, last []string) ([]byte, error) {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", pattern, err)
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return name == bootScript || slices.Contains(first, name) || slices.Contains(last, name)
	})
	var all bytes.Buffer
	for _, name := range slices.Concat(first, names, last) {
		content, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("load the page's files: %w", err)
		}
		all.Write(content)
	}
	return all.Bytes(), nil
}

// path returns where a file is served.
func (a assets) path(name string) (string, error) {
	if _, ok := a[name]; !ok {
		return "", fmt.Errorf("there is no file %q", name)
	}
	return a[name].Path, nil
}

var symbol = regexp.MustCompile(`<symbol id="i-([a-z0-9-]+)"`)

// icons returns the names of the icons.
func (a assets) icons() map[string]bool {
	names := map[string]bool{}
	for _, match := range symbol.FindAllSubmatch(a["icons.svg"].Plain, -1) {
		names[string(match[1])] = true
	}
	return names
}

// Asset returns the file that is served at a path.
func (s *Site) Asset(path string) (Asset, bool) {
	for _, a := range s.assets {
		if a.Path == path {
			return a, true
		}
	}
	return Asset{}, false
}

// Compress returns content in gzip's format.
func Compress(content []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	// A buffer takes everything, so neither call can fail.
	_, _ = z.Write(content)
	_ = z.Close()
	return b.Bytes()
}
