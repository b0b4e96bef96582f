"""The check of a backbone's feature maps in JAX."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from vistry.plugin.types import Module, Tensor

CheckMaps = Callable[[Sequence[tuple[int, int, int]] | None, tuple[int, int]], None]

_SIDE = 256  # pixels; nothing is computed, so a large image costs no more than a small one


def on_first_maps(module: nnx.Module, check: CheckMaps) -> None:
    """Check the feature maps of a backbone at once, from their shapes."""
    structure, state = nnx.split(module)

    def maps_of(state: Tensor, images: jax.Array) -> Tensor:
        backbone: Module = nnx.merge(structure, state)
        backbone.eval()
        return backbone(images)

    abstract = jax.ShapeDtypeStruct((1, _SIDE, _SIDE, 3), jnp.float32)  # type: ignore[no-untyped-call]
    check(_shapes(jax.eval_shape(maps_of, state, abstract)), (_SIDE, _SIDE))


def _shapes(maps: Tensor) -> list[tuple[int, int, int]] | None:
    """Return channels, height and width of each map [N, H, W, C]; None where these are no maps."""
    if not isinstance(maps, list | tuple) or not all(getattr(one, "ndim", 0) == 4 for one in maps):
        return None
    return [(int(one.shape[3]), int(one.shape[1]), int(one.shape[2])) for one in maps]
