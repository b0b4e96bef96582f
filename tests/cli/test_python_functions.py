"""The Python functions and the commands of the same verbs do the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import vistry
from click.testing import CliRunner
from vistry.cli import main
from vistry.errors import DataError, RegistryError, RunError

FROZEN = Path(__file__).parents[1] / "frozen"


def content(*arguments: object, status: int = 0) -> dict[str, Any]:
    done = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert done.exit_code == status, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer.pop("schema") == 1
    return answer


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FROZEN / "run_schema_1", tmp_path / "runs" / "first"))


def test_the_doctor(class_folders: Path) -> None:
    (class_folders / "cat" / "odd.jpg").touch()
    diagnosis = vistry.doctor(class_folders)
    answer = content("doctor", class_folders, status=1)
    assert answer.pop("task_guessed") is True
    assert {**answer, "schema": 1} == diagnosis.to_dict()
    assert [finding.check for finding in vistry.doctor(str(class_folders), task="multiclass").findings] == [
        "image-empty"
    ]
    with pytest.raises(DataError, match="there is no data format 'folder'"):
        vistry.doctor(class_folders, format="folder")


def test_converting(photo: Callable[..., Path], tmp_path: Path) -> None:
    from PIL import Image

    with Image.open(photo("a.jpg")) as image:
        width, height = image.size
    box = {"label": "cat", "topX": 0.25, "topY": 0.5, "bottomX": 0.5, "bottomY": 1.0}
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"image_url": "a.jpg", "label": [box, box | {"topX": 0.7}]}) + "\n")

    conversion = vistry.convert(data, tmp_path / "python.json", to="coco")
    answer = content("convert", data, tmp_path / "command.json", "--to", "coco")
    assert (tmp_path / "python.json").read_text() == (tmp_path / "command.json").read_text()
    [annotation] = json.loads((tmp_path / "python.json").read_text())["annotations"]
    assert annotation["bbox"] == pytest.approx([width / 4, height / 2, width / 4, height / 2])

    [written] = conversion.files
    assert (written.path, written.images, written.objects, written.classes) == (tmp_path / "python.json", 1, 1, 1)
    assert answer["files"] == [{**written.to_dict(), "path": str(tmp_path / "command.json")}]
    assert answer["left_out"] == {"images": 0, "objects": 1}
    assert len(conversion.diagnosis.quarantined) == 1
    with pytest.raises(DataError, match="can be written; did you mean 'coco'"):
        vistry.convert(data, tmp_path / "other.json", to="cocoa")


def test_a_report_is_written_again(run: Path) -> None:
    page = run / "report.html"
    page.unlink(missing_ok=True)
    assert vistry.report(run) == page
    text = page.read_text()
    assert "<html" in text
    page.unlink()
    assert content("report", run) == {"report": str(page)}
    assert page.read_text() == text
    with pytest.raises(RunError, match="there is no run 'second'"):
        vistry.report("second")


def test_runs(run: Path) -> None:
    folder = run.parent
    assert [listed.folder for listed in vistry.runs(folder)] == [run]
    assert vistry.find_run("last", folder).id == vistry.find_run(run).id == "first"
    [entry] = content("runs", "--folder", folder)["runs"]
    record = json.loads((run / "run.json").read_text())
    assert (entry["task"], entry["model"]) == (record["task"], record["model"]["full_name"])
    assert content("runs", "show", "first", "--folder", folder)["record"]["classes"] == record["classes"]
    assert vistry.runs(folder / "nowhere") == []


@pytest.mark.usefixtures("no_policy")
class TestPlugins:
    def test_switching(self) -> None:
        path = vistry.disable_plugin("resnet", user=True)
        assert "resnet" in path.read_text()
        assert vistry.find_plugin("resnet").state == "disabled"
        assert vistry.enable_plugin("resnet") == path
        assert vistry.find_plugin("vistry-resnet").state == "ok"
        with pytest.raises(RegistryError, match="no plugin 'resnt' is installed"):
            vistry.disable_plugin("resnt")

    def test_a_new_one(self, tmp_path: Path) -> None:
        folder = vistry.new_plugin("mine", tmp_path)
        assert folder == tmp_path / "vistry-mine"
        answer = content("plugins", "new", "mine")
        written = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        assert sorted(answer["files"]) == written
        assert Path(answer["folder"]).name == "vistry-mine"

    def test_checking(self, lay_out: Callable[..., Path]) -> None:
        lay_out("bad", hooks="raise RuntimeError('no driver')")
        assert {plugin.name: plugin.state for plugin in vistry.check_plugins()}["bad"] == "broken"
        results = vistry.check_plugin("bad", heavy="smallest")
        assert content("plugins", "check", "bad", "--heavy", "smallest", status=1)["checks"] == [
            result.to_dict() for result in results
        ]
        assert "failed" in {result.status for result in results}


def test_filters_are_checked() -> None:
    with pytest.raises(RegistryError, match="there is no filter 'tsk'; did you mean 'task'"):
        vistry.models(tsk="multiclass")  # type: ignore[call-arg]
