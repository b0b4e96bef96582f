"""The questions that models can be asked for, as a caller's type checker sees them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypedDict

Texts = str | Collection[str] | None
Counts = int | Collection[int] | None


class ModelFilters(TypedDict, total=False):
    """What `models` may be asked for: `Texts` is a text or a list of texts, `Counts` an integer or a list of integers.

    A list means any of its values, and None that the filter is left out. In texts, * and ? stand for anything. The page
    about the registry says what each filter matches.
    """

    task: Texts
    exclude_task: Texts
    family: Texts
    exclude_family: Texts
    backend: Texts
    exclude_backend: Texts
    name: Texts
    exclude_name: Texts
    license: Texts
    exclude_license: Texts
    allowed_license: Texts
    weights: bool | None
    cached: bool | None
    has_weights: bool | None
    weights_license: Texts
    exclude_weights_license: Texts
    published: Texts
    backbone: Texts
    exclude_backbone: Texts
    tag: Texts
    exclude_tag: Texts
    parameters: Texts
    min_parameters: int | None
    max_parameters: int | None
    input_size: Counts
    stride: Counts
    sort: Texts
