"""The main job from end to end: train, look at the run, evaluate, predict, in Python and on the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vistry
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from vistry.cli.training_result import result_text
from vistry.data.source import ReadingOptions
from vistry.errors import DataError, HyperparameterError, RegistryError, RunError, WeightsError
from vistry.hyperparameter.schema import Source
from vistry.inference.predictor import Predictor
from vistry.plugin import hookimpl
from vistry.registry.plugin_code import BrokenPluginError
from vistry.runs.folder import Run
from vistry.runs.records import HyperparameterRecord
from vistry.training.backends import checked_engine_module
from vistry.training.events import Outcome
from vistry.training.plan import Plan, Request, make_plan
from vistry.training.session import TrainingResult

SHORT: dict[str, Any] = {"number_of_epochs": 2, "warmup_cosine_lr_warmup_epochs": 1, "precision": "fp32"}


@pytest.fixture(scope="module")
def trained(digits: Path, tiny_plugin: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    output = tmp_path_factory.mktemp("trained") / "run"
    settings = {**SHORT, "number_of_epochs": 12, "learning_rate": 0.1}
    return vistry.train(digits, task="multiclass", model="tiny", output=output, **settings).run


def test_it_learns(trained: Run) -> None:
    history = trained.history()
    assert history[-1].train_loss < 0.7 * history[0].train_loss
    assert trained.status.best_score >= 0.7


def test_a_run_is_self_describing_and_free_of_pickles(trained: Run) -> None:
    files = {str(path.relative_to(trained.folder)) for path in trained.folder.rglob("*") if path.is_file()}
    assert files >= {
        "run.json",
        "status.json",
        "hyperparameters.json",
        "metrics.jsonl",
        "training.jsonl",
        "validation.jsonl",
        "findings.json",
        "report.html",
        "predictions.safetensors",
        "checkpoints/best.safetensors",
        "checkpoints/last.safetensors",
    }
    assert {Path(name).suffix for name in files} <= {".json", ".jsonl", ".safetensors", ".html"}
    assert trained.record.classes == ("digit0", "digit1", "digit2", "digit3")
    assert trained.hyperparameters["learning_rate"] == HyperparameterRecord(value=0.1, origin="the call", given=True)
    with safe_open(trained.best_weights, framework="numpy") as file:
        assert "conv1.weight" in file.keys()  # noqa: SIM118


def test_the_split_is_stratified_and_kept(trained: Run) -> None:
    rows = [json.loads(line) for line in (trained.folder / "validation.jsonl").read_text().splitlines()]
    labels = [row["label"] for row in rows]
    assert {labels.count(f"digit{digit}") for digit in range(4)} == {3, 4}
    training = [json.loads(line) for line in (trained.folder / "training.jsonl").read_text().splitlines()]
    assert not {row["image_url"] for row in rows} & {row["image_url"] for row in training}


def test_a_moved_run_predicts_the_same(trained: Run, digits: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(trained.folder, tmp_path / "elsewhere" / "moved")
    images = sorted((digits / "digit0").iterdir())[:3]
    assert vistry.predict(moved, images) == vistry.predict(trained.folder, images)


def test_predictions_are_in_the_hosted_schema(trained: Run, digits: Path) -> None:
    image = digits / "digit1" / "00.png"
    (entry,) = vistry.predict(trained.folder, image)
    assert set(entry) == {"filename", "probs", "labels"}
    assert entry["filename"] == str(image)
    assert entry["labels"] == list(trained.record.classes)
    assert sum(entry["probs"]) == pytest.approx(1, abs=1e-5)


def test_a_bad_image_costs_only_itself(trained: Run, digits: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"")
    first, middle, last = vistry.predict(trained.folder, [digits / "digit0/00.png", bad, digits / "digit1/00.png"])
    assert "bad.png" in middle["error"]
    assert "probs" in first
    assert "probs" in last


def test_batches_do_not_change_predictions(trained: Run, digits: Path) -> None:
    predictor: Predictor = vistry.load(trained.folder)
    images = sorted(digits.rglob("*.png"))[:9]
    one = np.stack([p.values for p in predictor.predict(images, batch_size=1)])  # type: ignore[misc]
    four = np.stack([p.values for p in predictor.predict(images, batch_size=4)])  # type: ignore[misc]
    np.testing.assert_allclose(one, four, atol=1e-5)


def test_evaluating_the_validation_rows_gives_the_best_epochs_metrics(trained: Run) -> None:
    found = vistry.evaluate(trained.folder, trained.folder / "validation.jsonl")
    best = trained.history()[trained.status.best_epoch].metrics
    assert found.metrics["accuracy"] == best["accuracy"]
    assert found.metrics["log_loss"] == pytest.approx(best["log_loss"], rel=1e-4)


def test_evaluation_refuses_a_class_the_model_does_not_know(trained: Run, digits: Path, tmp_path: Path) -> None:
    shutil.copytree(digits / "digit0", tmp_path / "data" / "digit0")
    shutil.copytree(digits / "digit0", tmp_path / "data" / "digit9")
    with pytest.raises(DataError, match="doesn't know the class 'digit9' .*did you mean 'digit"):
        vistry.evaluate(trained.folder, tmp_path / "data")


def test_multilabel_trains_and_predicts(multilabel: Path, runs: Path) -> None:
    result = vistry.train(multilabel, task="multilabel", model="tiny", **{**SHORT, "number_of_epochs": 10})
    assert result.run.record.primary_metric == "iou"
    assert set(result.metrics) >= {"iou", "iou_macro", "accuracy", "AUC_weighted"}
    assert result.metrics["iou"] > 0.4
    (entry,) = vistry.predict(result.run.folder, json.loads(multilabel.read_text().splitlines()[0])["image_url"])
    assert entry["labels"] == ["even", "small"]
    assert all(0 <= value <= 1 for value in entry["probs"])


def test_the_same_seed_gives_the_same_weights(digits: Path, runs: Path) -> None:
    def weights(**settings: Any) -> bytes:
        return vistry.train(
            digits, task="multiclass", model="tiny", **{**SHORT, **settings}
        ).run.best_weights.read_bytes()

    first = weights(number_of_workers=1)
    assert first == weights(number_of_workers=5)
    assert first != weights(random_seed=1)


def test_a_second_data_set_is_the_validation_set(digits: Path, tmp_path: Path, runs: Path) -> None:
    first, other = tmp_path / "first", tmp_path / "other"
    for digit in range(3):
        shutil.copytree(digits / f"digit{digit}", first / f"digit{digit}")
    shutil.copytree(digits / "digit3", other / "digit3")
    result = vistry.train(first, task="multiclass", model="tiny", validation=other, **SHORT)
    assert result.run.record.data.training_images == 48
    assert result.run.record.data.validation_images == 16
    assert result.run.record.classes == ("digit0", "digit1", "digit2", "digit3")


def test_a_named_format_is_the_validation_datas_too(digits: Path, tmp_path: Path, runs: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(digits / "digit3", other / "digit3")
    (other / "labels.csv").write_text("image,label\ndigit3/00.png,three\n")
    formats = {}
    for name in (None, "folders"):
        reading = ReadingOptions(name)
        request = Request(data=digits, task="multiclass", model="tiny", validation=other, reading=reading)
        plan = make_plan(request, [])
        formats[name] = (plan.diagnoses[1].table.format, plan.classes[-1])
    assert formats == {None: ("csv", "three"), "folders": ("folders", "digit3")}


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_where_no_model_is_named_the_tasks_default_is_trained(
    task: str, digits: Path, multilabel: Path, runs: Path
) -> None:
    request = Request(data=digits if task == "multiclass" else multilabel, task=task)
    plan = make_plan(request, [Source.of({"weights": "none"}, "a test")])
    assert plan.context.card.full_name == "seresnext/seresnext"
    assert plan.hyperparameters["training_batch_size"] == 78


def test_without_a_default_the_models_to_choose_from_are_named(
    digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISTRY_DISABLE", "seresnext")
    with pytest.raises(RegistryError, match=r"has no default model; choose one with --model: .*tiny"):
        vistry.train(digits, task="multiclass")


def test_a_package_a_model_needs_is_named_before_any_work(
    digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_timm(name: str) -> str:
        if name == "timm":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr("vistry.training.backends.version", without_timm)
    with pytest.raises(RegistryError) as error:
        vistry.train(digits, task="multiclass", model="seresnext")
    assert str(error.value) == (
        "seresnext needs timm for torch, which is not installed; type: pip install 'vistry-seresnext[torch]'"
    )
    assert not runs.exists()


@pytest.mark.parametrize(
    ("requirement", "needed"),
    [
        ("absent-package>=1.0; extra == 'torch'", True),
        ('absent-package[gpu] (>=1,<2) ; extra=="torch"', True),
        ("absent-package>=1.0; extra == 'jax'", False),
        ("absent-package; python_version < '3' and extra == 'torch'", False),
        ("numpy>=2; extra == 'torch'", False),
    ],
)
def test_what_counts_is_what_the_backends_extra_always_requires(
    requirement: str, needed: bool, tiny_plugin: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vistry.training.backends.requires", lambda distribution: [requirement])
    card = vistry.model("tiny")
    if needed:
        with pytest.raises(RegistryError, match=r"tiny needs absent-package for torch, .* 'vistry-tiny\[torch\]'"):
            checked_engine_module(card, "torch")
    else:
        checked_engine_module(card, "torch")


def test_another_primary_metric_decides(digits: Path, runs: Path) -> None:
    result = vistry.train(
        digits, task="multiclass", model="tiny", primary_metric="AUC_weighted", **{**SHORT, "number_of_epochs": 3}
    )
    scores = [entry.metrics["AUC_weighted"] for entry in result.run.history()]
    assert result.outcome.best_score == max(scores)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        ({"model": "tini"}, RegistryError, "there is no model 'tini'; did you mean 'tiny'"),
        ({"task": "multiclas"}, RegistryError, "there is no task 'multiclas'; did you mean 'multiclass'"),
        ({"primary_metric": "acuracy"}, vistry.VistryError, "no primary metric 'acuracy'; did you mean 'accuracy'"),
        ({"backend": "jax"}, RegistryError, "tiny has no backend 'jax'; use torch"),
        ({"validation_size": 1.5}, DataError, "validation_size must be between 0 and 1, got 1.5"),
        ({"learning_rate": 2}, HyperparameterError, r"learning_rate: 2, from the call, must be a number in \[0, 1\]"),
        (
            {"learning_rte": 0.1},
            HyperparameterError,
            "learning_rte: from the call: tiny has no such .*did you mean 'learning_rate'",
        ),
        ({"weights": "no_such_file"}, WeightsError, "expected a file or weights of tiny, got"),
        ({"checkpoint_run_id": "no_such_run"}, RunError, "there is no run 'no_such_run'"),
        ({"layers_to_freeze": 3}, HyperparameterError, "tiny has 2 layers to freeze"),
        ({"data": "no_such_folder"}, DataError, "no_such_folder"),
    ],
)
def test_a_wrong_call_is_a_sentence_and_leaves_nothing_behind(
    call: dict[str, Any], kind: type[Exception], message: str, digits: Path, runs: Path
) -> None:
    arguments = {"data": digits, "task": "multiclass", "model": "tiny", **call}
    with pytest.raises(kind, match=message):
        vistry.train(arguments.pop("data"), **arguments)
    assert not list(runs.glob("*"))


def test_weights_that_do_not_fit_are_an_error_of_the_plan_and_leave_nothing_behind(
    vistry: Callable[..., Any], trained: Run, digits: Path, runs: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.safetensors"
    save_file({"stem.weight": np.zeros((2, 2), np.float32)}, wrong)
    common = ["--task", "multiclass", "--model", "tiny", "--data", digits, "--weights", wrong]
    for more in (["--dry-run"], []):
        result = vistry("train", *common, *more, check=False)
        assert result.returncode == 2
        assert "wrong.safetensors doesn't fit the model: conv1.weight is missing" in result.stderr
    assert not list(runs.glob("*"))


def test_an_existing_folder_is_never_written_over(digits: Path, runs: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(RunError, match="taken exists already"):
        vistry.train(digits, task="multiclass", model="tiny", output=tmp_path / "taken", **SHORT)


def test_train_evaluate_predict_and_runs_on_the_command_line(
    vistry: Callable[..., Any], vistry_process: Callable[..., Any], digits: Path, runs: Path, tmp_path: Path
) -> None:
    common = ["--task", "multiclass", "--model", "tiny", "--data", digits, "--weights", "none"]
    plan = vistry("train", *common, "--dry-run", "--learning_rate", "0.05")
    assert "learning_rate" in plan.stdout
    assert "the command line" in plan.stdout
    assert "7,188 parameters, 7,188 of them trained" in plan.stdout
    assert "GiB, measured on a few steps" in plan.stdout
    assert not runs.exists()

    trained = vistry_process("train", *common, "--number_of_epochs", 2, "--learning_rate=0.05", "--precision", "fp32")
    assert trained.returncode == 0, trained.stderr
    lines = trained.stdout.splitlines()
    assert sum(line.startswith("epoch ") for line in lines) == 2
    assert "tiny/tiny for image_classification: 4 classes, 51 training and 13 validation images" in lines
    assert "an epoch has 4 steps and the whole training 8, too few to learn well" in trained.stderr
    assert "try --training_batch_size 5 --learning_rate 0.016" in trained.stderr

    nearly_all = vistry("train", *common, "--dry-run", "--training_batch_size", 40, "--number_of_epochs", 60)
    assert "each update uses most of the images; smaller batches learn more per epoch; try" in nearly_all.stdout
    less = vistry("train", *common, "--dry-run", "--training_batch_size", 25, "--number_of_epochs", 60)
    assert "warning" not in less.stdout

    listed = json.loads(vistry("runs", "--json").stdout)
    assert listed["schema"] == 1
    (entry,) = listed["runs"]
    assert entry["status"] == "completed"
    assert entry["id"] in vistry("runs").stdout
    assert "epoch 2/2" in vistry("runs", "show", "last").stdout

    metrics = json.loads(vistry("evaluate", "last", digits, "--include-training", "--json").stdout)
    assert metrics["images"] == 64
    output = tmp_path / "predictions.jsonl"
    vistry("predict", "last", digits / "digit0", "--output", output)
    assert len([json.loads(line) for line in output.read_text().splitlines()]) == 16

    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    mixed = vistry("predict", "last", bad, digits / "digit0" / "00.png", "--json", check=False)
    assert mixed.returncode == 1
    assert [sorted(json.loads(line)) for line in mixed.stdout.splitlines()] == [
        ["error", "filename"],
        ["filename", "labels", "probs"],
    ]


def test_errors_on_the_command_line_are_sentences(vistry: Callable[..., Any], digits: Path) -> None:
    """An exception that isn't made a sentence is raised by the fixture."""
    common = ["--task", "multiclass", "--model", "tiny", "--data", digits]
    for arguments, message in [
        (["train", *common, "--learning_rate", "5", "--number_of_epochs", "0"], "2 problems with the hyperparameters"),
        (["train", *common, "--epochs", "3"], "unknown option --epochs; did you mean --number_of_epochs?"),
        (["train", *common, "--learning-rate", "5"], "learning_rate: '5', from the command line, must be"),
        (["train", *common, "--learning_rate"], "option '--learning_rate' requires an argument"),
        (["train", *common, "stray"], "got unexpected extra argument (stray)"),
        (["train", *common, "--time-limit", "soon"], "expected a duration, got 'soon'; use 90s, 30m or 2h"),
        (["predict", "no_such_run", digits], "there is no run 'no_such_run'"),
        (["evaluate", "no_such_run", digits], "there is no run 'no_such_run'"),
    ]:
        result = vistry(*arguments, check=False)
        assert result.returncode != 0
        assert message in result.stderr, result.stderr
        assert "Traceback" not in result.stderr


def test_no_runs_are_a_sentence(vistry: Callable[..., Any], runs: Path) -> None:
    listed = vistry("runs")
    assert listed.stdout == ""
    assert f"there are no runs in {runs}" in listed.stderr


def test_a_damaged_run_hides_no_other(
    vistry: Callable[..., Any], trained: Run, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(trained.folder, runs / "good")
    (shutil.copytree(trained.folder, runs / "bad") / "status.json").unlink()
    head, *lines = vistry("runs").stdout.splitlines()
    assert head.split() == ["run", "task", "status", "best", "score"]
    assert sorted(line.split()[0] for line in lines) == ["bad", "bad", "good"]
    assert any(line.startswith("bad is unreadable: ") and "it has no status.json" in line for line in lines)
    entries = {entry["id"]: entry for entry in json.loads(vistry("runs", "--json").stdout)["runs"]}
    assert entries["bad"]["status"] == "unreadable"
    assert entries["good"]["status"] == "completed"


def test_a_split_that_is_none_is_a_sentence(trained: Run, digits: Path) -> None:
    with pytest.raises(DataError, match="there is no split 'tset'; did you mean 'test'"):
        vistry.evaluate(trained.folder, digits, split="tset")
    with pytest.raises(DataError, match="has no images of a split 'test'"):
        vistry.evaluate(trained.folder, digits, split="test")


def test_a_result_without_a_score_is_told(trained: Run) -> None:
    outcome = Outcome("completed", "all epochs are done", 1, None, 2)
    assert result_text(TrainingResult(trained, outcome, {})).startswith("all epochs are done; best: epoch 2\nrun: ")


def test_a_validation_size_without_effect_is_a_warning(digits: Path, tmp_path: Path, runs: Path) -> None:
    for digit in range(2):
        shutil.copytree(digits / f"digit{digit}", tmp_path / "first" / f"digit{digit}")
        shutil.copytree(digits / f"digit{digit + 2}", tmp_path / "other" / f"digit{digit}")
    request = Request(data=tmp_path / "first", task="multiclass", model="tiny", validation_size=0.3)
    warning = "validation_size has no effect, because the validation images are given; leave it out"
    assert warning not in make_plan(request, []).warnings()
    assert warning in make_plan(replace(request, validation=tmp_path / "other"), []).warnings()


@pytest.mark.parametrize(
    ("settings", "proposal"),
    [
        ({"training_batch_size": 16}, "try --training_batch_size 5 --learning_rate 0.0031"),
        ({"training_batch_size": 5, "number_of_epochs": 2}, "try --number_of_epochs 6"),
    ],
)
def test_a_plan_of_few_steps_proposes_what_is_different(
    settings: dict[str, int], proposal: str, digits: Path, runs: Path
) -> None:
    plan = make_plan(
        Request(data=digits, task="multiclass", model="tiny"),
        [Source.of({"number_of_epochs": 10, **settings}, "a test")],
    )
    assert plan.warnings()[-1].endswith(proposal)


def test_help_lists_the_models_hyperparameters(vistry: Callable[..., Any]) -> None:
    shown = vistry("train", "--task", "multiclass", "--model", "tiny", "--help").stdout
    assert "--training_crop_size" in shown
    assert "default 16" in shown


def test_a_file_of_hyperparameters_yields_to_flags(vistry: Callable[..., Any], digits: Path, tmp_path: Path) -> None:
    config = tmp_path / "job.yaml"
    config.write_text("model_name: tiny\nlearning_rate: 0.02\nmomentum: 0.5\n")
    plan = vistry(
        "train",
        "--task",
        "multiclass",
        "--data",
        digits,
        "--config",
        config,
        "--momentum",
        "0.7",
        "--dry-run",
        "--json",
    )
    values = json.loads(plan.stdout)["plan"]["hyperparameters"]
    assert values["learning_rate"] == {"value": 0.02, "origin": f"{config}:2", "given": True}
    assert values["momentum"]["value"] == 0.7


def test_a_bad_file_is_set_aside_and_named(vistry: Callable[..., Any], digits: Path, tmp_path: Path) -> None:
    data = shutil.copytree(digits, tmp_path / "data")
    (data / "digit0" / "empty.png").write_bytes(b"")
    result = vistry("train", "--task", "multiclass", "--model", "tiny", "--data", data, "--number_of_epochs", 1)
    assert "left out: " in result.stdout
    assert "empty.png" in result.stdout
    (run,) = (tmp_path / "runs").iterdir()
    assert "empty.png" in (run / "findings.json").read_text()


def test_copies_of_an_image_stay_on_one_side_of_the_split(digits: Path, tmp_path: Path, runs: Path) -> None:
    data = shutil.copytree(digits, tmp_path / "data")
    for path in sorted(digits.rglob("*.png")):
        shutil.copy(path, data / path.parent.name / f"copy_{path.name}")
    run = vistry.train(data, task="multiclass", model="tiny", **SHORT).run
    sides = [
        {Path(json.loads(line)["image_url"]).name.removeprefix("copy_") + json.loads(line)["label"] for line in lines}
        for lines in ((run.folder / f"{name}.jsonl").read_text().splitlines() for name in ("training", "validation"))
    ]
    assert not sides[0] & sides[1]


def test_images_of_the_validation_set_do_not_train(digits: Path, tmp_path: Path, runs: Path) -> None:
    other = tmp_path / "other"
    for digit in range(4):
        (other / f"digit{digit}").mkdir(parents=True)
        shutil.copy(digits / f"digit{digit}" / "00.png", other / f"digit{digit}")
    run = vistry.train(digits, task="multiclass", model="tiny", validation=other, **SHORT).run
    assert run.record.data.training_images == 60


def test_a_validation_set_that_is_the_training_set_is_refused(digits: Path, runs: Path) -> None:
    with pytest.raises(DataError, match="no training image is left: each one is also in the validation data"):
        vistry.train(digits, task="multiclass", model="tiny", validation=digits, **SHORT)


def test_a_single_class_is_refused(digits: Path, tmp_path: Path, runs: Path) -> None:
    shutil.copytree(digits / "digit0", tmp_path / "data" / "digit0")
    with pytest.raises(DataError, match="class"):
        vistry.train(tmp_path / "data", task="multiclass", model="tiny", **SHORT)


def test_an_owner_settles_what_is_unset_and_nothing_else(
    digits: Path, trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: dict[str, Any] = {"layers_to_freeze": "1"}
    asked: list[Any] = []

    @hookimpl
    def vistry_resolve_auto(weight_names: Any) -> Any:
        asked.append(sorted(weight_names))
        return answers

    monkeypatch.setattr("vistry_tiny.hooks.vistry_resolve_auto", vistry_resolve_auto, raising=False)

    def planned(**values: Any) -> Plan:
        return make_plan(Request(data=digits, task="multiclass", model="tiny"), [Source.of(values, "the call")])

    settled = planned(weights=str(trained.best_weights)).hyperparameters
    assert settled["layers_to_freeze"] == 1
    assert settled.settings["layers_to_freeze"].origin == "auto, resolved by tiny"
    assert not settled.given("layers_to_freeze")
    assert asked == [sorted(load_file(trained.best_weights))]
    planned()
    assert asked[1:] == [[]]
    for answer, said in (
        ({"layers_to_freeze": 3}, r"returned layers_to_freeze, but layers_to_freeze = 2 was given"),
        ({"no_such": 1}, r"no_such: .* tiny has no such hyperparameter"),
    ):
        answers = answer
        with pytest.raises(BrokenPluginError, match=rf"vistry_resolve_auto \(.*:\d+\) .*{said}"):
            planned(layers_to_freeze=2)
    answers = {"layers_to_freeze": -3}
    with pytest.raises(BrokenPluginError, match=r"layers_to_freeze: -3, .* must be an integer in"):
        planned()


def test_weights_of_a_created_model_are_an_argument_or_a_hyperparameter(trained: Run) -> None:
    expected = load_file(trained.best_weights)["head.weight"]
    path = str(trained.best_weights)
    for named in ({"weights": path}, {"hyperparameters": {"weights": path}}):
        module = vistry.create("tiny", task="multiclass", num_classes=len(expected), **named)
        np.testing.assert_array_equal(module.state_dict()["head.weight"].numpy(), expected)
