"""State dicts in checkpoints of other programs, whatever classes these pickle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vistry.errors import WeightsError, suggestion
from vistry.weights.matching import Arrays
from vistry.weights.pickle_reader import Inert, InertObject, InertTensor
from vistry.weights.torch_files import DTYPES, TorchFile, open_torch_file

# Tried in this order where a file has several state dicts. A moving average is what its author evaluated.
PREFERRED_KEYS = (("ema",), ("state_dict", "model"))
# A file may describe more than it holds: one module in many places, one storage in many tensors.
MAX_TENSORS, MAX_MODULES, MAX_DEPTH, MAX_NAME_LENGTH = 100_000, 100_000, 100, 500
# Tied weights are written once for each of their names, so that an honest file may grow, too.
MAX_GROWTH, GROWTH_ALLOWANCE = 8, 2**26


@dataclass(frozen=True)
class StateDictInFile:
    """Tensors by name; `key` is the file's entry that has them ("" for the whole), `other_keys` what else has some."""

    arrays: Arrays
    key: str
    other_keys: tuple[str, ...]


def read_state_dict(path: Path, key: str | None = None) -> StateDictInFile:
    """Read the state dict of a checkpoint that torch.save wrote; nothing in it is run. Raises WeightsError.

    `key` chooses the entry to read; without it a moving average comes first, then the usual names.
    """
    file = open_torch_file(path)
    candidates = _candidates(file.root)
    chosen = _choose(file, candidates, key)
    tensors: dict[str, InertTensor] = {}
    for name, value in _entries(path, candidates[chosen]):
        if not isinstance(value, InertTensor):
            raise WeightsError(f"{path} can't be imported: {name[:40]!r} is not a plain tensor ({_kind(value)})")
        # Names go to a terminal, and into the header of a safetensors file, where __metadata__ has a meaning.
        if not name.isprintable() or len(name) > MAX_NAME_LENGTH or name == "__metadata__":
            raise WeightsError(f"{path} can't be imported: invalid name of a tensor: {name[:40]!r}")
        tensors[name] = value
        if len(tensors) > MAX_TENSORS:
            raise WeightsError(f"{path} can't be imported: it has more than {MAX_TENSORS:,} tensors")
    if not tensors:
        raise WeightsError(f"{path} has no state dict: {_contents(candidates[chosen])}")
    _check_growth(file, tensors)
    arrays = {name: file.array(tensor) for name, tensor in tensors.items()}
    return StateDictInFile(arrays, chosen, tuple(name for name in candidates if name != chosen))


def _kind(value: Inert) -> str:
    if isinstance(value, InertTensor):
        return "tensor"
    return repr(value.constructor)[1:-1][:80] if isinstance(value, InertObject) else type(value).__name__


def _mapping(value: Inert) -> dict[str, Inert]:
    """Return a dictionary, or the items of an object of a class that derives from one."""
    if isinstance(value, InertObject):
        return value.items
    return value if isinstance(value, dict) else {}


def _attributes(value: Inert) -> dict[str, Inert]:
    """Return the attributes of an nn.Module, {} for anything else."""
    state = value.state if isinstance(value, InertObject) else None
    if isinstance(state, tuple) and state:  # (attributes, slots), of a class with __slots__
        state = state[0]
    if isinstance(state, dict) and {"_parameters", "_buffers", "_modules"} <= state.keys():
        return state
    return {}


def _has_tensors(value: Inert) -> bool:
    return bool(_attributes(value)) or any(isinstance(item, InertTensor) for item in _mapping(value).values())


def _candidates(root: Inert) -> dict[str, Inert]:
    """Return the entries of the file that are state dicts or modules, by key; the whole file has the key ""."""
    if _attributes(root):
        return {"": root}
    entries = {key: value for key, value in _mapping(root).items() if _has_tensors(value)}
    return entries or ({"": root} if _has_tensors(root) else {})


def _choose(file: TorchFile, candidates: dict[str, Inert], key: str | None) -> str:
    """Return the key of the state dict to read. Raises WeightsError."""
    path, root = file.path, file.root
    keys = [candidate for candidate in candidates if candidate]
    if key is not None:
        if key in candidates:
            return key
        hint = suggestion(key, keys) if keys else "the whole file is one state dict; leave out --key"
        raise WeightsError(f"{path} has no state dict under {key!r}; {hint if candidates else _contents(root)}")
    if not candidates:
        raise WeightsError(f"{path} has no state dict: {_contents(root)}")
    for names in (*PREFERRED_KEYS, tuple(candidates)):
        present = [name for name in names if name in candidates]
        if len(present) == 1:
            return present[0]
        if present:
            break
    raise WeightsError(f"{path} has several state dicts: {', '.join(map(repr, keys))}; choose one with --key")


def _contents(root: Inert) -> str:
    keys = list(_mapping(root))
    if not keys:
        return f"it is a {_kind(root)}"
    return f"its keys are {', '.join(repr(key[:40]) for key in keys[:10])}{', ...' if len(keys) > 10 else ''}"


def _entries(path: Path, value: Inert) -> Iterator[tuple[str, Inert]]:
    """Yield the entries of a state dict, or those that a module's state dict would have."""
    if _attributes(value):
        yield from _ModuleWalk(path).entries(value, "", 0)
        return
    for name, item in _mapping(value).items():
        if isinstance(item, InertTensor) or _is_special_tensor(item):
            yield name, item


def _is_special_tensor(value: Inert) -> bool:
    """Return whether a record is of a tensor that can't be read, such as a sparse one."""
    return isinstance(value, InertObject) and value.constructor.startswith("torch._utils._rebuild_")


class _ModuleWalk:
    """Walks a module and its children in the order of torch's `state_dict`; a module may be in several places."""

    def __init__(self, path: Path):
        self.path, self.modules = path, 0

    def entries(self, module: Inert, prefix: str, depth: int) -> Iterator[tuple[str, Inert]]:
        """Yield the module's parameters and persistent buffers by their full names. Raises WeightsError."""
        self.modules += 1
        if depth > MAX_DEPTH or self.modules > MAX_MODULES:
            raise WeightsError(f"{self.path} can't be imported: its modules are nested too deep")
        state = _attributes(module)
        non_persistent = state.get("_non_persistent_buffers_set")  # absent before torch 1.5
        non_persistent = non_persistent if isinstance(non_persistent, list) else []
        own = {**_mapping(state["_parameters"]), **_mapping(state["_buffers"])}
        for name, value in own.items():
            if value is not None and name not in non_persistent:
                yield prefix + name, value
        for name, child in _mapping(state["_modules"]).items():
            if _attributes(child):
                # A name that was cut is too long to be accepted, and takes no more memory.
                yield from self.entries(child, f"{prefix}{name}."[: MAX_NAME_LENGTH + 1], depth + 1)


def _check_growth(file: TorchFile, tensors: dict[str, InertTensor]) -> None:
    """Raise WeightsError where the tensors, which may share memory, take far more than the file when written."""
    size = sum(tensor.num_elements * _written_size(tensor.dtype) for tensor in tensors.values())
    if size > MAX_GROWTH * file.size + GROWTH_ALLOWANCE:
        raise WeightsError(f"{file.path} can't be imported: its {file.size:,} bytes would become {size:,}")


def _written_size(dtype: str) -> int:
    """Return the bytes of an element when written; for a type that can't be read the size of the largest there is."""
    if dtype in ("float16", "bfloat16"):
        return 4  # written as float32
    return DTYPES[dtype].itemsize if dtype in DTYPES else 16
