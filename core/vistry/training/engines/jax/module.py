"""A Flax NNX module's tensors by name, which of them train, and the module split into structure and tensors."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from vistry.flax_layers import BatchNorm
from vistry.training.engines.state import Arrays, check_names

Tensors = dict[str, Array]

BATCH_NORMS = (BatchNorm, nnx.BatchNorm)
# torch's name for a weight, as vistry.flax_layers has it, and the names of Flax's own layers
_WEIGHTS = ("weight", "kernel", "scale", "embedding")
_UNSAVED = (nnx.RngState, nnx.Intermediate, nnx.Perturbation, nnx.Cache)


def seed_initialisation(seed: int) -> None:
    """Do nothing: a Flax module draws its weights from the random_seed that its hook is given; no state is global."""


def shapes_of(module: nnx.Module) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a module's state, by name."""
    return {name: tuple(variable.get_value().shape) for name, variable in variables_of(module).items()}


def arrays_of(module: nnx.Module) -> Arrays:
    """Return a module's tensors by name."""
    return {name: np.array(variable.get_value()) for name, variable in variables_of(module).items()}


def load_arrays(module: nnx.Module, arrays: Arrays) -> None:
    """Set a module's tensors by name. Raises TrainingError if the names differ."""
    check_fit(arrays, variables_of(module))
    changed = [
        (path, variable.replace(jnp.array(arrays[_dotted(path)], variable.get_value().dtype)))
        for path, variable in nnx.to_flat_state(nnx.state(module))
        if _dotted(path) in arrays
    ]
    nnx.update(module, nnx.from_flat_state(changed))


def check_fit(arrays: Iterable[str], tensors: Iterable[str]) -> None:
    """Raise TrainingError if the names of arrays aren't those of a module's tensors."""
    given, wanted = set(arrays), set(tensors)
    check_names(sorted(wanted - given), sorted(given - wanted))


def parameter_names(module: nnx.Module) -> set[str]:
    """Return the names of the tensors that gradients may change."""
    return {name for name, variable in variables_of(module).items() if isinstance(variable, nnx.Param)}


def decayed_names(module: nnx.Module) -> set[str]:
    """Return the names of the weights outside batch norms (docs/reference/behaviour.md, 3.6).

    Biases and free parameters don't decay.
    """
    norms = {_dotted(path) for path, part in nnx.iter_modules(module) if isinstance(part, BATCH_NORMS)}
    split = {name: name.rpartition(".") for name in parameter_names(module)}
    return {name for name, (owner, _, last) in split.items() if last in _WEIGHTS and owner not in norms}


def batch_norms_under(module: nnx.Module, prefixes: tuple[str, ...]) -> list[nnx.Module]:
    """Return the batch norms whose names begin with one of the prefixes."""
    return [
        part
        for path, part in nnx.iter_modules(module)
        if isinstance(part, BATCH_NORMS) and f"{_dotted(path)}.".startswith(prefixes)
    ]


def variables_of(module: nnx.Module) -> dict[str, nnx.Variable[Array]]:
    """Return what is saved of a module, by name: parameters, statistics and constants, but no random state."""
    flat = nnx.to_flat_state(nnx.state(module))
    return {_dotted(path): variable for path, variable in flat if not isinstance(variable, _UNSAVED)}


class SplitModule:
    """A module's structure in training and in evaluation, to be merged with any tensors inside a jitted function.

    It holds no tensors, which would be a second copy of the network's.
    """

    def __init__(self, module: nnx.Module, frozen_norms: Iterable[nnx.Module]):
        """Split a module; the `frozen_norms` are in evaluation mode in training too."""
        module.train()  # type: ignore[no-untyped-call]
        for norm in frozen_norms:
            norm.eval()  # type: ignore[no-untyped-call]
        self._training, state = nnx.split(module)
        module.eval()  # type: ignore[no-untyped-call]
        self._evaluation = nnx.graphdef(module)
        self._variables = [
            (path, variable if isinstance(variable, _UNSAVED) else variable.replace(None))
            for path, variable in nnx.to_flat_state(state)
        ]

    def merge(self, tensors: Tensors, key: Array | None = None) -> nnx.Module:
        """Return the module with these tensors: in training, its randomness drawn from `key`; in evaluation without."""
        variables = []
        for index, (path, variable) in enumerate(self._variables):
            if isinstance(variable, nnx.RngKey) and key is not None:
                variable = variable.replace(jax.random.fold_in(key, index))
            elif (name := _dotted(path)) in tensors:
                variable = variable.replace(tensors[name])
            else:
                # A new variable, because the merged module may change it.
                variable = variable.replace(variable.get_value())
            variables.append((path, variable))
        structure = self._evaluation if key is None else self._training
        module: nnx.Module = nnx.merge(structure, nnx.from_flat_state(variables))
        return module


def split_by_name(tensors: Tensors, names: Collection[str]) -> tuple[Tensors, Tensors]:
    """Return the tensors that have one of the names, and the others."""
    selected = {name: value for name, value in tensors.items() if name in names}
    return selected, {name: value for name, value in tensors.items() if name not in names}


def _dotted(path: Iterable[object]) -> str:
    return ".".join(map(str, path))
