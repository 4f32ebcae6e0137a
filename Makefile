# The table of contents of the project's habits; `make help` prints it, CI runs the same targets.
# Building, running and testing need Go and nothing else; `up` and its kin need Docker.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

# Tools are pinned in tools.mod, apart from what the binary is built from.
TOOL := go tool -modfile=tools.mod
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# The race detector needs cgo. Go reports cgo as off where it finds no C compiler.
RACE = $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)
# The Kafka client's own tag: with it, fake time passes while the client waits for one of its locks. The
# tests in fake time run without the race detector, whose own runtime fails on them.
FAKE_TIME = synctests
GOTEST = $(TOOL) gotestsum --format pkgname-and-test-fails --

# How long each fuzz target runs in `make fuzz`.
FUZZTIME ?= 10s

# Compose v2, as a plug-in of docker or under its older name.
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
COMPOSE_PROD = $(COMPOSE) -f docker-compose.yml -f docker-compose.prod.yml
# Whichever stack is up: the first removes all containers, and each the volumes that its files use.
DOWN = $(COMPOSE_PROD) down -v --remove-orphans && $(COMPOSE) down -v

##@ Develop
.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-20s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## Build bin/sluice, one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags "-X sluice/internal/telemetry.version=$(VERSION)" -o bin/sluice ./cmd/sluice

.PHONY: run
run: build ## Start both services on an embedded broker in one process
	bin/sluice dev

.PHONY: fmt
fmt: ## Format the Go files
	$(TOOL) golangci-lint fmt

.PHONY: tidy
tidy: ## Bring go.mod and go.sum up to date
	go mod tidy

##@ Check
.PHONY: lint
lint: ## Run the linters, over the tests of the Compose stacks too
	$(TOOL) golangci-lint run --build-tags compose,browser,$(FAKE_TIME)

.PHONY: test
test: ## Run the whole suite on the embedded broker, with the race detector where there is a C compiler
	@$(if $(RACE),,echo 'no C compiler found: the suite runs without the race detector')
	$(GOTEST) $(RACE) ./...
	$(GOTEST) -tags $(FAKE_TIME) ./consumer ./internal/webhook

# The end-to-end tests kill and freeze Kafka where they may, so the examples come after them.
.PHONY: test-kafka
test-kafka: ## Run the end-to-end tests and the examples against the Kafka of KAFKA_BROKERS
	@[ -n "$${KAFKA_BROKERS:-}" ] || { echo 'Set KAFKA_BROKERS to the Kafka to test against, as in: make test-kafka KAFKA_BROKERS=localhost:9092' >&2; exit 2; }
	$(GOTEST) $(RACE) -count=1 ./test/...
	$(GOTEST) $(RACE) -count=1 ./examples/...

.PHONY: model
model: ## Run SCHEDULES (3000) random schedules of the processing plane in fake time, and write docs/model.md
	go test -tags $(FAKE_TIME) -timeout 60m -run '^TestNothingIsLostWhateverHappens$$' ./consumer -schedules $${SCHEDULES:-3000} -report $(CURDIR)/docs/model.md

.PHONY: nemesis
nemesis: ## Kill and freeze the members of a group and the broker FAULTS (100) times, and write docs/nemesis.md (KAFKA_BROKERS, KAFKA_PID, KAFKA_START)
	go run ./test/nemesis -faults $${FAULTS:-100} -md docs/nemesis.md

.PHONY: nemesis-smoke
nemesis-smoke: ## The same with one fault of each kind, in three minutes, without the file
	go run ./test/nemesis -faults 7 -max 10m

.PHONY: streams-check
streams-check: ## Have clients of streams break DISCONNECTS (1000) connections while replicas and Kafka are killed, and write docs/streams-check.md (KAFKA_BROKERS, KAFKA_PID, KAFKA_START)
	go run ./test/streams -disconnects $${DISCONNECTS:-1000} -md docs/streams-check.md

.PHONY: streams-check-smoke
streams-check-smoke: ## The same with one short fault of each kind, within a minute, without the file
	go run ./test/streams -hasty -disconnects 100 -faults 7 -clients 12 -replicas 2 -max 2m

.PHONY: streams-deploy
streams-deploy: ## Restart one of two replicas under CLIENTS (1000) streams, then have all catch up at once (KAFKA_BROKERS)
	go run ./test/streams -deploy -clients $${CLIENTS:-1000} -replicas 2 -rate 50

.PHONY: test-browser
test-browser: ## Use the dashboard and the JavaScript client in Chromium; SCREENSHOTS=docs/screenshots keeps pictures
	$(GOTEST) -tags browser -count=1 ./internal/dashboard/... ./internal/stream/live ./test/browser ./examples/...

# The tests remove what they start. The trap is for a test process that is killed: Ctrl-C, a time-out.
compose-test = export COMPOSE_PROJECT_NAME=$(1); trap '{ $(DOWN); } >/dev/null 2>&1' EXIT; \
	$(TOOL) gotestsum --format standard-verbose -- -tags compose -count=1 -timeout 30m -run '$(2)' ./test/compose/

.PHONY: test-compose
test-compose: ## Smoke-test the development stack: send, see, save a Go file, see it reloaded (needs Docker)
	@$(call compose-test,sluice-smoke,^(TestSmoke|TestPublishedPorts)$$)

.PHONY: test-compose-ha
test-compose-ha: ## Kill a Kafka node and restart every replica of the production stack under load (needs Docker)
	@$(call compose-test,sluice-ha,^TestHA$$)

.PHONY: real-input
real-input: build ## Send 200,000 lines of real text through both services, compare what came out (on the Kafka of KAFKA_BROKERS if set)
	go run ./test/realinput

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (10s)
	@grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | while IFS=: read -r file func; do \
		echo "== $$file $${func#func }"; \
		go test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")"; \
	done

.PHONY: bench
bench: build ## Measure both services beside programs that do less, and write docs/benchmarks*.md (on the Kafka of KAFKA_BROKERS if set)
	go test -run '^$$' -bench . -benchmem ./...
	go run ./bench/log -md docs/benchmarks.md
	go run ./bench/producer -json docs/benchmarks-producer.json -md docs/benchmarks-producer.md
	go run ./bench/consumer -json docs/benchmarks-consumer.json -md docs/benchmarks-consumer.md
	go run ./bench/stream -json docs/benchmarks-stream.json -md docs/benchmarks-stream.md

.PHONY: bench-smoke
bench-smoke: build ## Run the benchmarks of both services for a moment, to see that they work and that nothing is lost
	go run ./bench/producer -rounds 1 -seconds 1
	go run ./bench/consumer -rounds 1 -seconds 0.5 -records 500000
	go run ./bench/stream -smoke

.PHONY: long-upload
long-upload: ## Upload 10 GB of NDJSON in one request and look at the memory (UPLOAD_MB=10240; on the Kafka of KAFKA_BROKERS if set)
	UPLOAD_MB=$${UPLOAD_MB:-10240} go test -count=1 -timeout 60m -v -run '^TestALongUpload$$' ./test/e2e

##@ Examples
.PHONY: example-fleet
example-fleet: ## Run the example "fleet" on an embedded broker, or on the Kafka of KAFKA_BROKERS; ARGS are its flags
	go run ./examples/fleet $(ARGS)

.PHONY: example-ledger
example-ledger: ## Run the example "ledger" in the same way
	go run ./examples/ledger $(ARGS)

.PHONY: example-crawler
example-crawler: ## Run the example "crawler" in the same way
	go run ./examples/crawler $(ARGS)

.PHONY: example-logs
example-logs: ## Run the example "logs" in the same way
	go run ./examples/logs $(ARGS)

##@ Docker Compose: development
.PHONY: up
up: ## Start the development stack, with hot reload, in the foreground
	$(COMPOSE) up --build --remove-orphans

.PHONY: down
down: ## Remove the stack that is up, its networks and its volumes: the data in Kafka are gone
	$(DOWN)

.PHONY: stop
stop: ## Remove the stack that is up but keep its volumes
	$(COMPOSE_PROD) down --remove-orphans

.PHONY: rebuild
rebuild: ## Build the images again without the cache
	$(COMPOSE) build --no-cache

.PHONY: test-produce
test-produce: ## Send a test message to service A
	curl -X POST http://localhost:8001/produce -H "Content-Type: application/json" -d '{"content": "Test message from Makefile"}'

.PHONY: logs-a
logs-a: ## Follow the log of service A
	$(COMPOSE) logs -f microservice-a

.PHONY: logs-b
logs-b: ## Follow the log of service B, where the messages arrive
	$(COMPOSE) logs -f microservice-b

.PHONY: sh-a
sh-a: ## Open a shell in service A's container (development only: the production image has none)
	$(COMPOSE) exec microservice-a bash

.PHONY: sh-b
sh-b: ## Open a shell in service B's container (development only: the production image has none)
	$(COMPOSE) exec microservice-b bash

.PHONY: clean
clean: ## Remove Docker's unused data, of other projects too
	docker system prune -f

##@ Docker Compose: production
.PHONY: up-prod
up-prod: ## Build and start the production stack in the background; makes a first key where there is none, and shows it
	VERSION='$(VERSION)' $(COMPOSE_PROD) build
	@dir="$${SLUICE_KEYS:-$(CURDIR)/deploy/keys}"; [ -e "$$dir/keys" ] || { mkdir -p "$$dir"; \
	  docker run --rm --user "$$(id -u):$$(id -g)" -v "$$dir:/keys" sluice:prod keys new main --file /keys/keys; \
	  chmod 755 "$$dir"; chmod 644 "$$dir/keys"; }; \
	  [ -e "$$dir/tickets" ] || { head -c 48 /dev/urandom | base64 -w 0 >"$$dir/tickets"; chmod 644 "$$dir/tickets"; }
	VERSION='$(VERSION)' $(COMPOSE_PROD) up -d --remove-orphans
