"""How checks end, what is expected, and what is counted."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from vistry.errors import RegistryError
from vistry.testing import CheckRun, NothingToCheck, Result, check_runs_of, counts
from vistry.testing.all_checks import CODE_CHECKS, EVERY_CHECK, MODEL_CHECKS, PLUGIN_CHECKS
from vistry.testing.check import Check, CheckFailed, always
from vistry.testing.check_runs import chosen
from vistry.testing.model_subject import ModelSubject
from vistry.training.model_context import ModelContext

WritePlugin = Callable[..., Path]
TWO_MODELS = (
    "plugin.toml",
    "args = { widths = [32, 64, 128] }",
    "args = { widths = [32, 64, 128] }\n\n[models.tiny]\nsummary = 'Small'\nparameters = 38080\n"
    "args = { widths = [8, 16, 24] }",
)


def results_of(runs: list[CheckRun]) -> dict[tuple[str, str], Result]:
    results = [run.result() for run in runs]
    return {(result.subject, result.check): result for result in results}


def test_the_plugin_that_is_written_passes_every_check(plugin: WritePlugin) -> None:
    plugin()
    results = results_of(check_runs_of("mynet"))
    assert {check for _, check in results} == {check.name for check in EVERY_CHECK}
    skipped = {check: result.reason for (_, check), result in results.items() if result.status == "skipped"}
    assert skipped == {
        "kernels_agree_with_their_references": "the plugin has no kernels",
        "kernels_can_be_traced": "the plugin has no kernels",
        "composition_fits_a_backbone": "the plugin has no [composition]",
        "detectors_are_built_on_it": "the plugin offers no feature maps",
        "others_work_under_its_wrappers": "the plugin wraps no hooks",
        "parts_work": "the plugin brings no optimiser, schedule or other part",
        "detections_are_in_range": "the task has no boxes",
        "boxes_are_exact_in_low_precision": "the task has no boxes",
        "exportable_finds_the_same": "the task has no boxes",
        "feature_maps_are_as_declared": "the model offers no feature maps",
        "backends_agree": "the model has one backend, torch",
    }
    assert {result.status for result in results.values()} == {"passed", "skipped"}
    assert counts(results.values()) == (
        "vistry-mynet: 5 run, 6 skipped, 0 expected to fail; mynet: 16 run, 5 skipped, 0 expected to fail"
    )


def test_each_check_is_a_sentence() -> None:
    for check in EVERY_CHECK:
        assert check.sentence[0].isupper(), check.name
        assert check.sentence.endswith("."), check.name


def test_of_a_large_family_the_smallest_is_computed_and_the_others_are_built_without_numbers(
    plugin: WritePlugin,
) -> None:
    plugin(TWO_MODELS)
    results = results_of(check_runs_of("mynet", heavy="smallest"))
    left_out = {check for (subject, check), result in results.items() if "smallest" in result.reason}
    assert {result.status for result in results.values()} == {"passed", "skipped"}
    assert results["tiny", "one_step_lowers_the_loss"].status == "passed"
    assert results["mynet", "one_step_lowers_the_loss"].reason == (
        'only tiny is computed, for image_classification, because heavy = "smallest"'
    )
    assert left_out == {
        "declared_hyperparameters_are_read",
        "random_seed_is_reproducible",
        "frozen_parameters_stay",
        "frozen_batch_norm_stays",
        "loss_is_finite",
        "loss_reaches_every_parameter",
        "one_step_lowers_the_loss",
        "predicts_on_blank_images",
        "weights_round_trip_safetensors",
    }


def test_what_is_not_computed_has_the_right_shape_all_the_same(plugin: WritePlugin) -> None:
    plugin(
        TWO_MODELS, ("model.py", "self.head = nn.Linear(widths[-1], num", "self.head = nn.Linear(widths[-1], 1 + num")
    )
    [run] = [
        run for run in check_runs_of("mynet", heavy="smallest") if str(run) == "mynet-predictions_have_the_right_shape"
    ]
    assert run.result().reason == (
        "image_classification: returned an invalid shape of the output: expected [2, 4], got [2, 5]; "
        "give the head num_classes outputs"
    )


def test_expected_failures_are_strict(plugin: WritePlugin) -> None:
    plugin(("plugin.toml", "parameters = 416456", "parameters = 10"))
    expected = {
        ("mynet", "parameter_count_is_as_declared"): "counted by hand",
        ("mynet", "predictions_have_the_right_shape"): "it was so last year",
        ("vistry-mynet", "manifest_is_valid"): "a run",
    }
    results = results_of([run for run in check_runs_of("mynet", expected) if run.expected])
    assert {place: (result.status, result.reason) for place, result in results.items()} == {
        ("mynet", "parameter_count_is_as_declared"): ("expected", "counted by hand"),
        ("mynet", "predictions_have_the_right_shape"): (
            "failed",
            "the check was expected to fail (it was so last year) but passes; remove it from the expected failures",
        ),
        ("vistry-mynet", "manifest_is_valid"): (
            "failed",
            "the check was expected to fail (a run) but passes; remove it from the expected failures",
        ),
    }
    assert counts(results.values()) == (
        "vistry-mynet: 1 run (1 failed), 0 skipped, 0 expected to fail; "
        "mynet: 2 run (1 failed), 0 skipped, 1 expected to fail"
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"name": "mynt"}, "no plugin 'mynt' is installed; did you mean 'mynet'?"),
        ({"backend": "jaxx"}, "no model of 'mynet' has the backend 'jaxx'; known: torch"),
        ({"heavy": "none"}, "invalid heavy 'none'; use one of: all, smallest"),
        (
            {"expected": {("mynet", "predictions_have_the_right_shap"): "x"}},
            "expected: unknown check 'predictions_have_the_right_shap'; "
            "did you mean 'predictions_have_the_right_shape'?",
        ),
        (
            {"expected": {("mynt", "predictions_have_the_right_shape"): "x"}},
            "expected: 'mynt' has no check predictions_have_the_right_shape; did you mean 'mynet'?",
        ),
        (
            {"expected": {("mynet", "manifest_is_valid"): "x"}},
            "expected: 'mynet' has no check manifest_is_valid; known: vistry-mynet",
        ),
        (
            {"expected": {("mynet", "predictions_have_the_right_shape"): ""}},
            "expected: (mynet, predictions_have_the_right_shape) needs a reason",
        ),
    ],
)
def test_a_wrong_call_is_a_sentence(plugin: WritePlugin, call: dict[str, object], message: str) -> None:
    plugin()
    with pytest.raises(RegistryError) as caught:
        check_runs_of(**{"name": "mynet", **call})  # type: ignore[arg-type]
    assert str(caught.value) == message


def ended(plugin: WritePlugin, *reasons: type[Exception], expected: str = "") -> Result:
    """How a check ends that raises one thing for each task."""
    if not Path("../vistry-mynet").exists():
        plugin()
    subjects = next(run.subjects for run in check_runs_of("mynet") if run.check in MODEL_CHECKS)
    raised = iter(reasons)

    def a_check(subject: ModelSubject) -> None:
        raise next(raised)("the reason")

    return CheckRun("mynet", Check(a_check), subjects, expected).result()


def test_what_is_not_made_is_skipped_with_its_reason_and_not_counted_as_run(plugin: WritePlugin) -> None:
    for expected in ("", "whatever"):
        result = ended(plugin, NothingToCheck, NothingToCheck, expected=expected)
        assert (result.status, result.reason) == ("skipped", "the reason")
        assert counts([result]) == "mynet: 0 run, 1 skipped, 0 expected to fail"


def test_a_check_that_is_left_out_by_choice_is_skipped(plugin: WritePlugin) -> None:
    def a_check(subject: ModelSubject) -> None:
        raise CheckFailed("it was made all the same")

    plugin(TWO_MODELS)
    runs = [run for run in check_runs_of("mynet", heavy="smallest") if run.check in MODEL_CHECKS]
    on = {run.subject: run.subjects for run in runs}
    left_out, made = (CheckRun(name, Check(a_check, computes=always), on[name]) for name in ("mynet", "tiny"))
    assert (left_out.result().status, left_out.applies) == ("skipped", False)
    assert (made.result().status, made.applies) == ("failed", True)


def test_where_it_cannot_be_told_whether_a_check_applies_it_is_made(plugin: WritePlugin) -> None:
    plugin(("hooks.py", "**card.args)\n", "**card.args)\n\n\n@hookimpl\ndef vistry_freezing_map():\n    1 / 0\n"))
    [run] = [run for run in check_runs_of("mynet") if str(run) == "mynet-frozen_batch_norm_stays"]
    assert run.applies
    assert run.result().status == "failed"
    assert "division by zero" in run.result().reason


def test_a_check_that_applies_to_one_task_counts(plugin: WritePlugin) -> None:
    result = ended(plugin, NothingToCheck, CheckFailed)
    assert (result.status, result.reason) == ("failed", "image_classification_multilabel: the reason")


def test_what_no_check_foresees_is_named_with_its_place(plugin: WritePlugin) -> None:
    folder = plugin(("model.py", "self.dropout(features)", "self.dropout(features, 2, 3)"))
    [run] = [run for run in check_runs_of("mynet") if str(run) == "mynet-loss_is_finite"]
    reason = run.result().reason
    place = f"{folder}/vistry_mynet/model.py:24"
    assert reason.startswith(f"image_classification: the forward pass of mynet/mynet ({place}) raised TypeError: ")


def test_where_hyperparameters_cannot_be_had_the_other_checks_point_there(plugin: WritePlugin) -> None:
    plugin(("plugin.toml", "[models.mynet]", '[defaults."*"]\nmomentum = 2\n\n[models.mynet]'))
    results = results_of(check_runs_of("mynet"))
    assert "momentum = 2 must be a number in [0, 1]" in results["mynet", "defaults_are_in_range"].reason
    others = {result.check: result for (subject, _), result in results.items() if subject == "mynet"}
    del others["defaults_are_in_range"]
    assert {result.status for result in others.values()} == {"skipped"}
    assert others["predictions_have_the_right_shape"].reason.startswith(
        "the model can't be used, see defaults_are_in_range: "
    )


def test_where_the_model_cannot_be_built_one_check_says_so(plugin: WritePlugin) -> None:
    folder = plugin(("hooks.py", "    from .model", "    1 / 0\n    from .model"))
    results = [run.result() for run in check_runs_of("mynet") if run.subject == "mynet"]
    [failed] = [result for result in results if result.status == "failed"]
    assert failed.check == "model_is_built"
    assert re.sub("; the traceback is in [^;]*", "", failed.reason) == (
        f"image_classification: vistry_build_model ({folder}/vistry_mynet/hooks.py:16) raised ZeroDivisionError: "
        f"division by zero; correct it"
    )
    assert "the model can't be built, see model_is_built" in {result.reason for result in results}


def test_predictions_that_are_no_numbers(plugin: WritePlugin) -> None:
    plugin(("model.py", "return logits", "return logits * float('nan')"))
    [run] = chosen(check_runs_of("mynet"), checks=["predictions_have_the_right_shape"])
    assert run.result().reason.startswith("image_classification: the forward pass of mynet/mynet (")


def test_rules_that_refuse_everything(plugin: WritePlugin) -> None:
    never = """**card.args)


@hookimpl
def vistry_check_hyperparameters():
    from vistry.errors import Problem

    return [Problem("momentum", "is never right")]
"""
    plugin(("hooks.py", "**card.args)\n", never))
    results = results_of(check_runs_of("mynet"))
    assert results["mynet", "defaults_are_in_range"].status == "failed"
    other = results["mynet", "predictions_have_the_right_shape"]
    assert (other.status, other.reason) == ("skipped", "its rules refuse every input up to 512 px")


def test_a_plugin_installed_without_a_record_of_its_files(plugin: WritePlugin) -> None:
    folder = plugin()
    (folder / "pyproject.toml").unlink()
    [run] = [run for run in check_runs_of("mynet") if run.check.name == "manifest_is_in_the_wheel"]
    assert run.result().reason == (
        f"vistry-mynet has no pyproject.toml above {folder}/vistry_mynet/"
        "plugin.toml, and no RECORD where it is installed; install it with pip"
    )


def test_a_backend_that_is_declared_has_to_be_there(plugin: WritePlugin, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(context: ModelContext, backend: str) -> None:
        raise RegistryError(f"{backend} is not installed; type: pip install 'vistry[{backend}]'")

    plugin(("plugin.toml", '["torch"]', '["torch", "jax"]'))
    monkeypatch.setattr(ModelContext, "in_backend", refuse)
    [run] = [run for run in check_runs_of("mynet") if run.check.name == "backends_agree"]
    assert run.result().reason == (
        "image_classification: plugin.toml declares the backend jax, which can't be used: jax is not "
        "installed; type: pip install 'vistry[jax]'"
    )


def test_a_classifier_is_no_segmenter(plugin: WritePlugin) -> None:
    both = '["image_classification", "image_classification_multilabel"]'
    plugin(("plugin.toml", both, '["image_instance_segmentation"]'))
    results = results_of(check_runs_of("mynet"))
    assert results["mynet", "parameter_count_is_as_declared"].status == "passed"
    assert results["mynet", "loss_is_finite"].status == "failed"


@pytest.mark.parametrize(
    ("edit", "made", "reason"),
    [
        (("plugin.toml", "license", "licence"), 1, "the plugin is invalid, see manifest_is_valid"),
        (("hooks.py", "@hookimpl", ""), 4, "its code can't be used, see hooks_are_known"),
        (("hooks.py", "@hookimpl", "@hookimpl(wrapper=True)"), 4, "its code can't be used, see hooks_are_known"),
    ],
)
def test_what_needs_a_broken_part_is_skipped(
    plugin: WritePlugin, edit: tuple[str, str, str], made: int, reason: str
) -> None:
    plugin(edit)
    runs = check_runs_of("mynet")
    assert {run.check for run in runs} == set(EVERY_CHECK if made > 1 else (*PLUGIN_CHECKS, *CODE_CHECKS))
    assert {run.check for run in runs if not run.left_out} == set(EVERY_CHECK[:made])
    [left_out] = {run.left_out for run in runs} - {""}
    assert left_out == reason
    assert {run.result().status for run in runs if run.left_out} == {"skipped"}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"models": ["mynt"]}, "there is no model 'mynt' to check; did you mean 'mynet'?"),
        ({"checks": ["loss_is_finit"]}, "there is no check 'loss_is_finit'; did you mean 'loss_is_finite'?"),
        (
            {"models": ["mynet"], "checks": ["manifest_is_valid"]},
            "manifest_is_valid is not made of mynet; name another check",
        ),
    ],
)
def test_a_model_or_a_check_that_is_not_there(plugin: WritePlugin, wanted: dict[str, list[str]], message: str) -> None:
    plugin()
    with pytest.raises(RegistryError) as caught:
        chosen(check_runs_of("mynet"), **wanted)
    assert str(caught.value) == message


def test_some_models_and_some_checks(plugin: WritePlugin) -> None:
    plugin(TWO_MODELS)
    runs = check_runs_of("mynet")
    assert {run.subject for run in chosen(runs, models=["tiny"])} == {"tiny"}
    assert len(chosen(runs, models=["tiny"])) == len(MODEL_CHECKS)
    some = ["manifest_is_valid", "loss_is_finite"]
    assert list(map(str, chosen(runs, checks=some))) == [
        "vistry-mynet-manifest_is_valid",
        "mynet-loss_is_finite",
        "tiny-loss_is_finite",
    ]
    assert list(map(str, chosen(runs, models=["tiny"], checks=some))) == ["tiny-loss_is_finite"]


def test_the_smallest_input_is_the_smallest_that_the_rules_allow(plugin: WritePlugin) -> None:
    restricted = "\n[restrict.training_crop_size]\nreason = 'a fixed pool'\nchoices = [224]\n\n[models.mynet]\n"
    plugin()
    plugin(("plugin.toml", "[models.other]\n", restricted.replace("mynet", "other")), name="other")
    for name, side in (("mynet", 32), ("other", 224)):
        [subject, _] = next(run.subjects for run in check_runs_of(name) if run.check in MODEL_CHECKS)
        assert isinstance(subject, ModelSubject)
        context = subject.context()
        values = context.hyperparameters
        assert values["training_crop_size"] == side
        assert values["validation_crop_size"] == values["validation_resize_size"] == 32
        assert context.input().input_size(training=True) == side
