"""Metrics of a plugin: computed, reported, deciding which epoch is the best, and harmless to others where they fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from sklearn.metrics import cohen_kappa_score
from vistry.cli import words
from vistry.errors import RegistryError, VistryError
from vistry.registry.policy import DISABLE_VARIABLE
from vistry.runs.records import BestEpoch
from vistry.training.early_stopping import EarlyStopping
from vistry.training.events import Listener
from vistry.training.session import resume

pytestmark = pytest.mark.usefixtures("extras", "tiny_plugin")
SETTINGS: dict[str, Any] = {"task": "multiclass", "model": "tiny", "number_of_epochs": 3, "precision": "fp32"}
HEAD = 'manifest = 1\napi = "1.0"\nlicense = "MIT"\nsummary = "Metrics for tests"\n'
METRIC = (
    '[metrics.{name}]\nsummary = "s"\nformula = "f"\ntasks = ["image_classification"]\n'
    'function = "vistry_odd.code:{name}"\nlarger_is_better = {larger}\n'
)
CODE = """
import numpy as np

def mistakes(predictions, targets, classes):
    return float((np.asarray(predictions).argmax(1) != targets).mean())

def raising(predictions, targets, classes):
    return predictions[len(predictions)]

def large(predictions, targets, classes):
    return 7.0

def undefined(predictions, targets, classes):
    return None
"""


class Notes(Listener):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture
def odd(lay_out: Callable[..., Path]) -> None:
    names = {"mistakes": "false", "raising": "true", "large": "true", "undefined": "true"}
    manifest = HEAD + "".join(METRIC.format(name=name, larger=larger) for name, larger in names.items())
    (lay_out("odd", manifest=manifest) / "code.py").write_text(CODE)


def test_the_example_agrees_with_scikit_learn(extras: Path) -> None:
    from vistry_extras.kappa import kappa

    random = np.random.default_rng(0)
    scores, targets = random.random((50, 4)).astype(np.float32), random.integers(0, 4, 50)
    expected = cohen_kappa_score(targets, scores.argmax(axis=1))
    assert kappa(list(scores), targets, "abcd") == pytest.approx(expected)
    assert kappa(list(scores[:1]), scores[:1].argmax(axis=1), "abcd") is None


def test_it_is_computed_reported_and_decides(digits: Path, runs: Path) -> None:
    result = vistry.train(digits, primary_metric="kappa", **SETTINGS)
    history = [entry.metrics["kappa"] for entry in result.run.history() if entry.metrics]
    assert result.outcome.best_score == max(history) == result.metrics["kappa"]
    assert result.run.record.primary_metric == "kappa"
    [record] = result.run.record.parts
    assert (record.kind, record.name, record.plugin) == ("metrics", "kappa", "extras")
    assert "kappa" in (result.run.folder / "report.html").read_text()
    assert -1 <= vistry.evaluate(str(result.run.folder), digits).metrics["kappa"] <= 1


def test_it_is_listed_with_the_tasks_primary_metrics() -> None:
    assert vistry.find_task("multiclass").primary_metrics[-1] == "kappa"
    assert "kappa" not in vistry.find_task("detection").primary_metrics
    assert words.primary_metrics().endswith(("kappa", "mean_average_precision"))
    assert "kappa" in words.primary_metrics()


@pytest.mark.usefixtures("odd")
def test_where_smaller_is_better_the_smallest_is_the_best(digits: Path, runs: Path) -> None:
    notes = Notes()
    result = vistry.train(digits, primary_metric="mistakes", listeners=[notes], **SETTINGS)
    entries = [entry.metrics for entry in result.run.history() if entry.metrics]
    assert result.outcome.best_score == min(entry["mistakes"] for entry in entries)
    assert all(entry["mistakes"] == pytest.approx(1 - entry["accuracy"]) for entry in entries)
    assert not {"raising", "large", "undefined"} & set(entries[0])
    left_out = [note for note in notes.said if note.startswith("the metric ")]
    assert len(left_out) == 2
    assert "the metric raising is left out: the plugin 'odd' of vistry-odd" in left_out[0]
    assert "[metrics.large] failed: it is 7, and plugin.toml says from 0 to 1" in left_out[1]


def test_patience_counts_from_the_smallest() -> None:
    stopping = EarlyStopping(enabled=True, patience=2, delay=0, best=BestEpoch(), larger_is_better=False)
    improved = [stopping.update(epoch, score) for epoch, score in enumerate([0.5, 0.6, 0.4, 0.4, 0.7])]
    assert improved == [True, False, True, False, False]
    assert stopping.best == BestEpoch(epoch=2, score=0.4, without_improvement=2)
    assert stopping.should_stop


@pytest.mark.usefixtures("odd")
def test_a_primary_metric_that_fails_is_an_error(digits: Path, runs: Path) -> None:
    with pytest.raises(RegistryError, match=r"\[metrics\.raising\] \(.*code\.py:8\) raised IndexError: "):
        vistry.train(digits, primary_metric="raising", **SETTINGS)


def test_what_cant_be_the_primary_metric(digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VistryError, match="has no primary metric 'kapa'; did you mean 'kappa'"):
        vistry.train(digits, primary_metric="kapa", **SETTINGS)
    monkeypatch.setenv(DISABLE_VARIABLE, "extras")
    with pytest.raises(VistryError, match="no primary metric 'kappa'; it is in the plugin 'extras', which is disabled"):
        vistry.train(digits, primary_metric="kappa", **SETTINGS)


def test_a_run_says_what_it_lacks(digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupting(Listener):
        def evaluation_begins(self, epoch: int) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vistry.train(digits, primary_metric="kappa", listeners=[Interrupting()], **SETTINGS)
    monkeypatch.setenv(DISABLE_VARIABLE, "extras")
    with pytest.raises(RegistryError, match=r"trained with \[metrics\.kappa\] of vistry-extras"):
        resume("last")


def test_cores_names_keep_their_meaning(lay_out: Callable[..., Path], digits: Path, runs: Path) -> None:
    """`accuracy` is computed by core, `log_loss` declared as plugins declare theirs."""
    manifest = HEAD + METRIC.format(name="accuracy", larger="true") + METRIC.format(name="log_loss", larger="true")
    lay_out("odd", manifest=manifest)
    metrics = vistry.train(digits, **{**SETTINGS, "number_of_epochs": 1}).metrics
    assert 0 <= metrics["accuracy"] <= 1 < 7
    assert metrics["log_loss"] > 0
