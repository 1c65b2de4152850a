package query

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
)

// assetPrefix is where the page's files are served.
const assetPrefix = "/assets/"

// asset is a file of the page. Its path holds a hash of its content, so it may be
// kept for ever.
type asset struct {
	path    string
	kind    string
	plain   []byte
	gzipped []byte
}

// assets are the page's files by their names, such as app.css.
type assets map[string]asset

// assetTypes are the page's files and their media types.
var assetTypes = map[string]string{"app.css": "text/css; charset=utf-8", "icons.svg": "image/svg+xml", "mark.svg": "image/svg+xml"}

func loadAssets(files fs.FS, dir string) (assets, error) {
	loaded := assets{}
	for name, kind := range assetTypes {
		content, err := fs.ReadFile(files, path.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("load the page's files: %w", err)
		}
		sum := sha256.Sum256(content)
		extension := path.Ext(name)
		loaded[name] = asset{
			path:    assetPrefix + strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(sum[:6]) + extension,
			kind:    kind,
			plain:   content,
			gzipped: compress(content),
		}
	}
	return loaded, nil
}

// path returns where a file is served.
func (a assets) path(name string) string { return a[name].path }

var symbol = regexp.MustCompile(`<symbol id="i-([a-z0-9-]+)"`)

// icons returns the names of the icons in a file of symbols.
func (a assets) icons(name string) map[string]bool {
	names := map[string]bool{}
	for _, match := range symbol.FindAllSubmatch(a[name].plain, -1) {
		names[string(match[1])] = true
	}
	return names
}

// serveAsset answers beneath /assets/.
func (s *Server) serveAsset(w http.ResponseWriter, r *http.Request, _ params) error {
	for _, a := range s.page.assets {
		if a.path == r.URL.Path {
			h := w.Header()
			h.Set("Content-Type", a.kind)
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
			h.Add("Vary", "Accept-Encoding")
			content := a.plain
			if acceptsGzip(r) {
				content = a.gzipped
				h.Set("Content-Encoding", "gzip")
			}
			writeBody(w, http.StatusOK, content)
			return nil
		}
	}
	return notFound(r.URL.Path)
}
