# Every target does all its own set-up and says what it does. `make` alone explains itself.

STATE  ?= .run
PY     := .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help audit run test test-all test-fast test-changed test-attacks test-cluster test-installed test-versions check fix bench cluster cluster-down lock clean venv prometheus chromium \
	cluster-programs test-programs image images manifests cluster-demo cluster-autoscale

help: ## Say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

run: venv prometheus ## Demo mesh, Prometheus, API server and dashboard, without a cluster
	@exec $(PY) -m demo run --state $(STATE)

test: check prometheus chromium test-programs images ## Everything that must pass
	@$(PY) -m tests.stages test

test-fast: venv ## The tests that need nothing but Python packages: no Prometheus, browser, cluster or built program
	@TESTS_MARKS=1 $(PY) -m tests.stages fast

test-changed: venv prometheus chromium ## The tests that depend on what changed since BASE (where this branch left main); no clusters unless TESTS_CLUSTER=1
	@TESTS_CLUSTER=$${TESTS_CLUSTER:-0} $(PY) -m tests.changed $(BASE)

test-all: ## make test, the long stories, test-versions and test-attacks, one after the other; for a release
	@$(MAKE) --no-print-directory test
	@$(PY) -m tests.stages long
	@$(MAKE) --no-print-directory test-versions
	@$(MAKE) --no-print-directory test-attacks

test-cluster: venv prometheus chromium test-programs images ## Only the tests on a real Kubernetes, and demand that they can run
	@TESTS_CLUSTER=1 $(PY) -m pytest -m cluster

test-installed: venv prometheus test-programs images ## Only those that install into a cluster: TESTS_KUBECONFIG, or one of their own
	@TESTS_CLUSTER=1 $(PY) -m pytest tests/installed -m cluster

ifeq ($(CLUSTER),kind)
cluster: venv image ## A real Kubernetes of one node, from packages (CLUSTER=kind: made by kind); its kubeconfig is in .run/cluster
	@mkdir -p $(STATE)/cluster
	@sh deploy/kind/up $(STATE)/cluster/kubeconfig $(STATE)/image/trafficmetrics.tar
	@echo "tests on it: make test-installed TESTS_KUBECONFIG=$(STATE)/cluster/kubeconfig"

cluster-down:
	@sh deploy/kind/down $(STATE)/cluster/kubeconfig
else
cluster: venv
	@exec $(PY) -m tests.cluster up --state $(STATE)/cluster

cluster-down: venv ## Remove all that a cluster left, also after a crash
	@$(PY) -m tests.cluster down --state $(STATE)/cluster
endif

cluster-demo: venv cluster-programs ## A cluster with our server, its dashboard and the demo mesh as pods, until Ctrl-C
	@exec $(PY) -m tests.installed demo --state $(STATE)/cluster

cluster-autoscale: venv cluster-programs ## The same with autoscalers on mesh traffic: two stories, live, and a verdict
	@exec $(PY) -m tests.installed autoscale --state $(STATE)/cluster

test-attacks: venv prometheus ## The attacks alone, and for longer: 20 times the inputs (TESTS_ATTACKS_SEED chooses others)
	@TESTS_ATTACKS=long $(PY) -m pytest tests/attacks --timeout 1800

test-versions: venv prometheus test-programs ## The contract on a newer Kubernetes, which is built the first time
	@TESTS_CLUSTER=1 CONFORMANCE_KUBERNETES=next $(PY) -m pytest tests/conformance -m cluster \
		-k "past or aggregated or built_in"

check: venv ## Look only: format, lint, types, imports
	@echo "== format" && ruff format --check --quiet .
	@echo "== lint" && ruff check --quiet .
	@echo "== types" && mypy --no-error-summary
	@echo "== imports" && lint-imports --no-logo --no-cache >.venv/imports.log || { cat .venv/imports.log; exit 1; }

fix: venv ## Repair what `make check` finds and a tool can mend
	@ruff check --quiet --fix . || true
	@ruff format --quiet .

bench: venv prometheus ## Measure speed; the figures of the last run stay in .bench/
	@$(PY) -m bench
	@$(PY) -m bench bias

image: ## The container image, with or without a registry: .run/image/trafficmetrics.tar
	@sh deploy/image/make

manifests: venv ## Write what in deploy/ is made from other files there
	@sh deploy/render

audit: ## Look for known faults in the pinned packages; needs pip-audit and the network
	@command -v pip-audit >/dev/null || { echo "make audit: install pip-audit (pipx install pip-audit); it needs the network" >&2; exit 1; }
	@pip-audit --strict --requirement requirements/run.txt --disable-pip --require-hashes

lock: venv ## Pin the dependencies of pyproject.toml anew, with hashes and without any address
	@sh requirements/lock

clean: ## Remove everything that make made
	@if [ -e $(STATE)/mesh.lock ] && ! flock -n $(STATE)/mesh.lock true 2>/dev/null; then \
		echo "make clean: an instance runs in $(STATE); end it first (Ctrl-C in its terminal)" >&2; exit 1; fi
	@sh deploy/kind/down $(STATE)/cluster/kubeconfig
	@if [ -e $(STATE)/cluster/cluster.json ]; then $(MAKE) --no-print-directory cluster-down; fi
	rm -rf .venv .tools .artifacts .bench $(STATE) build *.egg-info .mypy_cache .ruff_cache .pytest_cache \
		.import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@sh requirements/install

prometheus: venv
	@sh demo/fetch-prometheus

cluster-programs: venv
	@$(PY) -m tests.cluster build

test-programs: venv
	@$(PY) -m tests.cluster build --tools

images: venv
	@$(PY) -m tests.installed images

chromium:
	@sh tests/browser/fetch-chromium
