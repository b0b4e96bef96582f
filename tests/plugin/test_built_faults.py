"""What a hook built is wrong or fails: the sentence names the part, the plugin and its line, in training and after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FORWARD = "self.head(self.conv(images).mean((2, 3)))"
BUILT = {
    "vistry_build_loss": "\n@hookimpl\ndef vistry_build_loss():\n{body}\n",
    "vistry_build_postprocess": "\n@hookimpl\ndef vistry_build_postprocess():\n{body}\n",
}


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(("warning: ", "note: "))]


def assert_said(said: Any, *words: str) -> None:
    assert said.status == 2, said.text
    [line] = lines_of(said.text)
    assert line.startswith("error: the plugin 'faulty' of vistry-faulty 1.0 is broken: "), line
    for word in words:
        assert word in line, line


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("self.head(self.conv(images).mean((2, 3))) / [][0]", "raised IndexError: list index out of range"),
        ("self.head(self.conv(images))", "raised RuntimeError: mat1 and mat2 shapes cannot be multiplied"),
        (
            f"{FORWARD}[:, 1:]",
            "an invalid shape of the output: expected [19, 2], got [19, 1]; give the head num_classes",
        ),
        (f"{FORWARD}[1:]", "an invalid shape of the output: expected [19, 2], got [18, 2]"),
        (f"({FORWARD},)", "returned tuple; return logits of the shape [19, 2]"),
        ("None", "returned None; return logits"),
    ],
)
def test_a_forward_pass_that_is_wrong(edit: str, said: str, write: Callable[..., Path], train: Any) -> None:
    folder = write("faulty", network=(FORWARD, edit))
    found = train("faultynet")
    line = 13 if "raised" in said else 12  # of the expression, or of the function
    assert_said(found, f"the forward pass of faulty/faultynet ({folder / 'network.py'}:{line})", said)


def test_a_forward_pass_without_a_line_of_the_plugin(write: Callable[..., Path], train: Any) -> None:
    """Of torch's own layers alone: the builder is named, in whose network the shapes don't fit."""
    folder = write("faulty", network=("class Network(nn.Module)", "class Other(nn.Module)"))
    layers = "nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, num_classes))"
    (folder / "network.py").write_text(f"from torch import nn\n\ndef Network(num_classes):\n    return {layers}\n")
    found = train("faultynet")
    assert_said(found, f"the forward pass of faulty/faultynet ({folder / 'hooks.py'}:6) raised RuntimeError: mat1 and")
    assert "Traceback" in Path("run/plugin-error.txt").read_text()
    assert found.traceback_file == Path("run/plugin-error.txt").resolve()


LOSS = "    def loss(model, images, targets):\n        {line}\n\n    return loss"
POSTPROCESS = "    def postprocess(outputs, sizes):\n        {line}\n\n    return postprocess"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return 1 / 0", "raised ZeroDivisionError: division by zero"),
        ("return model(images).sum()", "returned Tensor for the loss; return a dictionary"),
        ("return {'a': model(images)}", "a tensor of the shape [19, 2] for the term 'a' of the loss"),
        ("return {'a': 1.0}", "returned float for the term 'a' of the loss; each term must be a scalar tensor"),
    ],
)
def test_a_loss_that_is_wrong(line: str, said: str, write: Callable[..., Path], train: Any) -> None:
    folder = write("faulty", hooks=BUILT["vistry_build_loss"].format(body=LOSS.format(line=line)))
    found = train("faultynet")
    assert_said(found, f"the loss that vistry_build_loss built for faulty/faultynet ({folder / 'hooks.py'}:", said)


def test_a_backward_pass_that_fails(write: Callable[..., Path], train: Any) -> None:
    loss = LOSS.format(line="return {'a': model(images).sum().detach()}")
    folder = write("faulty", hooks=BUILT["vistry_build_loss"].format(body=loss))
    found = train("faultynet")
    assert_said(found, f"the backward pass of faulty/faultynet ({folder / 'network.py'}:", "does not require grad")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return outputs.nowhere", "raised AttributeError: 'Tensor' object has no attribute 'nowhere'"),
        ("return outputs.softmax(1)[1:].numpy()", "returned 4 predictions for 5 images; return one each"),
        ("return outputs.softmax(1).numpy()[:, 1:]", "expected [5, 2], got [5, 1]"),
        ("return 3 * outputs.softmax(1).numpy()", "they must be in [0, 1]"),
        ("return outputs.softmax(1).numpy() / 0", "returned predictions that are not finite"),
        ("return 'good'", "return probabilities as an array [5, 2]"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_postprocessing_that_is_wrong(line: str, said: str, write: Callable[..., Path], train: Any) -> None:
    folder = write("faulty", hooks=BUILT["vistry_build_postprocess"].format(body=POSTPROCESS.format(line=line)))
    found = train("faultynet")
    part = "the postprocessing that vistry_build_postprocess built for faulty/faultynet"
    assert_said(found, f"{part} ({folder / 'hooks.py'}:", said)


INPUT = """
@hookimpl
def vistry_build_input(task, hyperparameters):
    from vistry.plugin import task_input

    own = task_input(task, hyperparameters)

    class Dataset:
        def __init__(self, own):
            self.own = own

        def __len__(self):
            return len(self.own)

        def name(self, row):
            return self.own.name(row)

        def batches(self, seed, epoch):
            return self.own.batches(seed, epoch)

        def read(self, row, random):
            return self.own.read(row, random)

        def batch(self, rows, read):
            return self.own.batch(rows, read)

    class Transform:
        size_divisor = 1
        variable_size = False

        def views(self, image):
            return own.eval_transform().views(image)

        def merge(self, predictions, views):
            return predictions[0]

    class Input:
        def dataset(self, table):
            return Dataset(own.dataset(table))

        def eval_transform(self):
            return Transform()

        def input_size(self, training):
            return 16

    return Input()
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "return Dataset(own.dataset(table))",
            "return None",
            "returned None from dataset, which has no method __len__",
        ),
        ("def read(self, row, random):", "def reed(self, row, random):", "has no method read"),
        ("return self.own.read(row, random)", "return [][row]", "raised IndexError"),
        ("return self.own.batches(seed, epoch)", "return []", "returned no batches"),
        ("return self.own.batch(rows, read)", "return read", "returned list as a batch"),
        ("return self.own.batch(rows, read)", "return self.own.batch(rows[1:], read)", "18 targets for 19 images"),
        ("return Transform()", "return 7", "returned int from eval_transform, which has no method views"),
        ("return own.eval_transform().views(image)", "return []", "returned list for the views of an image"),
        ("return own.eval_transform().views(image)", "return 1 / 0", "raised ZeroDivisionError"),
        ("return predictions[0]", "return predictions[7]", "raised IndexError"),
    ],
)
def test_an_input_that_is_wrong(old: str, new: str, said: str, write: Callable[..., Path], train: Any) -> None:
    assert old in INPUT
    folder = write("faulty", hooks=INPUT.replace(old, new))
    part = "the input that vistry_build_input built for faulty/faultynet"
    assert_said(train("faultynet"), f"{part} ({folder / 'hooks.py'}:", said)


class TestAfterTraining:
    def test_a_plugin_that_fails_in_prediction_leaves_the_traceback_in_the_run(
        self, write: Callable[..., Path], train: Any, run: Any, class_folders: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = write("faulty", network=(FORWARD, f"{FORWARD} + broken()"))
        module = folder / "network.py"
        module.write_text(f"{module.read_text()}\n\ndef broken():\n    return 0\n")
        assert train("faultynet").status == 0
        import vistry_faulty.network as network  # type: ignore[import-not-found]

        def broken() -> int:
            raise LookupError("gone")

        monkeypatch.setattr(network, "broken", broken)
        for command in (("predict", "run", class_folders / "cat"), ("evaluate", "run", class_folders)):
            found = run(*command)
            assert_said(found, f"the forward pass of faulty/faultynet ({module}:", "raised LookupError: gone")
            assert found.traceback_file == Path("run/plugin-error.txt").resolve()
            assert "LookupError: gone" in found.traceback_file.read_text()
            found.traceback_file.unlink()


class TestWhatIsNobodysFault:
    @pytest.mark.parametrize("raised", ["MemoryError()", "RuntimeError('CUDA out of memory. Tried to')"])
    def test_a_lack_of_memory_passes(self, raised: str, write: Callable[..., Path], train: Any) -> None:
        write("faulty", network=(FORWARD, f"(_ for _ in ()).throw({raised})"))
        with pytest.raises(AssertionError, match=r"MemoryError|out of memory"):
            train("faultynet")

    def test_an_error_of_vistrys_own_passes(self, write: Callable[..., Path], train: Any) -> None:
        error = "__import__('vistry').VistryError('the plugin says no')"
        write("faulty", network=(FORWARD, f"(_ for _ in ()).throw({error})"))
        assert lines_of(train("faultynet").text) == ["error: the plugin says no"]

    def test_a_loss_that_is_not_a_number_is_the_loops(self, write: Callable[..., Path], train: Any) -> None:
        write("faulty", network=(FORWARD, f"{FORWARD} * float('nan')"))
        assert "error: the loss is not a number at epoch 1, batch 1" in train("faultynet").text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def broken(:\n", "raised SyntaxError: "),
        ("import sys\nsys.exit('bye')\n", "raised SystemExit: bye"),
        ("import no_such_library\n", "raised ModuleNotFoundError: "),
    ],
)
def test_a_module_that_a_hook_imports(text: str, said: str, write: Callable[..., Path], train: Any) -> None:
    folder = write("faulty")
    (folder / "network.py").write_text(text)
    assert_said(train("faultynet"), f"vistry_build_model ({folder / 'network.py'}:", said)
