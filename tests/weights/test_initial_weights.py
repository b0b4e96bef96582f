"""Weights to start from: files, published names, other people's pickles, and what doesn't fit."""

from __future__ import annotations

import hashlib
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import vistry
from safetensors.numpy import save_file
from vistry.errors import WeightsError
from vistry.registry.cards import ModelCard
from vistry.registry.manifest import WeightsSpec
from vistry.registry.policy import Layer, Policy, PolicyTables, WeightsPolicy
from vistry.weights.fetch import FetchError
from vistry.weights.locate import locate
from vistry.weights.matching import match_state_dict
from vistry.weights.read import read_weights

from tests.weights.file_server import file_server

ALLOWING = Policy((Layer("a test", PolicyTables(weights=WeightsPolicy(allow_pickle=True))),))


@pytest.fixture
def card() -> ModelCard:
    return vistry.model("mobilenetv2")


@pytest.fixture
def state() -> dict[str, np.ndarray[Any, Any]]:
    torch.manual_seed(1)
    model = vistry.create("mobilenetv2", task="multiclass", num_classes=1000, hyperparameters={"random_seed": 7})
    return {name: value.numpy() for name, value in model.state_dict().items()}


def test_a_safetensors_file_is_loaded_and_its_head_kept_for_equal_classes(tmp_path: Path, state: Any) -> None:
    save_file(state, tmp_path / "w.safetensors")
    path = str(tmp_path / "w.safetensors")
    model = vistry.create("mobilenetv2", task="multiclass", num_classes=1000, weights=path)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), state[name], err_msg=name)


def test_with_other_classes_all_but_the_head_is_loaded(tmp_path: Path, state: Any) -> None:
    save_file(state, tmp_path / "w.safetensors")
    path = str(tmp_path / "w.safetensors")
    model = vistry.create("mobilenetv2", task="multiclass", num_classes=5, weights=path)
    loaded = model.state_dict()
    assert loaded["classifier.1.weight"].shape == (5, 1280)
    np.testing.assert_array_equal(loaded["features.0.0.weight"].numpy(), state["features.0.0.weight"])


def test_the_same_seed_gives_the_same_fresh_weights() -> None:
    def head(seed: int) -> torch.Tensor:
        model = vistry.create("resnet18", task="multiclass", num_classes=3, hyperparameters={"random_seed": seed})
        return model.fc.weight

    assert torch.equal(head(1), head(1))
    assert not torch.equal(head(1), head(2))


def test_a_name_that_is_nothing_is_refused_before_any_work(card: ModelCard) -> None:
    with pytest.raises(
        WeightsError, match="invalid weights: expected a file or .*, got 'imagenett'; did you mean 'imagenet'"
    ):
        locate("imagenett", card)


def test_none_means_none(card: ModelCard) -> None:
    assert locate("none", card) is None


@pytest.mark.parametrize("offline", [False, True])
def test_a_fetch_that_fails_names_the_file_and_where_to_put_it(
    card: ModelCard, caches: Path, monkeypatch: pytest.MonkeyPatch, *, offline: bool
) -> None:
    def refuse(*_: object) -> None:
        raise FetchError("Network is unreachable")

    monkeypatch.setattr("vistry.weights.locate.fetch", None if offline else refuse)
    if offline:
        monkeypatch.setenv("VISTRY_OFFLINE", "1")
    with pytest.raises(WeightsError) as error:
        locate("imagenet", card)
    folder = caches / "weights"
    reason = "VISTRY_OFFLINE forbids to fetch them" if offline else "Network is unreachable"
    assert str(error.value) == (
        f"the weights 'imagenet' of mobilenetv2 are not on this machine: {reason}; download "
        "https://download.pytorch.org/models/mobilenet_v2-b0353104.pth on another one and put it at "
        f"{folder / 'mobilenet_v2-b0353104.pth'} (or there type: vistry weights fetch mobilenetv2 imagenet --to "
        f"FOLDER, and copy what is in FOLDER to {folder}), or start from random weights with --weights none"
    )
    assert not folder.exists()


def _published(card: ModelCard, folder: Path, sha256: str) -> ModelCard:
    source = "https://example.org/weights.safetensors"
    return replace(card, weights={"imagenet": WeightsSpec(source=source, sha256=sha256, license="CC0-1.0")})


def test_published_weights_come_from_the_cache_if_their_hash_is_right(
    card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISTRY_WEIGHTS", str(tmp_path))
    path = tmp_path / "weights.safetensors"
    save_file({"a": np.zeros(3, np.float32)}, path)
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    for sha256 in (right, right[:8]):
        located = locate("imagenet", _published(card, tmp_path, sha256))
        assert located is not None
        assert (located.path, located.sha256, located.revision, located.is_new) == (path, right, None, False)
    with pytest.raises(WeightsError, match="is not the file that its plugin names"):
        locate("imagenet", _published(card, tmp_path, "0" * 64))


def test_a_fetched_file_is_kept_and_announced_once(
    card: ModelCard, caches: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with file_server(b"weights") as server:
        spec = WeightsSpec(source=server.address, sha256=server.sha256[:8], license="CC0-1.0", size=7)
        card = replace(card, weights={"imagenet": spec})
        first = locate("imagenet", card)
        assert first is not None
        assert (first.path.read_bytes(), first.path.parent) == (b"weights", caches / "weights")
        assert (first.sha256, first.is_new) == (server.sha256, True)
        assert locate("imagenet", card) == replace(first, is_new=False)
    assert capsys.readouterr().err == (
        f"fetching the weights 'imagenet' of mobilenetv2 from {server.address} (7 bytes, CC0-1.0)\n"
    )
    assert len(server.ranges) == 1


def _carried(card: ModelCard, sha256: str) -> ModelCard:
    source = "package:weights_for_tests/models/w.pth"
    return replace(card, weights={"imagenet": WeightsSpec(source=source, sha256=sha256, license="CC0-1.0")})


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that carries a pickle, and that can't be imported."""
    folder = tmp_path / "site" / "weights_for_tests"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    torch.save({"a": torch.ones(2)}, folder / "models" / "w.pth")
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setattr("vistry.weights.locate.fetch", None)
    return folder


def test_weights_of_an_installed_package_are_read_without_running_it(card: ModelCard, package: Path) -> None:
    path = package / "models" / "w.pth"
    carried = _carried(card, hashlib.sha256(path.read_bytes()).hexdigest())
    located = locate("imagenet", carried)
    assert located is not None
    assert located.path == path
    np.testing.assert_array_equal(read_weights(path, carried, Policy())["a"], [1, 1])
    assert "weights_for_tests" not in sys.modules


def test_weights_of_a_package_that_were_changed_are_refused(card: ModelCard, package: Path) -> None:
    carried = _carried(card, "0" * 64)
    with pytest.raises(WeightsError) as error:
        locate("imagenet", carried)
    assert str(error.value).startswith(
        f"{package / 'models' / 'w.pth'} is not the file that its plugin names: expected SHA-256 0000000000000000..., "
    )
    digest = hashlib.sha256((package / "models" / "w.pth").read_bytes()).hexdigest()
    assert str(error.value).endswith(
        f"got {digest[:16]}...; reinstall 'weights_for_tests' in the version that vistry-mobilenetv2 requires"
    )


def test_weights_of_a_package_that_is_not_there_say_what_to_install(card: ModelCard, package: Path) -> None:
    carried = _carried(card, "0" * 64)
    (package / "models" / "w.pth").unlink()
    with pytest.raises(WeightsError) as error:
        locate("imagenet", carried)
    assert str(error.value) == (
        f"weights = 'imagenet' of mobilenetv2: plugin.toml names the file {package / 'models' / 'w.pth'}, which "
        "doesn't exist; type: pip install vistry-mobilenetv2"
    )
    source = "package:no_such_package/w.pth"
    absent = replace(card, weights={"imagenet": replace(carried.weights["imagenet"], source=source)})
    with pytest.raises(WeightsError) as error:
        locate("imagenet", absent)
    assert str(error.value) == (
        "weights = 'imagenet' of mobilenetv2: plugin.toml names the package 'no_such_package', which is not "
        "installed; type: pip install vistry-mobilenetv2"
    )


def test_a_pickle_in_the_place_of_published_weights_is_held_against_their_hash(
    card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISTRY_WEIGHTS", str(tmp_path))
    path = tmp_path / "mobilenet_v2-b0353104.pth"
    torch.save({"a": torch.ones(2)}, path)
    with pytest.raises(WeightsError, match="is a pickle, which can contain code"):
        read_weights(path, card, Policy())


def test_a_pickle_is_refused_unless_policy_allows_it(card: ModelCard, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({"state_dict": {"a": torch.ones(2)}}, path)
    with pytest.raises(WeightsError, match=r"is a pickle, which can contain code(.|\n)*allow_pickle = true"):
        read_weights(path, card, Policy())
    np.testing.assert_array_equal(read_weights(path, card, ALLOWING)["a"], [1, 1])


class _Hostile:
    def __init__(self, victim: Path):
        self.victim = victim

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.victim,))


def test_a_hostile_pickle_runs_nothing_even_where_pickles_are_allowed(card: ModelCard, tmp_path: Path) -> None:
    path, victim = tmp_path / "w.pth", tmp_path / "victim"
    path.write_bytes(pickle.dumps({"a": _Hostile(victim)}))
    with pytest.raises(WeightsError, match="can't be read as tensors only"):
        read_weights(path, card, ALLOWING)
    assert not victim.exists()


def test_a_file_of_something_else_is_a_sentence(card: ModelCard, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_text("not tensors")
    with pytest.raises(WeightsError, match="can.t be read as a safetensors file"):
        read_weights(path, card, Policy())


@pytest.mark.parametrize(
    ("offered", "message"),
    [
        ({"head": np.zeros((3, 4))}, r"body is missing"),
        ({"head": np.zeros((3, 4)), "body": np.zeros(5)}, r"body has shape \(5,\), expected \(2,\)"),
        ({"head": np.zeros((3, 9)), "body": np.zeros(2)}, r"head has shape \(3, 9\), expected \(7, 4\)"),
    ],
)
def test_what_does_not_fit_is_named(offered: dict[str, Any], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        match_state_dict(offered, {"head": (7, 4), "body": (2,)}, lambda: ["head"], origin="the file")


def test_a_count_kept_with_one_element_fits_a_scalar() -> None:
    taken, fresh = match_state_dict(
        {"n": np.array([3]), "w": np.zeros((9, 2))}, {"n": (), "w": (5, 2)}, lambda: ["w"], origin="the file"
    )
    assert taken["n"].shape == ()
    assert fresh == ["w"]
