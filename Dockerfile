# One image for every subcommand that talks to a Kafka and a ClickHouse of their own.
# `standalone` is for a machine with the fetched engine; its library is not in here.

ARG GO_VERSION=1.26

FROM golang:${GO_VERSION}-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/actionlog ./cmd/actionlog

# Not an empty image: loading the engine without cgo makes the binary ask for the
# C library's loader, also where it never loads the engine.
FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/actionlog /usr/local/bin/actionlog
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/usr/local/bin/actionlog"]
