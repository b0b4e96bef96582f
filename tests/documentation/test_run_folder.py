"""docs/reference/run-folder.md lists the files of a run: those of a new one, and those of the frozen ones."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import vistry

TESTS = Path(__file__).parents[1]
FROZEN = TESTS / "frozen"
PAGE = (TESTS.parent / "docs" / "reference" / "run-folder.md").read_text()
LISTED = {name for cell in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) for name in re.findall(r"`([^`]+)`", cell)}
# What is written only where something fails, or where another command is given.
LATER = {"plugin-error.txt", "export-error.txt", "export/", "thresholds.json"}


def files(run: Path) -> set[str]:
    """The files of a run by path, with the number of an epoch as on the page."""
    paths = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    return {re.sub(r"epoch_\d{4}", "epoch_0004", path) for path in paths}


def test_a_new_run_has_exactly_the_files_of_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(TESTS / "tiny_plugin"))
    importlib.invalidate_caches()
    run = tmp_path / "run"
    vistry.train(
        FROZEN / "digits",
        task="multiclass",
        model="tiny",
        output=run,
        number_of_epochs=1,
        warmup_cosine_lr_warmup_epochs=1,
        checkpoint_frequency=1,
        training_crop_size=16,
        validation_crop_size=16,
        validation_resize_size=16,
        precision="fp32",
    )
    assert files(run) == LISTED - LATER


@pytest.mark.parametrize("run", ["run_schema_1", "detection_run_schema_1", "segmentation_run_schema_1"])
def test_a_frozen_run_has_no_other_files(run: str) -> None:
    assert files(FROZEN / run) <= LISTED
