# Everything a person types. `make demo` and `make test` work on a fresh Debian with python3, make and git.

UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --frozen --quiet
JOBS ?= 2
ROWS ?= 50000000

.PHONY: demo test check test-long bench bench-long format clean

demo: .venv/ready
	$(RUN) ebbtide demo $(ARGS)

test: check
	tools/get_browser.sh
	$(RUN) pytest -n $(JOBS) --dist worksteal

check: .venv/ready
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports

test-long: .venv/ready
	tools/get_browser.sh
	$(RUN) pytest -m long

bench: .venv/ready
	$(RUN) python -m bench

bench-long: .venv/ready
	for part in purge whole; do $(RUN) python -m bench --only $$part --rows $(ROWS); done

format: .venv/ready
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

clean:
	rm -rf .venv .uv demo-data

.uv/bin/uv:
	tools/get_uv.sh

.venv/ready: $(filter .uv/bin/uv,$(UV)) uv.lock pyproject.toml package-lock.json build_assets.py
	$(UV) sync --frozen --quiet
	touch $@
