// Package config puts the settings of all packages together and loads them:
// flag, else environment, else file, else default. Each package owns the
// meaning, the default and the check of its own settings.
package config

import (
	"errors"

	"sluice/internal/access"
	"sluice/internal/broker"
	"sluice/internal/httpserver"
	"sluice/internal/kafka"
	"sluice/internal/producer"
	"sluice/internal/stream"
	"sluice/internal/telemetry"
)

// Config are all settings, in the shape of the file.
type Config struct {
	Kafka     kafka.Config      `yaml:"kafka" embed:"" prefix:"kafka-"`
	Producer  producer.Config   `yaml:"producer" embed:"" prefix:"producer-"`
	Consumer  Consumer          `yaml:"consumer" embed:"" prefix:"consumer-"`
	Broker    broker.Config     `yaml:"broker" embed:"" prefix:"broker-"`
	Auth      Auth              `yaml:"auth" embed:""`
	HTTP      httpserver.Config `yaml:"http" embed:"" prefix:"http-"`
	Admin     Admin             `yaml:"admin" embed:"" prefix:"admin-"`
	Telemetry telemetry.Config  `yaml:"telemetry" embed:"" prefix:"telemetry-"`
}

// Consumer are the settings of service B.
type Consumer struct {
	Listen   []string      `yaml:"listen" help:"Addresses to listen on, host:port, separated by commas."`
	Handlers Handlers      `yaml:"handlers" placeholder:"YAML" help:"What is done with the records, as a YAML list; the log handler on KAFKA_TOPIC (test-topic) when empty."`
	Stream   stream.Config `yaml:"stream" embed:"" prefix:"stream-"`
}

// Admin are the settings of health and metrics.
type Admin struct {
	Listen []string `yaml:"listen" help:"Addresses of health and metrics, which are then nowhere else; on the services' own addresses when empty."`
}

// Default returns the defaults of all packages.
func Default() Config {
	return Config{
		Kafka:     kafka.DefaultConfig(),
		Producer:  producer.DefaultConfig(),
		Consumer:  Consumer{Listen: []string{":8002"}, Stream: stream.DefaultConfig()},
		Broker:    broker.DefaultConfig(),
		Auth:      Auth{Config: access.DefaultConfig()},
		HTTP:      httpserver.DefaultConfig(),
		Telemetry: telemetry.DefaultConfig(),
	}
}

// Validate checks every setting; its errors name them. own are the names of the
// handlers that the program itself has.
func (c Config) Validate(own ...string) error {
	errs := []error{c.Kafka.Validate(), c.Producer.Validate(), c.Consumer.Handlers.validate(own), c.Consumer.Stream.Validate(), c.Broker.Validate(), c.Auth.validate(c.HTTP.TLS.Enabled()), c.HTTP.Validate(), c.Telemetry.Validate()}
	if len(c.Consumer.Listen) == 0 {
		errs = append(errs, errors.New("consumer.listen: at least one address is needed"))
	}
	return errors.Join(errs...)
}
