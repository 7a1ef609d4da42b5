# Two commands do all: `make demo` and `make test`. Each builds its environment first.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test test-fast test-exhaustive lint bench clean

demo: $(INSTALLED)
	$(BIN)/l2rl run quickstart --force
	$(BIN)/l2rl run quickstart_finetune --force

test: $(INSTALLED)
	.ci/browser
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "not exhaustive"

test-fast: $(INSTALLED)
	.ci/browser
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "not slow and not exhaustive"

# Every component on every learner, every example, the wheel and packages of others: for who changes
# the contract, and for CI.
test-exhaustive: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --dist loadgroup -m exhaustive

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy l2rl components envs

bench: $(INSTALLED)
	$(BIN)/python benchmarks/learners.py
	$(BIN)/python benchmarks/minigames.py
	$(BIN)/python benchmarks/arm.py
	$(BIN)/python benchmarks/starcraft2.py
	$(BIN)/python benchmarks/buffers.py
	$(BIN)/python benchmarks/metrics.py

# Torch first and held by the constraints, so that no resolver picks another build.
$(INSTALLED): pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c .ci/constraints.txt torch
	$(BIN)/python -m pip install --quiet -c .ci/constraints.txt -e ".[dev]"
	touch $(INSTALLED)

clean:
	rm -rf .venv build *.egg-info
