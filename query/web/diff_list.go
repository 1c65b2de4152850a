package web

import (
	"slices"
	"strconv"
	"strings"
)

// maxAligned bounds the table by which two lists are aligned, in cells. Longer lists, but for
// what is the same at both of their ends, are compared place by place.
const maxAligned = 1 << 18

// compareLists compares the elements of two lists. Of the same length they are compared place
// by place. Else one was put in or taken out: what comes behind it is the same as before, at
// another place.
func (d *Diff) compareLists(path string, before, after *detail) {
	n, m := before.size(), after.size()
	i, j := 0, 0
	// pair compares what lies between two elements that are the same, place by place.
	pair := func(toI, toJ int) {
		for ; i < toI || j < toJ; i, j = i+1, j+1 {
			var was, is *detail
			at := i
			if i < toI {
				was = before.at(i)
			}
			if j < toJ {
				is, at = after.at(j), j
			}
			d.compare(cutBegin(path+"["+strconv.Itoa(at)+"]", maxDiffPath), was, is)
		}
		i, j = toI, toJ
	}
	if n != m && n > 0 && m > 0 {
		for _, same := range align(keysOf(before), keysOf(after)) {
			pair(same[0], same[1])
			pair(same[0]+1, same[1]+1)
		}
	}
	pair(n, m)
}

// align returns the places of a longest run of elements that both lists have in the same
// order.
func align(a, b []string) [][2]int {
	var begin, end [][2]int
	first, lastA, lastB := 0, len(a), len(b)
	for first < min(lastA, lastB) && a[first] == b[first] {
		begin = append(begin, [2]int{first, first})
		first++
	}
	for first < min(lastA, lastB) && a[lastA-1] == b[lastB-1] {
		lastA, lastB = lastA-1, lastB-1
	}
	for i := range len(a) - lastA {
		end = append(end, [2]int{lastA + i, lastB + i})
	}
	a, b = a[first:lastA], b[first:lastB]
	if len(a)*len(b) <= maxAligned {
		for _, same := range longestCommon(a, b) {
			begin = append(begin, [2]int{first + same[0], first + same[1]})
		}
	}
	return append(begin, end...)
}

// longestCommon is align by the whole table: most[i][j] is how many elements a[i:] and b[j:]
// have in common.
func longestCommon(a, b []string) [][2]int {
	most := make([][]int32, len(a)+1)
	for i := range most {
		most[i] = make([]int32, len(b)+1)
	}
	for i, was := range slices.Backward(a) {
		for j, is := range slices.Backward(b) {
			if was == is {
				most[i][j] = most[i+1][j+1] + 1
			} else {
				most[i][j] = max(most[i+1][j], most[i][j+1])
			}
		}
	}
	var common [][2]int
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			common = append(common, [2]int{i, j})
			i, j = i+1, j+1
		case most[i+1][j] >= most[i][j+1]:
			i++
		default:
			j++
		}
	}
	return common
}

// keysOf are texts that are equal where the elements of a list are.
func keysOf(list *detail) []string {
	keys := make([]string, list.size())
	for i, m := range list.members {
		var b strings.Builder
		m.value.key(&b)
		keys[i] = b.String()
	}
	return keys
}

func (v *detail) key(b *strings.Builder) {
	b.WriteString(v.kind + strconv.Quote(v.text) + "(")
	for _, m := range v.members {
		b.WriteString(strconv.Quote(m.name))
		m.value.key(b)
	}
	b.WriteByte(')')
}
