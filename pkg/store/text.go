package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/actionlog/actionlog/pkg/search"
)

const (
	// searched is the text in which needles are looked for.
	searched = `concat(description, '\n', subject_name)`
	// folded is searched without regard to case. The indexes by_text are over this very
	// expression.
	folded = "if(isValidASCII(" + searched + "), lower(" + searched + "), caseFoldUTF8(" + searched + "))"
	// like is the pattern for a needle whose metacharacters are escaped.
	like = " LIKE concat('%', caseFoldUTF8(?), '%')"
)

// text asks that the description or the subject's name contains a needle, or that
// neither does.
func (c *condition) text(t search.Text, common bool) {
	term, args := contains(t.Needle)
	if t.Not {
		c.and("NOT "+term, args...)
		return
	}
	c.and(term, args...)
	// It is dearer to compute, and comes last.
	if hint, arg := textHint(t); hint != "" && !common {
		c.and(hint, arg)
	}
}

// textHint is what follows from a text's condition and leads to an index; empty where
// nothing does.
func textHint(t search.Text) (hint string, arg any) {
	if t.Not {
		return "", nil
	}
	if number, ok := numberIn(t.Needle); ok {
		return "hasAny(" + termsSQL + ", ?)", []string{number}
	}
	if len(search.Fold(t.Needle)) >= gramLength {
		return folded + like, likeEscaper.Replace(t.Needle)
	}
	return "", nil
}

// A text is common when so many of the newest events have it that nearly every granule
// does: then the index rules nothing out, and to ask it doubles the time of a scan.
const (
	commonSample = 4096
	commonShare  = 1. / 512
)

// findCommon looks whether the texts of a filter are common, where an index would be
// asked for one.
func (s *Store) findCommon(ctx context.Context, f *Filter) error {
	hinted := func(t search.Text) bool {
		hint, _ := textHint(t)
		return hint != ""
	}
	if !slices.ContainsFunc(f.Text, hinted) {
		return nil
	}
	newest := Filter{Tenant: f.Tenant, From: f.From, To: f.To}
	c, err := newest.condition()
	if err != nil {
		return err
	}
	texts := condition{}
	for _, t := range f.Text {
		texts.text(t, true)
	}
	n, err := collectOne(ctx, s.conn, "SELECT countIf("+texts.sql()+") FROM (SELECT description, subject_name FROM actions WHERE "+c.sql()+
		NewestFirst.orderBy()+" LIMIT ?)"+listSettings, slices.Concat(texts.args, c.args, []any{commonSample}), func(n *uint64) []any { return []any{n} })
	if err != nil {
		return fmt.Errorf("look how common texts are: %w", err)
	}
	f.common = float64(n) >= commonSample*commonShare
	return nil
}

// gramLength is that of the pieces of text that the indexes by_text are of, in bytes.
const gramLength = 4

// contains is the condition that a needle is found. Folding is dear, and most texts
// are ASCII: those are searched as they are. bitOr looks into every row; OR would copy the
// rows that are left before it does so, which takes longer.
func contains(needle string) (string, []any) {
	pattern := likeEscaper.Replace(needle)
	fold := search.Fold(needle)
	switch {
	case strings.Contains(needle, "\n"):
		// Over both columns at once it could begin in one and end in the other.
		return "(caseFoldUTF8(description)" + like + " OR caseFoldUTF8(subject_name)" + like + ")", []any{pattern, pattern}
	case !isASCII(fold):
		return "(NOT isValidASCII(" + searched + ") AND caseFoldUTF8(" + searched + ")" + like + ")", []any{pattern}
	}
	const (
		ascii  = "bitOr(position(lower(description), ?) > 0, position(lower(subject_name), ?) > 0)"
		beyond = "bitOr(NOT isValidASCII(description), NOT isValidASCII(subject_name))"
	)
	args := []any{fold, fold}
	others := foldingTo(fold)
	if len(others) == 0 {
		return ascii, args
	}
	return "bitOr(" + ascii + ", " + beyond + " AND (multiSearchAny(description, ?) OR multiSearchAny(subject_name, ?)) AND caseFoldUTF8(" + searched + ")" + like + ")",
		append(args, others, others, pattern)
}

// foldingToASCII are the characters beyond ASCII that fold to text with ASCII in it,
// and that text: Unicode's CaseFolding.txt, status C and F. A test compares it with
// search.Fold.
var foldingToASCII = map[rune]string{
	'ß': "ss", 'İ': "i", 'ŉ': "n", 'ſ': "s", 'ǰ': "j", 'ẖ': "h", 'ẗ': "t", 'ẘ': "w", 'ẙ': "y", 'ẚ': "a", 'ẞ': "ss",
	'\u212a': "k", 'ﬀ': "ff", 'ﬁ': "fi", 'ﬂ': "fl", 'ﬃ': "ffi", 'ﬄ': "ffl", 'ﬅ': "st", 'ﬆ': "st",
}

// foldingTo returns the characters beyond ASCII that may stand for a part of a folded
// needle.
func foldingTo(fold string) []string {
	var all []string
	for c, ascii := range foldingToASCII {
		if strings.ContainsAny(fold, ascii) {
			all = append(all, string(c))
		}
	}
	slices.Sort(all)
	return all
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// likeEscaper makes plain text of LIKE's metacharacters.
var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
