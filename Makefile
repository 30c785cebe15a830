# One target per job; `make help` prints them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# Which cluster: auto (kind where Docker answers, else the local one), current, kind, local.
export CLUSTER ?= auto

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --constraint constraints.txt --editable '.[operator,dev]'
	@touch $@

venv: $(STAMP) ## the Python environment for work

up: ## start the test cluster (idempotent)
	@$(PYTHON) -m deploy.cluster up

down: ## remove the test cluster and everything it made
	@$(PYTHON) -m deploy.cluster down

status: ## what of the test cluster runs
	@$(PYTHON) -m deploy.cluster status

kubeconfig: ## print the kubeconfig's path and nothing else
	@$(PYTHON) -m deploy.cluster kubeconfig

.PHONY: help venv up down status kubeconfig
