"""Reading and finding run folders, and what is said of damaged ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vistry.errors import RunError
from vistry.runs.checkpoint import read_checkpoint, write_checkpoint, write_tensors
from vistry.runs.folder import Run, find_run, new_run, runs_in
from vistry.runs.records import BestEpoch, EpochEntry, LastFacts, Position, RunStatus

FROZEN = Path(__file__).parent.parent / "frozen" / "run_schema_1"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(shutil.copytree(FROZEN, tmp_path / "runs" / "first"))


def _change(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_damaged_file_is_named_with_the_key(run: Run) -> None:
    _change(run.folder / "run.json", classes=None)
    _change(run.folder / "status.json", best_epoch="three")
    with pytest.raises(RunError, match=r"^invalid .*first/run\.json: 'classes': expected a list, got null; restore"):
        _ = run.record
    with pytest.raises(RunError, match=r"first/status\.json: 'best_epoch': expected a whole number, got \"three\""):
        _ = run.status
    (run.folder / "hyperparameters.json").write_text('{"values": ')
    with pytest.raises(RunError, match=r"first/hyperparameters\.json can't be read: "):
        _ = run.hyperparameters


def test_a_damaged_line_of_the_history_is_named(run: Run) -> None:
    path = run.folder / "metrics.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], '{"epoch": 2}', *lines[3:]]))
    with pytest.raises(RunError, match=r"invalid .*metrics\.jsonl:3: missing key 'train_loss'"):
        run.history()
    path.write_text("\n".join([lines[0], lines[1][:9]]))
    with pytest.raises(RunError, match=r"metrics\.jsonl:2 can't be read: "):
        run.history()


def test_a_run_without_an_epoch_has_no_history(run: Run) -> None:
    (run.folder / "metrics.jsonl").unlink()
    assert run.history() == []


def test_a_damaged_diagnosis_hides_no_other(run: Run) -> None:
    [diagnosis] = run.diagnoses()
    assert diagnosis.findings[0].check == "image-grey"
    path = run.folder / "findings.json"
    _change(path, diagnoses=[{"path": 3}, "text", *json.loads(path.read_text())["diagnoses"]])
    assert run.diagnoses() == [diagnosis]
    path.write_text("[")
    assert run.diagnoses() == []


@pytest.mark.parametrize("name", ["run.json", "status.json", "hyperparameters.json"])
@pytest.mark.parametrize("schema", [2, "two"])
def test_each_file_of_a_later_schema_is_refused(run: Run, name: str, schema: object) -> None:
    _change(run.folder / name, schema=schema)
    with pytest.raises(RunError, match=rf"{name} was written by a later Vistry .*pip install --upgrade vistry"):
        _ = run.record, run.status, run.hyperparameters


def test_what_is_written_is_read(run: Run) -> None:
    status = RunStatus(status="stopped", reason="the time limit was reached", started="now", epochs=2)
    run.write(status)
    assert run.status == status
    assert json.loads((run.folder / "status.json").read_text())["schema"] == 1
    entries = [EpochEntry(epoch=0, train_loss=1.0, learning_rate=0.5, train_seconds=1.5, metrics={"accuracy": 0.25})]
    run.write_history(entries)
    assert run.history() == entries


def test_runs_are_found_by_folder_by_identifier_and_as_the_last(run: Run) -> None:
    second = Run(shutil.copytree(FROZEN, run.folder.parent / "second"))
    assert [item.id for item in runs_in(run.folder.parent)] == ["first", "second"]
    assert find_run("second", run.folder.parent) == find_run("last", run.folder.parent) == find_run(second.folder)
    with pytest.raises(RunError, match=r"there is no run 'secnod'; did you mean 'second'\?"):
        find_run("secnod", run.folder.parent)
    with pytest.raises(RunError, match=r"there is no run 'last'; there are none in .*empty"):
        find_run("last", run.folder.parent / "empty")


def test_a_folder_that_exists_is_not_written_over(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="exists already; name another folder, or type: vistry resume"):
        new_run("tiny", run.folder)
    assert new_run("tiny", tmp_path / "new").folder == tmp_path / "new"


def test_a_checkpoint_says_what_it_is(tmp_path: Path) -> None:
    path, tensors = tmp_path / "state.safetensors", {"w": np.arange(3.0)}
    entry = EpochEntry(epoch=0, train_loss=0.1 + 0.2, learning_rate=1e-300, train_seconds=1 / 3)
    facts = LastFacts(
        position=Position(epoch=1, batch=2, loss_sum=0.1, images=9, seconds=0.3),
        best=BestEpoch(epoch=0, score=1 / 7, without_improvement=1),
        history=(entry,),
    )
    write_checkpoint(path, tensors, facts)
    read, again = read_checkpoint(path)
    assert again == facts  # bit for bit, or a resumed run would differ
    np.testing.assert_array_equal(read["w"], tensors["w"])


@pytest.mark.parametrize(
    "header", [{}, {"vistry": "{"}, {"vistry": '{"kind": "odd"}'}, {"vistry": "[]"}, {"vistry": "{}"}]
)
def test_a_file_of_tensors_that_no_run_wrote_is_refused(header: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    write_tensors(path, {"w": np.zeros(1)}, header)
    with pytest.raises(RunError, match="^invalid checkpoint .*other.safetensors: expected one that a run wrote"):
        read_checkpoint(path)
