package query

import (
	"fmt"
	"net/http"
)

// weekDays is how far back a week of hours reaches when no from is given.
const weekDays = 90

type weekJSON struct {
	TZ   string    `json:"tz"`
	From *timeJSON `json:"from"`
	// To is null where it is open.
	To    *timeJSON `json:"to"`
	Count uint64    `json:"count"`
	// ActiveDays is on how many days of the calendar the actor did anything.
	ActiveDays uint64 `json:"active_days"`
	// Hours are those of each day of the week, of Monday first.
	Hours [7][24]uint64 `json:"hours"`
	searchedTo
	measured
}

// getWeek counts an actor's actions by the hours of the week.
func (s *Server) getWeek(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	q, id, err := s.actorQuestion(m, r, p)
	if err != nil {
		return err
	}
	answer, err := s.readWeek(m, &q)
	if err != nil {
		return err
	}
	if answer.Count == 0 {
		if err := s.checkActor(m, q.Tenant, id); err != nil {
			return err
		}
	}
	answer.measured = m.end()
	return writeAnswer(w, r, answer)
}

// readWeek answers for the 90 days before the end when no beginning is given. Where no end is
// given either they end now: what is dated in the future is not of them.
func (s *Server) readWeek(m *measure, q *question) (*weekJSON, error) {
	if q.From.IsZero() {
		if q.To.IsZero() {
			q.To = m.start
		}
		q.From = q.To.In(q.Zone).AddDate(0, 0, -weekDays)
	}
	week, err := s.store.Week(m.ctx, q.Filter, q.Zone)
	if err != nil {
		return nil, fmt.Errorf("answer with a week: %w", err)
	}
	m.Partial = !week.Reached.IsZero()
	answer := &weekJSON{TZ: q.Zone.String(), From: orNull(q.From), To: orNull(q.To), ActiveDays: week.Days, Hours: week.Counts, searchedTo: searched(week.Reached)}
	for _, day := range week.Counts {
		for _, n := range day {
			answer.Count += n
		}
	}
	return answer, nil
}
