"""What is computed of padded regions a part at a time, without the parts that hold none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array, lax


def over_occupied_parts(
    function: Callable[..., Array], inputs: Sequence[Array], is_occupied: Array, size: int
) -> Array:
    """Call a function with `size` columns of its inputs at a time, and return its results [N, K, ...] in their order.

    Where no row has anything in these columns, nothing is computed and the results are zeros. So a network for a few
    of many places costs about as much as these few, in both directions, while shapes stay as they are.

    Args:
        function: of arrays [N, size, ...] to one of the same two axes.
        inputs: [N, K, ...] each.
        is_occupied: [N, K] bool.
        size: columns of a part.
    """
    rows, columns = is_occupied.shape
    size = min(size, columns)
    parts = -(-columns // size)

    def by_part(values: Array) -> Array:
        more = [(0, 0), (0, parts * size - columns), *[(0, 0)] * (values.ndim - 2)]
        return jnp.moveaxis(jnp.pad(values, more).reshape(rows, parts, size, *values.shape[2:]), 1, 0)

    shape = jax.eval_shape(function, *(one[:, :size] for one in inputs))

    def step(_: None, part: tuple[Array, ...]) -> tuple[None, Array]:
        some, *arrays = part
        nothing = jnp.zeros(shape.shape, shape.dtype)
        return None, lax.cond(some.any(), lambda: function(*arrays), lambda: nothing)

    _, results = lax.scan(step, None, tuple(map(by_part, (is_occupied, *inputs))))
    joined: Array = jnp.moveaxis(results, 0, 1).reshape(rows, parts * size, *shape.shape[2:])
    return joined[:, :columns]
