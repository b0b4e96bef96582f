from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_policy(no_policy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test begins with nobody's policy, and without the plugins that bring schedules for every model."""
    monkeypatch.setenv("VISTRY_DISABLE", "dfine,deimv2,rfdetr")
