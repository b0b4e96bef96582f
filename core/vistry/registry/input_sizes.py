"""How large a model's input may be, as far as its manifest says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vistry.registry.field_spec import FieldSpec, Restriction
from vistry.registry.records import InputSizesRecord

Limit = FieldSpec | Restriction


@dataclass(frozen=True)
class InputSizes:
    """The sides in pixels that a network's input may have: any in a range, or only those of `sizes`."""

    smallest: int = 1
    largest: int | None = None
    multiple_of: int = 1
    sizes: tuple[int, ...] | None = None

    @classmethod
    def under(cls, limits: Sequence[Limit]) -> InputSizes:
        """The sides that obey every one of these ranges."""
        fixed = [set(limit.choices) for limit in limits if limit.choices is not None]
        sizes = set.intersection(*fixed) if fixed else set()
        return cls(
            smallest=max([1, *(low for limit in limits for low in _smallest(limit))]),
            largest=min((high for limit in limits for high in _largest(limit)), default=None),
            multiple_of=math.lcm(*(limit.multiple_of or 1 for limit in limits)),
            sizes=tuple(sorted(size for size in sizes if isinstance(size, int))) if fixed else None,
        )

    def allows(self, side: int) -> bool:
        """Whether an input may be so many pixels wide and high."""
        in_range = self.smallest <= side and (self.largest is None or side <= self.largest)
        return in_range and side % self.multiple_of == 0 and (self.sizes is None or side in self.sizes)

    def to_dict(self) -> InputSizesRecord:
        """The sides as plain JSON values."""
        return {
            "smallest": self.smallest,
            "largest": self.largest,
            "multiple_of": self.multiple_of,
            "sizes": None if self.sizes is None else list(self.sizes),
        }


def _smallest(limit: Limit) -> Iterator[int]:
    if limit.minimum is not None and math.isfinite(limit.minimum):
        yield math.ceil(limit.minimum)
    if isinstance(limit, FieldSpec) and limit.above is not None and math.isfinite(limit.above):
        yield math.floor(limit.above) + 1


def _largest(limit: Limit) -> Iterator[int]:
    if limit.maximum is not None and math.isfinite(limit.maximum):
        yield math.floor(limit.maximum)
    if isinstance(limit, FieldSpec) and limit.below is not None and math.isfinite(limit.below):
        yield math.ceil(limit.below) - 1
