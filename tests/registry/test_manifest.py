"""What a plugin.toml may say, and what is said about one that says something else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from vistry.errors import VistryError
from vistry.registry.manifest import Manifest
from vistry.registry.manifest_file import IncompatibleError, read_manifest
from vistry.registry.toml_file import TomlFileError, place

HEAD = """manifest = 1
api = "1.0"
hooks = "acme.hooks"
license = "MIT"
summary = "A plugin for tests"
tasks = ["image_classification"]
backends = ["torch"]
"""
MODEL = """
[models.net]
summary = "A model"
parameters = 10
"""

THERE = "there or at the top of the file"
FAULTS = Path(__file__).with_name("manifest_faults.txt").read_text().strip().split("\n\n")[1:]


def read(text: str) -> Manifest:
    path = Path("plugin.toml")
    path.write_text(text, encoding="utf-8")
    return read_manifest(path)


def faults(text: str) -> list[str]:
    with pytest.raises(TomlFileError) as caught:
        read(text)
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    return [str(problem).removeprefix("plugin.toml:") for problem in caught.value.problems]


def test_a_whole_manifest() -> None:
    manifest = read(
        HEAD
        + """freeze = [["conv1.", "bn1."], ["layer1."]]
wraps = ["vistry_build_model"]
computes_defaults = true
[preprocessing]
mean = [0, 0, 0]
std = [1, 1.0, 1]
[hyperparameters.dropout]
type = "number"
minimum = 0
below = 1
default = 0.2
description = "Dropout rate."
[exclude]
weighted_loss = "it has its own"
[restrict.training_crop_size]
reason = "fixed pooling"
choices = [224]
[defaults."*"]
learning_rate = 0.5
"""
        + MODEL
        + """args = { layers = [1, { deep = true }] }
default_for = ["image_classification"]
[models.net.weights.imagenet]
source = "https://e.org/w"
sha256 = "0123abcd"
license = "MIT"
metrics = { imagenet1k = { top1 = 70 } }
"""
    )
    assert manifest.freeze == (("conv1.", "bn1."), ("layer1.",))
    assert manifest.preprocessing.std == (1, 1, 1)
    assert manifest.hyperparameters["dropout"].below == 1
    assert manifest.restrict["training_crop_size"].choices == (224,)
    assert manifest.models["net"].args == {"layers": [1, {"deep": True}]}
    assert manifest.models["net"].weights["imagenet"].metrics == {"imagenet1k": {"top1": 70}}
    assert manifest.defaults == {"*": {"learning_rate": 0.5}}


@pytest.mark.parametrize("block", FAULTS)
def test_a_fault_with_its_line(block: str) -> None:
    change, expected = block.split("\n=> ")
    assert expected in faults(f"{HEAD}{change}\n")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("manifest = 1", "manifest = 2", "1: 'manifest' must be 1"),
        ('"1.0"', '"1"', "2: 'api' must be of the form '1.0'"),
        ('"1.0"', "1.0", "2: 'api' must be text"),
        ("acme.hooks", "acme.hooks:", "3: 'hooks' must be of the form 'package.module' or 'package.module:name'"),
        ('tasks = ["image_classification"]', "", f"1: model 'net' has no tasks: set 'tasks' {THERE}"),
        ('backends = ["torch"]', "", f"1: model 'net' has no backends: set 'backends' {THERE}"),
    ],
)  # fmt: skip
def test_a_fault_of_the_head(old: str, new: str, expected: str) -> None:
    assert faults((HEAD + MODEL).replace(old, new)) == [expected]


def test_all_faults_at_once() -> None:
    assert len(faults("manifest = 1\nlicence = 'MIT'\n")) == 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = 1\nb = \n", "plugin.toml:2: not valid TOML: Invalid value"),
        (b"a = 1\nb = '''", "plugin.toml:2: not valid TOML: Expected \"'''\""),
        (b"a = 1\na = 2\n", "plugin.toml:2: not valid TOML: Cannot overwrite a value"),
        (b"a = 1\nb = '\xff'\n", "plugin.toml:2: is not UTF-8 text; save the file as UTF-8"),
    ],
)
def test_what_is_no_toml(content: bytes, message: str) -> None:
    Path("plugin.toml").write_bytes(content)
    with pytest.raises(TomlFileError) as caught:
        read_manifest(Path("plugin.toml"))
    assert str(caught.value).replace(" (at line 2, column 8)", "") == message


def test_a_byte_order_mark_and_windows_line_ends() -> None:
    Path("plugin.toml").write_bytes(b"\xef\xbb\xbf" + (HEAD + MODEL).replace("\n", "\r\n").encode())
    assert list(read_manifest(Path("plugin.toml")).models) == ["net"]
    assert place(Path("plugin.toml"), ("models", "net", "parameters")) == "plugin.toml:11"
    assert place(Path("plugin.toml"), ("nothing",)) == "plugin.toml"


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(TomlFileError, match=r"^plugin\.toml: can't be read: No such file or directory$"):
        read_manifest(Path("plugin.toml"))


@pytest.mark.parametrize(("api", "newer"), [("2.0", True), ("1.3", True), ("1.10", True), ("0.9", False)])
def test_another_api_is_incompatible_before_anything_else_is_read(api: str, newer: bool) -> None:
    with pytest.raises(IncompatibleError) as caught:
        read(f'manifest = 3\napi = "{api}"\nquantum = true\n')
    assert str(caught.value) == f"it was written for plugin API {api}, and this Vistry offers 1.0"
    assert caught.value.is_newer is newer
    assert isinstance(caught.value, VistryError)


def test_a_changed_file_is_read_again(lay_out: Callable[..., Path]) -> None:
    path = lay_out("good") / "plugin.toml"
    assert list(read_manifest(path).models) == ["goodnet"]
    path.write_text(path.read_text().replace("goodnet", "bestnet"))
    os.utime(path, ns=(1, 1))
    assert list(read_manifest(path).models) == ["bestnet"]
