package kafka

import "github.com/twmb/franz-go/pkg/kgo"

// Client returns the connection itself, for questions that Admin has no form
// for, such as reading a single record. It belongs to the Control: whoever
// uses it must neither close it nor have it consume or produce.
func (c *Control) Client() *kgo.Client { return c.client }
