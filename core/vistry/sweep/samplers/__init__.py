"""Samplers: which trial comes next. Each stands in one table."""

from __future__ import annotations

from vistry.sweep.protocols import Sampler
from vistry.sweep.request import SamplerRequest
from vistry.sweep.space import Space


def sampler_of(request: SamplerRequest, space: Space) -> Sampler:
    """The sampler that a request names. Raises VistryError for one that there isn't, or that can't sample the space."""
    raise NotImplementedError
