package dialect_test

import (
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
