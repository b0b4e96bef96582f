"""The hooks of the tiny backbone."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from vistry.plugin import ModelCard, Values, hookimpl

STAGES = ("stage1", "stage2", "stage3", "stage4")


@hookimpl
def vistry_build_model(card: ModelCard, num_classes: int, hyperparameters: Values, backend: str) -> Any:
    if backend == "jax":
        from vistry_tinybone import flax_model

        return flax_model.Classifier(num_classes, hyperparameters["random_seed"])
    if card.name == "tinybone":
        return classifier(num_classes)
    from vistry_tinybone.detector import TinyDetector

    return TinyDetector(num_classes, hyperparameters, card.name == "tinymasks")


def classifier(num_classes: int) -> Any:
    from torch import nn

    def stage(before: int, after: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
        )

    widths = (8, 8, 16, 24, 32)
    layers = OrderedDict(
        (name, stage(before, after))
        for name, before, after in zip(("stem", *STAGES), (3, *widths), widths, strict=False)
    )
    head = OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), head=nn.Linear(32, num_classes))
    return nn.Sequential(OrderedDict(layers | head))


@hookimpl
def vistry_build_feature_maps(hyperparameters: Values, backend: str) -> Any:
    if backend == "jax":
        from vistry_tinybone import flax_model

        return flax_model.FeatureMaps(hyperparameters["random_seed"])
    from vistry.torch_layers import Stages

    return Stages(classifier(1), STAGES)


@hookimpl
def vistry_build_exportable(module: Any) -> Any:
    from vistry_tinybone.detector import Exportable

    return Exportable(module)
