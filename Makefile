# Everything a developer does here; `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PORT WORKERS DATA_DIR
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help run migrate token test test-all check format lock clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: $(VENV)/local ## the API on http://127.0.0.1:8000 with a PostgreSQL of its own (PORT= WORKERS= DATA_DIR=)
	@$(BIN)/python -m deploy.run

migrate: $(VENV)/local ## bring DATABASE_URL to this release's schema
	@$(BIN)/python -m api.migrations

token: $(VENV)/local ## print an access token for SUB=alice
	@$(BIN)/python -m api.auth.devtoken --sub="$(or $(SUB),$(error Say whose token: make token SUB=alice))"

test: $(VENV)/dev ## the tests, on real parts
	@$(BIN)/python -m pytest -m "not slow" --cov

test-all: $(VENV)/dev ## also the slow tests
	@$(BIN)/python -m pytest --cov

check: $(VENV)/dev ## formatter, linter, types, import layers, locked files
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@PATH="$(CURDIR)/$(BIN):$$PATH" deploy/lock --check

format: $(VENV)/dev ## rewrite the sources as the formatter and the linter want them
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(VENV)/dev ## resolve pyproject.toml into the requirement files
	@PATH="$(CURDIR)/$(BIN):$$PATH" deploy/lock

clean: ## delete the environment and the local data
	@rm -rf $(VENV) .data .*_cache .coverage .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -r {} +

$(VENV)/local: requirements-local.txt
	@deploy/install $(PYTHON) $(VENV) $<
	@touch $@

$(VENV)/dev: requirements-dev.txt
	@deploy/install $(PYTHON) $(VENV) $<
	@touch $@ $(VENV)/local
