package sluice

import (
	"sluice/internal/httpserver"
	"sluice/internal/producer"
	"sluice/internal/producer/dialect"
)

// producerService is service A: the writer and its HTTP surface.
type producerService struct {
	server *httpserver.Server
	writer *producer.Writer
}

// newProducer wires service A. It does nothing yet.
func (p *Program) newProducer() *producerService {
	conn := p.cfg.Kafka
	if p.opts.Consumer && p.declared(p.cfg.Producer.Topic) {
		conn.Create = false // Service B makes it, as the program wants it.
	}
	writer := producer.NewWriter(p.cfg.Producer, conn, p.log, p.metrics)
	p.healthOf("producer.listen").Check("producer", writer.Ready)
	server := p.newServer("Sluice, service A (producer)",
		"Writes records to Kafka. A 200 means that Kafka has the record with acks=all; every error says in `written` whether it may be there.",
		p.cfg.Producer.Listen, "producer.listen")
	dialect.NewOriginal(writer).Register(server)
	dialect.NewTopic(writer).Register(server)
	dialect.NewPartition(writer).Register(server)
	dialect.NewREST3(writer).Register(server)
	dialect.NewMetadata(writer).Register(server)
	return &producerService{server: server, writer: writer}
}
