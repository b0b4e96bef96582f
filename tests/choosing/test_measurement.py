"""A step's time and memory: which steps count, whose memory it is, and how what can't be measured is said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import vistry
from vistry.choosing.machine import machine, resident_peak
from vistry.choosing.measured_steps import MAX_SECONDS, STEPS, WARM_UP, seconds_of
from vistry.choosing.measured_steps import measured as measured_here
from vistry.choosing.measurement import Question
from vistry.errors import RegistryError, VistryError
from vistry.registry.tasks import OBJECT_TASKS, task_named

KILLED = """from vistry.plugin import hookimpl

@hookimpl
def vistry_build_model(num_classes):
    import os, signal

    print("on the way")
    os.kill(os.getpid(), signal.SIGKILL)
"""
BROKEN = """from vistry.plugin import hookimpl

@hookimpl
def vistry_build_model(num_classes):
    raise RuntimeError("no such layer")
"""


def timed(seconds: list[float]) -> list[float]:
    """What is counted of steps that take so many seconds by the clock."""
    now = 0.0

    def step(number: int) -> None:
        nonlocal now
        now += seconds[number]

    return seconds_of(step, clock=lambda: now)


def test_the_first_steps_and_those_that_take_too_long_dont_count() -> None:
    assert timed([100.0] * WARM_UP + [1.0] * STEPS) == [1.0] * STEPS
    assert timed([1.0] * WARM_UP + [MAX_SECONDS + 1]) == [MAX_SECONDS + 1]
    assert timed([1.0] * WARM_UP + [MAX_SECONDS - 1, 2.0]) == [MAX_SECONDS - 1, 2.0]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system counts the parent's memory in")
def test_the_memory_is_that_of_the_process_alone() -> None:
    ballast = np.ones(2**26)  # 512 MiB, all of it written
    code = "from vistry.choosing.machine import resident_peak; print(resident_peak())"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(printed) < ballast.nbytes <= resident_peak()


def test_the_machine_in_words() -> None:
    assert " core" in machine()


@pytest.mark.usefixtures("tiny_plugins")
@pytest.mark.parametrize(
    ("model", "task", "backend", "pixels"),
    [
        ("tiny", None, None, 16),
        ("twin", "multilabel", "jax", 16),
        ("tinyboxes", None, None, 64),
        ("tinymasks", None, None, 64),
    ],
)
def test_a_measured_model(model: str, task: str | None, backend: str | None, pixels: int) -> None:
    # The sizes that policy sets are those that a training would take.
    Path("registry.toml").write_text(
        "".join(f"[defaults.{name}]\nmin_size = 64\nmax_size = 64\n" for name in OBJECT_TASKS)
    )
    card = vistry.model(model)
    measured = measured_here(Question.about(card, task=task, backend=backend, batch=5))
    assert (measured.model, measured.batch) == (card.full_name, 5)
    assert measured.task == (task_named(task).name if task else card.tasks[0])
    assert measured.backend == (backend or "torch")
    assert (measured.training_pixels, measured.prediction_pixels) == (pixels, pixels)
    assert measured.training_seconds > 0
    assert measured.prediction_seconds > 0
    assert measured.training_bytes >= measured.prediction_bytes >= measured.start_bytes > 0
    assert (measured.training_gpu_bytes is None) == (measured.device == "cpu")
    assert 0 < measured.trainable_parameters <= card.parameters
    assert (measured.compile_seconds > 0) == (measured.backend == "jax")
    assert measured.steps <= STEPS


@pytest.mark.usefixtures("tiny_plugins")
def test_a_process_of_its_own_answers_as_this_one_does() -> None:
    measured = vistry.measure("tiny", batch=2)
    here = measured_here(Question.about(vistry.model("tiny"), task=None, backend=None, batch=2))
    for name in ("model", "task", "backend", "machine", "batch", "trainable_parameters", "training_pixels", "seed"):
        assert getattr(measured, name) == getattr(here, name)


@pytest.mark.usefixtures("tiny_plugins")
def test_a_comparison_measures_each_model_and_says_so_in_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vistry.choosing.comparison.answer_to", measured_here)
    comparison = vistry.compare_models(["tiny", "twin"], measured=True, batch=2)
    assert [one.model for one in comparison.measured] == ["tiny/tiny", "twin/twin"]
    rows = {row.fact: row.values for row in comparison.rows}
    assert rows["batch of"] == ("2 of 16 px", "2 of 16 px")
    assert all(text.endswith("s") for text in rows["training step"])
    assert [one["model"] for one in comparison.to_dict()["measured"]] == ["tiny/tiny", "twin/twin"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "detection"}, "resnet18 doesn't do image_object_detection; it does image_classification, "),
        ({"task": "clas"}, "there is no task 'clas'"),
        ({"backend": "numpy"}, "resnet18 has no backend 'numpy'; use torch or jax"),
        ({"batch": 0}, "batch = 0 must be an integer of at least 1"),
    ],
)
def test_what_is_refused_before_anything_is_built(
    options: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a process was begun"))
    with pytest.raises(RegistryError) as caught:
        vistry.measure("resnet18", **options)  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)
    with pytest.raises(RegistryError):
        vistry.compare_models(["resnet50", "resnet18"], measured=True, **options)  # type: ignore[arg-type]


def test_a_batch_that_the_model_cant_take_is_the_models_own_rule() -> None:
    with pytest.raises(
        VistryError, match=r"training_batch_size: 2, from the measurement, must be .*one value an image"
    ):
        vistry.measure("resnest50", batch=2)


def test_a_process_that_the_system_ends_and_a_plugin_that_fails(lay_out: Callable[..., Path], site: Path) -> None:
    lay_out("greedy", hooks=KILLED)
    lay_out("broken", hooks=BROKEN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site))
        with pytest.raises(VistryError) as killed:
            vistry.measure("greedynet")
        with pytest.raises(VistryError) as broken:
            vistry.measure("brokennet")
    assert str(killed.value) == (
        "greedy/greedynet can't be measured: the system ended its process with signal 9, most likely for want of "
        "memory; name a smaller batch"
    )
    assert "RuntimeError: no such layer" in str(broken.value)
    assert "Traceback" not in str(broken.value)
