package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sluice/bench/producer/load"
)

// recordSize is the size of every value in bytes.
const recordSize = 100

// perBatch is how many records a request of the REST dialect carries.
const perBatch = 100

// form is how a value looks: id is the place of its id.
type form struct {
	value []byte
	id    int
}

var (
	textRecord = newForm("", "")
	jsonRecord = newForm(`{"id":"`, `"}`)
)

// newForm makes a value of recordSize from its beginning and its end.
func newForm(begin, end string) form {
	middle := strings.Repeat("0", load.IDSize) + strings.Repeat("abcdefghij", recordSize/10)
	return form{value: []byte(begin + middle[:recordSize-len(begin)-len(end)] + end), id: len(begin)}
}

// content is the body of POST /produce.
func content() load.Body {
	const begin = `{"content":"`
	return load.Body{Bytes: []byte(begin + string(textRecord.value) + `"}`), IDs: []int{len(begin) + textRecord.id}}
}

// plainBody is a body that is the value itself.
func plainBody() load.Body {
	return load.Body{Bytes: textRecord.value, IDs: []int{textRecord.id}}
}

// batch is a body of the REST dialect, its values as JSON or as base64.
func batch(binary bool) load.Body {
	value, id := string(jsonRecord.value), jsonRecord.id
	if binary {
		value, id = `"`+base64.StdEncoding.EncodeToString(textRecord.value)+`"`, 1
	}
	b := load.Body{Base64: binary}
	for i := range perBatch {
		b.Bytes = append(b.Bytes, map[bool]string{true: `{"records":[`, false: `,`}[i == 0]+`{"value":`...)
		b.IDs = append(b.IDs, len(b.Bytes)+id)
		b.Bytes = append(b.Bytes, value+`}`...)
	}
	b.Bytes = append(b.Bytes, `]}`...)
	return b
}

// What each record without an error has in the answer, and what none has, as
// it is nearly always written.
var (
	noError  = []byte(`"error_code":null`)
	noOffset = []byte(`"offset":null`)
)

// checkBatch looks for failed records in a 200 of the REST dialect. It counts
// before it parses: the generator must not use the time of the gateway.
func checkBatch(body []byte) error {
	if bytes.Count(body, noError) == perBatch && !bytes.Contains(body, noOffset) {
		return nil
	}
	var answer struct {
		Offsets []struct {
			Offset    *int64 `json:"offset"`
			ErrorCode *int   `json:"error_code"`
			Error     string `json:"error"`
		} `json:"offsets"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("answer %q: %w", body, err)
	}
	if len(answer.Offsets) != perBatch {
		return fmt.Errorf("an answer for %d records of %d: %q", len(answer.Offsets), perBatch, body)
	}
	for i, o := range answer.Offsets {
		if o.ErrorCode != nil || o.Offset == nil {
			return fmt.Errorf("record %d of a batch failed: %s", i, o.Error)
		}
	}
	return nil
}

// checkSummary looks at what an NDJSON upload ends with.
func checkSummary(body []byte, lines int64) error {
	var summary struct {
		Written  int64 `json:"written"`
		Failed   int64 `json:"failed"`
		Unknown  int64 `json:"unknown"`
		Complete bool  `json:"complete"`
	}
	if err := json.Unmarshal(body, &summary); err != nil {
		return fmt.Errorf("summary %q: %w", body, err)
	}
	if summary.Written != lines || summary.Failed != 0 || summary.Unknown != 0 || !summary.Complete {
		return errors.New("not every line was written: " + string(body))
	}
	return nil
}
