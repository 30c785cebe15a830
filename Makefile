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
WAITING := -n 3 --dist worksteal
# One test after the other is given to whichever of the six is free, the long ones first.
SIDE_BY_SIDE := -n 6 --dist loadgroup --no-loadscope-reorder
ON_CLUSTER := tests/integration tests/e2e

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## start a cluster, the operator and an MCP server, and call a tool
	@$(PY) -m hack.demo

# What needs no cluster runs beside what does: the checks and unit tests while the cluster comes up,
# the component tests beside those on the cluster that run one after the other.
test: $(STAMP) ## unit, component, integration and end-to-end tests, on a real cluster
	@begin=$$SECONDS; mkdir -p build; \
	 echo "check and unit tests run beside what follows: build/unit.log"; \
	 $(MAKE) --no-print-directory check unit > build/unit.log 2>&1 & unit=$$!; \
	 $(MAKE) --no-print-directory up install servers; result=$$?; \
	 wait $$unit || result=$$?; cat build/unit.log; [ $$result = 0 ] || exit $$result; \
	 $(PY) -m pytest $(SIDE_BY_SIDE) -m "not slow and not alone" $(ON_CLUSTER); result=$$?; \
	 echo "component tests run beside the others: build/component.log"; \
	 $(MAKE) --no-print-directory component > build/component.log 2>&1 & component=$$!; \
	 $(PY) -m pytest -m "not slow and alone" $(ON_CLUSTER) || result=$$?; \
	 wait $$component || result=$$?; cat build/component.log; took=$$((SECONDS - begin)); \
	 echo "make test took $$((took / 60)) min $$((took % 60)) s"; exit $$result

test-slow: install ## the slow tests on a cluster: troubles, rollouts, Helm, generated specs, examples
	@$(PY) -m pytest $(SIDE_BY_SIDE) -m "slow and not alone" $(ON_CLUSTER); result=$$?; \
	 $(PY) -m pytest -m "slow and alone" $(ON_CLUSTER) || result=$$?; exit $$result

troubleshooting: install ## write what kubectl shows of each trouble into docs/troubleshooting.md
	@MCPWORKLOAD_WRITE_PAGE=1 $(PY) -m pytest tests/e2e/test_troubles.py

isolation-matrix: install ## write what isolated servers reach into docs/isolation-matrix.md
	@MCPWORKLOAD_WRITE_PAGE=1 $(PY) -m pytest tests/e2e/isolation/test_matrix.py

test-machine: install ## tests that need the machine alone: they end the kubelet and the local cluster
	@$(PY) -m pytest tests/perf tests/machine

bench: $(STAMP) ## measure the operator at 100, 1,000 and 10,000 workloads, beside a bare loop; takes hours
	@$(PY) -m tests.perf.scale --sizes 100,1000,10000 --out build/bench.json --page

bench-short: $(STAMP) ## the same at 200 workloads, in minutes: fail where a limit is missed
	@$(PY) -m tests.perf.scale --sizes 200 --scenarios create,idle,reaction,update,restart --brevity 0.2 --check --out build/bench-short.json

bench-exits: install ## measure at 1,000 workloads the delay of exits, and the cost while nothing changes
	@BENCH_WORKLOADS=1000 $(PY) -m pytest tests/perf/test_exits.py

bench-scrape: $(STAMP) ## measure what a scrape of ten thousand workloads costs; needs no cluster
	@$(PY) -m tests.perf.scrape

bench-verification: install ## measure what it costs to verify 1,000 and 10,000 pods again and again
	@$(PY) -m tests.perf.verification.cost
	@$(PY) -m tests.perf.verification.many_pods
	@BENCH_WORKLOADS=1000 $(PY) -m pytest tests/perf/test_verification.py

faults: $(STAMP) ## what is lost when something fails (nothing), with 1,000 workloads: an hour; writes docs/faults.md
	@rm -f build/faults.json
	@FAULTS_WORKLOADS=1000 FAULTS_AT_ONCE=1 FAULTS_CUT_SECONDS=300 FAULTS_FIGHT_SECONDS=600 \
	 FAULTS_IDLE_SECONDS=120 FAULTS_QUIET_SECONDS=20 SOAK_WORKLOADS=1000 SOAK_SECONDS=300 \
	 $(PY) -m pytest tests/faults
	@$(PY) -m tests.faults.page

faults-short: $(STAMP) ## the same with 50 workloads, several operators at a time
	@$(PY) -m pytest tests/faults

soak: $(STAMP) ## random changes for SOAK_SECONDS (1800) to SOAK_WORKLOADS (1000): what has grown
	@SOAK_SECONDS=$${SOAK_SECONDS:-1800} SOAK_WORKLOADS=$${SOAK_WORKLOADS:-1000} \
	 FAULTS_WORKLOADS=$${SOAK_WORKLOADS:-1000} $(PY) -m pytest tests/faults -k soak

chaos: install ## five minutes of random failures: each exit has to be reported exactly once
	@CHAOS_SECONDS=300 $(PY) -m pytest tests/machine/test_exits_chaos.py

chaos-stdio: install ## kill two hundred stdio servers in the cluster under load, and roll out
	@KILLS=200 $(PY) -m pytest tests/machine/test_bridge_load.py

conformance: $(STAMP) ## run the MCP conformance suite on one server, directly and through the bridge
	@$(PY) -m tests.perf.bridge.conformance

bench-bridge: $(STAMP) ## compare the bridge with other bridges: latency, calls a second, memory, start
	@$(PY) -m tests.perf.bridge.compare

bench-ready: install servers ## two hundred calls right after Ready, and three hundred verifications of a server
	@VERIFY_ROUNDS=20 VERIFICATIONS=300 $(PY) -m pytest tests/e2e/verification/test_ready_means_ready.py tests/e2e/verification/test_sessions.py

soak-bridge: $(STAMP) ## fifty clients connect and leave for SOAK_SECONDS (600): what remains in the bridge
	@SOAK_SECONDS=$${SOAK_SECONDS:-600} $(PY) -m pytest -s tests/perf/bridge/test_soak.py

kill-bridge: $(STAMP) ## kill two hundred servers behind a bridge under load; needs no cluster
	@BRIDGE_KILLS=200 $(PY) -m pytest -s tests/perf/bridge/test_kills.py

fuzz-egress: $(STAMP) ## let squid read the configuration of FUZZ_PROFILES (10000) profiles
	@$(PYTHON) -m hack.images build egress > build/fuzz-egress.log
	@FUZZ_PROFILES=$${FUZZ_PROFILES:-10000} $(PY) -m pytest tests/component/egress -k any_profile

unit: $(STAMP) ## tests without a process, a socket or a wait
	@$(PY) -m pytest $(COMPUTING) tests/unit

component: $(STAMP) ## tests of processes and sockets; they need no cluster
	@$(PY) -m pytest $(WAITING) tests/component

search: $(STAMP) ## run the generated (hypothesis) tests with new examples, for minutes
	@$(PY) -m pytest $(COMPUTING) --hypothesis-profile=search --timeout 0 -m hypothesis tests/unit tests/component

check: $(STAMP) ## format, lint, types, import layers, generated files
	@$(VENV)/bin/ruff format --quiet --check .
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy --no-error-summary
	@$(VENV)/bin/lint-imports --no-logo > build/lint-imports.log || { cat build/lint-imports.log; exit 1; }
	@$(PY) -m hack.crdgen --check
	@$(PY) -m hack.clidocs --check
	@$(PY) -m hack.dashboard --check

format: $(STAMP) ## rewrite the code the way `check` wants it
	@$(VENV)/bin/ruff format --quiet .
	@$(VENV)/bin/ruff check --quiet --fix .

crds: $(STAMP) ## generate CRD, references and kustomize schema from models and commands
	@$(PY) -m hack.crdgen --write
	@$(PY) -m hack.clidocs --write

dashboard: $(STAMP) ## generate Grafana's dashboard from its panels
	@$(PY) -m hack.dashboard

dashboard-picture: $(STAMP) ## draw docs/dashboard.svg over four minutes of an operator at work
	@$(PY) -m tests.perf.dashboard

up: ## start the test cluster (idempotent)
	@$(PYTHON) -m hack.cluster up

down: ## remove the test cluster and everything it made
	@$(PYTHON) -m hack.cluster down

status: ## show which parts of the test cluster run
	@$(PYTHON) -m hack.cluster status

kubeconfig: ## print the kubeconfig's path and nothing else
	@$(PYTHON) -m hack.cluster kubeconfig

images: ## build the images and load them into the cluster, or send them to PUSH=REPOSITORY
	@$(PYTHON) -m hack.images $(if $(PUSH),push operator bridge egress --to $(PUSH),load)

install: images ## install this checkout's operator into the cluster
	@$(PYTHON) -m hack.install apply

servers: ## build the image of real servers for the tests of verification, and load it
	@$(PYTHON) -m hack.images load servers

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

.PHONY: help demo test test-slow troubleshooting isolation-matrix test-machine bench bench-short bench-exits bench-verification chaos chaos-stdio conformance bench-bridge bench-ready soak-bridge kill-bridge fuzz-egress unit component search check format crds up down status kubeconfig images install servers uninstall constraints bench-scrape dashboard dashboard-picture faults faults-short soak
