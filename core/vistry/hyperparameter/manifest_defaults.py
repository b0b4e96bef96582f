"""What manifests make the defaults of a model's hyperparameters, and its input's size among them. No code is run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vistry.hyperparameter.fields import Fields
from vistry.registry.cards import ModelCard
from vistry.registry.field_spec import FieldSpec, Scalar, narrowed, narrowed_further, nearest, to_json


@dataclass(frozen=True)
class InputPixels:
    """A size of the network's input and its default for a task; None where it is unset."""

    task: str
    name: str
    pixels: int | None


def input_pixels(card: ModelCard, task: str, shared: Fields) -> Iterator[InputPixels]:
    """Yield the sizes of a model's input for a task, of whose shared fields some are sizes, and the family's own."""
    for name, spec in specs_of(card, task, shared).items():
        if spec.unit == "pixels":
            value, _ = manifest_default(card, task, name, shared=shared)
            yield InputPixels(task, name, value if isinstance(value, int) else None)


def specs_of(card: ModelCard, task: str, shared: Fields) -> dict[str, FieldSpec]:
    """The hyperparameters that a model has for a task."""
    specs = {name: field.spec for name, field in shared.items() if name not in card.exclude}
    return {**specs, **{name: spec for name, spec in card.hyperparameters.items() if task in spec.tasks}}


def manifest_default(card: ModelCard, task: str, name: str, shared: Fields) -> tuple[Scalar | None, str]:
    """The default that manifests leave a hyperparameter, and where it is set; "" where none of them changes it.

    One that the backbone can't take becomes the nearest that it can, as in `vistry.hyperparameter.fields`.
    """
    spec = specs_of(card, task, shared)[name]
    value, origin = (to_json(shared[name].default) if name in shared else spec.defaults()[task]), ""
    if name in (manifest := card.manifest_defaults(task)):
        value, origin = manifest[name][0], manifest[name][1].place
    restriction = card.backbone.restrict.get(name) if card.backbone else None
    if card.backbone is None or restriction is None or value is None:
        return value, origin
    own = narrowed(spec, card.restrict[name]) if name in card.restrict else spec
    common = narrowed_further(own, restriction)
    if common is None or _is_allowed(common, value):
        return value, origin
    return to_json(nearest(common, value)), card.backbone.restriction_place(name)


def _is_allowed(spec: FieldSpec, value: Scalar) -> bool:
    try:
        spec.parse(value)
    except ValueError:
        return False
    return True
