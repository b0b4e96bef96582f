"""The two-stage detectors' twins in JAX, on every backbone that has one: torch's names, shapes and parameters."""

from __future__ import annotations

import pytest
from vistry.hyperparameter.schema import Source
from vistry.registry.catalogue import Catalogue
from vistry.training.model_context import ModelContext

pytest.importorskip("jax")

Outline = tuple[dict[str, tuple[int, ...]], set[str]]


def outlined(model: str, backend: str, norm: str) -> Outline:
    """Shapes by name and the names of parameters, of a module without numbers."""
    catalogue = Catalogue.read()
    card = catalogue.model(model)
    context = ModelContext.of(catalogue, card, task=card.tasks[0], backend=backend)
    context = context.resolved([Source.of({"backbone_norm": norm}, "the test")])
    module = context.engine_module.on_meta_device(lambda: context.module(3))
    return context.engine_module.shapes_of(module), context.engine_module.parameter_names(module)


@pytest.mark.parametrize(
    ("backbone", "norm"),
    [
        ("mobilenetv2", "frozen"),
        ("resnet18", "group"),
        ("resnet50", "batch"),
        pytest.param("resnest50", "group", marks=pytest.mark.long),
        pytest.param("seresnext", "frozen", marks=pytest.mark.long),
    ],
)
def test_the_twin_has_torchs_names_and_shapes(backbone: str, norm: str) -> None:
    model = f"maskrcnn_{backbone}_fpn"
    ours, theirs = (outlined(model, backend, norm) for backend in ("jax", "torch"))
    assert ours == theirs
    assert any(name.startswith("roi_heads.mask_predictor.") for name in ours[1])


def test_faster_rcnn_is_mask_rcnn_without_masks() -> None:
    faster, mask = (outlined(f"{family}_resnet18_fpn", "jax", "frozen") for family in ("fasterrcnn", "maskrcnn"))
    assert faster[0] == {name: shape for name, shape in mask[0].items() if ".mask_" not in name}
    assert faster == outlined("fasterrcnn_resnet18_fpn", "torch", "frozen")
