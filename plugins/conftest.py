"""The checks that take long and have a twin elsewhere wait for `make test-long`."""

from __future__ import annotations

import pytest

# The detectors' own test_flax.py compares their backends, and tests/training/engines/test_models_agree.py those of the
# classifiers, in training too.
COMPARED_ELSEWHERE = (
    "maskrcnn_resnet18_fpn",
    "mobilenetv2",
    "resnet18",
    "vits16r224",
    "yolov5",
)


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the comparison of backends where another test makes it."""
    for item in items:
        if item.name.endswith(tuple(f"[{model}-backends_agree]" for model in COMPARED_ELSEWHERE)):
            item.add_marker(pytest.mark.long)
