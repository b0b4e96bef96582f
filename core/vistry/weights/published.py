"""Weights that plugins publish for their models, and where they are on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypedDict

from vistry.registry.cards import ModelCard
from vistry.registry.manifest import WeightsSpec
from vistry.registry.package_files import package_file
from vistry.weights.cache import weights_cache


class PublishedWeightsRecord(TypedDict):
    """Weights that a plugin publishes for one of its models."""

    name: str
    model: Annotated[str, "full name"]
    license: str
    source: str
    sha256: Annotated[str, "the SHA-256 of the file, or how it begins"]
    classes: Annotated[int | None, "how many classes their head tells apart"]
    metrics: Annotated[dict[str, dict[str, float]], "figures as published, by data set"]
    backbone: Annotated[str | None, "full name of the backbone whose they are; null: of the whole model"]
    file: Annotated[str | None, "null: not on this machine"]


@dataclass(frozen=True)
class PublishedWeights:
    """Published weights of one model; `file` is None until they have been fetched.

    `classes` is how many classes their head tells apart, and `metrics` what their authors measured of the model, by
    data set. `backbone` is the full name of the backbone whose weights they are, and None for weights of the whole
    model.
    """

    name: str
    model: str
    license: str
    source: str
    sha256: str
    classes: int | None
    metrics: dict[str, dict[str, float]]
    file: Path | None
    backbone: str | None = None

    @classmethod
    def of(cls, card: ModelCard, name: str) -> PublishedWeights:
        """Look up weights of a model. The file is looked for, and neither fetched nor read."""
        spec, backbone = card.weights[name], card.backbone_of_weights(name)
        return cls(
            name=name,
            model=card.full_name,
            license=spec.license,
            source=spec.source,
            sha256=spec.sha256,
            classes=spec.classes,
            metrics={} if backbone else spec.metrics,
            file=_file(spec),
            backbone=backbone,
        )

    def to_dict(self) -> PublishedWeightsRecord:
        """Return plain JSON values."""
        return {
            "name": self.name,
            "model": self.model,
            "license": self.license,
            "source": self.source,
            "sha256": self.sha256,
            "classes": self.classes,
            "metrics": self.metrics,
            "file": str(self.file) if self.file else None,
            "backbone": self.backbone,
        }


def published_weights(cards: Iterable[ModelCard]) -> Iterator[PublishedWeights]:
    """Yield the published weights of models, in the order of their manifests."""
    for card in cards:
        for name in card.weights:
            yield PublishedWeights.of(card, name)


def _file(spec: WeightsSpec) -> Path | None:
    if spec.package_and_file is None:
        path = weights_cache() / Path(spec.source).name
        return path if path.is_file() else None
    try:
        return package_file(*spec.package_and_file)
    except (ValueError, ImportError):
        return None
