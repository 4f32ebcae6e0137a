package config

import (
	"os"

	"sluice/internal/httpserver"
	"sluice/internal/kafka"
	"sluice/internal/telemetry"
)

// Shared are the settings that the commands of both services have.
type Shared struct {
	Auth      Auth              `embed:""`
	HTTP      httpserver.Config `embed:"" prefix:"http-"`
	Admin     Admin             `embed:"" prefix:"admin-"`
	Telemetry telemetry.Config  `embed:"" prefix:"telemetry-"`
}

// SharedOf returns those of cfg.
func SharedOf(cfg Config) Shared {
	return Shared{cfg.Auth, cfg.HTTP, cfg.Admin, cfg.Telemetry}
}

// Into sets those of cfg.
func (s Shared) Into(cfg *Config) {
	cfg.Auth, cfg.HTTP, cfg.Admin, cfg.Telemetry = s.Auth, s.HTTP, s.Admin, s.Telemetry
}

// ServiceB are the settings of a command that runs service B alone, with
// whatever handlers.
type ServiceB struct {
	Kafka    kafka.Config `embed:"" prefix:"kafka-"`
	Consumer Consumer     `embed:"" prefix:"consumer-"`
	Shared
}

// ServiceBOf returns those of cfg.
func ServiceBOf(cfg Config) ServiceB {
	return ServiceB{cfg.Kafka, cfg.Consumer, SharedOf(cfg)}
}

// All returns them among all settings, of which the others have their defaults.
func (s ServiceB) All() Config {
	cfg := Default()
	cfg.Kafka, cfg.Consumer = s.Kafka, s.Consumer
	if topic := os.Getenv("KAFKA_TOPIC"); topic != "" {
		cfg.Producer.Topic = topic // An alias of the default handler's topic, too.
	}
	s.Into(&cfg)
	return cfg
}
