"""A run goes on where its data has moved, and only with the pictures that it began with."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from PIL import Image
from safetensors.numpy import load_file
from vistry.errors import RunError
from vistry.runs.folder import Run, find_run
from vistry.training.events import Listener, Stoppable
from vistry.training.session import resume

SETTINGS: dict[str, Any] = {"number_of_epochs": 2, "precision": "fp32", "learning_rate": 0.05}


class Stopping(Listener):
    """Stops a training after its first update."""

    def training_begins(self, training: Stoppable) -> None:
        self._training = training

    def update_ended(self, *arguments: object) -> None:
        self._training.stop("it was enough")


def stopped(data: Path, **options: Any) -> Run:
    task = options.pop("task", "multiclass")
    return vistry.train(data, task=task, model="tiny", listeners=[Stopping()], **options, **SETTINGS).run


def weights(run: Run) -> dict[str, Any]:
    return {**load_file(run.best_weights), **load_file(run.last_state)}


def same(first: Run, second: Run) -> None:
    ours, theirs = weights(first), weights(second)
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture
def data(digits: Path, tmp_path: Path) -> Path:
    """The digits, a copy that may be moved."""
    return shutil.copytree(digits, tmp_path / "here" / "digits")


@pytest.fixture
def listed(data: Path) -> Path:
    """The digits named by a file beside their folders, by their absolute paths."""
    path = data / "all.jsonl"
    rows = [{"image_url": str(image), "label": image.parent.name} for image in sorted(data.glob("*/*.png"))]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def moved(data: Path, runs: Path, name: str = "there") -> Path:
    (runs.parent / name).mkdir()
    return Path(shutil.move(data, runs.parent / name / "renamed"))


def test_the_rest_of_the_training_has_the_same_bits(data: Path, runs: Path) -> None:
    whole = vistry.train(data, task="multiclass", model="tiny", **SETTINGS).run
    run = stopped(data)
    there = moved(data, runs)
    result = resume(run.folder, data=there)
    same(result.run, whole)
    assert result.run.record.data.source == str(there)


def test_once_said_where_the_data_is_now_stays_known(data: Path, runs: Path) -> None:
    run = stopped(data)
    there = moved(data, runs)
    resume(run.folder, data=there, listeners=[Stopping()])
    assert resume(run.folder).outcome.status == "completed"


@pytest.mark.parametrize("name", ["renamed", "renamed/all.jsonl"])
def test_data_named_by_a_file_moves_with_its_images(name: str, listed: Path, runs: Path) -> None:
    run = stopped(listed)
    moved(listed.parent, runs)
    assert resume(run.folder, data=runs.parent / "there" / name).outcome.status == "completed"


def test_validation_data_apart_moves_apart(digits: Path, data: Path, runs: Path) -> None:
    apart = runs.parent / "apart"
    for label in ("digit0", "digit1"):
        (apart / label).mkdir(parents=True)
        for image in sorted((data / label).iterdir())[:4]:
            image.rename(apart / label / image.name)
    run = stopped(data, validation=apart)
    there = moved(data, runs)
    elsewhere = Path(shutil.move(apart, runs.parent / "elsewhere"))
    with pytest.raises(RunError, match=r"validation images .* are missing; .* --validation DIR"):
        resume(run.folder, data=there)
    result = resume(run.folder, data=there, validation=elsewhere)
    assert result.outcome.status == "completed"
    assert result.run.record.data.validation_source == str(elsewhere)


def test_missing_images_are_told_with_what_to_type(data: Path, runs: Path) -> None:
    run = stopped(data)
    moved(data, runs)
    with pytest.raises(RunError) as caught:
        resume(run.folder)
    assert "training images (" in str(caught.value)
    assert f"type: vistry resume {run.folder} --data DIR" in str(caught.value)


def test_a_folder_without_the_images_changes_nothing(data: Path, runs: Path) -> None:
    run = stopped(data)
    rows = (run.folder / "training.jsonl").read_bytes()
    empty = runs.parent / "empty"
    empty.mkdir()
    with pytest.raises(RunError, match=f"training images aren't below {empty}, such as .*digit"):
        resume(run.folder, data=empty)
    with pytest.raises(RunError, match="no_such: there is no such file or folder"):
        resume(run.folder, data=runs.parent / "no_such")
    with pytest.raises(RunError, match="has no validation data apart; leave out --validation"):
        resume(run.folder, validation=data)
    assert (run.folder / "training.jsonl").read_bytes() == rows
    assert resume(run.folder).outcome.status == "completed"


def exchange(image: Path) -> None:
    Image.fromarray(255 - np.asarray(Image.open(image))).save(image)


def exchange_keeping_size_and_time(image: Path) -> None:
    content, status = bytearray(image.read_bytes()), image.stat()
    content[-20] ^= 1
    other = image.with_suffix(".new")
    other.write_bytes(content)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(image)


@pytest.mark.parametrize("change", [exchange, exchange_keeping_size_and_time])
@pytest.mark.parametrize("moves", [False, True])
def test_other_pictures_by_the_same_names_are_noticed(
    change: Callable[[Path], None], moves: bool, data: Path, runs: Path
) -> None:
    run = stopped(data)
    there = moved(data, runs) if moves else data
    first = Path(json.loads((run.folder / "training.jsonl").read_text().splitlines()[0])["image_url"])
    change(there / first.relative_to(data))
    with pytest.raises(RunError, match=r"1 of \d+ training images \(.*\) is not what the run began with"):
        resume(run.folder, data=there if moves else None)


def test_images_that_nobody_touched_are_not_read_again(data: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vistry.runs import moved_images

    run = stopped(data)
    read: list[str] = []
    monkeypatch.setattr(moved_images, "MARGIN", -60.0)
    monkeypatch.setattr(moved_images, "contents_of", read.extend)
    moved_images.check_images(Run(run.folder))
    assert read == []
    assert time.time() - moved_images._began(find_run(run.folder)) < 600


def test_a_run_without_hashes_goes_on(data: Path, runs: Path) -> None:
    run = stopped(data)
    (run.folder / "image-contents.safetensors").unlink()
    there = moved(data, runs)
    assert resume(run.folder, data=there).outcome.status == "completed"


def test_the_command_line(data: Path, runs: Path, vistry: Any) -> None:
    run = stopped(data)
    there = moved(data, runs)
    told = vistry("resume", run.folder, check=False)
    assert told.returncode == 2
    assert "--data DIR" in told.stderr
    assert "best: epoch" in vistry("resume", run.folder, "--data", there).stdout
