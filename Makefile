# One target per job; `make help` prints them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# Which cluster: auto (kind where Docker answers, else the local one), current, kind, local.
export CLUSTER ?= auto

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

# Unit tests compute, the others wait: for processes of their own, or for a cluster.
COMPUTING := -n 2 --dist worksteal
WAITING := -n 4 --dist worksteal
# One test after the other is given to whichever of the six is free, the long ones first.
SIDE_BY_SIDE := -n 6 --dist loadgroup --no-loadscope-reorder
ON_CLUSTER := tests/integration tests/e2e

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## a cluster, the operator, an MCP server, a tool call
	@$(PY) -m hack.demo

# What needs no cluster runs beside what does: the checks and unit tests while the cluster comes up,
# the component tests beside those on the cluster that run one after the other.
test: $(STAMP) ## unit, component, integration and end-to-end tests, on a real cluster
	@begin=$$SECONDS; mkdir -p build; \
	 echo "check and unit tests run beside what follows: build/unit.log"; \
	 $(MAKE) --no-print-directory check unit > build/unit.log 2>&1 & unit=$$!; \
	 $(MAKE) --no-print-directory up install; result=$$?; \
	 wait $$unit || result=$$?; cat build/unit.log; [ $$result = 0 ] || exit $$result; \
	 $(PY) -m pytest $(SIDE_BY_SIDE) -m "not slow and not alone" $(ON_CLUSTER); result=$$?; \
	 echo "component tests run beside the others: build/component.log"; \
	 $(MAKE) --no-print-directory component > build/component.log 2>&1 & component=$$!; \
	 $(PY) -m pytest -m "not slow and alone" $(ON_CLUSTER) || result=$$?; \
	 wait $$component || result=$$?; cat build/component.log; took=$$((SECONDS - begin)); \
	 echo "make test took $$((took / 60)) min $$((took % 60)) s"; exit $$result

test-slow: install ## the tests that take long: troubles, rollouts, Helm, generated specs, examples
	@$(PY) -m pytest $(SIDE_BY_SIDE) -m "slow and not alone" $(ON_CLUSTER); result=$$?; \
	 $(PY) -m pytest -m "slow and alone" $(ON_CLUSTER) || result=$$?; exit $$result

troubleshooting: install ## write what kubectl shows of each trouble into the page for users
	@MCPWORKLOAD_WRITE_PAGE=1 $(PY) -m pytest tests/e2e/test_troubles.py

test-machine: install ## end the kubelet, change a feature gate, kill the local cluster, take it down
	@$(PY) -m pytest tests/perf tests/machine

bench-exits: install ## how soon an exit is told, and what idleness costs, at 1,000 workloads
	@BENCH_WORKLOADS=1000 $(PY) -m pytest tests/perf/test_exits.py

chaos: install ## five minutes in which everything fails: is every exit told, and told once
	@CHAOS_SECONDS=300 $(PY) -m pytest tests/machine/test_exits_chaos.py

chaos-stdio: install ## two hundred stdio servers killed in the cluster under load, and rollouts
	@KILLS=200 $(PY) -m pytest tests/machine/test_bridge_load.py

conformance: $(STAMP) ## the protocol's own suite before one server, direct and through the bridge
	@$(PY) -m tests.perf.bridge.conformance

bench-bridge: $(STAMP) ## our bridge and others in one run: latency, calls a second, memory, start
	@$(PY) -m tests.perf.bridge.compare

soak-bridge: $(STAMP) ## fifty clients that come and go for SOAK_SECONDS, 600 unless set: what is left
	@SOAK_SECONDS=$${SOAK_SECONDS:-600} $(PY) -m pytest -s tests/perf/bridge/test_soak.py

kill-bridge: $(STAMP) ## two hundred servers killed behind a bridge under load, no cluster needed
	@BRIDGE_KILLS=200 $(PY) -m pytest -s tests/perf/bridge/test_kills.py

unit: $(STAMP) ## the tests that are arithmetic: no process, no socket, no wait
	@$(PY) -m pytest $(COMPUTING) tests/unit

component: $(STAMP) ## the tests of processes and sockets that need no cluster
	@$(PY) -m pytest $(WAITING) tests/component

search: $(STAMP) ## let the generated tests try examples that are new, for minutes
	@$(PY) -m pytest $(COMPUTING) --hypothesis-profile=search --timeout 0 -m hypothesis tests/unit tests/component

check: $(STAMP) ## format, lint, types, import layers, generated files
	@$(VENV)/bin/ruff format --quiet --check .
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy --no-error-summary
	@$(VENV)/bin/lint-imports --no-logo > build/lint-imports.log || { cat build/lint-imports.log; exit 1; }
	@$(PY) -m hack.crdgen --check
	@$(PY) -m hack.clidocs --check

format: $(STAMP) ## rewrite the code the way `check` wants it
	@$(VENV)/bin/ruff format --quiet .
	@$(VENV)/bin/ruff check --quiet --fix .

crds: $(STAMP) ## generate CRD, references and kustomize schema from models and commands
	@$(PY) -m hack.crdgen --write
	@$(PY) -m hack.clidocs --write

up: ## start the test cluster (idempotent)
	@$(PYTHON) -m hack.cluster up

down: ## remove the test cluster and everything it made
	@$(PYTHON) -m hack.cluster down

status: ## what of the test cluster runs
	@$(PYTHON) -m hack.cluster status

kubeconfig: ## print the kubeconfig's path and nothing else
	@$(PYTHON) -m hack.cluster kubeconfig

images: ## build the images and load them into the cluster, or send them to PUSH=REPOSITORY
	@$(PYTHON) -m hack.images $(if $(PUSH),push operator bridge --to $(PUSH),load)

install: images ## install this checkout's operator into the cluster
	@$(PYTHON) -m hack.install apply

uninstall: ## remove the operator, its CRD and every workload
	@$(PYTHON) -m hack.install delete

constraints: ## write the newest versions that work together into constraints.txt
	@rm -rf build/constraints && $(PYTHON) -m venv build/constraints
	@build/constraints/bin/pip install --quiet '.[operator,bridge,cli,dev]'
	@{ sed '/^[^#]/d' constraints.txt; \
	   build/constraints/bin/pip freeze --exclude mcpworkload; } > build/constraints.txt
	@mv build/constraints.txt constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@echo "installing the Python environment ..."
	@mkdir -p build
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --constraint constraints.txt --editable '.[operator,bridge,cli,dev]'
	@touch $@

.PHONY: help demo test test-slow troubleshooting test-machine bench-exits chaos chaos-stdio conformance bench-bridge soak-bridge kill-bridge unit component search check format crds up down status kubeconfig images install uninstall constraints
