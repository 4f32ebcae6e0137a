package httpserver

// Idle is how many connections wait for their next request: the server notes it
// a moment after the client has seen its answer.
func (s *Server) Idle() int {
	s.open.mu.Lock()
	defer s.open.mu.Unlock()
	return s.open.idle.Len()
}
