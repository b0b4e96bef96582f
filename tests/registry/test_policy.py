"""registry.toml: its layers, each stronger than the one before, and every override with its file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import vistry
from vistry.errors import RegistryError
from vistry.hyperparameter.schema import Source
from vistry.registry.policy import command_line_file, project_file, read_layer, read_policy, user_file

LayOut = Callable[..., Path]
KEY = '[defaults."*"]\n# why\nlearning_rate = {value}\n'


def error_of(call: Callable[[], object]) -> str:
    with pytest.raises(RegistryError) as caught:
        call()
    return str(caught.value)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def learning_rate() -> tuple[object, str]:
    setting = vistry.hyperparameters("resnet50", "multiclass").resolve().settings["learning_rate"]
    return setting.value, setting.origin


def test_each_layer_is_stronger_than_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lay_out: LayOut
) -> None:
    assert learning_rate()[0] == 0.01
    user = write(user_file(), KEY.format(value=0.1))
    assert learning_rate() == (0.1, f"{user}:3")
    project = write(Path.cwd() / "registry.toml", KEY.format(value=0.2))
    assert learning_rate() == (0.2, f"{project}:3")
    named = write(tmp_path / "environment.toml", KEY.format(value=0.3))
    monkeypatch.setenv("VISTRY_REGISTRY", str(named))
    assert learning_rate() == (0.3, f"{named}:3")
    given = write(tmp_path / "given.toml", KEY.format(value=0.4))
    with command_line_file(given):
        assert learning_rate() == (0.4, f"{given}:3")
        flags = [Source.of({"learning_rate": "0.5"}, "the command line")]
        found = vistry.hyperparameters("resnet50", "multiclass").resolve(flags).settings["learning_rate"]
        assert (found.value, found.origin) == (0.5, "the command line")
    assert learning_rate() == (0.3, f"{named}:3")


def test_a_manifests_default_is_stronger_than_the_shared_and_weaker_than_policy(lay_out: LayOut) -> None:
    manifest = lay_out("acme", more='[defaults."*"]\nlearning_rate = 0.6\nmomentum = 0.7\n') / "plugin.toml"
    write(Path("registry.toml"), KEY.format(value=0.2))
    settings = vistry.hyperparameters("acmenet", "multiclass").resolve().settings
    assert settings["learning_rate"].origin == f"{Path.cwd()}/registry.toml:3"
    assert (settings["momentum"].value, settings["momentum"].origin) == (0.7, f"{manifest}:14")


def test_the_more_particular_key_of_a_file_wins() -> None:
    write(
        Path("registry.toml"),
        '[models.resnet50.defaults."*"]\nlearning_rate = 0.3\n'
        "[models.resnet50.defaults.image_classification]\nmomentum = 0.4\n"
        "[defaults.image_classification]\nlearning_rate = 0.2\nmomentum = 0.5\nweight_decay = 0.6\n"
        '[defaults."*"]\nlearning_rate = 0.1\nweight_decay = 0.7\n',
    )
    of_model = vistry.hyperparameters("resnet50", "multiclass").defaults()
    assert [of_model[name] for name in ("learning_rate", "momentum", "weight_decay")] == [0.3, 0.4, 0.6]
    of_other = vistry.hyperparameters("resnet18", "multilabel").defaults()
    assert [of_other[name] for name in ("learning_rate", "momentum", "weight_decay")] == [0.1, 0.9, 0.7]
    of_task = vistry.hyperparameters(None, "multiclass").defaults()
    assert [of_task[name] for name in ("learning_rate", "momentum", "weight_decay")] == [0.2, 0.5, 0.6]


def test_enabling_and_disabling_through_the_layers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def disabled() -> str | None:
        [plugin] = [plugin for plugin in vistry.plugins() if plugin.name == "resnet"]
        return plugin.reason if plugin.state == "disabled" else None

    user = write(user_file(), '[plugins]\ndisable = [\n  "mobilenetv2",\n  "vistry-resnet",\n]\n')
    assert disabled() == f"disabled by {user}:4"
    write(Path("registry.toml"), '[plugins]\nenable = ["resnet"]\n')
    assert disabled() is None
    monkeypatch.setenv("VISTRY_DISABLE", "resnet, other")
    assert disabled() == "disabled by VISTRY_DISABLE"
    given = write(tmp_path / "given.toml", '[plugins]\nenable = ["resnet"]\n')
    with command_line_file(given):
        assert disabled() is None
    monkeypatch.setenv("VISTRY_DISABLE", "")
    write(Path("registry.toml"), '[plugins]\ndisable = ["resnet"]\n')
    monkeypatch.setenv("VISTRY_ENABLE", "vistry-resnet")
    assert disabled() is None


def test_the_project_file_is_the_nearest_one_above(tmp_path: Path) -> None:
    outer = write(tmp_path / "registry.toml", "")
    inner = write(tmp_path / "a" / "registry.toml", "")
    (tmp_path / "a" / "b").mkdir()
    assert project_file(tmp_path / "a" / "b") == inner
    assert project_file(tmp_path / "work") == outer


def test_weights_policy() -> None:
    assert read_policy().allows_pickle() is False
    write(user_file(), "[weights]\nallow_pickle = true\n")
    assert read_policy().allows_pickle() is True
    write(Path("registry.toml"), "[weights]\nallow_pickle = false\n")
    assert read_policy().allows_pickle() is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[plugin]\n", "r.toml:1: 'plugin' is not a known key; did you mean 'plugins'?"),
        (
            "\n[plugins]\ndisabled = []\n",
            "r.toml:3: 'plugins.disabled' is not a known key; did you mean 'disable'?",
        ),
        ("plugins.disable = 'resnet'\n", "r.toml:1: 'plugins.disable' must be an array"),
        ("[prefer]\na = 1\n", "r.toml:2: 'prefer.a' must be text"),
        (
            "[models.a]\nmomentum = 1\n",
            "r.toml:2: 'models.a.momentum' is not a known key; known: defaults",
        ),
        (
            "[defaults.image_clasification]\n",
            "r.toml:1: 'defaults.image_clasification' there is no task 'image_clasification'; "
            "did you mean 'image_classification'?",
        ),
        ("[weights]\nallow_pickle = 1\n", "r.toml:2: 'weights.allow_pickle' must be true or false"),
        (
            "[plugins]\nenable = ['a']\ndisable = ['b',\n 'a']\n",
            "r.toml:4: 'a' is both enabled and disabled; keep one of the two",
        ),
        ("[plugins\n", "r.toml:1: not valid TOML: Expected ']' at the end of a table declaration"),
        ("[a]\n[a]\n", "r.toml:2: not valid TOML: Cannot declare ('a',) twice"),
    ],
)
def test_a_file_that_cannot_be_used(text: str, message: str) -> None:
    assert error_of(lambda: read_layer(write(Path("r.toml"), text))) == message


def test_a_byte_order_mark() -> None:
    Path("registry.toml").write_text(KEY.format(value=0.2), encoding="utf-8-sig")
    assert learning_rate() == (0.2, f"{Path.cwd()}/registry.toml:3")


def test_a_file_that_is_named_and_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with command_line_file(Path("gone.toml")):
        assert error_of(vistry.models) == (
            f"--registry names {Path.cwd()}/gone.toml, which is not a file; correct the path or leave it out"
        )
    monkeypatch.setenv("VISTRY_REGISTRY", "gone.toml")
    assert error_of(vistry.models) == (
        "the environment variable VISTRY_REGISTRY names gone.toml, which is not a file; "
        "correct the path or leave it out"
    )


def test_a_name_both_enabled_and_disabled_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTRY_ENABLE", "resnet")
    monkeypatch.setenv("VISTRY_DISABLE", "resnet")
    assert error_of(vistry.models) == "VISTRY_DISABLE: 'resnet' is both enabled and disabled; keep one of the two"


def test_the_command_lines_file_inside_another() -> None:
    first, second = (write(Path(name), KEY.format(value=value)) for name, value in (("1.toml", 0.1), ("2.toml", 0.2)))
    with command_line_file(first):
        with command_line_file(second):
            assert learning_rate()[0] == 0.2
        assert learning_rate()[0] == 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[defaults."*"]\nlearning_rate = 2\n',
            "registry.toml:2: learning_rate = 2 must be a number in [0, 1] for resnet/resnet50",
        ),
        (
            "[defaults.image_classification]\nlearning_rte = 0.2\n",
            "registry.toml:2: resnet/resnet50 has no hyperparameter 'learning_rte'; did you mean 'learning_rate'?",
        ),
        (
            '[models.resnet50.defaults."*"]\nmin_size = 600\n',
            "registry.toml:2: resnet/resnet50 has no hyperparameter 'min_size'",
        ),
        (
            '[models.resnet50.defaults."*"]\nmodel_name = "x"\n',
            "registry.toml:2: resnet/resnet50 has no hyperparameter 'model_name'",
        ),
        (
            '[models."resnet/resnet50".defaults."*"]\nnesterov = "maybe"\n',
            "registry.toml:2: nesterov = 'maybe' must be 0 or 1 for resnet/resnet50",
        ),
    ],
)
def test_an_overridden_default_is_held_against_the_schema(text: str, message: str) -> None:
    write(Path("registry.toml"), text)
    found = error_of(lambda: vistry.hyperparameters("resnet50", "multiclass"))
    assert found.split(";")[0] == f"{Path.cwd()}/{message}".split(";")[0]
    assert found.endswith(message.rpartition("; ")[2]) or "; " not in message


def test_a_default_for_all_models_passes_over_those_without_the_field(lay_out: LayOut) -> None:
    lay_out("acme", more='[hyperparameters.dropout]\ntype = "number"\nmaximum = 1\ndefault = 0.1\ndescription = "d"\n')
    write(Path("registry.toml"), '[defaults."*"]\nmin_size = 400\ndropout = 0.5\n')
    assert "dropout" not in vistry.hyperparameters("resnet50", "multiclass").fields
    assert vistry.hyperparameters("acmenet", "multiclass").defaults()["dropout"] == 0.5
    assert vistry.hyperparameters(None, "detection").defaults()["min_size"] == 400
