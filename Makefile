# The developer's commands; `make help` lists them.

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help run dev psql migration migrate resync token up certificate down test test-all load bench check format lock openapi client clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: $(VENV)/local ## the API on http://127.0.0.1:8000 with a PostgreSQL of its own (PORT= WORKERS= DATA_DIR=)
	@$(BIN)/python -m deploy.local.run

dev: $(VENV)/local ## as run, with one worker that reloads on a change, and readable logs
	@WORKERS=1 $(BIN)/python -m deploy.local.dev

psql: $(VENV)/local ## a shell on DATABASE_URL, else on the database of `make run`
	@$(BIN)/python -m deploy.local.psql

migration: $(VENV)/local ## write a new revision of the schema, NAME="add colour"
	@$(BIN)/python -m deploy.local.migration "$(or $(NAME),$(error Name it: make migration NAME="add colour"))"

migrate: $(VENV)/local ## bring DATABASE_URL to this release's schema
	@$(BIN)/python -m api.migrations

resync: $(VENV)/local ## let every device of DATABASE_URL start afresh, after a restore
	@$(BIN)/python -m api.migrations.resync

token: $(if $(FOR),,$(VENV)/local) ## print an access token for SUB=alice (MINUTES=60, FOR=compose for the stack that `make up` started)
	@$(if $(FOR),docker compose exec -T api python,$(BIN)/python) -m deploy.local.access_token --sub="$(or $(SUB),$(error Say whose token: make token SUB=alice))" $(if $(MINUTES),--minutes="$(MINUTES)")

up: ## the whole stack on https://localhost:8443, in Docker (SERVICES="api nginx" for some of it)
	@deploy/up $(SERVICES)

certificate: ## print the path of the running stack's certificate, for curl --cacert
	@deploy/certificate

down: ## stop the stack and remove its containers and networks; keeps the data
	@docker compose --profile '*' down --remove-orphans

test: $(VENV)/dev ## run the fast tests against real services
	@$(BIN)/python -m pytest -m "not slow"

# Coverage adds a third of the run time, and the slow tests cover no additional code. Slow tests that failed run
# once more by themselves: on a busy machine, a fault may meet the test's own timing.
test-all: $(VENV)/dev ## run all tests and report coverage
	@$(BIN)/python -m pytest -m "not slow" --cov
	@$(BIN)/python -m pytest -m slow --durations=25 \
		|| { [ $$? = 1 ] && $(BIN)/python -m pytest -m slow --last-failed --last-failed-no-failures=none; }

load: $(VENV)/dev ## a realistic load on the stack, then its latency against 500 ms (SECONDS=60 RATE=40, URL= of `make run`)
	@$(BIN)/python -m tests.load

bench: $(VENV)/dev ## compare with similar APIs, half an hour (QUICK=1 without ten million rows)
	@$(BIN)/python -m tests.bench

check: $(VENV)/dev ## formatter, linter, types, import layers, locked files, workflows
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@PATH="$(CURDIR)/$(BIN):$$PATH" deploy/lock --check
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/zizmor --offline --quiet --no-progress .github

format: $(VENV)/dev ## format the sources and apply the linter's fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(VENV)/dev ## resolve pyproject.toml into the requirement files
	@PATH="$(CURDIR)/$(BIN):$$PATH" deploy/lock

openapi: $(VENV)/dev ## write the OpenAPI document, api/openapi.json
	@$(BIN)/python -m api.openapi.document

client: tests/client/node_modules/.installed ## write the API's types for a TypeScript front end (OUT=tasks-api.d.ts)
	@$(<D)/.bin/openapi-typescript api/openapi.json --default-non-nullable=false --output "$(or $(OUT),tasks-api.d.ts)" >/dev/null

clean: ## delete the environment, the local data, and the stack with its volumes
	@! docker info >/dev/null 2>&1 || docker compose --profile '*' down --remove-orphans --volumes --rmi local
	@! docker info >/dev/null 2>&1 || for title in tasks-api tasks-auth; do \
		docker image prune --force --filter label=org.opencontainers.image.title=$$title >/dev/null; done
	@rm -rf $(VENV) .data .*_cache .coverage .hypothesis
	@find . \( -name __pycache__ -o -name node_modules \) -type d -prune -exec rm -r {} +

$(VENV)/local: requirements-local.txt
	@deploy/local/install "$(PYTHON)" $(VENV) $<
	@touch $@

$(VENV)/dev: requirements-dev.txt
	@deploy/local/install "$(PYTHON)" $(VENV) $<
	@touch $@ $(VENV)/local

tests/client/node_modules/.installed: tests/client/package-lock.json
	@npm --version >/dev/null 2>&1 && node --eval 'process.exit(+(parseInt(process.versions.node) < 20))' \
		|| { echo "Node.js 20 or newer is needed, with npm." >&2; exit 1; }
	@npm ci --prefix tests/client --no-audit --no-fund --loglevel=error >&2
	@touch $@
