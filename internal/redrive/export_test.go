package redrive

import "time"

// Hasten makes a service give up after a while, and write batches of so many
// letters.
func (s *Service) Hasten(patience time.Duration, letters int) {
	s.patience, s.most = patience, letters
}
