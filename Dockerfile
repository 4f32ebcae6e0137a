# The images of Sluice: `dev` (hot reload, source bind-mounted), `prod` (one static binary), `proxy` (Caddy).
# No `RUN --mount` and no `# syntax` line: the file builds with BuildKit and with the legacy builder,
# and where no network is left once the base images are there.

# Dependencies first: this layer is built again only when go.mod or go.sum change.
FROM golang:1.26-bookworm AS modules
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download

# Compiled once here, not at every start as `go tool` would; the version is that of tools.mod.
FROM modules AS dev
# Where the compose file mounts a volume that both services share.
ENV GOCACHE=/var/cache/go-build
COPY tools.mod tools.sum ./
RUN go build -modfile=tools.mod -o /usr/local/bin/air github.com/air-verse/air && go clean -cache
# The same `command:` (producer, consumer) starts this image and the production one.
ENTRYPOINT ["air", "-c", "deploy/air.toml", "--"]

FROM modules AS build
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X sluice/internal/telemetry.version=${VERSION}" -o /out/sluice ./cmd/sluice

FROM gcr.io/distroless/static-debian12:nonroot AS prod
COPY --from=build /out/sluice /usr/local/bin/sluice
# By number, so that an orchestrator can see that it is not root.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/sluice"]

# Caddy with its configuration, and the binary for `sluice healthcheck`.
FROM caddy:2.11 AS proxy
COPY deploy/Caddyfile /etc/caddy/Caddyfile
COPY --from=build /out/sluice /usr/local/bin/sluice
