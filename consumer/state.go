package consumer

import "fmt"

// state is where a Group is on its way: joined, or why not.
type state struct {
	why error // nil once joined
}

// become sets the state, unless the group is on its way out.
func (g *Group) become(s state) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.polls.Err() == nil {
		g.state = s
	}
}

// Ready returns nil while the group is joined and Kafka answers, else why not.
// A member without a partition, because there are more members than
// partitions, is ready.
func (g *Group) Ready() error {
	if g.deps.Away != nil {
		if err := g.deps.Away(); err != nil {
			return fmt.Errorf("group %s: %w", g.config.Group, err)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state.why != nil {
		return fmt.Errorf("group %s: %w", g.config.Group, g.state.why)
	}
	return nil
}
