"""Weights out of other people's checkpoints, whatever classes these pickle: tensors by their state-dict names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vistry.errors import WeightsError, suggestion
from vistry.weights.matching import Arrays
from vistry.weights.pickle_reader import Made, Tensor
from vistry.weights.torch_files import DTYPES, TorchFile, open_torch_file

PREFERRED = (("ema",), ("state_dict", "model"))  # a moving average is what its author evaluated
MOST_TENSORS, MOST_MODULES, MOST_DEPTH, LONGEST_NAME = 100_000, 100_000, 100, 500
GROWTH, ALLOWANCE = 8, 2**26  # tied weights are written once for each of their names


@dataclass(frozen=True)
class ForeignWeights:
    """Tensors by name; `key` is where in the file they were ("" for all of it), `beside` what else held tensors."""

    arrays: Arrays
    key: str
    beside: tuple[str, ...]


def read_foreign(path: Path, key: str | None = None) -> ForeignWeights:
    """The weights in a checkpoint that torch.save wrote, without running anything in it. Raises WeightsError."""
    file = open_torch_file(path)
    candidates = _candidates(file.root)
    chosen = _chosen(path, file.root, candidates, key)
    tensors: dict[str, Tensor] = {}
    for name, value in _named(path, candidates[chosen]):
        if not isinstance(value, Tensor):
            raise WeightsError(f"{path} can't be imported: {name[:40]!r} is no plain tensor ({_kind(value)})")
        if not name.isprintable() or len(name) > LONGEST_NAME or name == "__metadata__":
            raise WeightsError(f"{path} can't be imported: {name[:40]!r} is no name for a tensor")
        tensors[name] = value
        if len(tensors) > MOST_TENSORS:
            raise WeightsError(f"{path} can't be imported: it has more than {MOST_TENSORS:,} tensors")
    if not tensors:
        raise WeightsError(f"{path} holds no tensors by name: {_found(candidates[chosen])}")
    _check_growth(file, tensors)
    arrays = {name: file.array(tensor) for name, tensor in tensors.items()}
    return ForeignWeights(arrays, chosen, tuple(name for name in candidates if name != chosen))


def _kind(value: Any) -> str:
    return repr(value.maker)[1:-1][:80] if isinstance(value, Made) else type(value).__name__


def _mapping(value: Any) -> dict[str, Any]:
    """A dictionary, or what was put into an object that is one."""
    if isinstance(value, Made):
        return value.items
    return value if isinstance(value, dict) else {}


def _attributes(value: Any) -> dict[str, Any]:
    """What a module keeps its parameters and its modules in; empty for anything else."""
    state = value.state if isinstance(value, Made) else None
    if isinstance(state, tuple) and state:  # the second part is of slots
        state = state[0]
    if isinstance(state, dict) and {"_parameters", "_buffers", "_modules"} <= state.keys():
        return state
    return {}


def _holds_weights(value: Any) -> bool:
    return bool(_attributes(value)) or any(isinstance(item, Tensor) for item in _mapping(value).values())


def _candidates(root: Any) -> dict[str, Any]:
    """By key, what holds tensors by name: entries of the file, or the whole of it under ""."""
    if _attributes(root):
        return {"": root}
    entries = {key: value for key, value in _mapping(root).items() if _holds_weights(value)}
    return entries or ({"": root} if _holds_weights(root) else {})


def _chosen(path: Path, root: Any, candidates: dict[str, Any], asked: str | None) -> str:
    listed = ", ".join(repr(key) for key in candidates if key)
    if asked is not None:
        if asked in candidates:
            return asked
        known = [key for key in candidates if key]
        saying = f"{suggestion(asked, known)}" if known else "it is one set of weights; leave out --key"
        raise WeightsError(f"{path} holds no tensors by name under {asked!r}; {saying if candidates else _found(root)}")
    if not candidates:
        raise WeightsError(f"{path} holds no tensors by name: {_found(root)}")
    for names in (*PREFERRED, tuple(candidates)):
        there = [name for name in names if name in candidates]
        if len(there) == 1:
            return there[0]
        if there:
            break
    raise WeightsError(f"{path} holds several sets of weights: {listed}; choose one with --key")


def _found(root: Any) -> str:
    keys = list(_mapping(root))
    if not keys:
        return f"it is a {_kind(root)}"
    return f"its keys are {', '.join(repr(key[:40]) for key in keys[:10])}{', ...' if len(keys) > 10 else ''}"


def _named(path: Path, value: Any) -> Iterator[tuple[str, Any]]:
    """The tensors of a state dict, or of a module by the names they have in its state dict."""
    if _attributes(value):
        yield from _Walk(path).tensors(value, "", 0)
        return
    for name, item in _mapping(value).items():
        if isinstance(item, Tensor) or (isinstance(item, Made) and item.maker.startswith("torch._utils._rebuild_")):
            yield name, item


class _Walk:
    """Through a module and those in it, as torch's `state_dict` goes; a module may stand in several places."""

    def __init__(self, path: Path):
        self.path, self.modules = path, 0

    def tensors(self, module: Any, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
        self.modules += 1
        if depth > MOST_DEPTH or self.modules > MOST_MODULES:
            raise WeightsError(f"{self.path} can't be imported: its modules are nested without end")
        state = _attributes(module)
        left_out = state.get("_non_persistent_buffers_set")
        left_out = left_out if isinstance(left_out, list) else []
        own = {**_mapping(state["_parameters"]), **_mapping(state["_buffers"])}
        for name, value in own.items():
            if value is not None and name not in left_out:
                yield prefix + name, value
        for name, child in _mapping(state["_modules"]).items():
            if _attributes(child):
                yield from self.tensors(child, f"{prefix}{name}."[: LONGEST_NAME + 1], depth + 1)


def _check_growth(file: TorchFile, tensors: dict[str, Tensor]) -> None:
    """Refuse a file whose tensors unfold to far more than it holds, by repeating what they share."""
    size = sum(tensor.elements * _written_size(tensor.dtype) for tensor in tensors.values())
    if size > GROWTH * file.size + ALLOWANCE:
        raise WeightsError(
            f"{file.path} can't be imported: its {file.size:,} bytes would become {size:,}, far more than it holds"
        )


def _written_size(dtype: str) -> int:
    return 4 if dtype in ("float16", "bfloat16") else DTYPES[dtype].itemsize if dtype in DTYPES else 16
