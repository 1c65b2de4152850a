# `make` lists the targets. GNU make 4.3, Go, npm, and a POSIX shell are all that
# has to be there; what else a target needs it installs, or it says what is missing.

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

# Tools run at a pinned version through the Go module cache: nothing to install,
# and no trace of them in go.mod.
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK   := golang.org/x/vuln/cmd/govulncheck@v1.9.0

VERSION ?= $(or $(shell git describe --tags --always --dirty 2>/dev/null),dev)

# make run ARGS='…' replaces what standalone is started with;
# make test PKG=./pkg/action TESTFLAGS='-run TestX -v' narrows the tests.
ARGS      ?= --demo
PKG       ?= ./...
TESTFLAGS ?=

ENGINE       := pkg/embedded/engine
ENGINE_STAMP := $(ENGINE)/node_modules/.package-lock.json

# What checks the page's accessibility in its tests.
AXE       := query/webtest
AXE_STAMP := $(AXE)/node_modules/.package-lock.json

KAFKA       := pkg/embedded/kafka4
KAFKA_STAMP := $(KAFKA)/libs/.complete

# $(call need,command,what to do): stop with a clear message when it is not installed.
need = @command -v $(1) >/dev/null || { echo "make: $(1) is not on the PATH. $(2)" >&2; exit 1; }
need_go  = $(call need,go,Install the Go version that go.mod names or a newer one.)
need_npm = $(call need,npm,Install Node.js with npm: it fetches $(1).)
npm_ci   = npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier

# $(call install,packages,what to do): install Debian packages where that is ours to do.
define install
	if [ "$$(id -u)" = 0 ] && [ -f /etc/debian_version ] && command -v apt-get >/dev/null; then \
		echo "make $@: installing $(1)" >&2; \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) >/dev/null; \
	else false; fi || { echo "make $@: $(2)" >&2; exit 1; }
endef

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: engine ## Build bin/actionlog and fetch the embedded engine
	$(need_go)
	CGO_ENABLED=0 go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/actionlog ./cmd/actionlog

# exec: Ctrl-C reaches the process itself, which stops in order and exits 0.
.PHONY: run
run: build ## Build and start everything on this machine, with demo events
	@exec bin/actionlog standalone $(ARGS)

# With ACTIONLOG_ENGINE_LIB set the library is already somewhere else.
.PHONY: engine
engine: $(if $(ACTIONLOG_ENGINE_LIB),,$(ENGINE_STAMP)) ## Fetch the embedded ClickHouse engine if it is not there
	@:

# npm ci takes exactly what the lock file names, checks it against the hashes there,
# and keeps it in npm's own cache. Its last step is to write the stamp.
$(ENGINE_STAMP): $(ENGINE)/package-lock.json
	$(call need_npm,the embedded ClickHouse engine)
	@echo 'fetching the ClickHouse engine (about 560 MB unpacked, once)' >&2
	@cd $(ENGINE) && $(npm_ci) || { \
		echo 'make engine: npm could not fetch the engine. It exists for Linux with glibc on x86-64;' \
			'elsewhere run ingest and query against a ClickHouse server (docker-compose.yml).' >&2; exit 1; }
	@touch $@

.PHONY: test
test: engine test-tools ## Install what the tests need and run them with the race detector
	CGO_ENABLED=1 go test -race -timeout 20m $(TESTFLAGS) $(PKG)

# Kafka 4 is to decide where the embedded broker is too kind: the same tests, another
# broker. Java and Maven are the only parts whose absence passes for a skipped test.
.PHONY: test-kafka
test-kafka: ## Run the tests that use Kafka against Apache Kafka 4 (Java 17, Maven)
	@for tool in java mvn; do \
		command -v $$tool >/dev/null || { echo "make $@: SKIPPED, nothing was tested on Kafka 4: $$tool is not on the PATH" >&2; exit 0; }; \
	done; \
	exec $(MAKE) --no-print-directory kafka4

# Of cmd, the tests that have no standalone in them: that one has the embedded broker.
# PKG=… on the command line narrows it all to those packages.
KAFKA_CMD_TESTS := ^Test(ServicesRunApart|Rejected|Retry|AnInterruptedRetry|Ledger|Replay|Torture$$)
.PHONY: kafka4
kafka4: export ACTIONLOG_TEST_KAFKA_LIBS = $(CURDIR)/$(KAFKA)/libs
kafka4: engine test-cc $(KAFKA_STAMP)
	@echo "testing on $$(basename $(KAFKA)/libs/kafka_*.jar .jar)"
ifeq ($(origin PKG),command line)
	CGO_ENABLED=1 go test -race -count=1 $(TESTFLAGS) $(PKG)
else
	CGO_ENABLED=1 go test -race -count=1 -skip '^TestModel' $(TESTFLAGS) ./ingest/... ./pkg/emit/... # the model has no Kafka
	CGO_ENABLED=1 go test -race -count=1 -run '$(KAFKA_CMD_TESTS)' -v ./cmd/actionlog -torture.rounds 5
endif

# -C: what does not match the registry's checksums is an error.
$(KAFKA_STAMP): $(KAFKA)/pom.xml
	$(call need,mvn,Install Maven and Java 17: it fetches Apache Kafka.)
	@echo 'fetching Apache Kafka (43 MB, once)' >&2
	@rm -rf $(KAFKA)/libs
	@mvn -q -B -C -Dstyle.color=never -f $(KAFKA)/pom.xml dependency:copy-dependencies
	@touch $@

.PHONY: model
model: ## Drive the protocol of ingest through 50,000 random schedules, and plant bugs
	$(need_go)
	go test -count=1 -run '^TestModel' -v ./ingest -model.schedules 50000

# TIMES=2 SEED=7 for fewer, and others.
TIMES ?= 10
.PHONY: oracle
oracle: engine ## Ask thousands of random questions, and compare the answers with plain Go
	$(need_go)
	go test -count=1 -timeout 3h -run '^Test(Oracle|.*PlainGo)$$' -v ./pkg/store -oracle.times $(TIMES) -oracle.seed $(SEED)

# KILLS=10 SEED=1 for a shorter run, or the same one again.
KILLS ?= 100
SEED  ?= 0
.PHONY: torture
torture: engine ## Kill, stall and cut off the real parts at random, and look for what is lost
	$(need_go)
	go test -count=1 -timeout 3h -run '^TestTorture$$' -v ./cmd/actionlog -torture.kills $(KILLS) -torture.seed $(SEED)

.PHONY: torture-kafka
torture-kafka: export ACTIONLOG_TEST_KAFKA_LIBS = $(CURDIR)/$(KAFKA)/libs
torture-kafka: $(KAFKA_STAMP) torture ## The same with Apache Kafka 4 as the broker (Java 17, Maven)

# The last line holds every figure as JSON.
.PHONY: bench
bench: engine ## Run the benchmarks of every package
	$(need_go)
	@go test -run '^$$' -bench . -benchmem ./... | tee /dev/stderr | awk ' \
		/^Benchmark/ { name = $$1; sub(/-[0-9]+$$/, "", name); line = ""; \
			for (i = 3; i < NF; i += 2) line = line (line == "" ? "" : ",") "\"" $$(i + 1) "\":" $$i; \
			all = all (all == "" ? "" : ",") "\"" name "\":{" line "}" } \
		END { print "{" all "}" }'

# EVENTS=20000000 for more; MONTHS=250 MIXED=true for blocks that hold every month.
EVENTS ?= 3000000
MONTHS ?= 6
MIXED  ?= false
.PHONY: bench-ingest
bench-ingest: engine ## Measure ingest against the engine's own insert of the same rows
	$(need_go)
	@$(bench_cmd) '^TestBenchIngest$$' -bench.events $(EVENTS) -bench.months $(MONTHS) -bench.mixed=$(MIXED) $(json_last)

FOR ?= 10m
.PHONY: bench-trickle
bench-trickle: engine ## Measure how soon a lone event is found, and how many parts a trickle makes
	$(need_go)
	@$(bench_cmd) '^TestBenchTrickle$$' -bench.trickle $(FOR) $(json_last)

# N=2000000 and N=100000000 for the slope. The events are built once and kept in
# BENCH_DIR: 100 million take 8 GB and half an hour.
N         ?= 20000000
BENCH_DIR ?= .bench
.PHONY: bench-search
bench-search: engine ## Measure questions over N events at the API and at the engine
	$(need_go)
	@$(bench_cmd) '^TestBenchSearch$$' -bench.search $(N) -bench.dir $(abspath $(BENCH_DIR)) $(json_last)

# CLIENTS analysts, each of whom looks at an answer for PAUSE, while RATE events a
# second arrive.
CLIENTS ?= 64
PAUSE   ?= 5s
RATE    ?= 20000
.PHONY: bench-analysts
bench-analysts: engine ## Measure questions that are asked at once while ingest runs
	$(need_go)
	@$(bench_cmd) '^TestBenchAnalysts$$' -bench.search $(N) -bench.dir $(abspath $(BENCH_DIR)) -bench.analysts 60s \
		-bench.clients $(CLIENTS) -bench.pause $(PAUSE) -bench.live $(RATE) $(json_last)

LOADS ?= 20
.PHONY: bench-page
bench-page: engine test-browser ## Measure the page in a browser over N events: bytes, time to the table, layout shift
	$(need_go)
	@$(bench_cmd) '^TestBenchPage$$' -bench.search $(N) -bench.dir $(abspath $(BENCH_DIR)) -bench.page $(LOADS) $(json_last)

.PHONY: bench-storage
bench-storage: engine ## Compare layouts of the table over N events: bytes, insert, questions
	$(need_go)
	@$(bench_cmd) '^TestBenchStorage$$' -bench.storage $(N) -bench.dir $(abspath $(BENCH_DIR)) $(json_last)

bench_cmd = go test -count=1 -timeout 3h ./cmd/actionlog -v -run
# The figures come last, whatever the test prints after them.
json_last = | awk '/^\{/ { line = $$0; next } { print } /^(FAIL|--- FAIL)/ { failed = 1 } END { if (line == "" || failed) exit 1; print line }'

# A module of its own, so that the libraries it compares are no dependencies of ours.
.PHONY: bench-json
bench-json: ## Compare JSON libraries on events: time, and what they let pass
	$(need_go)
	@cd pkg/action/jsonbench && go run -mod=mod .

.PHONY: test-tools
test-tools: test-cc test-browser $(AXE_STAMP)

.PHONY: test-cc
test-cc: # the race detector needs a C compiler with its headers
	$(need_go)
	@echo '#include <stdlib.h>' | $$(go env CC) -E - >/dev/null 2>&1 || { \
		$(call install,gcc libc6-dev,the race detector needs a C compiler: install gcc and the C library headers (Debian: gcc libc6-dev).); }

.PHONY: test-browser
test-browser: # the page's tests need a browser
	@for browser in chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable \
			'/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'; do \
		if command -v "$$browser" >/dev/null; then exit 0; fi; \
	done; \
	$(call install,chromium-headless-shell fonts-liberation,the tests of the page need a browser: install chromium or google-chrome so that it is on the PATH.)

$(AXE_STAMP): $(AXE)/package-lock.json
	$(call need_npm,axe-core for the tests of the page)
	@cd $(AXE) && $(npm_ci) >&2 || { echo 'make $@: npm could not fetch axe-core, which checks that everyone can use the page.' >&2; exit 1; }
	@touch $@

.PHONY: screenshots
screenshots: engine test-browser ## Make the pictures of the README from demo events
	$(need_go)
	go test -count=1 -run '^TestPictures$$' ./query/webtest -pictures $(CURDIR)/docs/images

# The page's copy of htmx is committed, so that a build needs no npm; a test holds it to
# the lock file.
WEB := query/web
.PHONY: web-vendor
web-vendor: ## Refresh what the page takes from others, as query/web/package-lock.json has it
	$(call need_npm,htmx)
	@cd $(WEB) && $(npm_ci) >&2
	@cp $(WEB)/node_modules/htmx.org/dist/htmx.min.js $(WEB)/vendor/htmx.min.js
	@cp $(WEB)/node_modules/htmx.org/LICENSE $(WEB)/vendor/htmx.LICENSE
	@openssl dgst -sha384 -binary $(WEB)/vendor/htmx.min.js | base64 >$(WEB)/vendor/htmx.sha384

.PHONY: lint
lint: tidy-check vet golangci-lint vulncheck ## Check format, house rules, go.mod and known vulnerabilities

.PHONY: golangci-lint
golangci-lint:
	$(need_go)
	go run $(GOLANGCI_LINT) run

.PHONY: vet
vet:
	$(need_go)
	go vet ./...

# The one check that asks a server which may be out of reach (an offline build, a
# proxy): then it says that nothing was checked. Everything else that goes wrong fails.
.PHONY: vulncheck
vulncheck:
	$(need_go)
	@echo 'go run $(GOVULNCHECK) ./...'; \
	if out=$$(go run $(GOVULNCHECK) ./... 2>&1); then echo "$$out"; exit 0; fi; \
	echo "$$out" >&2; \
	case "$$out" in \
	*'govulncheck: fetching vulnerabilities:'*) \
		echo 'WARNING: the vulnerability database is out of reach: vulnerabilities were NOT checked.' >&2 ;; \
	*) exit 1 ;; \
	esac

.PHONY: tidy-check
tidy-check: ## Fail when go.mod or go.sum is not tidy
	$(need_go)
	go mod tidy -diff

.PHONY: fmt
fmt: ## Format the code as the linter asks
	$(need_go)
	go run $(GOLANGCI_LINT) fmt

.PHONY: clean
clean: ## Remove what make built and fetched; never the data directory
	rm -rf bin $(ENGINE)/node_modules $(AXE)/node_modules $(KAFKA)/libs
