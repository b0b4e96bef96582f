from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_policy(no_policy: None) -> None:
    """Every test begins with nobody's policy."""
