"""`vistry weights`: list, fetch, find, verify and remove what plugins publish, from a hub on loopback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from click.testing import CliRunner, Result
from safetensors.numpy import save_file
from vistry.cli import main
from vistry.errors import WeightsError

from tests.weights.hub_server import Hub, Repository, sha256_of

SETS = """
[models.thingnet.weights.first]
source = "hub:lab/thing/first.safetensors"
license = "MIT"
metrics = { imagenet1k = { top1 = 71.5 } }

[models.thingnet.weights.second]
source = "hub:lab/thing/second.safetensors"
sha256 = "{sha256}"
size = {size}
license = "CC0-1.0"
default = true

[models.thingnet.weights.carried]
source = "package:vistry_thing/carried.safetensors"
sha256 = "{carried}"
license = "MIT"
"""


@pytest.fixture(autouse=True)
def plugin(no_policy: None, caches: Path, hub: Hub, lay_out: Callable[..., Path], tmp_path: Path) -> Path:
    """A plugin with three sets of weights: two on the hub, of which the second is the default, and one of its own."""
    repository = hub.folder / "lab" / "thing"
    repository.mkdir(parents=True)
    for number, name in enumerate(("first", "second", "carried")):
        save_file({"a": np.full(2 + number, number, np.float32)}, repository / f"{name}.safetensors")
    second = repository / "second.safetensors"
    facts = {"{sha256}": sha256_of(second), "{size}": str(second.stat().st_size)}
    carried = shutil.move(repository / "carried.safetensors", tmp_path / "carried.safetensors")
    more = SETS
    for mark, value in {**facts, "{carried}": sha256_of(carried)}.items():
        more = more.replace(mark, value)
    package = lay_out("thing", more=more)
    shutil.move(carried, package / "carried.safetensors")
    return package


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["weights", *arguments])


def output(*arguments: str) -> list[str]:
    done = run(*arguments)
    assert done.exit_code == 0, done.stderr
    return done.stdout.splitlines()


def content(*arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer.pop("schema") == 1
    return answer


def error(*arguments: str) -> str:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr.removeprefix("error: ").strip()


def here() -> dict[str, bool]:
    return {entry.name: entry.file is not None for entry in vistry.weights("thingnet")}


def test_a_list_says_what_from_where_how_large_under_which_licence_and_whether_it_is_here() -> None:
    lines = output("list", "thingnet")
    assert lines == output("thingnet") == output("--model", "thingnet")
    size = vistry.model("thingnet").weights["second"].size
    assert [" ".join(line.split()) for line in lines] == [
        "weights model size license published from on this machine",
        "first thing/thingnet about 40 bytes MIT imagenet1k.top1 71.5 hub:lab/thing/first.safetensors no",
        f"second thing/thingnet {size} bytes CC0-1.0 hub:lab/thing/second.safetensors no",
        "carried thing/thingnet about 40 bytes MIT package:vistry_thing/carried.safetensors yes",
    ]
    listed = content("thingnet")["weights"]
    assert [(entry["size"], entry["expected_size"], entry["default"]) for entry in listed] == [
        (None, 40, False),
        (size, size, True),
        (None, 40, False),
    ]
    assert "name two models, thingnet and resnet18; name one" in error("thingnet", "--model", "resnet18")


def test_the_default_is_fetched_unless_another_or_all_are_named(hub: Hub) -> None:
    done = run("fetch", "thingnet")
    assert done.stderr == (
        "fetching the weights 'second' of thingnet from hub:lab/thing/second.safetensors "
        f"({vistry.model('thingnet').weights['second'].size} bytes, CC0-1.0)\n"
    )
    assert done.stdout == output("path", "thingnet")[0] + "\n"
    assert here() == {"first": False, "second": True, "carried": True}
    hub.requests.clear()
    assert run("fetch", "thingnet").stderr == ""
    assert hub.requests == []
    [fetched] = content("fetch", "thingnet", "first")["weights"]
    assert fetched["revision"] == Repository(hub.folder / "lab" / "thing").commit()
    assert Path(fetched["file"]) == vistry.weights_path("thingnet", "first")
    assert len(content("fetch", "thingnet", "--all")["weights"]) == 3


def test_one_command_and_a_copy_fill_a_machine_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output("fetch", "thingnet", "--all", "--to", "stick")
    copied = shutil.copytree("stick", tmp_path / "there")
    monkeypatch.setenv("VISTRY_WEIGHTS", str(copied))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "nothing"))
    monkeypatch.setenv("VISTRY_OFFLINE", "1")
    assert here() == {"first": True, "second": True, "carried": True}
    assert [entry.state for entry in vistry.verify_weights("thingnet")] == ["unknown", "right", "right"]


def test_removed_weights_are_fetched_again_when_they_are_needed() -> None:
    output("fetch", "thingnet", "--all")
    [path] = output("path", "thingnet", "first")
    assert output("remove", "thingnet", "first") == [f"removed {path}"]
    assert here() == {"first": False, "second": True, "carried": True}
    assert error("remove", "thingnet", "first") == (
        "the weights 'first' of thing/thingnet are not on this machine; there is nothing to remove"
    )
    assert error("remove", "thingnet", "carried") == (
        "the weights 'carried' of thingnet are a part of the package 'vistry_thing'"
    )
    assert len(content("remove", "thingnet", "--all")["removed"]) == 1
    assert content("remove", "thingnet", "--all")["removed"] == []
    assert error("path", "thingnet") == (
        "the weights 'second' of thing/thingnet are not on this machine; type: vistry weights fetch thingnet second"
    )


def test_files_are_held_against_their_hashes(plugin: Path) -> None:
    output("fetch", "thingnet", "--all")
    assert [entry["state"] for entry in content("verify", "thingnet")["weights"]] == ["right", "right", "right"]
    (plugin / "carried.safetensors").write_bytes(b"another")
    done = run("verify", "thingnet")
    assert done.exit_code == 1
    assert "is not the file that its plugin names: expected SHA-256" in done.stdout.splitlines()[3]
    assert run("verify", "thingnet", "first").exit_code == 0
    output("remove", "thingnet", "first")
    assert "'first' of thing/thingnet are not on this machine" in error("verify", "thingnet", "first")
    assert len(vistry.verify_weights()) >= 2


@pytest.mark.parametrize("command", ["fetch", "path", "remove", "verify"])
def test_names_that_are_nothing(command: str) -> None:
    assert error(command, "thingnet", "secnd") == ("there are no weights 'secnd' of thingnet; did you mean 'second'?")
    assert "no model 'thingnett'" in error(command, "thingnett")


def test_a_model_without_weights(lay_out: Callable[..., Path]) -> None:
    lay_out("bare")
    assert error("fetch", "barenet") == "vistry-bare publishes no weights of barenet"
    with pytest.raises(WeightsError, match="publishes no weights of barenet"):
        vistry.weights_path("barenet")


def test_all_and_one_are_not_the_same() -> None:
    for command in ("fetch", "remove"):
        assert "--all means all weights of the model, and first one of them; choose one" in error(
            command, "thingnet", "first", "--all"
        )


def test_models_are_found_by_weights_that_are_here(plugin: Path, lay_out: Callable[..., Path]) -> None:
    lay_out("bare")
    (plugin / "carried.safetensors").unlink()
    catalogue = vistry.Catalogue.read()

    def found(**filters: bool) -> set[str]:
        cards = catalogue.models(name=["thingnet", "barenet"], **filters)  # type: ignore[arg-type]
        return {card.name for card in cards}

    assert found(weights=True) == {"thingnet"}
    assert found(weights=False) == {"barenet"}
    assert (found(cached=True), found(cached=False)) == (set(), {"barenet", "thingnet"})
    output("fetch", "thingnet")
    assert (found(cached=True), found(cached=False)) == ({"thingnet"}, {"barenet"})
    assert output_of_models("--cached", "--name", "*net").startswith("thingnet")
    assert output_of_models("--weights", "--name", "thing*").startswith("thingnet")


def output_of_models(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["models", *arguments])
    assert done.exit_code == 0, done.stderr
    return done.stdout.splitlines()[1]
