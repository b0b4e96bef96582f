"""The JAX engine. `vistry.training.engines.EngineModule` describes these names."""

from vistry.training.engines.jax.engine import make
from vistry.training.engines.jax.feature_maps import on_first_maps
from vistry.training.engines.jax.meta_device import on_meta_device, output_shape
from vistry.training.engines.jax.module import (
    arrays_of,
    decayed_names,
    load_arrays,
    parameter_names,
    seed_initialisation,
    shapes_of,
)
from vistry.training.engines.jax.precision import with_low_precision, with_single_precision

__all__ = [
    "arrays_of",
    "decayed_names",
    "load_arrays",
    "make",
    "on_first_maps",
    "on_meta_device",
    "output_shape",
    "parameter_names",
    "seed_initialisation",
    "shapes_of",
    "with_low_precision",
    "with_single_precision",
]
