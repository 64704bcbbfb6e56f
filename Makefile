# c4pipe: `make help` lists the targets. Everything runs in .venv of this checkout, made when it is missing.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PY     := $(BIN)/python
STAMP  := $(VENV)/.installed
# What the demo needs: no packages for clouds, evaluation and development. Where all are installed, these are among them.
DEMO_STAMP := $(VENV)/.installed-demo
FOR_DEMO   := $(if $(wildcard $(STAMP)),$(STAMP),$(DEMO_STAMP))
DOCS_STAMP := $(VENV)/.installed-docs
EXTRAS := beam,train,evaluate,cloud,multilingual,dev

# What the stage targets read and write; override on the command line: make c4 WET='crawl/*.wet.gz' OUT=c4
OUT     ?=
CRAWL   ?= CC-MAIN-2019-18
FILES   ?= 1
VARIANT ?= en
ARGS    ?=
NPROC   ?= 1
WORKERS ?= 2
DATA    ?= data

.PHONY: help setup demo test test-all fuzz lint bench parity dataflow-check engines pictures docs \
        wet c4 vocabulary examples tasks pretrain finetune evaluate export clean

help: ## print this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(STAMP) ## make .venv and install everything

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo 'error: c4pipe needs Python 3.10 or newer; name one: make PYTHON=python3.12 ...' >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install -q --disable-pip-version-check 'setuptools>=68' wheel

$(STAMP): EXTRAS := $(EXTRAS)
$(DEMO_STAMP): EXTRAS := demo
$(DOCS_STAMP): EXTRAS := docs
$(STAMP) $(DEMO_STAMP) $(DOCS_STAMP): setup.py constraints.txt | $(VENV)/bin/python
	@echo 'installing c4pipe[$(EXTRAS)] into $(VENV) (the first time this takes some minutes)'
	@$(PY) -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

demo: $(FOR_DEMO) ## from WET files to a trained T5, in some minutes on two cores; WET='glob' [ASSETS=dir] for other files
	@$(PY) -m c4pipe.demo --output=demo $(if $(WET),--wet='$(WET)') $(if $(ASSETS),--assets='$(ASSETS)')

pictures: $(FOR_DEMO) ## draw docs/pictures from what `make demo` made: [DEMO=demo]
	@$(PY) -m tools.pictures.run --demo=$(or $(DEMO),demo)

docs: $(DOCS_STAMP) ## build the site of the documentation in site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet $(ARGS)
	@echo 'open site/index.html, or: $(BIN)/mkdocs serve'

test: $(STAMP) ## run all tests except the slow ones: [WORKERS=2]
	@$(PY) -m pytest -q -m 'not slow' -n $(WORKERS) $(ARGS)

test-all: $(STAMP) ## run all tests: [WORKERS=2]
	@$(PY) -m pytest -q -n $(WORKERS) $(ARGS)

fuzz: $(STAMP) ## run each fuzzer for SECONDS=1200: [WORKERS=2]
	@C4PIPE_FUZZ_SECONDS=$(or $(SECONDS),1200) $(PY) -m pytest -q -rP tests/fuzzing -n $(WORKERS) $(ARGS)

lint: $(STAMP) ## run ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(STAMP) ## run all benchmarks, each beside a comparable system
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(PY) $$file $(ARGS) || exit $$?; done

parity: $(STAMP) ## compare with the reference's own functions: [WET=glob] [ASSETS=dir]
	@$(PY) -m tools.parity.run $(if $(WET),--wet='$(WET)') $(if $(ASSETS),--assets='$(ASSETS)') $(ARGS)

dataflow-check: $(STAMP) ## translate every pipeline to a Dataflow job without a network, and run its stages in a bare environment
	@$(PY) tests/dataflow_check.py $(ARGS)

engines: $(STAMP) ## run every pipeline on Prism, Flink and Spark on this machine, and compare the files; needs Java, Maven, Go: [ARGS='--engines=prism']
	@$(PY) -m tools.engines.run $(ARGS)
	@C4PIPE_ENGINES=1 $(PY) -m pytest -q tests/engines

wet: $(STAMP) ## download WET files: CRAWL=CC-MAIN-2019-18 FILES=1 [OUT=data/wet]
	@$(PY) -m pipelines.crawl_to_wet --crawl='$(CRAWL)' --num_files=$(FILES) --output='$(or $(OUT),$(DATA)/wet)' $(ARGS)

c4: $(STAMP) ## clean WET files into C4: [WET=glob] [VARIANT=en] [ASSETS=dir] [OUT=data/c4]
	@$(PY) -m pipelines.wet_to_c4 --input='$(or $(WET),$(DATA)/wet/**/*.wet.gz)' --variant='$(VARIANT)' \
	  $(if $(ASSETS),--assets='$(ASSETS)') --output='$(or $(OUT),$(DATA)/c4)' $(ARGS)

vocabulary: $(STAMP) ## train the vocabulary: [C4=data/c4] [OUT=data/vocabulary]
	@$(PY) -m pipelines.c4_to_vocabulary --input='$(or $(C4),$(DATA)/c4)' --output='$(or $(OUT),$(DATA)/vocabulary)' $(ARGS)

examples: $(STAMP) ## write example shards: [C4=data/c4] [VOCABULARY=data/vocabulary] [OUT=data/examples]
	@$(PY) -m pipelines.c4_to_examples --input='$(or $(C4),$(DATA)/c4)' \
	  --vocabulary='$(or $(VOCABULARY),$(DATA)/vocabulary)' --output='$(or $(OUT),$(DATA)/examples)' $(ARGS)

tasks: $(STAMP) ## write task shards: TASKS=glob [VOCABULARY=data/vocabulary] [OUT=data/tasks]
	@$(PY) -m pipelines.tasks_to_examples --input='$(TASKS)' \
	  --vocabulary='$(or $(VOCABULARY),$(DATA)/vocabulary)' --output='$(or $(OUT),$(DATA)/tasks)' $(ARGS)

pretrain: $(STAMP) ## train: [EXAMPLES=data/examples] [NPROC=1] [OUT=data/run] ARGS='--preset=t5_small ...'
	@$(BIN)/torchrun --nproc_per_node=$(NPROC) -m model.pretrain --examples='$(or $(EXAMPLES),$(DATA)/examples)' \
	  --output='$(or $(OUT),$(DATA)/run)' --resume $(ARGS)

finetune: $(STAMP) ## fine-tune: [RUN=data/run] [TASKS=data/tasks] [NPROC=1] [OUT=data/finetuned]
	@$(BIN)/torchrun --nproc_per_node=$(NPROC) -m model.finetune --checkpoint='$(or $(RUN),$(DATA)/run)' \
	  --tasks='$(or $(TASKS),$(DATA)/tasks)' --output='$(or $(OUT),$(DATA)/finetuned)' --resume $(ARGS)

evaluate: $(STAMP) ## score: [RUN=data/finetuned] [TASKS=data/tasks]
	@$(PY) -m model.evaluate --checkpoint='$(or $(RUN),$(DATA)/finetuned)' --tasks='$(or $(TASKS),$(DATA)/tasks)' $(ARGS)

export: $(STAMP) ## to a Hugging Face folder: [RUN=data/run] [OUT=data/export]
	@$(PY) -m model.export --checkpoint='$(or $(RUN),$(DATA)/run)' --output='$(or $(OUT),$(DATA)/export)' $(ARGS)

clean: ## remove what the demo and the tools made; .venv stays
	rm -rf demo site .parity .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
