# make run      execute every example notebook at its reduced settings
# make test     unit tests, every notebook reduced, every committed output checked
# make lab      open JupyterLab
# make site     the site of the course, in build/site
# make browser-test [NB=Higgs]    run notebooks in JupyterLab, in a browser
# make newest [NB=Higgs]    the same on Python 3.12 with the newest releases that pyproject.toml allows
# make refresh NB=Higgs    execute a notebook again and store its outputs
# make bench [REAL=folder of official samples]    ours beside what people would use instead, in one table
# make bench-details [REAL=...]    what the pages of the challenges report: rates, models, fidelity
# make lock     write requirements.txt anew from pyproject.toml
# make clean    remove what these commands made, but for .venv
#
# Each makes .venv itself when it is missing or older than its requirements.

PYTHON ?= python3
PY := .venv/bin/python
# Packages of the pinned versions need Python 3.11; on 3.10 the newest that fit are taken.
PINS = $(shell $(PYTHON) -c 'import sys; print("-r requirements.txt" if sys.version_info >= (3, 11) else "")')
NOTEBOOKS = $(wildcard */*.ipynb */solutions/*.ipynb)
# A Python 3.12 that runs: of the system, or the newest of pyenv
PYTHON312 ?= $(shell for p in python3.12 ~/.pyenv/versions/3.12*/bin/python; do \
	$$p -c "" 2>/dev/null && command -v $$p; done | tail -1)

# One thread a process: two processes share two cores, and sums have one order.
one_thread = OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.PHONY: run test lab site browser-test newest chromium refresh bench bench-details lock clean

run: .venv/.ready
	@$(one_thread) $(PY) -m common.notebooks run --profile ci

test: .venv/.ready
	$(PY) -m ruff check .
	$(one_thread) $(PY) -m pytest -n 2 --dist loadfile --nbval tests $(NOTEBOOKS)

lab: .venv/.ready
	$(PY) -m jupyterlab

site: .venv/.ready
	$(PY) -m common.site

browser-test: .venv/.ready chromium
	NB="$(NB)" $(one_thread) $(PY) -m pytest tests/browser/lab.py

newest: build/newest/.ready chromium
	NB="$(or $(NB),Higgs)" $(one_thread) build/newest/bin/python -m pytest tests/browser/lab.py

build/newest/.ready: pyproject.toml
	@test -n "$(PYTHON312)" || { echo "Python 3.12 is needed: make newest PYTHON312=path/of/python3.12"; exit 2; }
	@echo "Setting up build/newest (a few minutes, about 2 GB)"
	@rm -rf build/newest
	@$(PYTHON312) -m venv build/newest
	@build/newest/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[all]"
	@touch $@

chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } || { \
	echo "Chromium is needed: install it, for example with 'sudo apt-get install chromium'"; exit 2; }

refresh: .venv/.ready
	@test -n "$(NB)" || { echo "Say which notebook: make refresh NB=Higgs"; exit 2; }
	$(one_thread) $(PY) -m common.notebooks refresh $(NB)

# The peers are installed beside the pinned packages, which stay as they are.
bench: .venv/.ready
	@$(PY) -m pip install --quiet --disable-pip-version-check $(subst -r,-c,$(PINS)) --editable ".[bench]"
	$(PY) -m tests.benchmarks.bench $(if $(REAL),--real $(REAL)) --readme README.md

bench-details: .venv/.ready
	@$(PY) -m pip install --quiet --disable-pip-version-check $(subst -r,-c,$(PINS)) --editable ".[bench]"
	$(PY) tests/benchmarks/kept_memory.py
	$(PY) tests/benchmarks/higgs_training.py
	$(PY) tests/benchmarks/higgs_models.py
	$(PY) tests/benchmarks/particleimages_models.py
	$(PY) tests/benchmarks/particleimages_vit.py
	$(PY) tests/benchmarks/stronglensing_speed.py
	$(PY) tests/benchmarks/stronglensing_models.py
	$(PY) tests/benchmarks/nmrspin_speed.py
	$(PY) tests/benchmarks/nmrspin_models.py
	$(PY) tests/benchmarks/exoplanet_speed.py
	$(PY) tests/benchmarks/exoplanet_models.py --n 2400 --n-test 1600
	$(PY) tests/benchmarks/quantumml_speed.py
	$(PY) tests/benchmarks/quantumml_models.py
	$(PY) tests/benchmarks/quantumml_sum.py
	$(PY) tests/benchmarks/quantumml_fidelity.py
	$(PY) tests/benchmarks/hackathon_scoring.py
	$(if $(REAL),$(PY) tests/benchmarks/higgs_fidelity.py $(REAL)/Higgs/uci_rows.csv.gz)
	$(if $(REAL),$(PY) tests/benchmarks/particleimages_fidelity.py $(REAL)/ParticleImages/electron_photon_energy.npz)
	$(if $(REAL),$(PY) tests/benchmarks/stronglensing_fidelity.py $(REAL)/StrongLensing)
	$(if $(REAL),$(PY) tests/benchmarks/nmrspin_fidelity.py $(REAL)/NMRSpin)
	$(if $(REAL),$(PY) tests/benchmarks/exoplanet_fidelity.py $(REAL)/Exoplanet --n 1400)
	$(if $(REAL),$(PY) tests/benchmarks/exoplanet_alma.py $(REAL)/Exoplanet --networks 3 --n 1600 --epochs 5)
	$(if $(REAL),DEEPLEARN_DATA=$(REAL) $(PY) tests/benchmarks/quantumml_proxy.py)
	$(if $(REAL),DEEPLEARN_DATA=$(REAL) $(PY) tests/benchmarks/quantumml_encoding.py)

.venv/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; \
	sys.exit(0 if (3, 10) <= v < (3, 14) else "Python 3.10 to 3.13 is needed; %s is Python %d.%d. Try: make PYTHON=python3.11" % (sys.executable, *v[:2]))'
	@echo "Setting up .venv (a few minutes, about 2 GB)"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check $(PINS) --editable ".[all]"
	@touch $@

# The pins of a clean environment. torch is pinned without its build tag, and the CUDA packages that
# only some builds bring are left to pip, so that the same file serves machines with and without a GPU.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet "torch==2.13.0" ".[all]"
	{ echo "# The exact environment in which the course is tested, on Python 3.11."; \
	  echo "# Written by 'make lock' from pyproject.toml: change the ranges there, not the pins here."; \
	  build/lock/bin/python -m pip freeze --exclude deeplearn-hackathon \
	  | grep -v -i -E '^(nvidia-|cuda-|triton)' | sed -E 's/^(torch==[0-9.]+)\+.*/\1/' ; } > requirements.txt

clean:
	rm -rf build .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
