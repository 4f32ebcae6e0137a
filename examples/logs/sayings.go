package main

// services are those whose lines are made up, the one that says most first.
var services = [...]string{
	"gateway", "checkout", "nginx-edge", "search", "catalog", "postfix", "cart", "sessions", "haproxy", "payments",
	"inventory", "sshd", "pricing", "recommend", "dnsmasq", "profile", "reviews", "cron", "shipping", "invoices",
	"ntpd", "fraud", "mailer", "switch-7", "thumbnails", "exports", "router-2", "coupons", "ledger", "printer-3",
}

// sayings are what they say, by level; traffic.fill says what the variables are.
var sayings = [levels][]string{
	levelDebug: {"cache miss for key $x", "connection $n of the pool was idle and is reused", "parsed $n rows of batch $x"},
	levelInfo: {
		"GET /orders/$n 200", "GET /items/$x/stock 200", "POST /orders 201 for $u", "$u signed in from $a",
		"plan $q is offered to $u", "job $x has finished, $n rows", "flushed $n entries", "accepted a connection from $a",
	},
	levelWarn: {"retry $n of a request to $a", "plan $q will be withdrawn, $u still has it", "queue has $n entries"},
	levelError: {
		"upstream $a did not answer", "deadlock found when locking row $n", "cannot write $x: no space left on device", "payment of $u refused: limit $n",
	},
}
