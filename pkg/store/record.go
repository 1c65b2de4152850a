package store

// Record is what an event is about, or related to.
type Record struct{ Type, ID string }

// about asks for the events about a record or related to it.
func (c *condition) about(r Record) {
	ids := []string{r.ID}
	term, args := hasTerms(ids)
	c.and(term, args...)
	term, args = sameRecord(ids, []string{r.Type})
	c.and(term, args...)
}

// sameRecord is the condition that the subject or a related record has one of the ids
// and one of the types. It is an if rather than an OR, which the engine would look at for
// each part while it plans: that takes as long as the search.
func sameRecord(ids, types []string) (string, []any) {
	return "if(subject_id IN (?) AND subject_type IN (?), 1, arrayExists(r -> r.id IN (?) AND r.type IN (?), related))", []any{ids, types, ids, types}
}
