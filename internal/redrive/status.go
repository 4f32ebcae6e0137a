package redrive

import (
	"encoding/json"
	"fmt"
	"time"
)

// State is how far a redrive is.
type State string

// The states. All but Running are final.
const (
	Running State = "running"
	// Done: it has looked at everything that was there when it began, or has
	// reached its limit.
	Done State = "done"
	// Stopped: by request, or because its process has ended.
	Stopped State = "stopped"
	// Failed: Error says why. It is safe to run it again.
	Failed State = "failed"
	// TakenOver: another redrive of the group was started.
	TakenOver State = "taken_over"
)

// Counts are what a redrive has seen. Scanned is the sum of the others.
type Counts struct {
	Scanned  int64 `json:"scanned" doc:"Dead letters that were looked at."`
	Redriven int64 `json:"redriven" doc:"Written to the retry topic, with their receipts; of a dry run, what would be."`
	Already  int64 `json:"already_redriven" doc:"Passed over because they have a receipt."`
	Filtered int64 `json:"skipped_by_filter" doc:"Passed over because of a filter."`
	Guarded  int64 `json:"skipped_by_guard" doc:"Passed over by the loop guard: redriven max_replays times before."`
	Foreign  int64 `json:"foreign" doc:"Records that are no dead letters of this group and topic: never redriven."`
}

// Redrive is the status of one. Any replica can tell it, since it is also in
// Kafka.
type Redrive struct {
	ID        string   `json:"id"`
	Group     string   `json:"group"`
	Topics    []string `json:"topics" doc:"The topics of the original records."`
	Request   Request  `json:"request" doc:"What was asked for."`
	Principal string   `json:"principal" doc:"Who has started it; empty where no authentication is configured."`
	State     State    `json:"state" enum:"running,done,stopped,failed,taken_over"`
	Counts    Counts   `json:"counts"`
	// Reasons are, of a dry run, those of the letters that would be redriven.
	Reasons *Histogram `json:"reasons,omitempty" doc:"Of a dry run: why the letters are there that would be redriven."`
	Started time.Time  `json:"started"`
	Updated time.Time  `json:"updated" doc:"When this was last brought up to date."`
	Ended   time.Time  `json:"ended,omitzero"`
	Error   string     `json:"error,omitempty" doc:"Why it has failed, was stopped or taken over."`
}

const (
	// statusEvery is how often a status is written while letters are, and
	// aliveEvery while none are.
	statusEvery = time.Second
	aliveEvery  = 10 * time.Second
	// staleAfter is when the status of a redrive that says "running" is not
	// believed any more. It is longer than any transaction.
	staleAfter = 90 * time.Second
)

// statusPrefix begins the keys of statuses; those of receipts begin with a
// digit.
const statusPrefix = "redrive/"

// parseStatus reads a status that is in Kafka. The key counts, not the text.
func parseStatus(id string, value []byte) (Redrive, bool) {
	var r Redrive
	if err := json.Unmarshal(value, &r); err != nil || r.ID != id {
		return Redrive{}, false
	}
	return r, true
}

// judged is the status as of now: one whose process has died would be running
// for ever.
func (r Redrive) judged(now time.Time) Redrive {
	if r.State == Running && now.Sub(r.Updated) > staleAfter {
		r.State = Failed
		r.Error = fmt.Sprintf("no sign of life since %s: its process has ended, or another redrive of the group was started; it is safe to run it again",
			r.Updated.UTC().Format(time.RFC3339))
	}
	return r
}
