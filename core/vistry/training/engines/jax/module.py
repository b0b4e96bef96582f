"""A Flax NNX module taken apart: its structure, and its tensors by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from vistry.errors import TrainingError
from vistry.flax_layers import BatchNorm
from vistry.training.engines.engine import Arrays

Tensors = dict[str, Array]

_BATCH_NORM = (BatchNorm, nnx.BatchNorm)
_DECAYED = ("weight", "kernel", "scale", "embedding")
_NO_WEIGHTS = (nnx.RngState, nnx.Intermediate, nnx.Perturbation, nnx.Cache)


def _dotted(path: Iterable[object]) -> str:
    return ".".join(map(str, path))


def variables_of(module: nnx.Module) -> dict[str, nnx.Variable[Array]]:
    """What is saved of a module, by name: parameters, statistics and constants; no random state, nothing passing."""
    flat = nnx.to_flat_state(nnx.state(module))
    return {_dotted(path): variable for path, variable in flat if not isinstance(variable, _NO_WEIGHTS)}


def shapes_of(module: nnx.Module) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor of a module's state."""
    return {name: tuple(variable.get_value().shape) for name, variable in variables_of(module).items()}


def arrays_of(module: nnx.Module) -> Arrays:
    """A module's tensors by name."""
    return {name: np.array(variable.get_value()) for name, variable in variables_of(module).items()}


def check_names(arrays: Mapping[str, object], wanted: Iterable[str]) -> None:
    """Raises TrainingError where names differ; counters of batches may be missing, as in old files."""
    names = set(wanted)
    missing = sorted(name for name in names - set(arrays) if not name.endswith("num_batches_tracked"))
    unexpected = sorted(set(arrays) - names)
    if missing or unexpected:
        raise TrainingError(
            f"the saved weights don't fit the model: missing {missing[:3]}, unexpected {unexpected[:3]}"
        )


def load_arrays(module: nnx.Module, arrays: Arrays) -> None:
    """Set a module's tensors by name. Raises TrainingError where names differ."""
    check_names(arrays, variables_of(module))
    changed = [
        (path, variable.replace(jnp.array(arrays[_dotted(path)], variable.get_value().dtype)))
        for path, variable in nnx.to_flat_state(nnx.state(module))
        if _dotted(path) in arrays
    ]
    nnx.update(module, nnx.from_flat_state(changed))


def batch_norms_under(module: nnx.Module, prefixes: tuple[str, ...]) -> list[nnx.Module]:
    """The batch norms whose names begin with one of the prefixes."""
    return [
        found
        for path, found in nnx.iter_modules(module)
        if isinstance(found, _BATCH_NORM) and f"{_dotted(path)}.".startswith(prefixes)
    ]


def decayed_names(module: nnx.Module) -> set[str]:
    """The parameters that weight decay shrinks: weights other than batch norm's; no biases, no free parameters."""
    norms = {_dotted(path) for path, found in nnx.iter_modules(module) if isinstance(found, _BATCH_NORM)}
    split = {name: name.rpartition(".") for name in parameter_names(module)}
    return {name for name, (owner, _, last) in split.items() if last in _DECAYED and owner not in norms}


def parameter_names(module: nnx.Module) -> set[str]:
    """The tensors that a training may change by gradients."""
    return {name for name, variable in variables_of(module).items() if isinstance(variable, nnx.Param)}


class SplitModule:
    """A module's structure in training and in evaluation, to be put together with any tensors inside a jitted function.

    It keeps no weights, which would be a second copy of the network's.
    `still` are the batch norms that keep their statistics in training too.
    """

    def __init__(self, module: nnx.Module, still: Iterable[nnx.Module]):
        module.train()  # type: ignore[no-untyped-call]
        for norm in still:
            norm.eval()  # type: ignore[no-untyped-call]
        self._training, state = nnx.split(module)
        module.eval()  # type: ignore[no-untyped-call]
        self._evaluation = nnx.graphdef(module)
        self._variables = [
            (path, variable if isinstance(variable, _NO_WEIGHTS) else variable.replace(None))
            for path, variable in nnx.to_flat_state(state)
        ]

    def merge(self, tensors: Tensors, key: Array | None = None) -> nnx.Module:
        """The module with these tensors: in training, its randomness drawn from `key`; without a key in evaluation."""
        variables = []
        for index, (path, variable) in enumerate(self._variables):
            if isinstance(variable, nnx.RngKey) and key is not None:
                variable = variable.replace(jax.random.fold_in(key, index))
            elif (name := _dotted(path)) in tensors:
                variable = variable.replace(tensors[name])
            else:
                variable = variable.replace(variable.get_value())
            variables.append((path, variable))
        structure = self._evaluation if key is None else self._training
        module: nnx.Module = nnx.merge(structure, nnx.from_flat_state(variables))
        return module


def by_name(tensors: Tensors, keep: Callable[[str], bool]) -> tuple[Tensors, Tensors]:
    """The tensors whose names are kept, and the others."""
    kept = {name: value for name, value in tensors.items() if keep(name)}
    return kept, {name: value for name, value in tensors.items() if name not in kept}
