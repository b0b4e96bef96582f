"""The registry's commands: what they print for people, for pipes and for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import vistry
import vistry.cli
from click.testing import CliRunner, Result
from vistry.cli import COMMANDS, main, printing
from vistry.registry.catalogue import Catalogue
from vistry.registry.policy import user_file

pytestmark = pytest.mark.usefixtures("no_policy")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def output(*arguments: str) -> list[str]:
    done = run(*arguments)
    assert (done.exit_code, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()


def content(*arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    assert found.pop("schema") == 1
    return found


def failure(*arguments: str) -> str:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr


def test_help_lists_the_commands_that_are_there_and_imports_none(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Path(vistry.cli.__file__).parent
    there = [name for name in COMMANDS if (here / f"{name}.py").is_file()]
    monkeypatch.setattr("importlib.import_module", lambda name: pytest.fail(f"imported {name}"))
    lines = output("--help")
    section = lines[lines.index("Commands:") + 1 :]
    assert [line.split()[0] for line in section if line[2] != " "] == there
    assert {"models", "plugins", "hyperparameters", "tasks"} <= set(there)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_found_in_the_module_of_its_name(name: str) -> None:
    context = click.Context(main)
    command = main.get_command(context, name)
    assert (command is not None) == (name in main.list_commands(context))
    assert command is None or command.name == name


def test_version() -> None:
    from importlib.metadata import version

    assert output("--version") == [f"main {version('vistry')}"]


def test_a_misspelt_command() -> None:
    assert failure("modles") == "error: there is no command 'modles'; did you mean 'models'?\n"
    assert failure("models", "lst") == "error: there is no command 'models lst'; did you mean 'list'?\n"
    assert failure("models", "resnet50") == (
        "error: there is no command 'models resnet50'; type: vistry models show resnet50\n"
    )


def test_an_error_is_a_sentence_and_no_traceback() -> None:
    message = "error: there is no model 'resnt50'; did you mean 'resnet50'?\n"
    assert failure("models", "show", "resnt50") == message
    Path("registry.toml").write_text("[plugin]\n")
    assert failure("tasks", "show", "multiclass").startswith("error: ")
    assert failure("models", "--json").startswith(f"error: {Path.cwd()}/registry.toml:1: 'plugin' is not a known key")


def test_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Catalogue, "read", interrupt)
    done = run("models")
    assert (done.exit_code, done.stderr) == (130, "interrupted\n")


class TestModels:
    def test_the_list_in_a_pipe_is_aligned_and_whole(self) -> None:
        lines = output("models", "--family", "resnet")
        assert lines[0].split() == ["model", "tasks", "parameters", "backends", "summary"]
        assert lines[1] == "resnet18   multiclass, multilabel      11.7 M  torch, jax  ResNet-18"
        assert {line.index("ResNet-") for line in lines[1:]} == {lines[0].index("summary")}

    def test_the_list_as_json_is_what_python_gives(self) -> None:
        assert content("models")["models"] == [card.to_dict() for card in vistry.models()]
        assert content("models", "list") == content("models")

    def test_filters(self) -> None:
        filters = ["--task", "multiclass", "--family", "resnet", "--backend", "torch", "--name", "*50*"]
        found = content("models", *filters, "--max-parameters", "30000000", "--license", "apache-2.0")
        assert [card["name"] for card in found["models"]] == ["resnet50"]
        assert content("models", "list", "--name", "none")["models"] == []
        done = run("models", "--name", "none")
        assert (done.exit_code, done.stdout, done.stderr) == (0, "", "no model matches\n")
        assert failure("models", "--task", "x").startswith("error: there is no task 'x'; known: ")

    def test_no_plugin_at_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VISTRY_DISABLE", ",".join(plugin.name for plugin in vistry.plugins()))
        assert run("models").stderr == "no plugin with models is in use; type: vistry plugins\n"

    def test_one(self) -> None:
        lines = output("models", "show", "resnet50")
        assert lines[0] == "name              resnet/resnet50"
        assert "parameters        25,557,032" in lines
        assert "layers to freeze  5: conv1+bn1, layer1 to layer4" in lines
        assert content("models", "show", "resnet50")["model"] == vistry.model("resnet50").to_dict()
        assert content("models", "show", "resnet50")["facts"] == vistry.model_facts("resnet50").to_dict()

    def test_contested_names_are_shown_in_full(self, lay_out: Callable[..., Path]) -> None:
        lay_out("one", model="shared")
        lay_out("two", model="shared")
        names = [line.split()[0] for line in output("models", "--name", "*shared")]
        assert names == ["model", "one/shared", "two/shared"]


class TestTasks:
    def test_the_list(self) -> None:
        assert [line.split()[:2] for line in output("tasks")][1:] == [
            ["image_classification", "multiclass"],
            ["image_classification_multilabel", "multilabel"],
            ["image_object_detection", "detection"],
            ["image_instance_segmentation", "segmentation"],
        ]
        assert content("tasks")["tasks"] == [task.to_dict() for task in vistry.tasks()]

    def test_one(self) -> None:
        assert content("tasks", "show", "detection") == content("tasks", "show", "image_object_detection")
        assert content("tasks", "show", "detection")["task"]["primary_metrics"] == ["mean_average_precision"]
        assert output("tasks", "show", "multilabel")[0] == "name             image_classification_multilabel"
        assert failure("tasks", "show", "multilable").startswith(
            "error: there is no task 'multilable'; did you mean 'multilabel'?"
        )


class TestHyperparameters:
    def test_the_list(self) -> None:
        lines = output("hyperparameters", "resnet50", "--task", "multiclass")
        assert lines[0].split() == ["name", "value", "must", "be", "description"]
        [line] = [line for line in lines if line.startswith("learning_rate ")]
        assert line.split("  ")[-1].strip() == "Initial learning rate."
        assert "a number in [0, 1]" in line
        assert len(lines) == 1 + len(vistry.hyperparameters("resnet50", "multiclass").fields)

    def test_explained_with_file_and_line(self) -> None:
        Path("registry.toml").write_text("\n[defaults.image_classification]\nmomentum = 0.8\n")
        flags = ["--learning_rate", "0.02", "--nesterov=0"]
        lines = output("hyperparameters", "resnet50", "--task", "multiclass", "--explain", *flags)
        found = {line.split()[0]: line.split(None, 2)[1:] for line in lines}
        assert found["learning_rate"] == ["0.02", "the command line"]
        assert found["nesterov"] == ["0", "the command line"]
        assert found["momentum"] == ["0.8", f"{Path.cwd()}/registry.toml:3"]
        assert found["beta1"][1].rpartition(":")[0].endswith("registry/core_parts.toml")

    def test_as_json(self) -> None:
        found = content("hyperparameters", "resnet50", "--task", "multiclass", "--momentum", "0.5")
        assert (found["task"], found["model"]) == ("image_classification", "resnet/resnet50")
        by_name = {field["name"]: field for field in found["hyperparameters"]}
        assert by_name["momentum"]["default"] == 0.9
        assert (by_name["momentum"]["value"], by_name["momentum"]["given"]) == (0.5, True)
        assert by_name["learning_rate"]["log_scale"] is True

    def test_json_schema(self) -> None:
        found = json.loads(run("hyperparameters", "--task", "detection", "--json-schema").stdout)
        assert found == vistry.hyperparameters(None, "detection").json_schema()

    def test_the_task_may_be_left_out_where_there_is_one(self, lay_out: Callable[..., Path]) -> None:
        lay_out("one")
        assert content("hyperparameters", "onenet")["task"] == "image_classification"
        for arguments in (["resnet50"], ["show", "momentum", "--model", "resnet50"]):
            message = "error: name the task; add --task multiclass or --task multilabel\n"
            assert failure("hyperparameters", *arguments) == message
        assert failure("hyperparameters", "--momentum", "1").endswith("--task detection or --task segmentation\n")

    def test_flags_without_a_model(self) -> None:
        lines = output("hyperparameters", "--momentum", "0.5", "--task", "multiclass", "--explain")
        assert [line.split()[1] for line in lines if line.startswith("momentum")] == ["0.5"]

    def test_problems_and_warnings(self) -> None:
        done = run("hyperparameters", "resnet50", "--task", "multiclass", "--json", "--beta1", "0.5")
        assert json.loads(done.stdout)["schema"] == 1
        assert done.stderr == "warning: beta1: has no effect unless optimizer is adam or adamw; leave it out\n"
        wrong = ["--learning_rate", "5", "--momentum", "2"]
        assert failure("hyperparameters", "resnet50", "--task", "multiclass", *wrong) == (
            "error: 2 problems with the hyperparameters:\n"
            "  - learning_rate: '5', from the command line, must be a number in [0, 1]\n"
            "  - momentum: '2', from the command line, must be a number in [0, 1]\n"
        )

    def test_a_hyperparameter_of_no_model_and_one_of_another(self) -> None:
        resnet = ["hyperparameters", "resnet50", "--task", "multiclass"]
        unknown = "error: unknown option --lerning_rate; did you mean --learning_rate?\n"
        assert failure(*resnet, "--lerning_rate", "1") == unknown
        assert "box_score_threshold: from the command line: resnet50 doesn't take it" in failure(
            *resnet, "--box_score_threshold", "0.5"
        )

    def test_one(self) -> None:
        lines = output("hyperparameters", "show", "layers_to_freeze", "--model", "resnet50", "--task", "multiclass")
        assert lines[2] == "must be      an integer in [1, 5] (resnet50 has 5 layers to freeze)"
        assert lines[3].startswith("default      unset: nothing is frozen")
        found = content("hyperparameters", "show", "momentum", "--task", "detection")
        assert (found["hyperparameter"]["default"], found["model"]) == (0.9, None)
        assert failure("hyperparameters", "show", "momentm", "--task", "detection") == (
            "error: image_object_detection has no hyperparameter 'momentm'; did you mean 'momentum'?\n"
        )


class TestPlugins:
    def test_the_list_says_what_to_do(self, lay_out: Callable[..., Path]) -> None:
        lay_out("old", manifest='api = "0.1"\n')
        lines = output("plugins")
        assert lines[0].split() == ["plugin", "state", "distribution", "models"]
        assert ["old", "incompatible", "vistry-old", "1.0", "0"] in [line.split() for line in lines]
        assert lines[-1] == (
            "old is incompatible: it was written for plugin API 0.1, and this Vistry offers 1.0; "
            "type: pip install --upgrade vistry-old, or type: vistry plugins disable old"
        )

    def test_notices(self) -> None:
        Path("registry.toml").write_text('[prefer]\nresnet50 = "acme"\n')
        notice = f"{Path.cwd()}/registry.toml:2: no plugin 'acme' offers a model 'resnet50'"
        done = run("plugins")
        assert (done.exit_code, done.stderr) == (0, f"note: {notice}\n")
        assert content("plugins")["notices"] == [notice]

    def test_one(self) -> None:
        lines = output("plugins", "show", "vistry-resnet")
        assert lines[0] == "name          resnet"
        assert "models        resnet18, resnet34, resnet50, resnet101, resnet152" in lines
        assert "implements    vistry_build_model, vistry_build_feature_maps" in lines
        assert content("plugins", "show", "resnet")["plugin"]["state"] == "ok"

    def test_the_check(self, lay_out: Callable[..., Path]) -> None:
        assert run("plugins", "check").exit_code == 0
        lay_out("bad", hooks="raise RuntimeError('no driver')")
        done = run("plugins", "check")
        assert done.exit_code == 1
        assert "bad is broken: importing vistry_bad.hooks (" in done.stdout
        assert "/hooks.py:1) raised RuntimeError: no driver; to see where" in done.stdout
        assert {plugin["name"]: plugin["state"] for plugin in content("plugins", "check")["plugins"]}["bad"] == "broken"
        assert run("plugins").exit_code == 0

    def test_the_check_leaves_a_disabled_plugin_alone(self, lay_out: Callable[..., Path]) -> None:
        lay_out("bad", hooks="raise RuntimeError('no driver')")
        output("plugins", "disable", "bad")
        done = run("plugins", "check")
        assert done.exit_code == 0
        assert f"bad is disabled: disabled by {user_file()}:2; type: vistry plugins enable bad" in done.stdout

    def test_switching(self) -> None:
        assert output("plugins", "disable", "resnet") == [f"resnet is disabled in {user_file()}"]
        assert output("plugins", "enable", "resnet", "--user") == [f"resnet is enabled in {user_file()}"]
        Path("registry.toml").touch()
        found = content("plugins", "disable", "resnet")
        assert found["file"] == str(Path.cwd() / "registry.toml")
        assert found["plugin"]["state"] == "disabled"
        assert failure("plugins", "disable", "resnt") == (
            "error: no plugin 'resnt' is installed; did you mean 'resnet'?\n"
        )

    def test_switching_what_a_stronger_layer_holds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VISTRY_DISABLE", "resnet")
        done = run("plugins", "enable", "resnet")
        assert done.exit_code == 0
        assert done.stderr == "warning: resnet stays disabled by VISTRY_DISABLE, which is stronger\n"
        monkeypatch.setenv("VISTRY_DISABLE", "")
        monkeypatch.setenv("VISTRY_ENABLE", "resnet")
        done = run("plugins", "disable", "resnet")
        assert done.stderr == "warning: a stronger registry.toml, or VISTRY_ENABLE, keeps resnet enabled\n"

    def test_no_plugin_at_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("vistry.registry.catalogue.discover", list)
        monkeypatch.setattr("vistry.registry.catalogue._LAST_READ", {})
        assert run("plugins").stderr == (
            "no plugin is installed; install one, a distribution whose name starts with vistry-\n"
        )


def test_one_more_registry_toml_is_stronger_than_the_others() -> None:
    Path("registry.toml").write_text('[plugins]\nenable = ["resnet"]\n')
    Path("strict.toml").write_text('[plugins]\ndisable = ["resnet"]\n')
    assert failure("--registry", "strict.toml", "models", "show", "resnet50").startswith(
        f"error: the model 'resnet50' is in the plugin 'resnet', which is disabled by {Path.cwd()}/strict.toml:2"
    )
    assert output("models", "show", "resnet50")
    assert failure("--registry", "gone.toml", "models").startswith("error: --registry names ")


def test_on_a_terminal_a_table_is_drawn_and_json_is_indented(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    printing.print_table(("name", "size"), [("a [red]", "1"), ("b", "22")], right=("size",))
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert [line.strip() for line in lines if line.strip()] == [
        "name      size",
        "──────────────",
        "a [red]      1",
        "b           22",
    ]
    printing.print_json(a=["é"])
    assert capsys.readouterr().out == '{\n  "schema": 1,\n  "a": [\n    "é"\n  ]\n}\n'
