# Rollcall. A fresh Debian 12 with Swift 6.3, git and make needs nothing else: `make run`, `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# What the server links, what the build reads, what the code generator runs.
LIBRARIES := libnghttp2-dev libsqlite3-dev zlib1g-dev libxgboost-dev libprotobuf-c-dev libprotobuf-dev
TOOLS := protobuf-compiler protobuf-c-compiler pkg-config
# Foreign clients drive the server: Python from a virtual environment, C++ built by the test. openssl makes certificates.
# SQLite's header lets a test run be recorded, and PostgreSQL prepares every statement of it.
TEST_TOOLS := python3-venv openssl g++ pkg-config libgrpc++-dev protobuf-compiler-grpc libsqlite3-dev postgresql
# The external suites build themselves with these.
INTEROP_TOOLS := dpkg-dev golang-go golang-google-grpc-dev golang-golang-x-oauth2-google-dev \
  golang-github-golang-protobuf-1-3-dev
BENCH_TOOLS := nghttp2-client nghttp2-server

VENV := .build/venv
REQUIREMENTS := Tests/Interop/requirements.txt
VENV_STAMP := $(VENV)/.requirements.txt
SUITES ?= ../shared
# What the last test run gave to SQLite.
CENSUS := .build/sql-census
# `make run DEMO=--exit` ends after the story.
DEMO ?=

# Installs $(1) when something of it is missing, and says so; silent and quick when nothing is.
define apt_install
missing=(); \
if command -v dpkg-query >/dev/null; then \
  for package in $(1); do \
    [[ "$$(dpkg-query -W -f='$${db:Status-Status}' "$$package" 2>/dev/null)" == installed ]] || missing+=("$$package"); \
  done; \
  if (( $${#missing[@]} )); then \
    sudo=(); (( EUID == 0 )) || sudo=(sudo); \
    echo "setup: installing with apt: $${missing[*]}"; \
    "$${sudo[@]}" apt-get update -q; \
    "$${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$${missing[@]}"; \
  fi; \
else \
  echo "setup: this is not a Debian system; these packages (or their equivalents) must be there: $(1)"; \
fi
endef

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install the libraries and tools of a build (apt), if any are missing
	@$(call apt_install,$(LIBRARIES) $(TOOLS))

.PHONY: setup-test
setup-test: setup
	@$(call apt_install,$(TEST_TOOLS))
	@if ! cmp -s $(REQUIREMENTS) $(VENV_STAMP); then \
	  echo "setup: creating the Python environment of the tests in $(VENV)"; \
	  python3 -m venv --clear $(VENV); \
	  $(VENV)/bin/pip install -q --disable-pip-version-check -r $(REQUIREMENTS); \
	  cp $(REQUIREMENTS) $(VENV_STAMP); \
	fi

.PHONY: build
build: setup ## Build the release binary: .build/release/rollcall
	swift build -c release --product rollcall

.PHONY: run
run: build ## Build, then show a whole rollout to 200 devices, and leave the server up
	.build/release/rollcall demo $(DEMO)

# The tests whose statements the census records. Apart from the others also because all tests of a process share as many threads as
# there are cores.
DATABASE_TESTS := ^(StoreTests|ServicesTests|AutomatorTests)\.

.PHONY: test
test: setup-test ## Build and run every test: Swift, then foreign clients in Python
	swift build --build-tests
	Tests/Database/record.sh $(CENSUS) swift test --skip-build --parallel --filter '$(DATABASE_TESTS)'
	swift test --skip-build --parallel --skip '$(DATABASE_TESTS)'
	$(VENV)/bin/python -m pytest Tests/Interop
	$(VENV)/bin/python -m pytest Tests/Database

.PHONY: census
census: setup-test ## Check the plan of every SQL statement, and prepare it on PostgreSQL too
	swift build --build-tests
	Tests/Database/record.sh $(CENSUS) swift test --skip-build --filter '$(DATABASE_TESTS)'
	$(VENV)/bin/python -m pytest Tests/Database

.PHONY: generate
generate: setup ## Regenerate the committed Swift code from proto/
	codegen/generate.sh

.PHONY: check
check: setup-test ## Format lint, generated-code check, schema lint
	.ci/lint

.PHONY: interop
interop: setup ## Run the gRPC interoperability suite of $(SUITES)/conformance
	@$(call apt_install,$(INTEROP_TOOLS) $(TEST_TOOLS))
	Tests/Conformance/interop.sh $(SUITES)/conformance

.PHONY: conformance
conformance: setup ## Run the protobuf conformance suite of $(SUITES)/conformance
	@$(call apt_install,$(INTEROP_TOOLS) g++)
	Tests/Conformance/conformance.sh $(SUITES)/conformance

.PHONY: attack
attack: build setup-test ## Attack a server on loopback: strangers, a tenant's device key and a viewer, an operator beside them
	$(VENV)/bin/python Tests/Interop/attack.py .build/release/rollcall

.PHONY: leaks
leaks: build setup-test ## Call every method ten thousand times in every way that calls end, and look for what stays
	$(VENV)/bin/python Tests/Interop/leaks.py .build/release/rollcall

.PHONY: bench
bench: setup-test ## Measure the server beside its peers in $(SUITES)/bench
	@$(call apt_install,$(INTEROP_TOOLS) $(BENCH_TOOLS))
	PATH="$(abspath $(VENV))/bin:$$PATH" Benchmarks/bench.sh $(SUITES)/bench

.PHONY: clean
clean: ## Remove what was built
	rm -rf .build Tests/Conformance/.build Benchmarks/.build
