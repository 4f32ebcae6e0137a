package main

import "sluice/bench/internal/report"

var (
	colRate = report.NewColumn("deliveries/s", 0, rate.Of)
	colCPU  = report.NewColumn("s of processor time a million deliveries", 2, cpu.Of)
	// What the clients take, the server does not have.
	colReaders = report.NewColumn("of the clients", 2, func(s sample) float64 { return s.Readers })
)

var deliveryColumns = []report.Column[sample]{
	colRate, colCPU,
	colReaders,
	report.NewColumn("bytes a delivery", 0, func(s sample) float64 { return s.Bytes }),
	report.NewColumn("MB resident at the end", 0, func(s sample) float64 { return float64(s.After) / (1 << 20) }),
}

var latencyColumns = []report.Column[sample]{
	report.NewColumn("deliveries/s asked for", 0, func(s sample) float64 { return s.Offered }),
	report.NewColumn("deliveries/s", 0, rate.Of),
	report.NewColumn("p50 ms", 2, p50.Of),
	report.NewColumn("p99 ms", 2, p99.Of),
	report.NewColumn("p99.9 ms", 2, func(s sample) float64 { return s.P999 }),
	colCPU,
	colReaders,
}

var tables = []report.Table[sample]{
	{
		Group: groupSmall, Title: "Deliveries, values of 100 bytes",
		Explain: "All records are written at once; it is measured until the last client has the last of them. The warm-up before is not measured. Clients share the machine with the server, so what they take is beside it.",
		Columns: deliveryColumns,
	},
	{
		Group: groupSmallLate, Title: "From the producer to the client, values of 100 bytes",
		Explain: "From when a record is handed to a franz-go producer without linger until a client has read it, over all records of each eighth client: the write (acks=all), the fetch and the way to each client. The first two rows are at half of the deliveries a second that the plain design had in this round, and the third at half of what Sluice had. The clocks are one machine's.",
		Columns: latencyColumns,
	},
	{Group: groupLarge, Title: "Deliveries, values of 1 KiB", Explain: "As above.", Columns: deliveryColumns},
	{Group: groupLargeLate, Title: "From the producer to the client, values of 1 KiB", Explain: "As above.", Columns: latencyColumns},
	{
		Group: groupIdle, Title: "Memory of clients that wait",
		Explain: "Resident memory of the server's process, as Linux counts it; nobody asks for a garbage collection. The first client is connected before, so that what a topic costs is not a client's. It is read until after the first heartbeats; what sockets cost in the kernel is not in it.",
		Columns: []report.Column[sample]{
			report.NewColumn("KiB a client", 1, perClient.Of),
			report.NewColumn("at most", 1, sample.mostPerClient),
			report.NewColumn("MB with one client", 1, func(s sample) float64 { return float64(s.Before) / (1 << 20) }),
			report.NewColumn("MB with all", 1, func(s sample) float64 { return float64(s.After) / (1 << 20) }),
		},
	},
}
