//go:build synctests

package consumer_test

// virtualTime is set where the Kafka client is built so that fake time can
// pass while it waits for one of its own locks.
const virtualTime = true
