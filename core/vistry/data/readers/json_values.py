"""The type of values that files hold before a reader has checked them."""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = Any
"""A value from a JSON or YAML file, of whatever type its author wrote there."""
