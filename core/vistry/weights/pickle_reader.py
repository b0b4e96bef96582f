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
from typing import IO, Any

from vistry.errors import WeightsError

MOST_OPERATIONS = 5_000_000
MOST_PLACES = 2**32  # of the memo: what LONG_BINPUT can name
MOST_DIMENSIONS = 64


@dataclass(frozen=True, slots=True)
class Named:
    """A class or a function that a pickle names, of which nothing but the name is known."""

    name: str


@dataclass(eq=False, slots=True)
class Made:
    """What calling `maker` would have made; `state` and `items` are what the pickle then gave it."""

    maker: str
    arguments: tuple[Any, ...] = ()
    state: Any = None
    items: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Storage:
    """The flat memory of one or more tensors: `count` elements, or bytes where `dtype` is uint8."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True, slots=True)
class Tensor:
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
            raise TypeError("a tensor's description makes no sense")
        numbers = (self.offset, *self.shape, *self.strides)
        if (
            len(self.shape) != len(self.strides)
            or len(self.shape) > MOST_DIMENSIONS
            or not all(map(_is_count, numbers))
        ):
            raise ValueError("a tensor's shape makes no sense")

    @property
    def elements(self) -> int:
        """How many it has."""
        return prod(self.shape)

    @property
    def reach(self) -> int:
        """How many elements of the storage lie before the end of the last one it uses."""
        steps = sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        return self.offset + steps + 1 if self.elements else 0


def _is_count(number: object) -> bool:
    return isinstance(number, int) and 0 <= number < 2**63


STORAGES = {
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


def _tensor(
    storage: Any, offset: Any, shape: Any, strides: Any, _grad: Any = None, _hooks: Any = None, metadata: Any = None
) -> Any:
    if metadata:  # such as a sign that is yet to be applied
        return Made("torch._utils._rebuild_tensor_v2")
    return Tensor(storage, offset, shape, strides, storage.dtype)


def _tensor_of_dtype(
    storage: Any, offset: Any, shape: Any, strides: Any, _grad: Any, _hooks: Any, dtype: Any, metadata: Any = None
) -> Any:
    if metadata:
        return Made("torch._utils._rebuild_tensor_v3")
    return Tensor(storage, offset, shape, strides, dtype.name.removeprefix("torch."))


def _first(first: Any, *_: Any) -> Any:
    return first


_TENSORS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of_dtype,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
}


def _tensor_of_class(function: Any, _kind: Any, arguments: Any, _state: Any) -> Any:
    rule = _TENSORS.get(function.name)
    return rule(*arguments) if rule else Made(function.name, arguments)


def _pairs(pairs: Any = ()) -> dict[str, Any]:
    return {name: value for name, value in pairs if isinstance(name, str)}


_CONTAINERS: dict[str, Callable[..., Any]] = {
    "torch.Size": tuple,
    "collections.OrderedDict": _pairs,
    "builtins.set": list,
    "__builtin__.set": list,
}
_RULES: dict[str, Callable[..., Any]] = {
    **_TENSORS,
    "torch._tensor._rebuild_from_type_v2": _tensor_of_class,
    **_CONTAINERS,
}


def read_inert(file: IO[bytes]) -> tuple[Any, dict[str, Storage]]:
    """What the pickle at the file's position holds, and the storages it mentions, by key. Raises WeightsError.

    The file is then behind the pickle. A set becomes a list; keys of a dictionary that are no text are left out.
    """
    machine = _Machine()
    try:
        return machine.run(file), machine.storages
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError, AssertionError) as error:
        reason = repr(str(error)[:200])[1:-1] or type(error).__name__
        raise WeightsError(f"its pickle is damaged: {reason}") from None


class _Machine:
    """The stack, and below it the stacks that were set aside at each mark."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}
        self.spent = 0

    def run(self, file: IO[bytes]) -> Any:
        """Carry out one pickle's operations."""
        for operation, argument, _ in genops(file):
            self.spend(1)
            if operation.name in _CONSTANTS:
                self.push(argument)
            elif operation.name in _OPERATIONS:
                _OPERATIONS[operation.name](self, argument)
            elif operation.name not in _SILENT:
                raise WeightsError(f"its pickle uses {operation.name}, which torch.save doesn't")
        return self.stack.pop()

    def spend(self, operations: int) -> None:
        """Count operations, so that a short pickle can't ask for endless work."""
        self.spent += operations
        if self.spent > MOST_OPERATIONS:
            raise WeightsError(f"its pickle takes more than {MOST_OPERATIONS:,} operations")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def mark(self) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        """What is on the stack above the last mark, taken off with it."""
        found, self.stack = self.stack, self.marked.pop()
        return found

    def drop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.since_mark()

    def keep(self, place: int) -> None:
        """Keep the top in the memo."""
        if not 0 <= place < MOST_PLACES:
            raise ValueError("a place of the memo is out of range")
        self.memo[place] = self.stack[-1]

    def recall(self, place: int) -> None:
        self.push(self.memo[place])

    def join(self, count: int) -> None:
        """Make the topmost values a tuple."""
        found = [self.stack.pop() for _ in range(count)]
        self.push(tuple(reversed(found)))

    def named(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not (isinstance(module, str) and isinstance(name, str)):
            raise TypeError("the name of a global is no text")
        self.push(Named(f"{module}.{name}"))

    def call(self, maker: Any, arguments: Any) -> None:
        """Where a call would be: a tensor or a container if the rules have one, else a record of the call."""
        if not isinstance(arguments, tuple):
            raise TypeError("the arguments of a call are no tuple")
        name = maker.name if isinstance(maker, Named) else type(maker).__name__
        rule = _RULES.get(name) if isinstance(maker, Named) else None
        if name in _CONTAINERS and arguments:
            self.spend(len(arguments[0]))
        self.push(rule(*arguments) if rule else Made(name, arguments))

    def reduce(self) -> None:
        arguments, maker = self.stack.pop(), self.stack.pop()
        self.call(maker, arguments)

    def reduce_with_keywords(self) -> None:
        self.stack.pop()
        self.reduce()

    def call_since_mark(self) -> None:
        maker, *arguments = self.since_mark()
        self.call(maker, tuple(arguments))

    def build(self) -> None:
        """Give the top its state: a record remembers it, a container does without."""
        state, made = self.stack.pop(), self.stack[-1]
        if isinstance(made, Made):
            made.state = state

    def put(self, items: list[Any]) -> None:
        """Put keys and values, which alternate, into the top."""
        into = self.stack[-1]
        if isinstance(into, Made):
            into = into.items
        if isinstance(into, dict):
            into.update(_pairs(zip(items[::2], items[1::2], strict=True)))

    def put_one(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.put([key, value])

    def make_dictionary(self) -> None:
        items = self.since_mark()
        self.push({})
        self.put(items)

    def extend(self, items: list[Any]) -> None:
        into = self.stack[-1]
        if isinstance(into, list):
            into.extend(items)

    def persistent(self) -> None:
        """Torch has two kinds of persistent ids: a storage, and a class with its source."""
        identity = self.stack.pop()
        if not isinstance(identity, tuple) or not identity:
            raise TypeError("a persistent id is no tuple")
        kind, *facts = identity
        if kind == "storage":
            self.push(self.storage(*facts))
        elif kind == "module":
            self.push(facts[0])
        else:
            raise ValueError("a persistent id is neither a storage nor a module")

    def storage(self, kind: Any, key: Any, _place: Any, count: Any, view: Any = None) -> Storage:
        if view is not None:
            raise WeightsError(
                "it has views of storages, as torch wrote them before 0.4; save it anew with a later one"
            )
        if not (isinstance(kind, Named) and isinstance(key, str) and _is_count(count)):
            raise TypeError("a storage's description makes no sense")
        found = Storage(key, STORAGES.get(kind.name, kind.name), count)
        if self.storages.setdefault(key, found) != found:
            raise ValueError("a storage is described in two ways")
        return found


_SILENT = ("PROTO", "FRAME", "STOP")
_CONSTANTS = frozenset(
    code.name
    for code in opcodes
    if code.arg and not code.stack_before and code.stack_after and code.stack_after[0] is not anyobject
)
_OPERATIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_SET": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE1": lambda machine, _: machine.join(1),
    "TUPLE2": lambda machine, _: machine.join(2),
    "TUPLE3": lambda machine, _: machine.join(3),
    "MARK": lambda machine, _: machine.mark(),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
    "LIST": lambda machine, _: machine.push(machine.since_mark()),
    "FROZENSET": lambda machine, _: machine.push(machine.since_mark()),
    "DICT": lambda machine, _: machine.make_dictionary(),
    "POP": lambda machine, _: machine.drop(),
    "POP_MARK": lambda machine, _: machine.since_mark().clear(),
    "DUP": lambda machine, _: machine.push(machine.stack[-1]),
    "PUT": lambda machine, place: machine.keep(place),
    "BINPUT": lambda machine, place: machine.keep(place),
    "LONG_BINPUT": lambda machine, place: machine.keep(place),
    "MEMOIZE": lambda machine, _: machine.keep(len(machine.memo)),
    "GET": lambda machine, place: machine.recall(place),
    "BINGET": lambda machine, place: machine.recall(place),
    "LONG_BINGET": lambda machine, place: machine.recall(place),
    "GLOBAL": lambda machine, name: machine.push(Named(name.replace(" ", ".", 1))),
    "STACK_GLOBAL": lambda machine, _: machine.named(),
    "REDUCE": lambda machine, _: machine.reduce(),
    "NEWOBJ": lambda machine, _: machine.reduce(),
    "NEWOBJ_EX": lambda machine, _: machine.reduce_with_keywords(),
    "INST": lambda machine, name: machine.call(Named(name.replace(" ", ".", 1)), tuple(machine.since_mark())),
    "OBJ": lambda machine, _: machine.call_since_mark(),
    "BUILD": lambda machine, _: machine.build(),
    "APPEND": lambda machine, _: machine.extend([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.since_mark()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.since_mark()),
    "SETITEM": lambda machine, _: machine.put_one(),
    "SETITEMS": lambda machine, _: machine.put(machine.since_mark()),
    "BINPERSID": lambda machine, _: machine.persistent(),
}
