// Command ledger is a bank of ten thousand accounts, whose clients send
// transfers through service A, repeat themselves and make mistakes, and whose
// processors are killed at any moment. An auditor recomputes every balance from
// what was committed. README.md says how it works, and how to break it.
package main

import "sluice/examples/internal/example"

func main() {
	o := new(options)
	example.Main(o.flags, o.system)
}
