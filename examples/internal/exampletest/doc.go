// Package exampletest runs an example as a test does: as several processes, of
// which some are killed while the input runs. The processes are the test's own
// binary.
package exampletest
