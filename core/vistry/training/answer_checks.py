"""Checks of what a plugin answered that need more than the answer: a schema, or the maps that a manifest declares."""

from __future__ import annotations

from collections.abc import Sequence

from vistry.errors import HyperparameterError
from vistry.hyperparameter.schema import Schema, Source
from vistry.plugin.implementation import Implementation, Named
from vistry.registry.manifest import FeatureMapsSpec
from vistry.registry.plugin_code import PluginCode
from vistry.task.outputs import MapShape, wrong_feature_maps


def in_range(schema: Schema, author: Implementation | None, before: object, answer: Named) -> Named:
    """Return resolved values as they are. Raises BrokenPluginError if one is out of range."""
    if author is not None and answer != before:
        try:
            schema.checked(Source.of(answer, author.hook))
        except HyperparameterError as error:
            author.code.require(f"returned a value that can't be used: {error.problems[0]}")
    return answer


def check_maps(
    code: PluginCode, declared: FeatureMapsSpec, shapes: Sequence[MapShape] | None, image: tuple[int, int]
) -> None:
    """Raise BrokenPluginError unless feature maps are as declared; None stands for anything but a list of maps."""
    code.require(
        "are no list of maps; return a list" if shapes is None else wrong_feature_maps(shapes, image, declared)
    )
