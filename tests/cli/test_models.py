"""`vistry models` on a terminal and in a pipe, `show` with what was measured, and `compare`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import vistry
from click.testing import CliRunner, Result
from vistry.choosing.measurement import Measurement
from vistry.cli import main
from vistry.cli.model_list import Shown, table
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.manifest_file import read_manifest
from vistry.registry.policy import Policy

pytestmark = pytest.mark.usefixtures("no_policy")
WHOLE = ("model", "family", "tasks", "parameters", "input", "weights", "license", "backends", "summary")
MEASURED = Measurement(
    model="resnet/resnet18",
    task="image_classification",
    backend="torch",
    backend_version="2.0",
    machine="a processor, 4 cores, 16 GiB",
    device="cpu",
    precision="fp32",
    batch=8,
    training_pixels=224,
    prediction_pixels=224,
    classes=4,
    trainable_parameters=11_178_564,
    seed=0,
    steps=5,
    warm_up=1,
    compile_seconds=0.0,
    training_seconds=1.5,
    prediction_seconds=0.25,
    start_bytes=400_000_000,
    training_bytes=1_250_000_000,
    prediction_bytes=700_000_000,
    training_gpu_bytes=None,
    prediction_gpu_bytes=None,
)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def on_terminal(*arguments: str, columns: int = 100, lines: int = 24, pager: str = "cat") -> tuple[list[str], str]:
    """What a terminal of this size shows of `vistry models`, and what goes to stderr, which is a pipe."""
    pty = pytest.importorskip("pty")
    master, terminal = pty.openpty()
    size = {"COLUMNS": str(columns), "LINES": str(lines), "PAGER": pager, "TERM": "dumb"}
    process = subprocess.Popen(
        [sys.executable, "-m", "vistry", "models", *arguments],
        env={**os.environ, **size},
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.PIPE,
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:  # Linux says so where the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(master)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return shown.decode().replace("\r", "").splitlines(), errors.decode()


class TestTerminal:
    def test_the_columns_that_fit_and_a_sentence_at_the_end(self) -> None:
        shown, errors = on_terminal("--family", "resnet")
        assert tuple(shown[0].split()) == WHOLE[:-1]
        assert shown[1].split("  ")[0] == "resnet18"
        assert shown[1].split()[1:4] == ["resnet", "multiclass,", "multilabel"]
        assert shown[1].split()[4:] == ["11.7", "M", "224", "imagenet", "+1", "Apache-2.0", "torch,", "jax"]
        assert len(shown) == 6
        assert errors.startswith(f"5 of {len(vistry.models())} models; to narrow the list: --task, ")

    def test_a_list_longer_than_the_screen_goes_through_the_pager_and_can_do_without(self) -> None:
        paged, errors = on_terminal(lines=10, pager="head -n 3")
        assert len(paged) == 3
        assert errors.startswith(f"{len(vistry.models())} models; ")
        everything, _ = on_terminal("--no-pager", lines=10, pager="head -n 3")
        assert len(everything) == 1 + len(vistry.models())
        assert everything[:3] == paged
        short, _ = on_terminal("--limit", "2", lines=10, pager="head -n 1")
        assert len(short) == 3

    def test_a_part_of_the_list_says_which_and_how_to_go_on(self) -> None:
        everything, _ = on_terminal("--task", "multiclass", "--no-pager")
        part, errors = on_terminal("--task", "multiclass", "--offset", "2", "--limit", "3")
        assert [line.split()[0] for line in part[1:]] == [line.split()[0] for line in everything[3:6]]
        count = len(everything) - 1
        assert errors.startswith(f"3 to 5 of {count} of {len(vistry.models())} models; for the next: --offset 5; ")


def made_up(folder: Path, models: int) -> Catalogue:
    """A plugin with many models of long and short names."""
    text = (
        'manifest = 1\napi = "1.0"\nhooks = "m.hooks"\nlicense = "MIT"\nsummary = "s"\nbackends = ["torch"]\n'
        'tasks = ["image_classification"]\n'
    )
    for number in range(models):
        text += (
            f'[models.net{number}_{"x" * (number % 30)}]\nsummary = "Net {number}"\nparameters = {number + 1}00000\n'
        )
        text += f"defaults.'*' = {{ training_crop_size = {128 + 32 * (number % 3)}, validation_crop_size = 192 }}\n"
    path = folder / "many.toml"
    path.write_text(text)
    return Catalogue.of([Plugin("many", "vistry-many", "1.0", path, manifest=read_manifest(path))], Policy())


@pytest.mark.parametrize("width", [20, 50, 60, 80, 100, 140, 200])
def test_no_line_is_wider_than_the_terminal_and_no_cell_is_cut(width: int, tmp_path: Path) -> None:
    catalogue = made_up(tmp_path, 90)
    names = [card.name for card in catalogue.cards]
    shown = Shown(catalogue.cards, names, 0, matching=90, installed=90)
    lines = table(shown, catalogue, width)
    assert max(map(len, lines)) <= max(width, *map(len, names))
    assert [line.split()[0] for line in lines[1:]] == names
    headers = lines[0].split()
    assert [header for header in WHOLE if header in headers] == headers
    if "input" in headers:
        assert {line.split()[headers.index("input") + 1] for line in lines[1:]} == {"128-192", "160-192", "192"}
    if width == 200:
        assert tuple(headers) == WHOLE
        assert lines[1].endswith("Net 0")


class TestPipe:
    def test_a_part_of_the_list_has_a_line_a_model_and_nothing_else(self) -> None:
        everything, part = run("models").stdout.splitlines(), run("models", "--offset", "3", "--limit", "4")
        assert [line.split()[0] for line in part.stdout.splitlines()[1:]] == [
            line.split()[0] for line in everything[4:8]
        ]
        assert part.stderr == ""
        assert len(everything) == 1 + len(vistry.models())

    def test_json_of_a_part(self) -> None:
        listed = json.loads(run("models", "--limit", "2", "--sort", "-parameters", "--json").stdout)["models"]
        assert listed == [card.to_dict() for card in vistry.models(sort="-parameters")[:2]]

    def test_a_part_of_a_name_without_a_star(self) -> None:
        done = run("models", "--name", "resnet", "--family", "resnet")
        assert (done.exit_code, done.stdout) == (0, "")
        assert done.stderr == "no model matches; --name '*resnet*' matches 5, where * stands for anything\n"
        assert run("models", "--name", "nothing").stderr == "no model matches\n"
        assert run("models", "resnet*").stderr == (
            "error: there is no command 'models resnet*'; type: vistry models --name 'resnet*'\n"
        )

    def test_an_offset_beyond_the_end(self) -> None:
        done = run("models", "--family", "resnet", "--offset", "5")
        assert (done.exit_code, done.stdout) == (0, "")
        assert done.stderr == "only 5 models match; lower --offset\n"
        assert run("models", "--limit", "0").exit_code == 2


class TestShow:
    def test_a_detector_on_another_plugins_backbone(self) -> None:
        lines = run("models", "show", "fasterrcnn_resnet50_fpn").stdout.splitlines()
        facts = {line[:18].strip(): line[18:] for line in lines if not line.startswith(" ")}
        assert facts["backbone"] == "resnet/resnet50"
        assert facts["input"] == "min_size 600, max_size 1333"
        assert facts["layers to freeze"].startswith("5: backbone.body.conv1, backbone.body.layer1 to ")
        assert facts["next"].startswith("vistry train --data FOLDER --task detection --model ")
        [coco] = [line for line in lines if line.strip().startswith("coco (default): ")]
        assert coco.split(": ")[1].startswith("BSD-3-Clause, 90 classes (coco90), ")
        assert "  imagenet (of resnet/resnet50): BSD-3-Clause, 1000 classes (imagenet1k), " in "\n".join(lines)
        assert coco.endswith("not on this machine, coco2017.box_ap 37")

    def test_reasons(self) -> None:
        printed = run("models", "show", "seresnext").stdout
        assert "training_crop_size, validation_crop_size 224: its published network pools over 7 by 7 places" in printed
        printed = run("models", "show", "vitl16r224").stdout
        assert "learning_rate 0.001 (0.01 for others), multiclass\n" in printed
        assert "patch_embed, blocks.0 to blocks.23" in printed

    def test_measured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []
        monkeypatch.setattr("vistry.choosing.measurement.answer_to", lambda about: asked.append(about) or MEASURED)
        done = run("models", "show", "resnet18", "--measure", "--task", "multilabel", "--batch", "8")
        assert done.stderr == "measuring resnet/resnet18 with torch ...\n"
        assert [(one.task, one.backend, one.batch) for one in asked] == [
            ("image_classification_multilabel", "torch", 8)
        ]
        lines = [line.split("  ", 1) for line in done.stdout.splitlines()]
        facts = {line[0]: line[1].strip() for line in lines if len(line) == 2}
        assert facts["measured on"] == "a processor, 4 cores, 16 GiB; torch 2.0, fp32"
        assert facts["training step"] == (
            "1.5 s for 8 images of 224 px, 11,178,564 parameters trained; 1.2 GB resident"
        )
        assert facts["prediction"] == "250 ms for 8 images of 224 px; 700 MB resident"
        answer = json.loads(run("models", "show", "resnet18", "--measure", "--json").stdout)
        assert answer["measured"] == MEASURED.to_dict()

    @pytest.mark.parametrize("option", [["--batch", "2"], ["--backend", "jax"], ["--task", "multiclass"]])
    @pytest.mark.parametrize("command", [["show", "resnet18"], ["compare", "resnet18", "resnet50"]])
    def test_an_option_of_measuring_without_it(self, command: list[str], option: list[str]) -> None:
        done = run("models", *command, *option)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr == f"error: {option[0]} says how to measure; add --measure\n"


class TestCompare:
    def test_what_differs_comes_first(self) -> None:
        lines = run("models", "compare", "resnet18", "resnet50").stdout.splitlines()
        assert lines[0].split() == ["resnet18", "resnet50"]
        middle = lines.index("the same for all:")
        assert lines[1].split() == ["parameters", "11.7", "M", "25.6", "M"]
        comparison = vistry.compare_models(["resnet18", "resnet50"])
        assert len(lines[1 : middle - 1]) == sum(row.differs for row in comparison.rows)
        assert lines[middle + 1].split() == ["family", "resnet"]

    def test_as_json(self) -> None:
        answer = json.loads(run("models", "compare", "resnet18", "resnet50", "--json").stdout)
        assert answer.pop("schema") == 1
        assert answer == vistry.compare_models(["resnet18", "resnet50"]).to_dict()

    def test_measured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("vistry.choosing.measurement.answer_to", lambda about: MEASURED)
        done = run("models", "compare", "resnet18", "resnet50", "--measure")
        assert done.stderr.splitlines() == [
            f"measuring resnet/{name} with torch ..." for name in ("resnet18", "resnet50")
        ]
        assert "training step" in done.stdout
        assert "GPU" not in done.stdout

    def test_too_few(self) -> None:
        assert run("models", "compare", "resnet18").stderr == (
            "error: a comparison needs at least two models; to see one, type: vistry models show MODEL\n"
        )
