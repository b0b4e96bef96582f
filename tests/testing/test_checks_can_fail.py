"""Each check fails on a plugin with the fault that it looks for, alone, and says what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from vistry.plugin import answers
from vistry.testing import Result, check_runs_of
from vistry.testing.all_checks import CODE_CHECKS, MODEL_CHECKS, PLUGIN_CHECKS
from vistry.training import engines

WritePlugin = Callable[..., Path]
HOOKS, MODEL, MANIFEST, PROJECT = "hooks.py", "model.py", "plugin.toml", "pyproject.toml"
BUILD = "    return Net(num_classes, dropout=hyperparameters["
FIRST_LINE = "        super().__init__()\n"
FORWARD = "        features = self.stages(images)"
END = '    return Net(num_classes, dropout=hyperparameters["dropout"], **card.args)\n'
ONE_TASK = (MANIFEST, '["image_classification", "image_classification_multilabel"]', '["image_classification"]')
HEAD = "[models.mynet]\n"
KERNEL = """[[kernels]]
operation = "doubling"
summary = "x times 2"
devices = ["cpu"]
implementation = "vistry_mynet.model:thrice"
reference = "vistry_mynet.model:twice"
samples = "vistry_mynet.model:samples"
tolerance.float32 = 1e-6

"""
KERNELS = """

def thrice(x: torch.Tensor) -> torch.Tensor:
    return 3 * x


def twice(x: torch.Tensor) -> torch.Tensor:
    return 2 * x


def samples(dtype: torch.dtype, device: str) -> list[tuple[torch.Tensor]]:
    return [(torch.ones(4, dtype=dtype, device=device),)]
"""
POSTPROCESS = """

@hookimpl
def vistry_build_postprocess():
    from vistry.task.behaviour import as_numpy

    return lambda outputs, sizes: as_numpy(outputs)[:, 1:]
"""
LOSS = """

@hookimpl
def vistry_build_loss(task, hyperparameters, backend, data):
    from vistry.task import behaviour_of

    plain, calls = behaviour_of(task).build_loss(hyperparameters, backend, data), []

    def loss(model, images, targets):
        terms = plain(model, images, targets)
        value = next(iter(terms.values())).detach()
        calls.append(0 * value)
        return {**terms, "penalty": sum(calls) / 0 if len(calls) == 1 else calls[0]}

    return loss
"""
REVERSED = """

class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return -gradient
"""
NORM = """

class Norm(nn.modules.batchnorm._BatchNorm):
    def _check_input_dim(self, images):
        pass
"""
REFUSING = """

@hookimpl
def vistry_check_hyperparameters(hyperparameters):
    from vistry.errors import Problem

    wrong = hyperparameters["training_crop_size"] > 200
    return [Problem("training_crop_size", "must be at most 200", "lower it")] if wrong else []
"""
FREEZING = """

@hookimpl
def vistry_freezing_map():
    from vistry.plugin import FreezingMap

    return FreezingMap((("stages.0.",),))
"""
ARGS = "args = { widths = [32, 64, 128] }"
MAPS = """

[models.mynet.feature_maps]
channels = [64, 128]
strides = [4, 16]
parameters = 286560
"""
OFFERING = """

@hookimpl
def vistry_build_feature_maps(card):
    from .model import Maps

    return Maps(**card.args)
"""
MAPS_MODEL = """

class Maps(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.stages = Net(1, 0.0, widths).stages

    def forward(self, images):
        middle = self.stages[1](self.stages[0](images))
        return [middle, self.stages[2](middle)]
"""
DROPPING = """

@hookimpl
def vistry_map_weights(state_dict):
    return {name: value for name, value in state_dict.items() if name != "head.bias"}
"""


DOUBLING = """

@hookimpl
def vistry_map_weights(state_dict):
    return {name: 2 * value for name, value in state_dict.items()}
"""
BEHEADING = """

@hookimpl
def vistry_map_weights(state_dict):
    return {name: value[:2] if name.startswith("head.") else value for name, value in state_dict.items()}
"""
LOSING = """

@hookimpl
def vistry_build_postprocess():
    from vistry.task.behaviour import as_numpy

    return lambda outputs, sizes: as_numpy(outputs)[1:] if len(outputs) == LENGTH else as_numpy(outputs)
"""
RAISING = """

@hookimpl
def vistry_freezing_map():
    raise RuntimeError("no map")
"""
DETECTOR = """

class Detector(Net):
    def __init__(self, num_classes, dropout, widths):
        super().__init__(num_classes + 4, dropout, widths)

    def forward(self, images, targets=None):
        out = self.head(self.dropout(self.stages(images.pixels).permute(0, 2, 3, 1)))
        x, y = (torch.arange(length).to(out) for length in (out.shape[2], out.shape[1]))
        centres = (torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).flatten(0, 1) + 0.5) * 8
        logits, sides = out[..., :-4].flatten(1, 2), out[..., -4:].flatten(1, 2).clamp(max=6).exp() * 8
        boxes = torch.cat([centres - sides[..., :2], centres + sides[..., 2:]], dim=-1)
        if targets is not None:
            return self.losses(logits, boxes, centres, targets)
        scores, labels = logits.sigmoid().max(dim=-1)
        return [dict(boxes=b, scores=s, labels=c) for b, s, c in zip(boxes, scores, labels)]

    def losses(self, logits, boxes, centres, targets):
        classes, distance = torch.zeros_like(logits), boxes.sum() * 0
        for image, target in enumerate(targets):
            for box, label in zip(target["boxes"], target["labels"]):
                inside = ((centres > box[:2]) & (centres < box[2:])).all(dim=1)
                classes[image, inside, label] = 1
                distance = distance + (boxes[image, inside] - box).abs().sum() / 64 / len(centres)
        return {"classes": nn.functional.binary_cross_entropy_with_logits(logits, classes), "sides": distance}
"""
DETECTS = (
    (MANIFEST, 'tasks = ["image_classification"]', 'tasks = ["image_object_detection"]'),
    (MANIFEST, "parameters = 416456", "parameters = 416972"),
    (MODEL, "\n\ndef stage", f"{DETECTOR}\n\ndef stage"),
    (HOOKS, "Net", "Detector"),
)
LOW = """    from vistry.torch_layers import with_low_precision

    return with_low_precision(Detector(num_classes, dropout=hyperparameters["dropout"], **card.args))
"""


@dataclass(frozen=True)
class Fault:
    """A check, the edits that make it fail, and what it then says."""

    check: str
    message: str
    edits: tuple[tuple[str, str, str], ...]


def fault(check: str, message: str, *edits: tuple[str, str, str]) -> Fault:
    return Fault(check, message, edits)


OF_PLUGINS = (
    fault(
        "manifest_is_valid",
        "plugin.toml:4: 'licence' is not a known key; did you mean 'license'?",
        (MANIFEST, "license =", "licence ="),
    ),
    fault(
        "manifest_is_in_the_wheel",
        "the wheel has no vistry_mynet/plugin.toml, so the plugin doesn't work where it is installed from the wheel",
        (PROJECT, 'packages = ["vistry_mynet"]', 'packages = ["vistry_mynet"]\nexclude = ["*.toml"]'),
    ),
    fault(
        "manifest_is_in_the_wheel",
        'write in pyproject.toml, under [project.entry-points."vistry.plugins"]: mynet = "vistry_mynet:plugin.toml"',
        (PROJECT, '[project.entry-points."vistry.plugins"]', '[project.entry-points."vistry.plugin"]'),
    ),
    fault(
        "manifest_is_in_the_wheel",
        "the build backend no_such_backend is not installed; add it to the requirements of the tests",
        (PROJECT, '"hatchling.build"', '"no_such_backend"'),
    ),
    fault(
        "manifest_is_in_the_wheel",
        "building a wheel from ",
        (PROJECT, 'packages = ["vistry_mynet"]', 'packages = "vistry_mynet"'),
    ),
    fault(
        "hooks_are_known",
        "'vistry_build_model' has an argument 'class_count' that the hook doesn't have",
        (HOOKS, "num_classes", "class_count"),
    ),
    fault(
        "hooks_are_known",
        "there is no hook 'vistry_bild_model'; did you mean 'vistry_build_model'?",
        (HOOKS, "vistry_build_model", "vistry_bild_model"),
    ),
    fault(
        "queries_import_no_tensor_library",
        "a query imports torch, which takes seconds; in the hooks module import it inside the functions that need it",
        (HOOKS, "from vistry.plugin", "import torch\nfrom vistry.plugin"),
    ),
    fault(
        "queries_import_no_tensor_library",
        "raised RuntimeError: no map; type: vistry plugins check mynet",
        (HOOKS, END, END + RAISING),
    ),
    fault(
        "kernels_agree_with_their_references",
        "invalid reference 'vistry_mynet.model:thrice': vistry_mynet.model has no 'thrice'; correct the plugin",
        (MANIFEST, HEAD, KERNEL + HEAD),
    ),
    fault(
        "kernels_agree_with_their_references",
        "doubling in float32 of [4]: the result is off by 0.5 of its largest value",
        (MANIFEST, HEAD, KERNEL + HEAD),
        (MODEL, "\n\nclass Net", f"{KERNELS}\n\nclass Net"),
    ),
)
OF_MODELS = (
    fault(
        "defaults_are_in_range",
        "vistry_check_hyperparameters returns errors for the defaults: training_crop_size: must be at most 200, "
        "says the plugin 'mynet'; lower it",
        (HOOKS, END, END + REFUSING),
    ),
    fault(
        "declared_hyperparameters_are_read",
        'plugin.toml declares idle, but no hook reads it; use hyperparameters["idle"] in a hook, or remove it',
        (MANIFEST, HEAD, f'[hyperparameters.idle]\ntype = "flag"\ndefault = 0\ndescription = "Idle."\n\n{HEAD}'),
    ),
    fault(
        "unknown_arguments_are_refused",
        "vistry_build_model accepts args = { no_such_name = 1 }, so a misspelt name in plugin.toml is ignored",
        (MODEL, "widths: Sequence[int])", "widths: Sequence[int], **unread)"),
    ),
    fault(
        "unknown_arguments_are_refused",
        "plugin.toml has args widht_mult, which vistry_build_model never reads; correct the name",
        (MANIFEST, "128] }", "128], widht_mult = 2 }"),
        (HOOKS, "**card.args", 'widths=card.args["widths"]'),
    ),
    fault(
        "builds_on_the_meta_device",
        "raised RuntimeError: Tensor.item() cannot be called on meta",
        (MODEL, FIRST_LINE, f"{FIRST_LINE}        self.scale = torch.ones(1).item()\n"),
    ),
    fault(
        "builds_on_the_meta_device",
        "these parameters have values on the meta device: head.weight, head.bias; build with torch.nn alone",
        (MODEL, "nn.Linear(widths[-1], num_classes)", 'nn.Linear(widths[-1], num_classes, device="cpu")'),
    ),
    fault(
        "predictions_have_the_right_shape",
        "invalid shape of the predictions: expected [8, 4], got [8, 3]; give the head num_classes outputs",
        (HOOKS, END, END + POSTPROCESS),
    ),
    fault(
        "predictions_have_the_right_shape",
        "returned 7 predictions for 8 images; return one each",
        (HOOKS, END, END + LOSING.replace("LENGTH", "8")),
    ),
    fault(
        "parameter_count_is_as_declared",
        "plugin.toml says parameters = 10, but with 1000 classes the model has 416456; correct the number",
        (MANIFEST, "parameters = 416456", "parameters = 10"),
    ),
    fault(
        "random_seed_is_reproducible",
        "two models built with one random_seed differ in head.bias; draw initial weights from the backend's own",
        (MODEL, "from itertools", "import time\nfrom itertools"),
        (
            MODEL,
            "self.head = nn.Linear(widths[-1], num_classes)\n",
            "self.head = nn.Linear(widths[-1], num_classes)\n"
            "        nn.init.constant_(self.head.bias, time.perf_counter() % 1)\n",
        ),
    ),
    fault(
        "random_seed_is_reproducible",
        "the same first step gives other values of stages.0.0.weight,",
        (MODEL, "from itertools", "import time\nfrom itertools"),
        (MODEL, FORWARD, f"        images = images + self.training * 1e-3 * (time.perf_counter() % 1)\n{FORWARD}"),
    ),
    fault(
        "random_seed_is_reproducible",
        "models built with random_seed 0 and 1 have the same weights; set no seed in the builder",
        (HOOKS, BUILD, f"    import torch\n\n    torch.manual_seed(0)\n{BUILD}"),
    ),
    fault(
        "freezing_prefixes_match",
        "no parameter's name begins with stage.1.; the first names are stages.0.0.weight, stages.0.1.weight",
        (MANIFEST, '["stages.1."]', '["stage.1."]'),
    ),
    fault(
        "freezing_prefixes_match",
        "with all 4 layers frozen no parameter is left to train; take the head out of the freezing map",
        (MANIFEST, '["stages.2."]', '["stages.2."], ["head."]'),
    ),
    fault(
        "freezing_prefixes_match",
        "plugin.toml lists 3 layers to freeze, the limit of layers_to_freeze, but vistry_freezing_map returns 1",
        (HOOKS, END, END + FREEZING),
    ),
    fault(
        "frozen_parameters_stay",
        "a step changes frozen parameters: stages.0.0.weight; leave changes of parameters to the optimiser",
        (
            MODEL,
            FORWARD,
            f"        if self.training:\n            self.stages[0][0].weight.data.mul_(0.99)\n{FORWARD}",
        ),
    ),
    fault(
        "frozen_batch_norm_stays",
        "a step changes frozen running statistics: stages.0.1.running_mean, stages.0.1.running_var",
        (MODEL, "\n\ndef stage", f"{NORM}\n\ndef stage"),
        (MODEL, "nn.BatchNorm2d", "Norm"),
    ),
    fault(
        "loss_is_finite",
        "with untrained weights the loss is not finite: penalty = nan",
        (HOOKS, END, END + LOSS),
    ),
    fault(
        "loss_reaches_every_parameter",
        "the loss has no gradient for extra.weight, extra.bias; use them in the forward pass, or make them buffers",
        (MODEL, FIRST_LINE, f"{FIRST_LINE}        self.extra = nn.Linear(4, 4)\n"),
        (MANIFEST, "parameters = 416456", "parameters = 416476"),
    ),
    fault(
        "one_step_lowers_the_loss",
        "a step along the gradient doesn't lower the loss: from ",
        (MODEL, "\n\nclass Net", f"{REVERSED}\n\nclass Net"),
        (MODEL, "return logits", "return Reversed.apply(logits)"),
    ),
    fault(
        "predicts_on_blank_images",
        "returned logits that are not finite; look for a division by 0",
        (MODEL, FORWARD, f"        images = images / images.std(dim=(2, 3), keepdim=True)\n{FORWARD}"),
    ),
    fault(
        "predicts_on_blank_images",
        "returned 1 predictions for 2 images; return one each",
        (HOOKS, END, END + LOSING.replace("LENGTH", "2")),
    ),
    fault(
        "weights_round_trip_safetensors",
        "the model's own weights are read without head.weight, head.bias; look at vistry_map_weights",
        (HOOKS, END, END + BEHEADING),
    ),
    fault(
        "weights_round_trip_safetensors",
        "these tensors change when they are written and read: stages.0.0.weight, stages.0.1.weight,",
        (HOOKS, END, END + DOUBLING),
    ),
    fault(
        "weights_round_trip_safetensors",
        "the same weights give other predictions in another model: some state that affects predictions isn't saved",
        (MODEL, FIRST_LINE, f"{FIRST_LINE}        self.scales = torch.rand(3, 1, 1)\n"),
        (MODEL, FORWARD, f"        images = images * self.scales.to(images.device)\n{FORWARD}"),
    ),
    fault(
        "weights_round_trip_safetensors",
        "doesn't fit the model: head.bias is missing; look at vistry_map_weights",
        (HOOKS, END, END + DROPPING),
    ),
    fault(
        "feature_maps_are_as_declared",
        "plugin.toml says feature maps of (channels, stride) [(64, 4), (128, 16)], but the module's are "
        "[(64, 4), (128, 8)]",
        (MANIFEST, ARGS, ARGS + MAPS),
        (MODEL, "\n\ndef stage", f"{MAPS_MODEL}\n\ndef stage"),
        (HOOKS, END, END + OFFERING),
    ),
    fault(
        "boxes_are_exact_in_low_precision",
        "a network that says the same in fp32 and in bf16 has boxes that differ by up to ",
        *DETECTS,
        (HOOKS, END.replace("Net", "Detector"), LOW),
    ),
    fault(
        "boxes_are_exact_in_low_precision",
        "compute anchors, boxes and scores outside of parts with_low_precision, and don't cast them to the dtype",
        *DETECTS,
        (
            MODEL,
            "        boxes = torch.cat",
            "        centres = centres.bfloat16() if torch.is_autocast_enabled('cpu') else centres\n"
            "        boxes = torch.cat",
        ),
        (HOOKS, END.replace("Net", "Detector"), LOW),
    ),
    fault(
        "backends_agree",
        "jax and torch name or shape these tensors differently: stages.0.0.weight,",
        (MANIFEST, '["torch"]', '["torch", "jax"]'),
        (HOOKS, "hyperparameters: Values)", "hyperparameters: Values, backend: str)"),
        (HOOKS, "**card.args", "widths=[8, 8, 8] if backend == 'jax' else card.args['widths']"),
    ),
    fault(
        "backends_agree",
        "with the same weights the logits of jax differ from those of torch by ",
        (MANIFEST, '["torch"]', '["torch", "jax"]'),
        (HOOKS, "hyperparameters: Values)", "hyperparameters: Values, backend: str)"),
        (HOOKS, BUILD, f"    Net.twice = backend == 'jax'\n{BUILD}"),
        (MODEL, "return logits", "return logits * 1.01 if Net.twice else logits"),
    ),
)


def named(item: Fault) -> str:
    return item.check


def failures(results: list[Result]) -> dict[str, str]:
    return {result.check: result.reason for result in results if result.status == "failed"}


@pytest.mark.parametrize("wrong", OF_PLUGINS, ids=named)
def test_a_plugin_with_a_fault_fails_that_check(wrong: Fault, plugin: WritePlugin) -> None:
    plugin(*wrong.edits)
    trials = [trial for trial in check_runs_of("mynet") if trial.subject == "vistry-mynet"]
    found = failures([trial.result() for trial in trials])
    assert list(found) == [wrong.check]
    assert wrong.message in found[wrong.check]


@pytest.mark.parametrize("wrong", OF_MODELS, ids=named)
def test_a_model_with_a_fault_fails_that_check(
    wrong: Fault, plugin: WritePlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engines._BACKENDS, "jax", engines._BACKENDS["torch"])
    monkeypatch.setitem(answers._MODULES, "jax", answers._MODULES["torch"])
    plugin(ONE_TASK, *wrong.edits)
    trials = [trial for trial in check_runs_of("mynet") if trial.subject == "mynet"]
    found = failures([trial.result() for trial in trials])
    # What a plugin returns is checked wherever it enters, so that other checks may end with the same sentence.
    assert [check for check in found if check == wrong.check or " returned " not in found[check]] == [wrong.check], (
        found
    )
    assert wrong.message in found[wrong.check]


def test_each_check_has_a_fault() -> None:
    assert {item.check for item in OF_PLUGINS} == {check.name for check in (*PLUGIN_CHECKS, *CODE_CHECKS)}
    assert {item.check for item in OF_MODELS} == {check.name for check in MODEL_CHECKS}
