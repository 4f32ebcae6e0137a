package dialect_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the schema says of the dialect's requests is what the decoder takes.
func TestREST2IsDocumented(t *testing.T) {
	c := newCatalog(t, lab(t).Writer, nil)
	_, _, body := c.get("/openapi.json")
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters  []struct{ Name, In string }
			RequestBody struct {
				Content map[string]struct {
					Schema map[string]any
				}
			}
			Responses map[string]struct {
				Content map[string]any
			}
		}
		Components struct {
			Schemas map[string]struct {
				Properties           map[string]any
				Required             []string
				AdditionalProperties any
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &doc))
	for _, path := range []string{"/topics/{topic}", "/topics/{topic}/partitions/{partition}"} {
		post := doc.Paths[path]["post"]
		for _, media := range []string{restJSON, restBinary, restText, restV2, "application/vnd.kafka+json"} {
			require.Contains(t, post.RequestBody.Content, media)
		}
		require.NotContains(t, post.RequestBody.Content, "application/vnd.kafka.avro.v2+json", "always refused")
	}
	for _, status := range []string{"200", "400", "401", "403", "404", "406", "413", "415", "422", "429", "503"} {
		require.Contains(t, doc.Paths["/topics/{topic}/partitions/{partition}"]["post"].Responses[status].Content, restV2, status)
	}
	request := doc.Components.Schemas["Rest2JSONRequest"]
	require.Len(t, request.Properties, 5)
	require.Equal(t, []string{"records"}, request.Required)
	require.Equal(t, false, request.AdditionalProperties)
	for _, name := range []string{"Rest2JSONRecord", "Rest2BinaryRecord", "Rest2TextRecord"} {
		record := doc.Components.Schemas[name]
		require.Len(t, record.Properties, 5, name)
		require.Empty(t, record.Required)
	}
	for path, media := range map[string]string{
		"/topics": restV2, "/topics/{topic}/partitions": restV2, "/topics/{topic}/partitions/{partition}": restV2,
		"/topics/{topic}/partitions/{partition}/offsets": restV2, "/brokers": restV2, "/topics/{topic}": restV2,
		"/v3/clusters": "application/json", "/v3/clusters/{id}": "application/json",
		"/v3/clusters/{id}/topics": "application/json", "/v3/clusters/{id}/topics/{topic}": "application/json",
	} {
		get := doc.Paths[path]["get"]
		for _, status := range []string{"200", "401", "403", "406", "422", "503"} {
			require.Contains(t, get.Responses[status].Content, media, "%s %s", path, status)
		}
	}
}
