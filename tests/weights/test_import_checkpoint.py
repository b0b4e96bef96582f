"""Checkpoints from elsewhere: what comes out is what torch has in them, and nothing in them is run."""

from __future__ import annotations

import copyreg
import hashlib
import io
import json
import pickle
import random
import struct
import sys
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import vistry as vistry_package
from click.testing import CliRunner, Result
from safetensors import safe_open
from torch import nn
from vistry.cli import main
from vistry.errors import WeightsError
from vistry.inference.import_checkpoint import UNKNOWN_LICENCE
from vistry.registry.policy import Policy
from vistry.weights.read import read_weights
from vistry.weights.state_dicts import read_state_dict

CODE = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.act = nn.SiLU()
        self.nothing = None
        self.register_parameter("unset", None)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.stride = torch.tensor([8.0, 16.0])
        self.names = {0: "nut", 1: "fig"}
        self.model = nn.Sequential(Block(4), Block(3), nn.ModuleList([nn.Linear(2, 5), nn.Linear(5, 2)]))
        self.register_buffer("anchors", torch.arange(12.0).reshape(2, 3, 2).transpose(0, 2))
        self.register_buffer("grid", torch.ones(7), persistent=False)
        self.scale = nn.Parameter(torch.tensor(2.5))
        self.tied = self.model[2][0]
"""


@pytest.fixture
def network() -> Iterator[nn.Module]:
    """A module of classes that can't be imported once the test asks for that."""
    module = ModuleType("models_of_somebody")
    sys.modules[module.__name__] = module
    exec(CODE, module.__dict__)
    torch.manual_seed(3)
    yield module.__dict__["Network"]()
    sys.modules.pop(module.__name__, None)


def saved(path: Path, content: Any, **options: Any) -> Path:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Couldn't retrieve source code", UserWarning)
        torch.save(content, path, **options)
    sys.modules.pop("models_of_somebody", None)
    return path


def assert_same(loaded: dict[str, np.ndarray[Any, Any]], state: dict[str, torch.Tensor]) -> None:
    assert list(loaded) == list(state)
    for name, value in state.items():
        wanted = value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
        assert loaded[name].dtype == wanted.numpy().dtype, name
        np.testing.assert_array_equal(loaded[name], wanted.numpy(), err_msg=name)
        assert loaded[name].shape == tuple(value.shape)


FORMATS = pytest.mark.parametrize(
    "options",
    [{}, {"_use_new_zipfile_serialization": False}, {"pickle_protocol": 4}],
    ids=["zip", "older", "protocol 4"],
)


@FORMATS
def test_a_state_dict_comes_out_as_torch_has_it(tmp_path: Path, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    long = torch.randn(60)
    state = {
        "float": torch.randn(2, 3),
        "half": torch.randn(5).half(),
        "bfloat": torch.randn(5, 2).bfloat16(),
        "double": torch.randn(3).double(),
        "count": torch.tensor(7),
        "bytes": torch.arange(9, dtype=torch.uint8),
        "small": torch.tensor([-3, 4], dtype=torch.int16),
        "yes": torch.tensor([True, False]),
        "first": long[:10].reshape(2, 5),
        "steps": long[3:53:7],
        "turned": long[10:40].reshape(5, 6).T,
        "turned half": torch.randn(4, 3).bfloat16().T,
        "repeated": torch.tensor([1.5]).expand(4),
        "empty": torch.empty(0, 3),
        "empty half": torch.empty(0).half(),
        "parameter": nn.Parameter(torch.randn(2)),
        "buffer": nn.Buffer(torch.randn(2)),
    }
    loaded = read_state_dict(saved(tmp_path / "w.pt", state, **options))
    assert (loaded.key, loaded.other_keys) == ("", ())
    assert_same(loaded.arrays, {name: value.detach() for name, value in state.items()})


def test_integers_without_a_storage_of_their_own(tmp_path: Path) -> None:
    state = {"a": torch.tensor([1, 2, 3], dtype=torch.uint16)[1:], "b": torch.tensor([2**40], dtype=torch.uint64)}
    assert_same(read_state_dict(saved(tmp_path / "w.pt", state)).arrays, state)


@FORMATS
@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
def test_a_module_whose_classes_are_gone(
    tmp_path: Path, network: nn.Module, half: bool, options: dict[str, Any]
) -> None:
    network = network.half() if half else network
    state = network.state_dict()
    assert "grid" not in state
    assert "tied.weight" in state
    path = saved(tmp_path / "w.pt", {"epoch": 3, "model": network, "ema": None, "optimizer": None}, **options)
    with pytest.raises(ModuleNotFoundError, match="models_of_somebody"):
        torch.load(path, weights_only=False)
    loaded = read_state_dict(path)
    assert loaded.key == "model"
    assert_same(loaded.arrays, state)
    assert "models_of_somebody" not in sys.modules


def test_a_bare_module_and_one_with_another_around_it(tmp_path: Path, network: nn.Module) -> None:
    state = nn.DataParallel(network).state_dict()
    loaded = read_state_dict(saved(tmp_path / "w.pt", nn.DataParallel(network)))
    assert loaded.key == ""
    assert_same(loaded.arrays, state)


def test_the_average_is_preferred_and_a_key_can_be_named(tmp_path: Path, network: nn.Module) -> None:
    average = {name: value + 1 for name, value in network.state_dict().items()}
    path = saved(tmp_path / "w.pt", {"model": network, "ema": average, "date": "today"})
    loaded = read_state_dict(path)
    assert (loaded.key, loaded.other_keys) == ("ema", ("model",))
    assert_same(loaded.arrays, average)
    assert_same(read_state_dict(path, "model").arrays, network.state_dict())
    with pytest.raises(WeightsError, match=r"has no state dict under 'modle'; did you mean 'model'\?$"):
        read_state_dict(path, "modle")


@pytest.mark.parametrize("name", ["state_dict", "model", "student"])
def test_the_only_set_is_taken_and_a_usual_name_before_an_unusual_one(tmp_path: Path, name: str) -> None:
    beside: dict[str, Any] = {"rng": {"state": torch.zeros(3)}}
    if name == "student":
        beside = {"optimizer": {"state": {0: {"step": torch.zeros(1)}}, "param_groups": [{"lr": 0.1}]}}
    content = {name: {"w": torch.ones(2)}, **beside}
    assert read_state_dict(saved(tmp_path / "w.pt", content)).key == name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": {"w": torch.ones(1)}, "b": {"w": torch.ones(1)}}, "several state dicts: 'a', 'b'; choose one with"),
        ({"model": {"w": torch.ones(1)}, "state_dict": {"w": torch.ones(1)}}, "several .* 'model', 'state_dict'; "),
        ({"epoch": 3, "lr": 0.1}, "has no state dict: its keys are 'epoch', 'lr'$"),
        ([torch.ones(1)], "has no state dict: it is a list$"),
        (torch.ones(1), "has no state dict: it is a tensor$"),
        (nn.Identity(), "has no state dict: it is a torch.nn.modules.linear.Identity$"),
        ({"model": {"a": torch.ones(2).to_sparse()}}, "its keys are 'model'$"),
        (
            {"a": torch.ones(1), "b": torch.ones(2).to_sparse()},
            r"'b' is not a plain tensor \(torch._utils._rebuild_sparse",
        ),
        ({"a": torch.ones(1, dtype=torch.complex64)}, "a tensor of type 'complex64', which can't be imported"),
        ({"a": torch.ones(1).to(torch.float8_e4m3fn)}, "a tensor of type 'float8_e4m3fn', which can't be imported"),
        ({"a\x1b[2J": torch.ones(1)}, r"invalid name of a tensor: 'a\\x1b\[2J'"),
        ({"__metadata__": torch.ones(1)}, "invalid name of a tensor: '__metadata__'"),
    ],
)
def test_what_is_no_set_of_weights_is_a_sentence(tmp_path: Path, content: Any, message: str) -> None:
    path = saved(tmp_path / "w.pt", content)
    with pytest.raises(WeightsError, match=message) as error:
        read_state_dict(path)
    assert str(error.value).startswith(str(path))
    if isinstance(content, dict) and "epoch" in content:
        with pytest.raises(WeightsError, match="under 'lr'; its keys are 'epoch', 'lr'"):
            read_state_dict(path, "lr")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"hello", "is not a checkpoint that torch.save wrote"),
        (b"\x89HDF\r\n\x1a\n", "it is HDF5"),
        (bytes(257) + b"ustar", "a tar file, as torch wrote before 0.1.10"),
        (struct.pack("<Q", 2) + b"{}", "it is safetensors already; give it to --weights as it is"),
        (pickle.dumps({"a": 1}), "it is a pickle, but torch.save didn't write it"),
        (b"PK\x03\x04 and so on", "it is damaged or incomplete"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "w.pt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        read_state_dict(path)
    with pytest.raises(WeightsError, match="can't be read: No such file"):
        read_state_dict(tmp_path / "none.pt")


def test_torchscript_and_other_zip_files_are_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        archive.writestr("net/data.pkl", b"N.")
        archive.writestr("net/constants.pkl", b"N.")
    with pytest.raises(WeightsError, match="it is TorchScript"):
        read_state_dict(tmp_path / "script.pt")
    with zipfile.ZipFile(tmp_path / "other.pt", "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(WeightsError, match="a zip file without the data.pkl"):
        read_state_dict(tmp_path / "other.pt")


def test_a_file_without_checksums_is_read_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    state = {"a": torch.arange(1000.0)}
    torch.serialization.set_crc32_options(False)
    try:
        path = saved(tmp_path / "w.pt", state)
    finally:
        torch.serialization.set_crc32_options(True)
    assert_same(read_state_dict(path).arrays, state)
    content = bytearray(saved(tmp_path / "w.pt", state).read_bytes())
    content[content.index(state["a"].numpy().tobytes()) + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="a checksum is wrong"):
        read_state_dict(path)


# Files put together by hand, as an attacker would.


def text(words: str) -> bytes:
    data = words.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def tensor(shape: tuple[int, ...] = (2,), strides: tuple[int, ...] = (1,), offset: int = 0, count: int = 2) -> bytes:
    def group(numbers: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(number, numbers)) + b"t"

    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(count) + b"tQ"
    parts = storage + number(offset) + group(shape) + group(strides)
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + parts + b"\x89}tR"


def made_by_hand(path: Path, pickled: bytes, values: bytes = struct.pack("<2f", 1, 2), **records: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/data/0", values)
        for name, content in records.items():
            archive.writestr(name, content)
    return path


def with_tensor(payload: bytes) -> bytes:
    """A state dict with one tensor, and beside it what the payload makes."""
    return b"}(" + text("w") + tensor() + text("x") + payload + b"u."


COMMAND = "touch MARKER"
IMPORT = b"cbuiltins\n__import__\n(" + text("os") + b"tR"
TRAP = b"ctrap_module\nTrap\n"
LIVE = {
    "reduce": b"cos\nsystem\n(" + text(COMMAND) + b"tR",
    "the same by its other name": b"cposix\nsystem\n" + text(COMMAND) + b"\x85R",
    "eval": b"cbuiltins\neval\n" + text(f"__import__('os').system({COMMAND!r})") + b"\x85R",
    "exec of an older python": b"c__builtin__\nexec\n" + text(f"import os; os.system({COMMAND!r})") + b"\x85R",
    "stack global": b"\x8c\x05posix\x8c\x06system\x93" + text(COMMAND) + b"\x85R",
    "nested globals": b"cbuiltins\ngetattr\n(" + IMPORT + text("system") + b"tR" + text(COMMAND) + b"\x85R",
    "dotted global": b"\x80\x04\x8c\x02os\x8c\x0fsys.modules.get\x93" + text("posix") + b"\x85R"
    b"\x940cbuiltins\ngetattr\n(h\x00" + text("system") + b"tR" + text(COMMAND) + b"\x85R",
    "obj": b"(cos\nsystem\n" + text(COMMAND) + b"o",
    "inst": b"(" + text(COMMAND) + b"ios\nsystem\n",
    "memo": b"cos\nsystem\nr\x07\x00\x00\x000" + b"Nq\x06" + b"0j\x07\x00\x00\x00" + text(COMMAND) + b"\x85R",
    "map": b"cbuiltins\nlist\ncbuiltins\nmap\n(cos\nsystem\n(" + text(COMMAND) + b"ltR\x85R",
    "extension": b"\x82\xf0" + text(COMMAND) + b"\x85R",
    "import": b"cmodule_with_effects\nanything\n",
    "new": TRAP + b")\x81",
    "new with keywords": TRAP + b")}\x92",
    "set state": TRAP + b")\x81}b",
    "set item": TRAP + b")\x81(" + text("a") + b"Nu",
    "append": TRAP + b")\x81Na",
    "appends": TRAP + b")\x81(Ne",
    "additems": TRAP + b")\x81(N\x90",
    "hash of a key": b"}" + TRAP + b")\x81Ns",
    "rebuilt from a type": b"ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nctorch\nTensor\n"
    + text(COMMAND)
    + b"\x85}tR",
}
PERSISTENT = {
    "a module": b"(" + text("module") + TRAP + b")\x81" + text("a.py") + text("source") + b"tQ",
    "a storage": b"(" + text("storage") + TRAP + text("0") + text("cpu") + b"K\x02tQ",
    "a path": b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("/etc/passwd") + text("cpu") + b"K\x02tQ",
    "an object": TRAP + b")\x81Q",
    "text": b"Pos.system\n",
    "unknown": b"(" + text("file") + text("/etc/passwd") + b"tQ",
}


@pytest.fixture
def marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What each payload makes if it is run, in the working folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "MARKER"
    touch = f"open({str(path)!r}, 'w').close()"
    (tmp_path / "module_with_effects.py").write_text(f"{touch}\nanything = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    trap = ModuleType("trap_module")
    methods = ("__new__", "__setstate__", "__setitem__", "append", "extend", "add", "__hash__", "__init__")
    lines = [
        f"    def {name}(self, *_, **__): {touch}; return object.__new__(self) if 0 else 0" for name in methods[1:]
    ]
    new = f"    def __new__(cls, *_, **__): {touch}; return object.__new__(cls)"
    exec("\n".join(["class Trap:", new, *lines]), trap.__dict__)
    monkeypatch.setitem(sys.modules, "trap_module", trap)
    copyreg.add_extension("os", "system", 0xF0)
    yield path
    copyreg.remove_extension("os", "system", 0xF0)
    copyreg.clear_extension_cache()
    sys.modules.pop("module_with_effects", None)


class Trusting(pickle.Unpickler):
    def persistent_load(self, identity: Any) -> None:
        return None


def imported(path: Path) -> dict[str, np.ndarray[Any, Any]] | None:
    """The weights, or None where the file was refused with a sentence that names it."""
    try:
        return read_state_dict(path).arrays
    except WeightsError as error:
        if not str(error).startswith(str(path)):
            raise
        return None


@pytest.mark.parametrize("name", LIVE)
def test_nothing_is_run_that_pickle_would_run(marker: Path, name: str) -> None:
    path = made_by_hand(marker.with_name("w.pt"), with_tensor(LIVE[name]))
    loaded = imported(path)
    assert not marker.exists()
    assert "module_with_effects" not in sys.modules
    if name != "extension":
        assert loaded is not None
        assert loaded["w"].tolist() == [1, 2]
    with suppress(Exception):  # what counts is whether it has run
        Trusting(io.BytesIO(LIVE[name] + b".")).load()
    assert marker.exists(), "the payload is harmless, so it proves nothing"


@pytest.mark.parametrize("name", PERSISTENT)
def test_a_persistent_id_is_a_description_and_no_more(marker: Path, name: str) -> None:
    loaded = imported(made_by_hand(marker.with_name("w.pt"), with_tensor(PERSISTENT[name])))
    assert not marker.exists()
    assert (loaded is not None) == (name in ("a module", "a path"))


@pytest.mark.parametrize("name", LIVE)
def test_nothing_is_run_in_the_older_format(marker: Path, name: str) -> None:
    path = marker.with_name("w.pt")
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
    keys = pickle.dumps(["0"], 2) + struct.pack("<q2f", 2, 1, 2)
    path.write_bytes(magic + with_tensor(LIVE[name]) + keys)
    loaded = imported(path)
    assert not marker.exists()
    assert (loaded is None) == (name == "extension")
    for place in range(3):
        parts = [pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2), pickle.dumps({}, 2), b"}."]
        parts[place] = LIVE[name] + b"."
        path.write_bytes(b"".join(parts) + keys)
        imported(path)
    assert not marker.exists()


def test_paths_in_the_zip_are_names_and_nothing_is_written(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    path = made_by_hand(tmp_path / "w.pt", with_tensor(b"N"), **{str(outside): b"x", "../../outside": b"x"})
    loaded = imported(path)
    assert loaded is not None
    assert loaded["w"].tolist() == [1, 2]
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.pt"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("/etc/data.pkl", with_tensor(b"N"))
    assert imported(path) is None


DEEP = 100_000
DEEP_PICKLES = {
    "tuples": b")" + b"\x85" * DEEP,
    "lists": b"]" * DEEP + b"a" * (DEEP - 1),
    "dictionaries": (b"}" + text("a")) * DEEP + b"N" + b"s" * DEEP,
    "marks": b"(" * DEEP + b"t" * DEEP,
    "calls": b"ca\nb\nq\x00" + b"h\x00" * DEEP + b")R" + b"\x85R" * DEEP,
    "states": b"ca\nb\nq\x000" + b"h\x00)R" * DEEP + b"b" * (DEEP - 1),
    "a key": b"})" + b"\x85" * DEEP + b"Ns",
    "itself": b"]q\x00h\x00a",
}


@pytest.mark.parametrize("name", DEEP_PICKLES)
def test_depth_is_no_problem(tmp_path: Path, name: str) -> None:
    loaded = imported(made_by_hand(tmp_path / "w.pt", with_tensor(DEEP_PICKLES[name])))
    assert loaded is not None
    assert loaded["w"].tolist() == [1, 2]


MODULE = b"ca\nb\n)\x81q\x01}(" + text("_parameters") + b"}" + text("_buffers") + b"}" + text("_modules")


@pytest.mark.parametrize(
    "modules",
    [b"}" + text("again") + b"h\x01sub.", b"}(" + text("a") + b"h\x01" + text("b") + b"h\x01uub."],
    ids=["itself", "itself twice"],
)
def test_modules_without_end_are_refused(tmp_path: Path, modules: bytes) -> None:
    with pytest.raises(WeightsError, match="its modules are nested too deep"):
        read_state_dict(made_by_hand(tmp_path / "w.pt", MODULE + modules))


GREEDY = {
    "text": b"\x8d" + struct.pack("<Q", 2**62) + b"abc.",
    "bytes": b"\x8e" + struct.pack("<Q", 2**40) + b"abc.",
    "text beyond all": b"\x8d" + struct.pack("<Q", 2**64 - 1) + b"abc.",
    "an integer": b"\x8b" + struct.pack("<I", 2**31 - 1) + b"abc.",
    "a place of the memo": b"Nr" + struct.pack("<I", 2**32 - 1) + b".",
    "a place beyond all": b"Np99999999999999999999\n.",
    "a shape": b"}" + text("w") + tensor(shape=(2**40,)) + b"s.",
    "dimensions": b"}" + text("w") + tensor(shape=(1,) * 70, strides=(1,) * 70) + b"s.",
    "a repeated number": b"}" + text("w") + tensor(shape=(2**20, 2**20), strides=(0, 0)) + b"s.",
    "a storage": b"}" + text("w") + tensor(count=2**40) + b"s.",
    "an offset": b"}" + text("w") + tensor(offset=2**62) + b"s.",
    "an offset by one": b"}" + text("w") + tensor(offset=1) + b"s.",
    "a negative offset": b"}" + text("w") + tensor(offset=-1) + b"s.",
    "a negative stride": b"}" + text("w") + tensor(offset=1, strides=(-1,)) + b"s.",
    "a number that is none": b"}" + text("w") + tensor(offset=2**80) + b"s.",
    "a tensor of a tensor": b"}" + text("w") + b"ctorch._utils\n_rebuild_tensor_v2\n(" + tensor() + b"K\x00))\x89}tRs.",
    "copies": b"](" + b"N" * 200_000 + b"eq\x000" + b"cbuiltins\nset\nq\x010" + b"h\x01h\x00\x85R" * 1000 + b".",
    "one tensor by many names": b"}("
    + text("w")
    + tensor(shape=(2000, 2000), strides=(0, 0))
    + b"q\x00"
    + b"".join(text(str(at)) + b"h\x00" for at in range(1000))
    + b"u.",
}


@pytest.mark.parametrize("name", GREEDY)
def test_a_small_file_takes_little_memory(tmp_path: Path, name: str) -> None:
    path = made_by_hand(tmp_path / "w.pt", GREEDY[name])
    tracemalloc.start()
    try:
        assert imported(path) is None
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()


def test_records_of_another_size_and_compressed_ones_are_refused(tmp_path: Path) -> None:
    path = made_by_hand(tmp_path / "w.pt", with_tensor(b"N"), struct.pack("<3f", 1, 2, 3))
    with pytest.raises(WeightsError, match="a record has 12 bytes, not 8"):
        read_state_dict(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", with_tensor(b"N"))
        archive.writestr("archive/data/0", bytes(8))
    with pytest.raises(WeightsError, match="it is compressed or encrypted"):
        read_state_dict(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", with_tensor(b"N"))
    with pytest.raises(WeightsError, match="it has no record of a storage"):
        read_state_dict(path)


def test_the_other_byte_order(tmp_path: Path) -> None:
    path = made_by_hand(tmp_path / "w.pt", with_tensor(b"N"), struct.pack(">2f", 1, 2), **{"archive/byteorder": b"big"})
    loaded = imported(path)
    assert loaded is not None
    assert loaded["w"].tolist() == [1, 2]
    assert loaded["w"].dtype == np.dtype("float32")
    assert loaded["w"].dtype.isnative


@FORMATS
def test_a_truncated_file_is_refused_wherever_it_ends(
    tmp_path: Path, network: nn.Module, options: dict[str, Any]
) -> None:
    content = saved(tmp_path / "w.pt", {"model": network}, **options).read_bytes()
    for end in range(1, len(content) - 1, max(1, len(content) // 200)):
        (tmp_path / "cut.pt").write_bytes(content[:end])
        assert imported(tmp_path / "cut.pt") is None, end


@FORMATS
def test_a_damaged_file_is_read_or_refused_with_a_sentence(
    tmp_path: Path, network: nn.Module, options: dict[str, Any]
) -> None:
    torch.serialization.set_crc32_options(False)  # so that checksums don't stop what is to be tried
    try:
        content = saved(tmp_path / "w.pt", {"model": network}, **options).read_bytes()
    finally:
        torch.serialization.set_crc32_options(True)
    draw = random.Random(5)
    outcomes = set()
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(draw.choice((1, 1, 2, 8))):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        (tmp_path / "damaged.pt").write_bytes(damaged)
        outcomes.add(imported(tmp_path / "damaged.pt") is None)
    assert outcomes == {True, False}


# The command.

NOTICE = "The original checkpoints of tiny are under a licence of their own."


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_plugin: None) -> nn.Module:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    model: nn.Module = vistry_package.create("tiny", task="multiclass", num_classes=5)
    return model


def command(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["weights", "import", *map(str, arguments)], catch_exceptions=False)


def refusal(*arguments: object) -> str:
    result = command(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr


def test_the_command_writes_what_training_starts_from(tiny: nn.Module, tmp_path: Path) -> None:
    path = saved(tmp_path / "theirs.pt", {"ema": tiny.state_dict(), "model": tiny.state_dict()})
    result = command(path, "--model", "tiny")
    assert result.exit_code == 0, result.stderr
    count, numbers = len(tiny.state_dict()), sum(value.numel() for value in tiny.state_dict().values())
    assert result.output.splitlines() == [
        f"{tmp_path}/theirs.safetensors: {count} tensors of 'ema', beside 'model'; {numbers:,} numbers",
        "they fit tiny/tiny, with a head for 5 classes",
        f"notice: {UNKNOWN_LICENCE}",
    ]
    with safe_open(tmp_path / "theirs.safetensors", "pt") as file:
        assert file.metadata() == {
            "source": "theirs.pt",
            "source_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "source_key": "ema",
            "notice": UNKNOWN_LICENCE,
        }
        assert_same({name: file.get_tensor(name).numpy() for name in tiny.state_dict()}, tiny.state_dict())
    started = vistry_package.create("tiny", task="multiclass", num_classes=5, weights="theirs.safetensors")
    assert all(torch.equal(value, tiny.state_dict()[name]) for name, value in started.state_dict().items())


@pytest.mark.parametrize("classes", [1, 2, 3, 1000])
def test_the_classes_of_the_head_are_counted(tiny: nn.Module, tmp_path: Path, classes: int) -> None:
    model = vistry_package.create("tiny", task="multiclass", num_classes=classes)
    path = saved(tmp_path / "theirs.pt", model.state_dict())
    result = command(path, "--model", "tiny", "--json", "--output", tmp_path / "new" / "w.safetensors")
    assert json.loads(result.stdout) == {
        "schema": 1,
        "file": str(path),
        "output": f"{tmp_path}/new/w.safetensors",
        "key": "",
        "other_keys": [],
        "tensors": len(model.state_dict()),
        "elements": sum(value.numel() for value in model.state_dict().values()),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "model": "tiny/tiny",
        "classes": classes,
        "notice": UNKNOWN_LICENCE,
    }
    assert (tmp_path / "new" / "w.safetensors").is_file()


def test_weights_of_another_model_are_not_written(tiny: nn.Module, tmp_path: Path) -> None:
    state = {name: value for name, value in tiny.state_dict().items() if name != "conv2.weight"}
    path = saved(tmp_path / "theirs.pt", state)
    assert refusal(path, "--model", "tiny") == f"error: {path} doesn't fit the model: conv2.weight is missing\n"
    head = next(name for name, value in tiny.state_dict().items() if value.shape == (5,))
    path = saved(tmp_path / "theirs.pt", {**tiny.state_dict(), head: torch.zeros(7)})
    assert "doesn't fit the model" in refusal(path, "--model", "tiny")
    assert not (tmp_path / "theirs.safetensors").exists()
    message = refusal(path, "--model", "mobilenetv2")
    assert message.endswith(
        "; give hyperparameters that change its shape as options; see: vistry hyperparameters mobilenetv2\n"
    )


def test_a_file_is_not_overwritten(tiny: nn.Module, tmp_path: Path) -> None:
    path = saved(tmp_path / "theirs.pt", tiny.state_dict())
    assert command(path).exit_code == 0
    before = (tmp_path / "theirs.safetensors").read_bytes()
    assert "theirs.safetensors exists already; name another file with --output, or remove it" in refusal(path)
    assert (tmp_path / "theirs.safetensors").read_bytes() == before


def test_flags_are_hyperparameters_of_the_model(tiny: nn.Module, tmp_path: Path) -> None:
    path = saved(tmp_path / "theirs.pt", tiny.state_dict())
    assert "--learning_rate needs --model" in refusal(path, "--learning_rate", "0.1")
    assert "unknown option --learning_rat; did you mean --learning_rate?" in refusal(path, "--learning_rat", "0.1")
    assert "learning_rate: '7'" in refusal(path, "--model", "tiny", "--learning_rate", "7")
    for number, before in enumerate((["--learning_rate", "0.1", path], [path, "--learning-rate", "0.1"])):
        output = tmp_path / f"{number}.safetensors"
        assert command(*before, "--model", "tiny", "--output", output).exit_code == 0


def test_the_notice_of_the_plugin_is_said_and_kept(
    tiny: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from vistry.registry.catalogue import Catalogue

    find = Catalogue.model
    monkeypatch.setattr(Catalogue, "model", lambda self, name: replace(find(self, name), checkpoint_notice=NOTICE))
    path = saved(tmp_path / "theirs.pt", tiny.state_dict())
    assert command(path, "--model", "tiny").output.splitlines()[-1] == f"notice: {NOTICE}"
    with safe_open(tmp_path / "theirs.safetensors", "numpy") as file:
        assert file.metadata()["notice"] == NOTICE


def test_a_classifiers_weights_are_a_detectors_backbone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    classifier = vistry_package.create("mobilenetv2", task="multiclass", num_classes=3)
    path = saved(tmp_path / "theirs.pt", classifier.state_dict())
    result = command(path, "--model", "retinanet_mobilenetv2_fpn")
    assert "they fit retinanet/retinanet_mobilenetv2_fpn, as the weights of its backbone" in result.output


@pytest.mark.parametrize("make", [lambda network: {"model": network}, lambda network: network.state_dict()])
def test_a_refused_pickle_says_how_to_import_it(
    tmp_path: Path, network: nn.Module, make: Callable[[nn.Module], Any]
) -> None:
    path = saved(tmp_path / "their weights.pt", make(network))
    with pytest.raises(WeightsError) as error:
        read_weights(path, vistry_package.model("mobilenetv2"), Policy())
    assert f"type: vistry weights import '{path}'\n" in str(error.value)
