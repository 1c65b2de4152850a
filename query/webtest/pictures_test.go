package webtest

import (
	"bytes"
	"cmp"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/demo"
)

var picturesDir = flag.String("pictures", "", "where TestPictures leaves the pictures of the README; empty skips it")

// maxPicture bounds a picture of the README, in bytes.
const maxPicture = 150_000

// TestPictures makes the pictures of the README from demo events.
func TestPictures(t *testing.T) {
	if *picturesDir == "" {
		t.Skip("makes pictures, and tests nothing: make screenshots")
	}
	var events []action.Event
	for e := range demo.Events(time.Now().AddDate(0, 0, -90), time.Now()) {
		events = append(events, e)
	}
	s := serve(t, events...)
	for _, p := range []struct {
		name, address, click, until string
		width, height               int64
	}{
		{"page", "/?search=-category:view", "", "true", 1440, 900},
		{"drawer", "/?search=invoice", "#rows tr:nth-child(3)", "document.querySelector('#drawer') !== null", 1440, 900},
		{"phone", "/", "", "true", 390, 844},
	} {
		b := scripted(t)
		b.Size(p.width, p.height)
		b.Go(s.url + p.address)
		b.Until("!document.querySelector('[hx-trigger=load]')") // counts and charts are there
		if p.click != "" {
			b.Click(p.click)
		}
		b.Until(p.until)
		picture := small(t, b.Screenshot())
		if len(picture) > maxPicture {
			t.Errorf("%s has %d bytes", p.name, len(picture))
		}
		if err := os.MkdirAll(*picturesDir, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*picturesDir, p.name+".png"), picture, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// small is a picture in 256 colours at most, its most frequent ones that differ.
func small(t *testing.T, screenshot []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(screenshot))
	if err != nil {
		t.Fatal(err)
	}
	frequency := map[color.Color]int{}
	for y := range full.Bounds().Dy() {
		for x := range full.Bounds().Dx() {
			frequency[full.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(frequency), func(a, b color.Color) int { return cmp.Compare(frequency[b], frequency[a]) })
	var palette color.Palette
	for _, c := range colours {
		if len(palette) < 256 && !slices.ContainsFunc(palette, func(chosen color.Color) bool { return distance(chosen, c) < 10 }) {
			palette = append(palette, c)
		}
	}
	nearest := map[color.Color]uint8{}
	for _, c := range colours {
		nearest[c] = uint8(palette.Index(c))
	}
	reduced := image.NewPaletted(full.Bounds(), palette)
	for y := range full.Bounds().Dy() {
		for x := range full.Bounds().Dx() {
			reduced.SetColorIndex(x, y, nearest[full.At(x, y)])
		}
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, reduced); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// distance is how far two colours are from each other, from 0 to 765.
func distance(a, b color.Color) int {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	far := func(a, b uint32) int { return int(max(a, b)-min(a, b)) >> 8 }
	return far(ar, br) + far(ag, bg) + far(ab, bb)
}
