// Package tickets are the endpoints with which browsers get what opens a stream
// for them: a ticket for one WebSocket or EventSource, or a session in a
// cookie. What both are is in package access; it knows nothing of streams and
// Kafka.
package tickets
