from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from vistry.sweep.trial import Evaluation, Trial, TrialRecord, TrialState

SURFACE = Path(__file__).parents[2] / "benchmarks" / "sweep_surface.py"


@pytest.fixture(autouse=True)
def _no_policy(no_policy: None) -> None:
    """Every test begins with nobody's policy."""


@pytest.fixture(scope="session")
def surface() -> ModuleType:
    """The made-up data sets of the benchmark, and its sweep on them."""
    spec = importlib.util.spec_from_file_location("sweep_surface", SURFACE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["sweep_surface"] = module  # dataclasses look for their module there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def trial() -> Callable[..., Trial]:
    """A trial with these scores, after every epoch or after those named."""

    def make(
        number: int,
        scores: Sequence[float] = (),
        *,
        at: Sequence[int] = (),
        status: str = "running",
        epochs: int = 27,
        until: int | None = None,
        model: str = "family/model",
        why: str = "random",
        **values: Any,
    ) -> Trial:
        after = at or range(1, len(scores) + 1)
        return Trial(
            record=TrialRecord(number=number, group=0, model=model, values=values, why=why, epochs=epochs, threads=1),
            state=TrialState(status=status, until=until),
            evaluations=tuple(
                Evaluation(epochs=epoch, score=score) for epoch, score in zip(after, scores, strict=True)
            ),
        )

    return make
