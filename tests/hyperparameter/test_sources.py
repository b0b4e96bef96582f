"""Hyperparameters from flags, files and calls: each value with the place it came from."""

from __future__ import annotations

from pathlib import Path

import pytest
import vistry
from vistry.errors import HyperparameterError
from vistry.hyperparameter.schema import Source
from vistry.hyperparameter.sources import read_file
from vistry.hyperparameter.values import Hyperparameters


def write(name: str, text: str, encoding: str = "utf-8") -> Path:
    path = Path(name)
    path.write_text(text, encoding=encoding)
    return path


def resolve(*sources: Source) -> Hyperparameters:
    return vistry.hyperparameters("resnet50", "multiclass").resolve(sources)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("h.yaml", "# mine\nlearning_rate: 0.02\n\nnesterov: off\noptimizer: adamw\n"),
        ("h.yml", "# mine\nlearning_rate: 2e-2\n\n'nesterov': 0\noptimizer: AdamW\n"),
        ("h.toml", "# mine\nlearning_rate = 0.02\n\nnesterov = false\noptimizer = 'adamw'\n"),
        ("H.TOML", '# mine\r\n"learning_rate" = 0.02\r\n\r\nnesterov = 0\r\noptimizer = "adamw"\r\n'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_files_with_lines(name: str, text: str, encoding: str) -> None:
    found = resolve(read_file(write(name, text, encoding))).settings
    assert [found[key].value for key in ("learning_rate", "nesterov", "optimizer")] == [0.02, False, "adamw"]
    assert [found[key].origin for key in ("learning_rate", "nesterov", "optimizer")] == [
        f"{name}:2",
        f"{name}:4",
        f"{name}:5",
    ]


def test_the_last_source_wins_and_every_origin_is_kept() -> None:
    file = read_file(write("h.yaml", "learning_rate: 0.02\nmomentum: 0.8\n"))
    flags = Source.of({"learning_rate": "0.03", "nesterov": "1"}, "the command line")
    call = Source.of({"number_of_epochs": 3}, "the call")
    settings = resolve(file, flags, call).settings
    assert {name: (item.value, item.origin) for name, item in settings.items() if item.given} == {
        "momentum": (0.8, "h.yaml:2"),
        "learning_rate": (0.03, "the command line"),
        "nesterov": (True, "the command line"),
        "number_of_epochs": (3, "the call"),
    }


def test_a_problem_names_its_file_and_line() -> None:
    file = read_file(write("h.toml", "momentum = 0.8\n\nlearning_rate = 2\n"))
    with pytest.raises(HyperparameterError) as caught:
        resolve(file)
    assert str(caught.value) == (
        "1 problem with the hyperparameters:\n  - learning_rate: 2, from h.toml:3, must be a number in [0, 1]"
    )


def test_an_empty_file_sets_nothing() -> None:
    assert read_file(write("h.yaml", "# nothing\n")).values == {}
    assert read_file(write("h.toml", "")).values == {}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("h.yaml", b"a: [1", "h.yaml:1: not valid YAML: "),
        ("h.yaml", b"- a\n- b\n", "h.yaml: expected a mapping of names to values; write lines such as"),
        ("h.yaml", b"a: 1\nb: 2\na: 3\n", "h.yaml:3: 'a' is set twice; keep one"),
        ("h.toml", b"a = \n", "h.toml:1: not valid TOML: Invalid value"),
        ("h.toml", b"a = 1\na = 2\n", "h.toml:2: not valid TOML: Cannot overwrite a value"),
        ("h.toml", b"a = 1\nb = \xff\n", "h.toml:2: is not UTF-8 text; save the file as UTF-8"),
        ("h.yaml", b"a: \xff\n", "h.yaml:1: is not UTF-8 text; save the file as UTF-8"),
        ("h.json", b"{}", "h.json: unsupported config file '.json'; use .yaml or .toml"),
    ],
)
def test_files_that_cannot_be_used(name: str, content: bytes, message: str) -> None:
    Path(name).write_bytes(content)
    with pytest.raises(HyperparameterError) as caught:
        read_file(Path(name))
    assert str(caught.value).startswith(f"1 problem with the hyperparameter file:\n  - {message}")


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(HyperparameterError, match=r"h\.toml: can't be read: No such file or directory"):
        read_file(Path("h.toml"))


def test_yaml_names_no_objects() -> None:
    path = write("h.yaml", "a: !!python/object/apply:os.system ['touch ran']\n")
    with pytest.raises(HyperparameterError, match=r"h\.yaml:1: the tag !!python/object/apply:os\.system isn't read"):
        read_file(path)
    assert not Path("ran").exists()


@pytest.mark.parametrize("number", ["1:30", "1_6", "0b11", "1_000", "1,5"])
@pytest.mark.parametrize("name", ["number_of_epochs", "learning_rate"])
def test_fault_12_what_is_no_number_on_the_command_line_is_none_in_a_file(name: str, number: str) -> None:
    file = read_file(write("h.yaml", f"\n{name}: {number}\n"))
    for source, origin in ((file, "h.yaml:2"), (Source.of({name: number}, "the command line"), "the command line")):
        with pytest.raises(HyperparameterError, match=f"{name}: '{number}', from {origin}, must be "):
            resolve(source)


@pytest.mark.parametrize(("written", "epochs"), [("010", 10), ("15", 15), ("1e1", 10), ("08", 8)])
def test_fault_12_numbers_in_a_file_are_decimal(written: str, epochs: int) -> None:
    assert resolve(read_file(write("h.yaml", f"number_of_epochs: {written}\n"))).number_of_epochs == epochs


def test_words_that_yaml_1_1_takes_for_flags_are_text_where_text_is_wanted() -> None:
    values = {"checkpoint_run_id": "off", "nesterov": "no", "optimizer": "on"}
    assert read_file(write("h.yaml", "\n".join(f"{name}: {word}" for name, word in values.items()))).values == values
