# The one door: everything a person or CI does here is a target. Plain `make` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DELETE_ON_ERROR:

# The newest Python that the pinned dependencies were tested on; `make setup PYTHON=/path/to/python` overrides the search.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	"$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { command -v "$$name"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check

# Tests run on this many processes; `make test WORKERS=0` keeps them in one, for a debugger.
WORKERS ?= 2
# Further arguments for pytest or the benchmarks: make test ARGS="tests/unit -k tie"
ARGS ?=
# `make run ONCE=1` ends after the table instead of staying up.
ONCE ?=

.PHONY: help setup run test check generate bench lock clean

help: ## 列出所有目标 · list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## 建立虚拟环境并安装锁定的依赖 · create .venv and install the pinned dependencies

# The stamp is written last, so an interrupted installation starts again.
$(STAMP): pyproject.toml requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "需要 Python 3.11 或更高版本（含 venv）· Python 3.11 or newer with venv is needed" >&2; exit 1; }
	@echo "setup: $$("$(PYTHON)" --version) → $(VENV)"
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

run: $(STAMP) ## 载入示例目录，启动两个服务并审查（ONCE=1 出表即止）· load the sample catalogue, start both services, audit it
	@ONCE=$(ONCE) $(BIN)/python examples/run.py

test: $(STAMP) ## 运行全部测试 · run all tests
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) $(ARGS)

check: $(STAMP) ## 静态检查：风格、格式、类型、依赖方向、生成文件 · lint, format, types, dependency direction, generated files
	@echo "ruff check";  $(BIN)/ruff check --quiet .
	@echo "ruff format"; $(BIN)/ruff format --quiet --diff .
	@echo "mypy";        $(BIN)/mypy --no-error-summary
	@echo "lint-imports"; report="$$($(BIN)/lint-imports --no-logo 2>&1)" || { echo "$$report"; exit 1; }
	@echo "generated";   $(BIN)/python -m tools.generate --check

generate: $(STAMP) ## 重新生成 openapi/ 等提交入库的文件 · write the generated files that are committed, such as openapi/
	@$(BIN)/python -m tools.generate

bench: $(STAMP) ## 与同类引擎对比性能 · measure against peers, as ratios of one run
	@$(BIN)/python -m benchmarks $(ARGS)

lock: $(STAMP) ## 按 pyproject.toml 重新锁定依赖（含哈希）· pin the newest dependencies with hashes, for all supported Pythons
	@$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --generate-hashes \
		--upgrade --no-config --no-emit-index-url --no-emit-find-links --no-annotate --quiet \
		--custom-compile-command "make lock" --output-file requirements/dev.txt
	@echo "lock: $$(grep -c '==' requirements/dev.txt) packages → requirements/dev.txt"

clean: ## 删除虚拟环境与缓存 · remove .venv, caches and build results
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
