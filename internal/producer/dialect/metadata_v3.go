package dialect

import (
	"fmt"
	"net/http"

	"sluice/internal/kafka"
)

// v3Metadata are the endpoints of version 3.
func v3Metadata() []endpoint {
	return []endpoint{
		{"listClusters", "/v3/clusters", "List clusters: the one that there is", v3Media, query.listClusters, v3Clusters{}},
		{"getCluster", "/v3/clusters/{id}", "Describe the cluster", v3Media, query.getCluster, v3Cluster{}},
		{"listClusterTopics", "/v3/clusters/{id}/topics", "List topics", v3Media, query.listClusterTopics, v3Topics{}},
		{"getClusterTopic", "/v3/clusters/{id}/topics/{topic}", "Describe a topic", v3Media, query.getClusterTopic, v3Topic{}},
	}
}

// The answers. Of the links that version 3 can have, those are given whose
// endpoints there are.
type (
	v3Clusters struct {
		Kind     string      `json:"kind" enum:"KafkaClusterList"`
		Metadata v3List      `json:"metadata"`
		Data     []v3Cluster `json:"data"`
	}
	v3Cluster struct {
		Kind      string     `json:"kind" enum:"KafkaCluster"`
		Metadata  v3Resource `json:"metadata"`
		ClusterID string     `json:"cluster_id"`
		Topics    v3Related  `json:"topics"`
	}
	v3Topics struct {
		Kind     string    `json:"kind" enum:"KafkaTopicList"`
		Metadata v3List    `json:"metadata"`
		Data     []v3Topic `json:"data"`
	}
	v3Topic struct {
		Kind                 string     `json:"kind" enum:"KafkaTopic"`
		Metadata             v3Resource `json:"metadata"`
		ClusterID            string     `json:"cluster_id"`
		TopicName            string     `json:"topic_name"`
		IsInternal           bool       `json:"is_internal"`
		ReplicationFactor    int        `json:"replication_factor"`
		PartitionsCount      int        `json:"partitions_count"`
		AuthorizedOperations []string   `json:"authorized_operations" doc:"Always empty: Kafka is not asked for them."`
	}
	v3List struct {
		Self string  `json:"self" doc:"The URL of this list."`
		Next *string `json:"next" doc:"Always null: a list is whole."`
	}
	v3Resource struct {
		Self         string `json:"self" doc:"The URL of this resource."`
		ResourceName string `json:"resource_name"`
	}
	v3Related struct {
		Related string `json:"related" doc:"The URL of what belongs to this."`
	}
)

func (q query) listClusters() (any, *rest2Error) {
	cluster, refused := q.knownCluster()
	if refused != nil {
		return nil, refused
	}
	return v3Clusters{
		Kind: "KafkaClusterList", Metadata: v3List{Self: q.url("/v3/clusters")},
		Data: []v3Cluster{q.describeCluster(cluster)},
	}, nil
}

func (q query) getCluster() (any, *rest2Error) {
	cluster, refused := q.namedCluster()
	if refused != nil {
		return nil, refused
	}
	return q.describeCluster(cluster), nil
}

func (q query) listClusterTopics() (any, *rest2Error) {
	cluster, refused := q.namedCluster()
	if refused != nil {
		return nil, refused
	}
	topics, refused := q.visibleTopics()
	if refused != nil {
		return nil, refused
	}
	list := v3Topics{
		Kind: "KafkaTopicList", Metadata: v3List{Self: q.url("/v3/clusters/" + cluster.ID + "/topics")},
		Data: make([]v3Topic, len(topics)),
	}
	for i, topic := range topics {
		list.Data[i] = q.describeTopic(cluster, topic)
	}
	return list, nil
}

func (q query) getClusterTopic() (any, *rest2Error) {
	cluster, refused := q.namedCluster()
	if refused != nil {
		return nil, refused
	}
	topic, refused := q.namedTopic()
	if refused != nil {
		return nil, refused
	}
	return q.describeTopic(cluster, topic), nil
}

// namedCluster returns the cluster that the path names: there is one.
func (q query) namedCluster() (*kafka.ClusterDescription, *rest2Error) {
	cluster, refused := q.knownCluster()
	if refused != nil {
		return nil, refused
	}
	if id := q.request.PathValue("id"); id != cluster.ID {
		return nil, rest2Wrong(http.StatusNotFound, fmt.Sprintf("there is no cluster %q", id))
	}
	return cluster, nil
}

func (q query) describeCluster(cluster *kafka.ClusterDescription) v3Cluster {
	path := "/v3/clusters/" + cluster.ID
	return v3Cluster{
		Kind: "KafkaCluster", Metadata: v3Resource{q.url(path), "crn:///kafka=" + cluster.ID},
		ClusterID: cluster.ID, Topics: v3Related{q.url(path + "/topics")},
	}
}

func (q query) describeTopic(cluster *kafka.ClusterDescription, topic *kafka.TopicDescription) v3Topic {
	return v3Topic{
		Kind: "KafkaTopic",
		Metadata: v3Resource{
			q.url("/v3/clusters/" + cluster.ID + "/topics/" + topic.Name),
			"crn:///kafka=" + cluster.ID + "/topic=" + topic.Name,
		},
		ClusterID: cluster.ID, TopicName: topic.Name, IsInternal: topic.Internal,
		ReplicationFactor: len(topic.Partitions[0].Replicas), PartitionsCount: len(topic.Partitions),
		AuthorizedOperations: []string{},
	}
}

// url makes a path a link, to the host that the client has asked.
func (q query) url(path string) string {
	scheme := "http://"
	if q.request.TLS != nil {
		scheme = "https://"
	}
	return scheme + q.request.Host + path
}
