package store

const (
	// termsSQL is what the index by_term holds of an event, as the schema has it: of
	// every run of six digits or more in the description and in the names and ids of
	// records, each stretch of six; and ids of records without such a run. So the number
	// of a document is found at once whether it is asked for by id or by text.
	termsSQL = `arrayDistinct(arrayConcat(arrayFlatten(arrayMap(run -> ngrams(run, 6), extractAll(concat(description, '\n', subject_name, '\n', subject_id, '\n', arrayStringConcat(related.id, '\n')), '[0-9]{6,}'))), ` +
		`arrayFilter(word -> NOT match(word, '[0-9]{6}'), arrayPushFront(related.id, subject_id))))`
	// numberTerm is how many digits a term that is a number has.
	numberTerm = 6
	// subjectIDs are the ids of the record and of those related to it.
	subjectIDs = "arrayPushFront(related.id, subject_id)"
)

// numberIn returns the first stretch of six digits of a text; false when it has none.
func numberIn(text string) (string, bool) {
	digits := 0
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			digits = 0
			continue
		}
		if digits++; digits == numberTerm {
			return text[i+1-numberTerm : i+1], true
		}
	}
	return "", false
}

// termOf returns the term by which the events of a record are found.
func termOf(id string) string {
	if number, ok := numberIn(id); ok {
		return number
	}
	return id
}

// hasTerms asks for the terms of ids. It is true of every event that has one of the
// ids, and of few others.
func hasTerms(ids []string) (string, []any) {
	found := make([]string, len(ids))
	for i, id := range ids {
		found[i] = termOf(id)
	}
	return "hasAny(" + termsSQL + ", ?)", []any{found}
}
