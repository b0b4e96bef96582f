"""Weights of repositories, from a hub on loopback by huggingface_hub's own code."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import vistry
from safetensors.numpy import save_file
from vistry.errors import WeightsError
from vistry.registry.cards import ModelCard
from vistry.registry.manifest import HubFile, WeightsSpec
from vistry.registry.weights_cache import WeightsCache, hub_cache, place_of
from vistry.weights.copies import copy_to, remove
from vistry.weights.fetch import Patience
from vistry.weights.fetch_progress import Silence
from vistry.weights.hub import FetchError, fetch_from_hub
from vistry.weights.locate import LocatedWeights, locate

from tests.weights.file_server import FileServer, answers, file_server, hangs_up
from tests.weights.hub_server import Hub, Repository

FILE = HubFile("someone/net", None, "model.safetensors")


class Told(Silence):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def publish(hub: Hub, value: float = 1.0, file: str = "model.safetensors") -> Path:
    path = hub.folder / "someone" / "net" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"a": np.full(3, value, np.float32)}, path)
    return path


def commit(hub: Hub) -> str:
    return Repository(hub.folder / "someone" / "net").commit()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def card_with(**facts: str) -> ModelCard:
    facts = {"source": "hub:someone/net/model.safetensors", "license": "MIT", **facts}
    return replace(vistry.model("mobilenetv2"), weights={"set": WeightsSpec(**facts)})  # type: ignore[arg-type]


def located(card: ModelCard, told: Silence | None = None) -> LocatedWeights:
    found = locate("set", card, told or Silence())
    assert found is not None
    return found


def test_without_a_hash_the_files_own_and_the_commit_are_known_and_said(hub: Hub) -> None:
    published, told = publish(hub), Told()
    first = located(card_with(), told)
    assert first.path.read_bytes() == published.read_bytes()
    assert (first.sha256, first.revision, first.is_new) == (sha256(published), commit(hub), True)
    assert told.notes == [
        "fetching the weights 'set' of mobilenetv2 from hub:someone/net/model.safetensors (about 14.0 MB, MIT)",
        f"its SHA-256 is {first.sha256}, its revision {first.revision}: runs keep both",
    ]
    hub.requests.clear()
    assert located(card_with(), told) == replace(first, is_new=False)
    assert (len(told.notes), hub.requests) == (2, [])


def test_nothing_but_the_file_is_asked_of_the_hub(hub: Hub) -> None:
    publish(hub)
    located(card_with())
    assert {request.split()[1] for request in hub.requests} == {"/someone/net/resolve/main/model.safetensors"}


def test_a_hash_and_a_revision_are_kept_to(hub: Hub) -> None:
    published = publish(hub)
    there = card_with(source=f"hub:someone/net@{commit(hub)}/model.safetensors", sha256=sha256(published))
    assert located(there).revision == commit(hub)
    assert located(there).revision == commit(hub)


def test_another_file_than_the_manifest_names_is_refused(hub: Hub) -> None:
    publish(hub)
    with pytest.raises(WeightsError) as error:
        located(card_with(sha256="0" * 64))
    assert "is not the file that its plugin names: expected SHA-256 0000000000000000..., got" in str(error.value)
    assert str(error.value).endswith(
        "its repository has another file by now, so plugin.toml has to name a revision of it; "
        "type: vistry weights remove mobilenetv2 set"
    )
    with pytest.raises(WeightsError, match="remove mobilenetv2 set, and it is fetched again when it is needed"):
        located(card_with(sha256="0" * 64))


def test_a_file_that_was_damaged_is_refused_without_a_hash_in_the_manifest(hub: Hub) -> None:
    publish(hub)
    path = located(card_with()).path
    path.resolve().write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="is not the file that the hub sent: expected SHA-256"):
        located(card_with())


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("hub:someone/nets/model.safetensors", "there is no someone/nets on http://127.0.0.1:.*access token"),
        ("hub:someone/net/models.safetensors", "someone/net on http://127.* has no file models.safetensors"),
        ("hub:someone/net@v9/model.safetensors", "someone/net on http://127.* has no revision 'v9'"),
    ],
)
def test_what_a_hub_does_not_have_is_said(hub: Hub, source: str, reason: str) -> None:
    publish(hub)
    with pytest.raises(WeightsError, match=reason):
        located(card_with(source=source))


@pytest.fixture
def server(caches: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    with file_server(b"not a hub") as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address.removesuffix("/weights.bin"))
        yield running


@pytest.mark.parametrize(
    ("steps", "reason", "waited"),
    [
        ([answers(500)] * 3, "answers 500 Internal Server Error", [1, 2]),
        ([answers(403)] * 3, "answers 403 Forbidden", []),
        ([hangs_up] * 3, "can't be reached or didn't answer as a hub does", [1, 2]),
        ([], "can't be reached or didn't answer as a hub does: .*X-Repo-Commit", []),
    ],
)
def test_a_hub_that_does_not_answer_is_said(
    server: FileServer, *, steps: list[object], reason: str, waited: list[float]
) -> None:
    server.steps = list(steps)  # type: ignore[arg-type]
    waits: list[float] = []
    with pytest.raises(FetchError, match=reason):
        fetch_from_hub(FILE, Patience(attempts=3, timeout=1, sleep=waits.append))
    assert waits == waited


@pytest.mark.parametrize("variable", ["VISTRY_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_names_both_remedies_and_asks_nobody(
    hub: Hub, caches: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    published = publish(hub)
    monkeypatch.setenv(variable, "1")
    with pytest.raises(WeightsError) as error:
        located(card_with())
    place = caches / "weights" / "models--someone--net" / "snapshots" / "main" / "model.safetensors"
    assert str(error.value) == (
        f"the weights 'set' of mobilenetv2 are not on this machine: {variable} forbids to fetch them; "
        f"download {hub.address}/someone/net/resolve/main/model.safetensors on another one and put it at {place} "
        "(or there type: vistry weights fetch mobilenetv2 set --to FOLDER, and copy what is in FOLDER to "
        f"{caches / 'weights'}), or start from random weights with --weights none"
    )
    assert hub.requests == []
    place.parent.mkdir(parents=True)
    shutil.copy(published, place)
    assert located(card_with()).path == place
    monkeypatch.setenv(variable, "0")
    assert located(card_with()).revision is None


def test_a_copy_for_another_machine_is_all_that_it_needs(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(hub)
    card = card_with()
    there = located(card)
    copy_to(tmp_path / "stick", card.weights["set"], there)
    copy_to(tmp_path / "stick", card.weights["set"], there)
    assert not any(path.is_symlink() for path in (tmp_path / "stick").rglob("*"))
    monkeypatch.setenv("VISTRY_WEIGHTS", str(tmp_path / "stick"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("VISTRY_OFFLINE", "1")
    here = located(card)
    assert here.path.is_relative_to(tmp_path / "stick")
    assert (here.sha256, here.revision) == (there.sha256, there.revision)


def test_of_a_removed_file_nothing_stays_but_what_others_share(hub: Hub) -> None:
    publish(hub)
    spec = card_with().weights["set"]
    first = located(card_with())
    publish(hub, 2.0, "other.safetensors")  # another commit, with the same file beside
    pinned = card_with(source=f"hub:someone/net@{commit(hub)}/model.safetensors")
    second = located(pinned)
    assert first.path.resolve() == second.path.resolve()
    assert remove(spec) == [first.path]
    assert second.path.is_file()
    content = second.path.resolve()
    assert remove(pinned.weights["set"]) == [second.path]
    assert not content.exists()
    assert remove(spec) == []
    assert located(card_with()).is_new


def test_the_cache_is_where_the_library_has_it() -> None:
    """The variables are read as huggingface_hub reads them, which does so when it is imported."""
    code = "from vistry.registry.weights_cache import hub_cache\nfrom huggingface_hub import constants\n"
    code += "assert str(hub_cache()) == constants.HF_HUB_CACHE, (hub_cache(), constants.HF_HUB_CACHE)"
    for variables in (
        {},
        {"HF_HOME": "~/elsewhere"},
        {"XDG_CACHE_HOME": "/tmp/caches"},
        {"HF_HOME": "/tmp/a", "HUGGINGFACE_HUB_CACHE": "/tmp/b"},
        {"HF_HUB_CACHE": "$HOME/c", "HUGGINGFACE_HUB_CACHE": "/tmp/b"},
    ):
        environment = {"HOME": "/tmp/home", "PATH": "", **variables}
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_a_question_lists_folders_and_opens_nothing(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(hub)
    located(card_with())
    listed: list[str] = []
    real = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: (listed.append(str(self)), real(self))[1])
    cache = WeightsCache.read()
    for number in range(500):
        assert cache.find(WeightsSpec(source=f"hub:someone/net{number}/model.safetensors", license="MIT")) is None
        assert cache.find(WeightsSpec(source=f"https://e.org/{number}", sha256="01234567", license="MIT")) is None
    assert cache.find(card_with().weights["set"]) is not None
    assert len(listed) == 2
    assert str(hub_cache()) in listed
    assert place_of(FILE).name == "model.safetensors"


def test_without_the_library_it_is_said_what_to_install(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(hub)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(WeightsError, match=r"need huggingface_hub, which isn't installed: pip install 'vistry\[hub\]'"):
        located(card_with())
