package store

// maxPageText is how much text a page holds before it ends, whatever its limit: a
// thousand of the longest events or messages would take hundreds of megabytes.
const maxPageText = 8 << 20

// The rows that one question to the engine asks for, which it may answer in one
// piece. A page of more takes several questions.
const (
	fetchActions = 256 // of some 300 kB at most
	fetchRaw     = 32  // of some 1 MB at most
	fetchPreview = 256
	fetchBrief   = 1024
)

// list describes how pages are read of a table whose rows may be repeated.
type list[T any, C comparable] struct {
	// read calls each with the rows after a place, in order, at most so many.
	read func(after *C, fetch int, each func(*T) error) error
	// place is where a row stands; repeats of a row stand at the same place.
	place func(*T) C
	// size is how much text a row holds.
	size func(*T) int
	// fetch is how many rows to read at once, at most.
	fetch int
	// text is how much of it all pages hold so far.
	text int
}

// page returns what comes after a place, each row once: limit rows at most, fewer
// when they hold much text, but one at least if there is one. Next is where the
// following page begins, nil when there is none. With an error it returns the rows
// that it has got.
func (l *list[T, C]) page(after *C, limit int) (rows []T, next *C, err error) {
	// As a rule no row is repeated, and each that is fetched costs. Repeats are
	// neighbours, and are passed over: where there are any, a few more rows are fetched
	// than are wanted.
	for spare := 0; ; spare = limit/8 + 8 {
		fetch := min(limit-len(rows)+1+spare, l.fetch)
		fetched := 0
		err := l.read(after, fetch, func(row *T) error {
			fetched++
			place := l.place(row)
			// When the page is full the few rows that are left are read all the same: a
			// read that is broken off costs its connection.
			if next != nil || after != nil && place == *after {
				return nil
			}
			if len(rows) == limit || l.text >= maxPageText {
				next = after
				return nil
			}
			after = &place
			rows = append(rows, *row)
			l.text += l.size(row)
			return nil
		})
		if err != nil {
			return rows, nil, err
		}
		if next != nil || fetched < fetch {
			return rows, next, nil
		}
	}
}
