package store

// Record is what an event is about, or related to.
type Record struct{ Type, ID string }

// about asks for the events about a record or related to it.
func (c *condition) about(r Record) {
	c.and("hasAny("+subjectIDs+", ?)", []string{r.ID}) // for the index
	c.and("(subject_id = ? AND subject_type = ? OR arrayExists(r -> r.id = ? AND r.type = ?, related))", r.ID, r.Type, r.ID, r.Type)
}
