"""Loss terms by name, added to the loss of a model that gives logits [N, C]."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vistry.plugin.types import Loss, Module, Tensor, Values
from vistry.registry.part_code import broken, guarded
from vistry.registry.part_specs import LossSpec
from vistry.registry.parts import Part

Term = Callable[[Tensor, Tensor, Values], Tensor]


@dataclass(frozen=True)
class LossTerm:
    """A term that is switched on: its part, its function for the backend, and its weight."""

    part: Part[LossSpec]
    function: Term
    weight: float
    hyperparameters: Values

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the weighted mean over the images. Raises BrokenPluginError."""
        with guarded(self.part):
            values = self.function(logits, targets, self.hyperparameters)
        shape = tuple(getattr(values, "shape", ()))
        if shape != (len(logits),):
            raise broken(self.part, f"it must return a number for each of {len(logits)} images, got {list(shape)}")
        # A loss is a mean over the images, so a term that isn't would weigh more in a larger batch.
        return self.weight * _mean_of_images(values)


def with_terms(loss: Loss, terms: Sequence[LossTerm]) -> Loss:
    """Return the loss with these terms, of the logits that the model gives in it."""
    if not terms:
        return loss

    def extended(model: Module, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        listening = _Listening(model)
        values = dict(loss(listening, images, targets))
        for term in terms:
            if term.part.name in values:
                raise broken(term.part, f"the model's own loss has a term '{term.part.name}' already")
            values[term.part.name] = term(_in_single_precision(listening.outputs), targets)
        return values

    return extended


class _Listening:
    """A module that remembers what it returned last."""

    def __init__(self, module: Module):
        self._module = module
        self.outputs: Tensor = None

    def __call__(self, *arguments: Tensor, **named: Tensor) -> Tensor:
        self.outputs = self._module(*arguments, **named)
        return self.outputs

    def __getattr__(self, name: str) -> object:
        return getattr(self._module, name)


def _in_single_precision(logits: Tensor) -> Tensor:
    return logits.float() if hasattr(logits, "float") else logits.astype("float32")


def _mean_of_images(values: Tensor) -> Tensor:
    """The mean over the images, without rows that only pad a batch of JAX."""
    if hasattr(values, "detach"):
        return values.mean()
    from vistry.flax_layers import current_valid_rows

    mask = current_valid_rows()
    return values.mean() if mask is None else (values * mask).sum() / mask.sum()
