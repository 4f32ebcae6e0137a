package dialect_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/internal/producer/dialect"
	"sluice/internal/producer/producertest"
)

// A batch of 100 records of 100 bytes.
func BenchmarkREST2Decode(b *testing.B) {
	w := producertest.New(b, nil)
	value := `{"id":12345,"name":"a device somewhere","reading":21.5,"unit":"degrees","tags":["a","b"],"ok":true}  `
	for _, c := range []struct{ name, media, record string }{
		{"JSON", "application/vnd.kafka.json.v2+json", `{"key":"device-1","value":` + value + `}`},
		{"binary", "application/vnd.kafka.binary.v2+json", `{"key":"ZGV2aWNlLTE=","value":"` + strings.Repeat("YWJj", 34) + `"}`},
		{"text", "application/vnd.kafka.text.v2+json", `{"key":"device-1","value":"` + strings.Repeat("x", 100) + `"}`},
	} {
		body := []byte(`{"records":[` + strings.Repeat(c.record+",", 99) + c.record + `]}`)
		decode := dialect.REST2Decoder(w.Writer, c.media, body)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				decode()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/record")
		})
	}
}

// The same through the handler, the writer and a broker that answers at once,
// all in this process.
func BenchmarkREST2Request(b *testing.B) {
	w := producertest.New(b, nil)
	record := `{"key":"device-1","value":"` + strings.Repeat("x", 100) + `"}`
	body := `{"records":[` + strings.Repeat(record+",", 99) + record + `]}`
	topic := dialect.NewTopic(w.Writer)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/topics/events", strings.NewReader(body))
		r.SetPathValue("topic", "events")
		r.Header.Set("Content-Type", restText)
		rec := httptest.NewRecorder()
		topic.ServeHTTP(rec, r)
		if rec.Code != http.StatusOK {
			b.Fatal(rec.Body)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/record")
}

func BenchmarkREST2Answer(b *testing.B) {
	w := producertest.New(b, nil)
	answer := dialect.REST2Answers(w.Writer)
	b.ReportAllocs()
	for b.Loop() {
		answer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/record")
}
