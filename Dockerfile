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

# base, not static: loading the engine without cgo makes the binary ask for the
# C library's loader, also where it never loads the engine.
FROM gcr.io/distroless/base-debian12:nonroot
COPY --from=build /out/actionlog /usr/local/bin/actionlog
EXPOSE 8080 8081
ENTRYPOINT ["/usr/local/bin/actionlog"]
