// Package dashboard is the page of service B that shows what happens now. It
// serves its files, which come with the binary, what only this replica knows,
// and a way to write a record. All else the page takes from the service's own
// endpoints, with the rights of who looks at it: groups, dead letters, topics
// and streams. The package knows nothing of Kafka clients; what it shows is
// handed to it as functions.
package dashboard
