package kafka

import (
	"encoding/base64"
	"strings"
)

const topicNotePrefix = "topic-id="

// TopicNote is the metadata of our commits: the id of the topic that the
// committed offset is of, as Kafka prints it. A topic that was deleted and
// created again has the same name and another id.
func TopicNote(id [16]byte) string {
	return topicNotePrefix + base64.RawURLEncoding.EncodeToString(id[:])
}

// OfTopic reports whether a commit with this metadata is one of the topic. A
// commit that somebody else made, with other metadata, is taken to be.
func OfTopic(metadata string, id [16]byte) bool {
	return !strings.HasPrefix(metadata, topicNotePrefix) || metadata == TopicNote(id)
}
