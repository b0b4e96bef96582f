"""Weights that plugins publish for their models, and where they are on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypedDict

from vistry.registry.cards import ModelCard
from vistry.registry.weights_cache import WeightsCache


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
    size: Annotated[int | None, "of the file in bytes, where the manifest says it"]
    expected_size: Annotated[int, "about so many bytes: `size`, else what the model's numbers take"]
    default: Annotated[bool, "whether a training of the model starts from them where nobody says otherwise"]
    revision: Annotated[str | None, "the commit that the file on this machine is of, where it is a repository's"]


@dataclass(frozen=True)
class PublishedWeights:
    """Published weights of one model; `file` is None until they have been fetched.

    `classes` is how many classes their head tells apart, and `metrics` what their authors measured of the model, by
    data set. `backbone` is the full name of the backbone whose weights they are, and None for weights of the whole
    model. `size` is the file's in bytes where the manifest states it, and `expected_size`
    about that in any case. `default` says that a training starts from them unless told otherwise.
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
    size: int | None = None
    expected_size: int = 0
    default: bool = False
    revision: str | None = None

    @classmethod
    def of(cls, card: ModelCard, name: str, cache: WeightsCache) -> PublishedWeights:
        """Look up weights of a model. The file is looked for, and neither fetched nor read."""
        spec, backbone = card.weights[name], card.backbone_of_weights(name)
        file = cache.find(spec)
        return cls(
            name=name,
            model=card.full_name,
            license=spec.license,
            source=spec.source,
            sha256=spec.sha256,
            classes=spec.classes,
            metrics={} if backbone else spec.metrics,
            file=file.path if file else None,
            backbone=backbone,
            size=spec.size,
            expected_size=expected_size(card, name),
            default=name == card.default_weights,
            revision=file.revision if file else None,
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
            "size": self.size,
            "expected_size": self.expected_size,
            "default": self.default,
            "revision": self.revision,
        }


def published_weights(cards: Iterable[ModelCard]) -> Iterator[PublishedWeights]:
    """Yield the published weights of models, in the order of their manifests."""
    cache = WeightsCache.read()
    for card in cards:
        for name in card.weights:
            yield PublishedWeights.of(card, name, cache)


def expected_size(card: ModelCard, name: str) -> int:
    """Return about how many bytes a file of weights has: what the manifest says, else four a parameter."""
    owner = card.backbone if card.backbone and card.backbone_of_weights(name) else card
    return card.weights[name].size or 4 * owner.parameters
