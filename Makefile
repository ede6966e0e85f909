# make run      execute every example notebook at its reduced settings
# make test     unit tests, every notebook reduced, every committed output checked
# make lab      open JupyterLab
# make site     the site of the course, in build/site
# make browser-test [NB=Higgs]    run notebooks in JupyterLab, in a browser
# make lint-js    the JavaScript of the site, with ESLint; needs Node
# make newest [NB=Higgs]    the same on Python 3.12 with the newest releases that pyproject.toml allows
# make refresh NB=Higgs    execute a notebook again and store its outputs
# make bench [REAL=folder of official samples]    ours beside what people would use instead, in one table
# make bench-details [REAL=...]    what the pages of the challenges report: rates, models, fidelity
# make lock [UPGRADE=package]    write requirements.txt anew from pyproject.toml
# make clean    remove what these commands made, but for .venv
#
# Each makes .venv itself when it is missing or older than its requirements; with TORCH=cpu, on Linux, of a third of the
# size. Without make: python -m common.install, and then what `deeplearn` lists, in .venv/bin or .venv\Scripts.

PYTHON ?= python3
PY := .venv/bin/python
DEEPLEARN := .venv/bin/deeplearn
# A Python 3.12 that runs: of the system, or the newest of pyenv
PYTHON312 ?= $(shell for p in python3.12 ~/.pyenv/versions/3.12*/bin/python; do \
	$$p -c "" 2>/dev/null && command -v $$p; done | tail -1)

# One thread a process: two processes share two cores, and sums have one order.
one_thread = OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.PHONY: run test lab site browser-test lint-js newest chromium refresh bench bench-details lock clean

run test lab site: .venv/.ready
	@$(DEEPLEARN) $@

browser-test: .venv/.ready chromium
	NB="$(NB)" $(one_thread) $(PY) -m pytest tests/browser/lab.py

lint-js:
	npx --yes eslint@9.39.5 -c tests/eslint.config.mjs .

newest: build/newest/.ready chromium
	NB="$(or $(NB),Higgs)" $(one_thread) build/newest/bin/python -m pytest tests/browser/lab.py

build/newest/.ready: pyproject.toml
	@test -n "$(PYTHON312)" || { echo "Python 3.12 is needed: make newest PYTHON312=path/of/python3.12"; exit 2; }
	@$(PYTHON312) -m common.install --newest --venv build/newest

chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } || { \
	echo "Chromium is needed: install it, for example with 'sudo apt-get install chromium'"; exit 2; }

refresh: .venv/.ready
	@test -n "$(NB)" || { echo "Say which notebook: make refresh NB=Higgs"; exit 2; }
	@$(DEEPLEARN) refresh $(NB)

# The peers are installed beside the pinned packages, which stay as they are.
bench: .venv/.ready
	@$(PY) -m pip install --disable-pip-version-check -c requirements.txt --editable ".[bench]"
	$(PY) -m tests.benchmarks.bench $(if $(REAL),--real $(REAL)) --out tests/benchmarks/measured.json --page BENCHMARKS.md

bench-details: .venv/.ready
	@$(PY) -m pip install --disable-pip-version-check -c requirements.txt --editable ".[bench]"
	$(PY) tests/benchmarks/kept_memory.py
	$(PY) -m tests.benchmarks.learning_curves
	$(PY) -m tests.benchmarks.ablations
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
	$(PY) tests/benchmarks/hackathon_watch.py
	$(if $(REAL),$(PY) tests/benchmarks/higgs_fidelity.py $(REAL)/Higgs/uci_rows.csv.gz)
	$(if $(REAL),$(PY) tests/benchmarks/particleimages_fidelity.py $(REAL)/ParticleImages/electron_photon_energy.npz)
	$(if $(REAL),$(PY) tests/benchmarks/stronglensing_fidelity.py $(REAL)/StrongLensing)
	$(if $(REAL),$(PY) tests/benchmarks/nmrspin_fidelity.py $(REAL)/NMRSpin)
	$(if $(REAL),$(PY) tests/benchmarks/exoplanet_fidelity.py $(REAL)/Exoplanet --n 1400)
	$(if $(REAL),$(PY) tests/benchmarks/exoplanet_alma.py $(REAL)/Exoplanet --networks 3 --n 1600 --epochs 5)
	$(if $(REAL),DEEPLEARN_DATA=$(REAL) $(PY) tests/benchmarks/quantumml_proxy.py)
	$(if $(REAL),DEEPLEARN_DATA=$(REAL) $(PY) tests/benchmarks/quantumml_encoding.py)

.venv/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -m common.install $(if $(TORCH),--torch $(TORCH))

# One lock for Linux, macOS and Windows, Python 3.10 to 3.13. What is pinned stays while it fits the ranges; UPGRADE=all or a
# package lets it move. The CUDA packages that only some builds of torch bring are left to the installer, so that the
# same file serves machines with and without a GPU.
lock: .venv/.ready
	@mkdir -p build && cp requirements.txt build/lock.txt
	UV_SYSTEM_CERTS=1 $(PY) -m uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate \
	  $(if $(UPGRADE),$(if $(filter all,$(UPGRADE)),--upgrade,--upgrade-package $(UPGRADE))) \
	  --extra all pyproject.toml --output-file build/lock.txt
	{ echo "# The exact environment of the course, tested on Python 3.11."; \
	  echo "# Written by 'make lock' from pyproject.toml: change the ranges there, not the pins here."; \
	  grep -v -E '^(nvidia-|cuda-|triton)' build/lock.txt; } > build/requirements.txt
	mv build/requirements.txt requirements.txt

clean:
	rm -rf build .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
