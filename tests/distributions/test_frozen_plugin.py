"""Plugins of API 1.0, installed as their users installed them, do what they did then."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

FROZEN = Path(__file__).parents[1] / "frozen" / "plugin_api_1_0"
DIGITS = Path(__file__).parents[1] / "frozen" / "digits"
DIGEST = "8925ac3907cb2e41be014412dc7f2744b6bffb40bb84db984a830f05f3e27f2e"
pip = run_path(str(Path(__file__).with_name("conftest.py")))["pip"]


@pytest.fixture(scope="module")
def environment(
    make_environment: Callable[..., Any], wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    folder = tmp_path_factory.mktemp("frozen")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(FROZEN))
    return make_environment(wheels["vistry"], *folder.glob("*.whl"))


def test_it_is_frozen() -> None:
    files = sorted(path for path in FROZEN.rglob("*") if path.is_file() and path.suffix in (".py", ".toml"))
    contents = b"".join(path.relative_to(FROZEN).as_posix().encode() + path.read_bytes() for path in files)
    assert hashlib.sha256(contents).hexdigest() == DIGEST, "a frozen plugin is not edited: repair core instead"


def test_both_of_its_plugins_are_in_use(environment: Any) -> None:
    found = {plugin["name"]: plugin for plugin in environment.json("plugins")["plugins"]}
    assert {name: (plugin["state"], plugin["api"]) for name, plugin in found.items()} == {
        "frozen": ("ok", "1.0"),
        "frozen_watcher": ("ok", "1.0"),
    }
    assert found["frozen"]["models"] == ["frozen_small", "frozen_large"]


def test_its_hyperparameters_are_those_it_declared(environment: Any) -> None:
    arguments = ("hyperparameters", "frozen_large", "--task", "multiclass")
    fields = {field["name"]: field for field in environment.json(*arguments)["hyperparameters"]}
    assert {
        name: (fields[name]["default"], fields[name]["rule"]) for name in fields if "frozen" in fields[name]["origin"]
    } == {
        "dropout": (0.2, "a number in [0, 0.5] (more of it was no use)"),
        "extra_channels": (0, "an integer in [0, 64]"),
        "penalty": (1e-3, "a number in (0, 1]"),
        "scaled": (True, "0 or 1"),
        "activation": ("relu", "relu or silu"),
        "note": (None, "text such as 'winter'"),
        "training_crop_size": (16, "an integer in [1, 64] (it was made for small images)"),
        "validation_crop_size": (16, "an integer of at least 1"),
        "validation_resize_size": (16, "an integer of at least 1"),
        "training_batch_size": (12, "an integer of at least 1"),
        "weight_decay": (0.008, "a number in [0, 1]"),
        "early_stopping_patience": (12, "an integer of at least 1"),
    }
    assert fields["optimizer"]["rule"] == "sgd or adam (others were not tried)"
    assert fields["layers_to_freeze"]["maximum"] == 3
    assert "weighted_loss" not in fields
    multilabel = environment.json("hyperparameters", "frozen_small", "--task", "multilabel")["hyperparameters"]
    by_name = {field["name"]: field["default"] for field in multilabel}
    assert (by_name["penalty"], by_name["learning_rate"], by_name["weight_decay"]) == (1e-4, 0.02, 0.004)


def test_it_passes_the_checks_of_today(environment: Any) -> None:
    for name in ("frozen", "frozen_watcher"):
        done = environment.run("vistry", "plugins", "check", name, "--json", OMP_NUM_THREADS="1")
        results = json.loads(done.stdout)["checks"]
        assert [result for result in results if result["status"] == "failed"] == []
        assert done.returncode == 0


TRAINING = """
import numpy as np
import vistry
from pathlib import Path
from safetensors.numpy import load_file, save_file
from vistry.hyperparameter.schema import Source
from vistry.runs.json_records import to_json
from vistry.training.plan import Request, make_plan
from vistry.training.session import resume

plan = make_plan(Request(data=Path(DIGITS), task="multiclass"), [Source.of({"weights": "none"}, "a test")])
print(plan.context.card.full_name, plan.hyperparameters.warnings[-1])
settings = {"number_of_epochs": 2, "training_batch_size": 8, "note": "winter", "activation": "silu", "weights": "none"}
run = vistry.train(DIGITS, task="multiclass", output="run", time_limit=1e-6, **settings).run
print(run.record.model.full_name, run.status.status, list(run.record.preprocessing.std))
done = resume(run.folder)
first, second = (sorted(to_json(entry)) for entry in done.run.history())
print(done.run.status.status, first == second)
print(vistry.evaluate(run.folder, DIGITS, include_training=True).images, len(vistry.predict(run.folder, DIGITS)))
weights = load_file(run.best_weights)
save_file({f"module.{name}": value for name, value in weights.items()}, "foreign.safetensors")
model = vistry.create("frozen_small", task="multiclass", num_classes=3, weights="foreign.safetensors")
print(all(np.array_equal(model.state_dict()[name].numpy().ravel(), value.ravel()) for name, value in weights.items()))
try:
    vistry.create("frozen_small", task="multilabel", num_classes=4, hyperparameters={"extra_channels": 9})
except vistry.VistryError as error:
    print(str(error).splitlines()[-1])
"""


def test_it_is_planned_trained_resumed_evaluated_and_read(environment: Any) -> None:
    printed = environment.python(TRAINING.replace("DIGITS", repr(str(DIGITS))), OMP_NUM_THREADS="1").splitlines()
    assert printed == [
        "frozen/frozen_small number_of_epochs: is many, says the plugin 'frozen_watcher'; take 3",
        "frozen/frozen_small stopped [0.25, 0.25, 0.25]",
        "completed True",
        "36 36",
        "True",
        "  - extra_channels: 9 is more than frozen_small has for image_classification_multilabel, "
        "says the plugin 'frozen'; lower it",
    ]


def test_its_kernel_is_in_the_table(environment: Any) -> None:
    kernels = {kernel["operation"]: kernel for kernel in environment.json("kernels")["kernels"]}
    kernel = kernels["frozen_square"]
    assert (kernel["plugin"], kernel["devices"]) == ("frozen", ["cpu"])
