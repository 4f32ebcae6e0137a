package httpserver

// Idle is how many connections wait for their next request: the server notes it
// a moment after the client has seen its answer.
func (s *Server) Idle() (n int) {
	s.open.mu.Lock()
	defer s.open.mu.Unlock()
	for c := range s.open.open {
		if c.idle.Load() > 0 {
			n++
		}
	}
	return n
}
