"""Published files under the names that a network has here: the library itself knows how they were renamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vistry.plugin import StateDict

if TYPE_CHECKING:
    from torch import Tensor, nn

    Build = Callable[[int], nn.Module]

PREFIX = "network."
# A tensor with a row for each class, by how its name ends in the library's names and in the authors'.
_HEADS = ("class_embed.0.bias", "class_embed.bias", "dec_score_head.0.bias")
# COCO's and Objects365's numbers of categories count from 1, so that the first row of such a head has no class.
_WITH_FIRST_UNUSED = (91, 366)
_COUNTER = "num_batches_tracked"  # which the library's frozen batch norms lack


def under_own_names(state_dict: StateDict, build: Build, num_classes: int) -> StateDict:
    """Return tensors of a file under this package's names, without a first row of the head that has no class.

    `build` makes the library's network for a number of classes. What the file lacks is left out.
    """
    if any(name.startswith(PREFIX) for name in state_dict):
        return state_dict
    classes = next((len(state_dict[name]) for name in state_dict if name.endswith(_HEADS)), num_classes)
    found = _loaded(state_dict, build(classes))
    if classes in _WITH_FIRST_UNUSED:
        shapes = _shapes(build, classes - 1)
        found = {name: value if value.shape == shapes[name] else value[1:] for name, value in found.items()}
    return {f"{PREFIX}{name}": value.detach().numpy() for name, value in found.items()}


def _loaded(state_dict: StateDict, network: nn.Module) -> dict[str, Tensor]:
    """Let the library fill its network, and return the tensors that were in the file, each under all its names."""
    import numpy as np
    import torch

    tensors = {name: torch.from_numpy(np.array(value)) for name, value in state_dict.items()}
    library: Any = type(network)
    with _silent():
        loaded, info = library.from_pretrained(
            None, config=network.config, state_dict=tensors, ignore_mismatched_sizes=True, output_loading_info=True
        )
    absent = {*info["missing_keys"], *(name for name, *_ in info["mismatched_keys"])}
    found: Mapping[str, Tensor] = loaded.state_dict(keep_vars=True)
    present = {id(value) for name, value in found.items() if name not in absent}
    return {name: value for name, value in found.items() if id(value) in present or name.endswith(_COUNTER)}


def _shapes(build: Build, classes: int) -> dict[str, tuple[int, ...]]:
    import torch

    with torch.device("meta"):
        return {name: tuple(value.shape) for name, value in build(classes).state_dict().items()}


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the library from reporting on names and from drawing a progress bar; Vistry says what is missing."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
