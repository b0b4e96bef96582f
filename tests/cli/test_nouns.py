"""Every noun lists where no command follows, lists by `list`, and shows one by `show`, each as JSON too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import vistry
from click.testing import CliRunner
from vistry.cli import COMMANDS, main
from vistry.cli.list_group import Noun

pytestmark = pytest.mark.usefixtures("no_policy")

# For each noun what the list takes, and what `show` shows.
NOUNS = {
    "models": ([], ["resnet18"]),
    "plugins": ([], ["resnet"]),
    "tasks": ([], ["multiclass"]),
    "hyperparameters": (["--task", "multiclass"], ["momentum", "--task", "multiclass"]),
    "kernels": ([], ["batched_nms"]),
    "runs": ([], ["last"]),
    "weights": (["--model", "resnet18"], ["imagenet", "--model", "resnet18"]),
}


def output(*arguments: str) -> str:
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, done.stderr) == (0, ""), done.stderr
    return done.stdout


def content(*arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(output(*arguments, "--json"))
    assert answer.pop("schema") == 1
    return answer


@pytest.fixture
def _one_run(no_policy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = Path(__file__).parents[1] / "frozen" / "run_schema_1"
    assert (frozen / "run.json").is_file()
    monkeypatch.setenv("VISTRY_RUNS", str(frozen.parent))


def test_these_are_all_the_nouns() -> None:
    groups = {name for name in COMMANDS if isinstance(main.get_command(None, name), Noun)}  # type: ignore[arg-type]
    assert groups == set(NOUNS)


@pytest.mark.usefixtures("_one_run")
@pytest.mark.parametrize("noun", NOUNS)
def test_a_noun_lists_and_shows(noun: str) -> None:
    for_list, for_show = NOUNS[noun]
    listed = output(noun, *for_list)
    assert listed == output(noun, "list", *for_list)
    assert len(listed.splitlines()) > 1
    assert content(noun, *for_list) == content(noun, "list", *for_list)
    assert len(content(noun, *for_list)[noun]) > 0
    assert for_show[0] in output(noun, "show", *for_show) or noun == "runs"
    assert content(noun, "show", *for_show)


@pytest.mark.parametrize("noun", NOUNS)
def test_a_misspelt_word_after_a_noun(noun: str) -> None:
    done = CliRunner().invoke(main, [noun, "shw"])
    assert done.exit_code == 2
    if noun not in ("hyperparameters", "weights"):  # whose lists take a model's name
        assert done.stderr == f"error: there is no command '{noun} shw'; did you mean 'show'?\n"


class TestWeights:
    def test_where_they_are(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VISTRY_WEIGHTS", str(tmp_path))
        spec = vistry.model("resnet18").weights["imagenet"]
        entry = content("weights", "--model", "resnet18")["weights"][0]
        assert (entry["name"], entry["model"], entry["source"]) == ("imagenet", "resnet/resnet18", spec.source)
        assert (entry["license"], entry["file"]) == (spec.license, None)
        path = tmp_path / Path(spec.source).name
        path.touch()
        assert content("weights", "show", "imagenet", "--model", "resnet18")["weights"]["file"] == str(path)
        assert output("weights", "--model", "resnet18").splitlines()[1].endswith("yes")

    def test_a_name_of_several_models_and_of_none(self) -> None:
        done = CliRunner().invoke(main, ["weights", "show", "imagenet"])
        assert "models have weights 'imagenet'; name the model, such as --model " in done.stderr
        done = CliRunner().invoke(main, ["weights", "show", "imagnet", "--model", "resnet18"])
        assert done.stderr == "error: there are no weights 'imagnet' of resnet18; did you mean 'imagenet'?\n"


class TestKernels:
    def test_one(self) -> None:
        assert output("kernels", "show", "batched_nms").startswith("operation       batched_nms\n")
        [entry] = content("kernels", "show", "batched_nms")["kernels"]
        assert entry["operation"] == "batched_nms"
        done = CliRunner().invoke(main, ["kernels", "show", "batchd_nms"])
        assert done.stderr == "error: there is no kernel for 'batchd_nms'; did you mean 'batched_nms'?\n"
