"""RetinaNet in both libraries on every backbone that has both: torch's names, shapes and parameters, and its boxes."""

from __future__ import annotations

import pytest
from vistry.hyperparameter.schema import Source
from vistry.registry.catalogue import Catalogue
from vistry.testing.model_subject import ModelSubject
from vistry.testing.weights_checks import backends_agree
from vistry.training.model_context import ModelContext

pytest.importorskip("jax")
pytest.importorskip("torchvision")

MODELS = [f"retinanet_{name}_fpn" for name in ("mobilenetv2", "resnet18", "resnet50", "resnest50", "seresnext")]
LARGER = [f"retinanet_{name}_fpn" for name in ("resnet34", "resnet101", "resnet152", "resnest101")]

Outline = tuple[dict[str, tuple[int, ...]], set[str]]


def outlined(model: str, backend: str, norm: str) -> Outline:
    """Shapes by name and the names of parameters, of a module without numbers."""
    catalogue = Catalogue.read()
    context = ModelContext.of(catalogue, catalogue.model(model), task="image_object_detection", backend=backend)
    context = context.resolved([Source.of({"backbone_norm": norm}, "the test")])
    module = context.engine_module.on_meta_device(lambda: context.module(3))
    return context.engine_module.shapes_of(module), context.engine_module.parameter_names(module)


@pytest.mark.parametrize("norm", ["frozen", pytest.param("group", marks=pytest.mark.long)])
@pytest.mark.parametrize("model", MODELS)
def test_names_and_shapes_are_torchs(model: str, norm: str) -> None:
    assert outlined(model, "jax", norm) == outlined(model, "torch", norm)


@pytest.mark.long
@pytest.mark.parametrize("model", [*MODELS, *LARGER])
def test_boxes_are_torchs(model: str) -> None:
    catalogue = Catalogue.read()
    backends_agree(ModelSubject(catalogue, catalogue.model(model), task="image_object_detection", backend="torch"))
