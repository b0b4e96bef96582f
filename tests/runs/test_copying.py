"""A copy of a run is whole, or isn't there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from vistry.errors import RunError
from vistry.runs.copying import check_target, copy_run
from vistry.runs.folder import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    (folder / "checkpoints" / "best.safetensors").write_text("weights")
    return Run(folder)


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_copy_has_every_file_and_nothing_lies_beside_it(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "out" / "best"
    assert copy_run(run, target).folder == target
    assert files(target) == files(run.folder)
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("before", [{}, {"run.json": "{}", "old.txt": "x"}])
def test_an_empty_folder_or_an_earlier_run_makes_room(run: Run, tmp_path: Path, before: dict[str, str]) -> None:
    target = tmp_path / "best"
    target.mkdir()
    for name, text in before.items():
        (target / name).write_text(text)
    copy_run(run, target)
    assert files(target) == files(run.folder)


def test_what_is_no_run_is_left_alone(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "best"
    target.mkdir()
    (target / "thesis.txt").write_text("x")
    for refused in (target, target / "thesis.txt"):
        with pytest.raises(RunError, match="holds something else; name another folder"):
            check_target(refused)
        with pytest.raises(RunError):
            copy_run(run, refused)
    assert files(target) == {"thesis.txt": "x"}


def test_a_copy_that_fails_leaves_the_earlier_one(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "best"
    copy_run(run, target)
    before = files(target)

    def half(source: Path, destination: Path) -> None:
        destination.mkdir()
        (destination / "run.json").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", half)
    with pytest.raises(RunError, match=r"can't be copied to .*best: No space left on device; copy .*run"):
        copy_run(run, target)
    assert files(target) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best", "run"]
