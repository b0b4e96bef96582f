"""Each check fails on a plugin with the fault that it looks for, alone, and says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from vistry.plugin import answers
from vistry.testing import CheckRun, check_runs_of
from vistry.testing.all_checks import EVERY_CHECK
from vistry.testing.check_runs import chosen
from vistry.training import engines

WritePlugin = Callable[..., Path]
HOOKS, MODEL, MANIFEST, PROJECT = "hooks.py", "model.py", "plugin.toml", "pyproject.toml"
BUILD = "    return Net(num_classes, dropout=hyperparameters["
FIRST_LINE = "        super().__init__()\n"
FORWARD = "        features = self.stages(images)"
END = '    return Net(num_classes, dropout=hyperparameters["dropout"], **card.args)\n'
ONE_TASK = (MANIFEST, '["image_classification", "image_classification_multilabel"]', '["image_classification"]')
HEAD = "[models.mynet]\n"
# A network that takes less time; whoever wants another number of parameters edits this one.
SMALLER = ((MANIFEST, "widths = [32, 64, 128]", "widths = [8, 16, 24]"), (MANIFEST, "= 416456", "= 38080"))
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
ARGS = "args = { widths = [8, 16, 24] }"
MAPS = """

[models.mynet.feature_maps]
channels = [16, 24]
strides = [4, 16]
parameters = 12888
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
    (MANIFEST, "parameters = 38080", "parameters = 38180"),
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
        "code_is_in_the_wheel",
        "the wheel has no vistry_mynet/model.py, which vistry_mynet/hooks.py imports; where it is installed from the "
        "wheel, that import fails; add the file to the wheel in pyproject.toml",
        (PROJECT, 'packages = ["vistry_mynet"]', 'packages = ["vistry_mynet"]\nexclude = ["model.py"]'),
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
        "a query imports tensorflow, which takes seconds; in the hooks module import it inside the functions that need",
        # Nothing is really imported, which saves the seconds.
        (HOOKS, "from vistry.plugin", "import sys\nsys.modules['tensorflow'] = sys\nfrom vistry.plugin"),
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
        "model_is_built",
        "raised ZeroDivisionError: division by zero",
        (HOOKS, BUILD, f"    1 / 0\n{BUILD}"),
    ),
    fault(
        "defaults_are_in_range",
        "its rules refuse every input up to 512 px; allow a smaller one",
        (HOOKS, END, END + REFUSING.replace("> 200", "< 600").replace("at most 200", "at least 600")),
        (MANIFEST, HEAD, f'[defaults."*"]\ntraining_crop_size = 600\n\n{HEAD}'),
    ),
    fault(
        "defaults_are_in_range",
        "vistry_check_hyperparameters returns errors for the defaults: training_crop_size: must be at most 200, "
        "says the plugin 'mynet'; lower it",
        (HOOKS, END, END + REFUSING),
    ),
    fault(
        "defaults_are_in_range",
        "learning_rate: 'search' goes to 2, which breaks the range: it must be a number in [0, 1]",
        (MANIFEST, HEAD, f'[restrict.learning_rate]\nreason = "r"\nsearch = [0.001, 2]\n\n{HEAD}'),
    ),
    fault(
        "defaults_are_in_range",
        "'momentum' means the same for every model and can't be defined again; narrow it under ",
        (MANIFEST, "[hyperparameters.dropout]", "[hyperparameters.momentum]"),
        (HOOKS, '"dropout"', '"momentum"'),
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
        (MANIFEST, "24] }", "24], widht_mult = 2 }"),
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
        "plugin.toml says parameters = 10, but with 1000 classes the model has 38080; correct the number",
        (MANIFEST, "parameters = 38080", "parameters = 10"),
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
        (MANIFEST, "parameters = 38080", "parameters = 38100"),
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
        "plugin.toml says feature maps of (channels, stride) [(16, 4), (24, 16)], but the module's are "
        "[(16, 4), (24, 8)]",
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
        "jax and torch name or shape these tensors differently: stages.",
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


# What costs a process each, and looks at none of the other faults.
IN_A_PROCESS = {"queries_import_no_tensor_library", "manifest_is_in_the_wheel", "code_is_in_the_wheel"}
PATIENCE = '"early_stopping_patience": 10}\n'
NORM_AGAIN = """[hyperparameters.backbone_norm]
type = "choice"
choices = ["auto"]
default = "auto"
description = "Another."

"""
OF_KERNELS = (
    fault(
        "kernels_can_be_traced",
        "torch.compile and torch.export can't take mynet_hard_swish: without values vistry_mynet.kernels:hard_swish ",
        ("kernels.py", "@_forward.register_fake\n", ""),
    ),
    fault(
        "kernels_can_be_traced",
        "the fake implementation of mynet_hard_swish gives [2, 5, 7] in torch.float32, and the reference [2, 5, 7, 9] ",
        (
            "kernels.py",
            "    return torch.empty_like(x)\n\n\n@_backward",
            "    return x.new_empty(x.shape[:3])\n\n\n@_backward",
        ),
    ),
)
CLIPPED = "boxes.clamp(min=0).minimum(ends[:, None])\n"
WIDTHS = "        best_boxes = torch.cat([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], dim=-1)\n"
BUILT = "    return Net(num_classes, hyperparameters, backbone or own_backbone(**card.args))\n"
EXPORTABLE = """

@hookimpl
def vistry_build_exportable(module):
    import torch

    class Exportable(torch.nn.Module):
        def forward(self, pixels, sizes):
            count = pixels.shape[0]
            labels = torch.zeros(count, 1, dtype=torch.int64)
            return {"boxes": torch.ones(count, 1, 4), "scores": torch.ones(count, 1), "labels": labels}

    return Exportable()
"""
# It finds what the model does, by the model's own list of an image each.
UNFOLLOWED = """

@hookimpl
def vistry_build_exportable(module):
    import torch
    from torch.nn.utils.rnn import pad_sequence
    from vistry.plugin import ImageBatch

    class Exportable(torch.nn.Module):
        def forward(self, pixels, sizes):
            images = module(ImageBatch(pixels, sizes.tolist()))
            fill = {"boxes": 0, "scores": 0, "labels": -1}
            return {
                name: pad_sequence([image[name] for image in images], batch_first=True, padding_value=value)
                for name, value in fill.items()
            }

    return Exportable()
"""
OF_DETECTORS = (
    fault(
        "exportable_finds_the_same",
        " aren't found by both; it has to answer as the model that it is given",
        (HOOKS, BUILT, BUILT + EXPORTABLE),
    ),
    fault(
        "exportable_finds_the_same",
        "torch.export can't follow what vistry_build_exportable built (",
        (HOOKS, BUILT, BUILT + UNFOLLOWED),
    ),
    fault(
        "detections_are_in_range",
        "for one class a label is 1; labels count classes from 0 to 0: take 1 off where the network has a background",
        (MODEL, "detections_at(best, boxes, scores, labels)", "detections_at(best, boxes, scores, labels + 1)"),
    ),
    fault(
        "detections_are_in_range",
        "; scores are probabilities from 0 to 1: return the sigmoid or the softmax, unscaled",
        (MODEL, "detections_at(best, boxes, scores, labels)", "detections_at(best, boxes, 3 * scores, labels)"),
    ),
    fault(
        "detections_are_in_range",
        ", which ends before it begins; boxes are x1, y1, x2, y2 in pixels, neither a width and a height nor a centre",
        (MODEL, CLIPPED, CLIPPED + WIDTHS),
        (MODEL, "detections_at(best, boxes, scores, labels)", "detections_at(best, best_boxes, scores, labels)"),
    ),
    fault(
        "detections_are_in_range",
        "for one class a label is 1; labels count classes from 0 to 0: ",
        (MODEL, "self.classes = nn.Conv2d(64, num_classes, 1)", "self.classes = nn.Conv2d(64, num_classes + 1, 1)"),
    ),
    fault(
        "detections_are_in_range",
        " don't go together; return boxes [K, 4], scores [K] and labels [K] for each image",
        (MODEL, "detections_at(best, boxes, scores, labels)", "detections_at(best, boxes[..., :2], scores, labels)"),
    ),
)
OF_COMPOSITIONS = (
    fault(
        "composition_fits_a_backbone",
        "[composition] needs feature maps at the strides [8, 16, 64], which no installed backbone has: mynet of "
        "vistry-mynet [4, 8, 16, 32]; correct 'strides' in plugin.toml",
        (MANIFEST, "strides = [8, 16, 32]", "strides = [8, 16, 64]"),
    ),
    fault(
        "composition_fits_a_backbone",
        "by [composition] my_detector_mynet has ",
        (MANIFEST, "parameters_per_channel = 256", "parameters_per_channel = 255"),
    ),
    fault(
        "composition_fits_a_backbone",
        "the hyperparameter 'backbone_norm' is defined by this family and by vistry-mynet, whose mynet it is built on",
    ),
)


def named(item: Fault) -> str:
    return item.check


def failures(runs: Iterable[CheckRun]) -> dict[str, str]:
    results = [run.result() for run in runs]
    return {result.check: result.reason for result in results if result.status == "failed"}


@pytest.mark.parametrize("wrong", OF_PLUGINS, ids=named)
def test_a_plugin_with_a_fault_fails_that_check(wrong: Fault, plugin: WritePlugin) -> None:
    plugin(*wrong.edits)
    slow = IN_A_PROCESS - {wrong.check}
    runs = [run for run in check_runs_of("mynet") if run.subject == "vistry-mynet" and run.check.name not in slow]
    found = failures(runs)
    assert list(found) == [wrong.check]
    assert wrong.message in found[wrong.check]


@pytest.mark.parametrize("wrong", OF_MODELS, ids=named)
def test_a_model_with_a_fault_fails_that_check(
    wrong: Fault, plugin: WritePlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engines._BACKENDS, "jax", engines._BACKENDS["torch"])
    monkeypatch.setitem(answers._MODULES, "jax", answers._MODULES["torch"])
    plugin(ONE_TASK, *SMALLER, *wrong.edits)
    found = failures(run for run in check_runs_of("mynet") if run.subject == "mynet")
    # What a plugin returns is checked wherever it enters, so that other checks may end with the same sentence.
    assert [check for check in found if check == wrong.check or " returned " not in found[check]] == [wrong.check], (
        found
    )
    assert wrong.message in found[wrong.check]


@pytest.mark.parametrize("wrong", OF_KERNELS, ids=named)
def test_a_kernel_with_a_fault_fails_that_check(wrong: Fault, plugin: WritePlugin) -> None:
    plugin(*wrong.edits, kind="kernel")
    assert wrong.message in failures(chosen(check_runs_of("mynet"), checks=[wrong.check]))[wrong.check]


@pytest.mark.parametrize("wrong", OF_DETECTORS, ids=named)
def test_a_detector_with_a_fault_fails_that_check(wrong: Fault, plugin: WritePlugin, alone: None) -> None:
    plugin(*wrong.edits, kind="detector")
    [run] = chosen(check_runs_of("mynet"), checks=[wrong.check])
    assert wrong.message in run.result().reason


@pytest.mark.parametrize("wrong", OF_COMPOSITIONS, ids=named)
def test_a_composition_with_a_fault_fails_that_check(wrong: Fault, plugin: WritePlugin, alone: None) -> None:
    second = [] if wrong.edits else [(MANIFEST, HEAD, NORM_AGAIN + HEAD)]
    plugin(*second, kind="backbone")
    plugin(*wrong.edits, name="my_detector", kind="detector")
    [run] = chosen(check_runs_of("my_detector"), checks=[wrong.check])
    assert wrong.message in run.result().reason


def test_a_backbone_that_detectors_cannot_be_built_on(plugin: WritePlugin, alone: None) -> None:
    plugin((HOOKS, '("stage1", "stage2", "stage3", "stage4")', '("stage1", "stage2", "stage3")'), kind="backbone")
    plugin(name="my_detector", kind="detector")
    [run] = chosen(check_runs_of("mynet"), checks=["detectors_are_built_on_it"])
    assert run.result().reason.startswith("my_detector_mynet of vistry-my-detector doesn't work on mynet: ")


def test_a_backbone_whose_layers_to_freeze_are_not_there(plugin: WritePlugin, alone: None) -> None:
    plugin((MANIFEST, "frozen_layers = 2", 'frozen_layers = 2\nfreeze = [["stem."], ["stage9."]]'), kind="backbone")
    [run] = chosen(check_runs_of("mynet"), checks=["feature_maps_are_as_declared"])
    assert run.result().reason == (
        "image_classification: no parameter of the feature maps begins with stage9., so a detector on them freezes "
        "nothing there; correct feature_maps.freeze, or write it where 'freeze' names the head"
    )


@pytest.mark.parametrize(
    ("defaults", "reason"),
    [
        ('{**defaults, "momentum": 3}', "momentum = 3 must be a number in [0, 1]"),
        ('{**defaults, "momentun": 0.5}', "momentun"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_wrapper_that_breaks_others(plugin: WritePlugin, alone: None, defaults: str, reason: str) -> None:
    plugin((HOOKS, '{**defaults, "early_stopping_patience": 10}', defaults), name="my_policy", kind="policy")
    plugin()
    [run] = chosen(check_runs_of("my_policy"), checks=["others_work_under_its_wrappers"])
    result = run.result()
    assert result.status == "failed"
    assert "mynet/mynet of vistry-mynet for image_classification" in result.reason
    assert reason in result.reason


def test_a_wrapper_that_loses_what_others_return(plugin: WritePlugin, alone: None) -> None:
    wrapping = """

@hookimpl(wrapper=True)
def vistry_build_loss():
    yield
    return lambda *batch: {"loss": 1 / 0}
"""
    plugin(
        (MANIFEST, "wraps = [", 'wraps = ["vistry_build_loss", '),
        (HOOKS, PATIENCE, PATIENCE + wrapping),
        name="my_policy",
        kind="policy",
    )
    plugin()
    [run] = chosen(check_runs_of("my_policy"), checks=["others_work_under_its_wrappers"])
    assert "raised ZeroDivisionError: division by zero" in run.result().reason


def test_a_policy_may_refuse_models(plugin: WritePlugin, alone: None) -> None:
    veto = """

@hookimpl(wrapper=True)
def vistry_check_hyperparameters(card):
    from vistry.plugin import Problem

    problems = yield
    return [*problems, Problem("model_name", f"{card.name} is not for us", "use another")]
"""
    plugin(
        (MANIFEST, "wraps = [", 'wraps = ["vistry_check_hyperparameters", '),
        (HOOKS, PATIENCE, PATIENCE + veto),
        name="my_policy",
        kind="policy",
    )
    plugin()
    [run] = chosen(check_runs_of("my_policy"), checks=["others_work_under_its_wrappers"])
    assert run.result().status == "passed"


def test_each_check_has_a_fault() -> None:
    elsewhere = {"detectors_are_built_on_it", "others_work_under_its_wrappers", "parts_work"}
    faults = (*OF_PLUGINS, *OF_KERNELS, *OF_MODELS, *OF_DETECTORS, *OF_COMPOSITIONS)
    assert {item.check for item in faults} | elsewhere == {check.name for check in EVERY_CHECK}
