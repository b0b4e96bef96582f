"""Pickles of torch as inert data: what a pickle names is never imported, and what it calls is never called.

A pickle is a program for a small stack machine. This is that machine without its dangerous half: where `pickle` would
import a name or call something, it makes a record of it. Only the few names that torch writes for tensors and plain
containers have a meaning here, and that meaning is this file's own. The opcodes are those of PEP 307, 3154 and 574.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from pickletools import anyobject, genops, opcodes
from typing import IO, Any, TypeAlias

from vistry.errors import WeightsError

# Limits, so that a file of a few bytes can't ask for endless work or memory. Real checkpoints stay far below them.
MAX_OPERATIONS = 5_000_000
MAX_MEMO_INDEX = 2**32  # LONG_BINPUT has four bytes for the index; PUT writes it in decimals, of any length
MAX_DIMENSIONS = 64  # numpy's own limit

Inert: TypeAlias = Any
"""A value from a pickle: plain data and the records below, of whatever type a hostile file chooses.

An operation on the wrong type raises, and `read_inert` reports the file as damaged.
"""


@dataclass(frozen=True, slots=True)
class Global:
    """A class or a function that a pickle names. It is never imported."""

    name: str


# Compared by identity: comparing nested records by value would recurse as deep as the file is nested.
@dataclass(eq=False, slots=True)
class InertObject:
    """A record of a call of `constructor` that wasn't made, with the state and items that the pickle then sets."""

    constructor: str
    arguments: tuple[Inert, ...] = ()
    state: Inert = None
    items: dict[str, Inert] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Storage:
    """The flat memory of one or more tensors: `count` elements, or bytes where `dtype` is uint8."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True, slots=True)
class InertTensor:
    """A view of a storage; `offset` and `strides` are in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str

    def __post_init__(self) -> None:
        if not (
            isinstance(self.storage, Storage) and isinstance(self.shape, tuple) and isinstance(self.strides, tuple)
        ):
            raise TypeError("invalid description of a tensor")
        numbers = (self.offset, *self.shape, *self.strides)
        if len(self.shape) != len(self.strides) or len(self.shape) > MAX_DIMENSIONS or not all(map(_is_count, numbers)):
            raise ValueError("invalid shape of a tensor")

    @property
    def num_elements(self) -> int:
        """The number of elements in the view."""
        return prod(self.shape)

    @property
    def extent(self) -> int:
        """The least number of elements that the storage needs for this view."""
        steps = sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        return self.offset + steps + 1 if self.num_elements else 0


def _is_count(number: object) -> bool:
    return isinstance(number, int) and 0 <= number < 2**63


# torch.save writes an element type as a class of storages. Types newer than these are in an UntypedStorage, whose
# length is in bytes.
STORAGE_DTYPES = {
    "torch.DoubleStorage": "float64",
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "int64",
    "torch.IntStorage": "int32",
    "torch.ShortStorage": "int16",
    "torch.CharStorage": "int8",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
    "torch.ComplexFloatStorage": "complex64",
    "torch.ComplexDoubleStorage": "complex128",
    "torch.storage.UntypedStorage": "uint8",
}


# The functions below stand in for torch's own and take the arguments of theirs, in their order (torch/_utils.py).


def _rebuild_tensor_v2(
    storage: Inert,
    offset: Inert,
    shape: Inert,
    strides: Inert,
    _grad: Inert = None,
    _hooks: Inert = None,
    metadata: Inert = None,
) -> Inert:
    if metadata:  # a conjugation or a negation that is yet to be applied: the storage's numbers aren't the tensor's
        return InertObject("torch._utils._rebuild_tensor_v2")
    return InertTensor(storage, offset, shape, strides=strides, dtype=storage.dtype)


def _rebuild_tensor_v3(
    storage: Inert,
    offset: Inert,
    shape: Inert,
    strides: Inert,
    _grad: Inert,
    _hooks: Inert,
    dtype: Inert,
    metadata: Inert = None,
) -> Inert:
    if metadata:
        return InertObject("torch._utils._rebuild_tensor_v3")
    return InertTensor(storage, offset, shape, strides=strides, dtype=dtype.name.removeprefix("torch."))


def _rebuild_parameter(tensor: Inert, *_: Inert) -> Inert:
    return tensor


_TENSOR_RULES: dict[str, Callable[..., Inert]] = {
    "torch._utils._rebuild_tensor": _rebuild_tensor_v2,  # the first four arguments of v2 (torch before 0.4)
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor_v2,
    "torch._utils._rebuild_tensor_v3": _rebuild_tensor_v3,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": _rebuild_parameter,
}


def _rebuild_from_type(function: Inert, _type: Inert, arguments: Inert, _state: Inert) -> Inert:
    """Rebuild a subclass of Tensor as a plain tensor. Here torch calls a function that the file names; this doesn't."""
    rule = _TENSOR_RULES.get(function.name)
    return rule(*arguments) if rule else InertObject(function.name, arguments)


def _with_string_keys(items: Inert = ()) -> dict[str, Inert]:
    # Other keys are dropped unhashed: hashing a tuple that is nested without end could overflow the C stack.
    return {name: value for name, value in items if isinstance(name, str)}


_CONTAINER_RULES: dict[str, Callable[..., Inert]] = {
    "torch.Size": tuple,
    "collections.OrderedDict": _with_string_keys,
    "builtins.set": list,  # a set would hash its elements
    "__builtin__.set": list,  # the name that Python 2 writes
}
_RULES: dict[str, Callable[..., Inert]] = {
    **_TENSOR_RULES,
    "torch._tensor._rebuild_from_type_v2": _rebuild_from_type,
    **_CONTAINER_RULES,
}


def read_inert(file: IO[bytes]) -> tuple[Inert, dict[str, Storage]]:
    """Read the pickle at the file's position; return its value, and by key the storages it mentions.

    The file's position is then behind the pickle. A set becomes a list; a dictionary loses the keys that are not
    strings. Raises WeightsError for a pickle that is damaged, or that torch.save can't have written.
    """
    machine = _Machine()
    try:
        return machine.run(file), machine.storages
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError, AssertionError) as error:
        reason = repr(str(error)[:200])[1:-1] or type(error).__name__
        raise WeightsError(f"its pickle is damaged: {reason}") from None


class _Machine:
    """The stack machine that a pickle is a program for; `marked` has the stacks below each open mark."""

    def __init__(self) -> None:
        self.stack: list[Inert] = []
        self.marked: list[list[Inert]] = []
        self.memo: dict[int, Inert] = {}
        self.storages: dict[str, Storage] = {}
        self.operations = 0

    def run(self, file: IO[bytes]) -> Inert:
        """Run one pickle and return its value."""
        for operation, argument, _ in genops(file):
            self.spend(1)
            if operation.name in _CONSTANTS:
                self.push(argument)
            elif operation.name in _OPERATIONS:
                _OPERATIONS[operation.name](self, argument)
            elif operation.name not in _NO_EFFECT:
                raise WeightsError(f"its pickle uses {operation.name}, which torch.save doesn't")
        return self.stack.pop()

    def spend(self, operations: int) -> None:
        """Count operations. Raises WeightsError beyond the limit."""
        self.operations += operations
        if self.operations > MAX_OPERATIONS:
            raise WeightsError(f"its pickle takes more than {MAX_OPERATIONS:,} operations")

    def push(self, value: Inert) -> None:
        self.stack.append(value)

    def mark(self) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Inert]:
        """Take the last mark and what is above it off the stack; return the latter."""
        above, self.stack = self.stack, self.marked.pop()
        return above

    def pop(self) -> None:
        """Take off the top, which may be a mark."""
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    def memoize(self, index: int) -> None:
        """Store the top in the memo."""
        if not 0 <= index < MAX_MEMO_INDEX:
            raise ValueError("index of the memo out of range")
        self.memo[index] = self.stack[-1]

    def push_memo(self, index: int) -> None:
        self.push(self.memo[index])

    def make_tuple(self, count: int) -> None:
        """Replace the topmost values by a tuple of them."""
        values = [self.stack.pop() for _ in range(count)]
        self.push(tuple(reversed(values)))

    def push_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not (isinstance(module, str) and isinstance(name, str)):
            raise TypeError("the name of a global is not a string")
        self.push(Global(f"{module}.{name}"))

    def call(self, function: Inert, arguments: Inert) -> None:
        """Push the tensor or container that a rule makes, or a record of the call. Nothing of the file is called."""
        if not isinstance(arguments, tuple):
            raise TypeError("the arguments of a call are not a tuple")
        name = function.name if isinstance(function, Global) else type(function).__name__
        rule = _RULES.get(name) if isinstance(function, Global) else None
        if name in _CONTAINER_RULES and arguments:
            self.spend(len(arguments[0]))  # a copy is as much work as what it copies, and costs one opcode
        self.push(rule(*arguments) if rule else InertObject(name, arguments))

    def reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        self.call(function, arguments)

    def reduce_with_keywords(self) -> None:
        self.stack.pop()  # the keywords, which no rule takes
        self.reduce()

    def call_marked(self) -> None:
        function, *arguments = self.pop_mark()
        self.call(function, tuple(arguments))

    def build(self) -> None:
        """Set the state of a record on top. Containers have none: that of an OrderedDict is torch's metadata."""
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, InertObject):
            target.state = state

    def set_items(self, items: list[Inert]) -> None:
        """Set items of the top; keys and values alternate."""
        into = self.stack[-1]
        if isinstance(into, InertObject):
            into = into.items
        if isinstance(into, dict):
            into.update(_with_string_keys(zip(items[::2], items[1::2], strict=True)))

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def make_dictionary(self) -> None:
        items = self.pop_mark()
        self.push({})
        self.set_items(items)

    def append_items(self, items: list[Inert]) -> None:
        into = self.stack[-1]
        if isinstance(into, list):
            into.extend(items)

    def push_persistent(self) -> None:
        """Push what a persistent id stands for. Torch writes two kinds: a storage, and a class with its source code."""
        identity = self.stack.pop()
        if not isinstance(identity, tuple) or not identity:
            raise TypeError("a persistent id is not a tuple")
        kind, *facts = identity
        if kind == "storage":  # its location, such as "cuda:0", plays no part
            self.push(self.storage(*facts))
        elif kind == "module":
            self.push(facts[0])
        else:
            raise ValueError("a persistent id is neither a storage nor a module")

    def storage(self, kind: Inert, key: Inert, _location: Inert, count: Inert, view: Inert = None) -> Storage:
        if view is not None:
            raise WeightsError(
                "it has views of storages, which torch wrote before 0.4; save it again with a later version"
            )
        if not (isinstance(kind, Global) and isinstance(key, str) and _is_count(count)):
            raise TypeError("invalid description of a storage")
        storage = Storage(key, STORAGE_DTYPES.get(kind.name, kind.name), count)
        if self.storages.setdefault(key, storage) != storage:
            raise ValueError("two descriptions of a storage differ")
        return storage


_NO_EFFECT = ("PROTO", "FRAME", "STOP")
# Opcodes that push their own argument: numbers, strings and bytes. pickletools tells them by what they push.
_CONSTANTS = frozenset(
    code.name
    for code in opcodes
    if code.arg and not code.stack_before and code.stack_after and code.stack_after[0] is not anyobject
)
# Every other opcode that torch.save writes or ever wrote. Those absent are refused: EXT1, for one, imports.
_OPERATIONS: dict[str, Callable[[_Machine, Inert], None]] = {
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_SET": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE1": lambda machine, _: machine.make_tuple(1),
    "TUPLE2": lambda machine, _: machine.make_tuple(2),
    "TUPLE3": lambda machine, _: machine.make_tuple(3),
    "MARK": lambda machine, _: machine.mark(),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_mark())),
    "LIST": lambda machine, _: machine.push(machine.pop_mark()),
    "FROZENSET": lambda machine, _: machine.push(machine.pop_mark()),
    "DICT": lambda machine, _: machine.make_dictionary(),
    "POP": lambda machine, _: machine.pop(),
    "POP_MARK": lambda machine, _: machine.pop_mark().clear(),
    "DUP": lambda machine, _: machine.push(machine.stack[-1]),
    "PUT": lambda machine, index: machine.memoize(index),
    "BINPUT": lambda machine, index: machine.memoize(index),
    "LONG_BINPUT": lambda machine, index: machine.memoize(index),
    "MEMOIZE": lambda machine, _: machine.memoize(len(machine.memo)),
    "GET": lambda machine, index: machine.push_memo(index),
    "BINGET": lambda machine, index: machine.push_memo(index),
    "LONG_BINGET": lambda machine, index: machine.push_memo(index),
    "GLOBAL": lambda machine, name: machine.push(Global(name.replace(" ", ".", 1))),
    "STACK_GLOBAL": lambda machine, _: machine.push_global(),
    "REDUCE": lambda machine, _: machine.reduce(),
    "NEWOBJ": lambda machine, _: machine.reduce(),
    "NEWOBJ_EX": lambda machine, _: machine.reduce_with_keywords(),
    "INST": lambda machine, name: machine.call(Global(name.replace(" ", ".", 1)), tuple(machine.pop_mark())),
    "OBJ": lambda machine, _: machine.call_marked(),
    "BUILD": lambda machine, _: machine.build(),
    "APPEND": lambda machine, _: machine.append_items([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.append_items(machine.pop_mark()),
    "ADDITEMS": lambda machine, _: machine.append_items(machine.pop_mark()),
    "SETITEM": lambda machine, _: machine.set_item(),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_mark()),
    "BINPERSID": lambda machine, _: machine.push_persistent(),
}
