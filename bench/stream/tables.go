package main

import (
	"fmt"
	"strings"
)

// column is a figure in a table.
type column struct {
	title    string
	decimals int
	of       func(sample) float64
}

// table shows one group, a contestant a row.
type table struct {
	group, title, explain string
	columns               []column
}

var (
	colRate = column{"deliveries/s", 0, rate.of}
	colCPU  = column{"s of processor time a million deliveries", 2, cpu.of}
	// What the clients take, the server does not have.
	colReaders = column{"of the clients", 2, func(s sample) float64 { return s.Readers }}
)

var deliveryColumns = []column{
	colRate, colCPU,
	colReaders,
	{"bytes a delivery", 0, func(s sample) float64 { return s.Bytes }},
	{"MB resident at the end", 0, func(s sample) float64 { return float64(s.After) / (1 << 20) }},
}

var latencyColumns = []column{
	{"deliveries/s asked for", 0, func(s sample) float64 { return s.Offered }},
	{"deliveries/s", 0, rate.of},
	{"p50 ms", 2, p50.of},
	{"p99 ms", 2, p99.of},
	{"p99.9 ms", 2, func(s sample) float64 { return s.P999 }},
	colCPU,
	colReaders,
}

var tables = []table{
	{
		groupSmall, "Deliveries, values of 100 bytes",
		"All records are written at once; it is measured until the last client has the last of them. The warm-up before is not measured. Clients share the machine with the server, so what they take is beside it.",
		deliveryColumns,
	},
	{
		groupSmallLate, "From the producer to the client, values of 100 bytes",
		"From when a record is handed to a franz-go producer without linger until a client has read it, over all records of each eighth client: the write (acks=all), the fetch and the way to each client. The first two rows are at half of the deliveries a second that the plain design had in this round, and the third at half of what Sluice had. The clocks are one machine's.",
		latencyColumns,
	},
	{groupLarge, "Deliveries, values of 1 KiB", "As above.", deliveryColumns},
	{groupLargeLate, "From the producer to the client, values of 1 KiB", "As above.", latencyColumns},
	{
		groupIdle, "Memory of clients that wait",
		"Resident memory of the server's process, as Linux counts it; nobody asks for a garbage collection. The first client is connected before, so that what a topic costs is not a client's. It is read until after the first heartbeats; what sockets cost in the kernel is not in it.",
		[]column{
			{"KiB a client", 1, perClient.of},
			{"at most", 1, sample.mostPerClient},
			{"MB with one client", 1, func(s sample) float64 { return float64(s.Before) / (1 << 20) }},
			{"MB with all", 1, func(s sample) float64 { return float64(s.After) / (1 << 20) }},
		},
	},
}

// write writes the table, unless nothing of it was measured.
func (t table) write(b *strings.Builder, samples []sample) {
	var names []string
	rows := map[string][]sample{}
	for _, s := range samples {
		if s.Group != t.group {
			continue
		}
		if rows[s.Contestant] == nil {
			names = append(names, s.Contestant)
		}
		rows[s.Contestant] = append(rows[s.Contestant], s)
	}
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| program |", t.title, t.explain)
	for _, c := range t.columns {
		fmt.Fprintf(b, " %s |", c.title)
	}
	fmt.Fprintf(b, "\n| --- |%s\n", strings.Repeat(" --- |", len(t.columns)))
	for _, name := range names {
		fmt.Fprintf(b, "| %s |", name)
		for _, c := range t.columns {
			fmt.Fprintf(b, " %s |", show(spreadOf(figuresOf(rows[name], t.group, name, metric{of: c.of})), c.decimals))
		}
		b.WriteString("\n")
	}
}
