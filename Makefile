# Two commands: `make demo` shows a city live, `make test` checks everything. Both set themselves up.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
BIN := .venv/bin
READY := .venv/ready
WORKERS ?= 2
PINNED := --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --python-version 3.11

.PHONY: demo test check faults bench lock sbom audit clean
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 13) else "python must be 3.11 or 3.12; got %d.%d; set PYTHON=/path/to/python3.11" % v[:2])'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

demo: $(READY)  ## a simulated city on embedded Kafka, Valkey and ClickHouse: `make demo ARGS="--seconds 60"`
	$(BIN)/anlan demo $(ARGS)

test: check  ## lint, types, layout and tests, two files at a time: `make test WORKERS=1` is one
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

faults: $(READY)  ## kills every part at random moments: `make faults ARGS="--kills 12 --seed 7 --kinds flow,redis"`
	$(BIN)/python -m tests.faults $(ARGS)

bench: $(READY)  ## what it costs, beside its peers: `make bench SIZE=full RUNS=5 ARGS=reference`
	$(BIN)/python -m benchmarks $(if $(SIZE),--size $(SIZE)) $(if $(RUNS),--runs $(RUNS)) $(ARGS)

lock:  ## pins every dependency, with hashes, and those of an installation; `make lock ARGS=--upgrade` takes newer ones
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet uv
	echo 'setuptools>=77' | $(BIN)/uv pip compile pyproject.toml - --all-extras $(PINNED) $(ARGS) -o requirements.lock
	echo 'setuptools>=77' | $(BIN)/uv pip compile pyproject.toml - --extra supervised -c requirements.lock $(PINNED) -o deploy/requirements.lock

.audit/ready:
	$(PYTHON) -m venv --clear .audit
	.audit/bin/pip install --quiet --disable-pip-version-check 'cyclonedx-bom>=7,<8' 'pip-audit>=2.9,<3'
	touch $@

sbom: .audit/ready  ## every package that is installed with Anlan, as CycloneDX in build/sbom.json
	mkdir -p build
	.audit/bin/cyclonedx-py requirements --pyproject pyproject.toml requirements.lock -o build/sbom.json

audit: .audit/ready  ## known faults of these packages, as far as the package index tells them
	.audit/bin/pip-audit --requirement requirements.lock --require-hashes --disable-pip --format json --progress-spinner off | .ci/audit

clean:
	rm -rf .venv .audit data build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
