"""The check of a plugin's parts passes for the example, and fails for each fault with what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from vistry.testing.check_runs import Result, check_runs_of

HEAD = 'manifest = 1\napi = "1.0"\nlicense = "MIT"\nsummary = "Parts for tests"\n'
OPTIMIZER = '[optimizers.{name}]\nsummary = "s"\ntorch = "vistry_faulty.code:{function}"\n'
SCHEDULE = '[schedules.{name}]\nsummary = "s"\nfunction = "vistry_faulty.code:{function}"\n'
READER = '[readers.{name}]\nsummary = "s"\ntasks = ["image_classification"]\nreader = "vistry_faulty.code:{name}"\n'
AUGMENTATION = '[augmentations.{name}]\nsummary = "s"\ntasks = ["{task}"]\nfunction = "vistry_faulty.code:{name}"\n'
TERM = '[losses.{name}]\nsummary = "s"\ntasks = ["{task}"]\ntorch = "vistry_faulty.code:{name}"\n'
METRIC = '[metrics.{name}]\nsummary = "s"\nformula = "f"\ntasks = ["{task}"]\nfunction = "vistry_faulty.code:{name}"\n'
IMAGES, OBJECTS = "image_classification", "image_object_detection"
FIELD = 'type = "number"\ndefault = 0.5\ndescription = "A number."\n'
CODE = """
import torch

def good(groups, hyperparameters):
    return torch.optim.SGD(groups, lr=0.0, momentum=0.9)

class Forgetful(torch.optim.SGD):
    count = 0
    def step(self):
        self.count += 1
        for group in self.param_groups:
            group["lr"] /= self.count
        super().step()

def forgetful(groups, hyperparameters):
    return Forgetful(groups, lr=0.0)

class Still(torch.optim.SGD):
    def step(self):
        pass

def still(groups, hyperparameters):
    return Still(groups, lr=0.0)

class Exploding(torch.optim.SGD):
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.data.div_(0)

def exploding(groups, hyperparameters):
    return Exploding(groups, lr=0.0)

def flat(hyperparameters, steps_per_epoch):
    return lambda step: 1.0

def zero(hyperparameters, steps_per_epoch):
    return lambda step: 0.0

def negative(hyperparameters, steps_per_epoch):
    return lambda step: 1 - step

def turned(sample, random, hyperparameters):
    from dataclasses import replace
    return replace(sample, pixels=sample.pixels[::-1]) if hasattr(sample, "pixels") else sample[::-1]

def unseeded(sample, random, hyperparameters):
    import numpy as np
    return np.random.default_rng().integers(0, 255, sample.shape, dtype=np.uint8)

def in_place(sample, random, hyperparameters):
    sample[:2] = 0
    return sample

def squares(logits, targets, hyperparameters):
    return logits.square().sum(1)

def infinite(logits, targets, hyperparameters):
    return logits.sum(1) / 0

def right(predictions, targets, classes):
    return float(sum(p.argmax() == t for p, t in zip(predictions, targets)) / len(targets))

def wrong(predictions, targets, classes):
    return 1 - right(predictions, targets, classes)

def found(predictions, targets, classes):
    pairs = zip(predictions, targets)
    return float(sum(bool(set(p.detections.labels) & set(t.labels)) for p, t in pairs) / len(targets))

def nothing(predictions, targets, classes):
    return None

class Greedy:
    def fits(self, path):
        return True
    def read(self, path, task):
        pass
    def guess_task(self, path):
        pass

class Unfinished:
    def fits(self, path):
        return False

greedy, unfinished = Greedy(), Unfinished()

def needing_more(hyperparameters):
    return lambda step: 1.0
"""


def result(plugin: str) -> Result:
    [run] = [run for run in check_runs_of(plugin) if run.check.name == "parts_work"]
    return run.result()


@pytest.mark.usefixtures("extras")
def test_the_example_passes_every_check() -> None:
    results = {run.check.name: run.result() for run in check_runs_of("extras")}
    assert {name: item.reason for name, item in results.items() if item.status != "passed"} == {
        "kernels_agree_with_their_references": "the plugin has no kernels",
        "kernels_can_be_traced": "the plugin has no kernels",
        "composition_fits_a_backbone": "the plugin has no [composition]",
        "detectors_are_built_on_it": "the plugin offers no feature maps",
        "others_work_under_its_wrappers": "the plugin wraps no hooks",
    }


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (OPTIMIZER.format(name="a", function="good") + SCHEDULE.format(name="a", function="flat"), ""),
        (OPTIMIZER.format(name="adamw", function="good"), "'adamw': the name means that of vistry; give it a name"),
        (OPTIMIZER.format(name="a", function="missing"), "[optimizers.a] failed: vistry_faulty.code has no 'missing'"),
        (OPTIMIZER.format(name="a", function="forgetful"), "resumed from its saved state it goes on differently; keep"),
        (OPTIMIZER.format(name="a", function="still"), "[optimizers.a] in torch: an update changes no weight"),
        (OPTIMIZER.format(name="a", function="exploding"), "in torch: after 6 updates a weight is not a number"),
        (SCHEDULE.format(name="a", function="zero"), "the factor of every batch is 0, so nothing is learned"),
        (SCHEDULE.format(name="a", function="negative"), "at batch 2 the factor is -1.0; it has to be a number of at"),
        (SCHEDULE.format(name="a", function="needing_more"), "TypeError: needing_more() takes 1 positional argument"),
        (READER.format(name="greedy"), "[readers.greedy]: its reader takes an empty folder; let it look at names"),
        (READER.format(name="greedy") + "fallback = true\n", ""),
        (READER.format(name="unfinished"), "vistry_faulty.code:unfinished has no 'read', which every reader has"),
        (AUGMENTATION.format(name="turned", task=IMAGES), ""),
        (AUGMENTATION.format(name="turned", task=OBJECTS), ""),
        (AUGMENTATION.format(name="unseeded", task=IMAGES), "it must draw all random numbers from `random`"),
        (AUGMENTATION.format(name="in_place", task=IMAGES), "it changes the sample that it is given; let it copy"),
        (TERM.format(name="squares", task=IMAGES), ""),
        (
            TERM.format(name="infinite", task=IMAGES),
            "[losses.infinite] in torch for image_classification: its value",
        ),
        (METRIC.format(name="right", task=IMAGES) + METRIC.format(name="found", task=OBJECTS), ""),
        (
            METRIC.format(name="wrong", task=IMAGES),
            "wrong predictions have 1.0, right ones 0.0; correct larger",
        ),
        (METRIC.format(name="nothing", task=IMAGES), "it is undefined for eight images of four classes"),
        (
            SCHEDULE.format(name="a", function="flat") + f"[schedules.a.hyperparameters.a_rate]\n{FIELD}",
            "[schedules.a] declares a_rate, but its function doesn't read it",
        ),
        (
            SCHEDULE.format(name="a", function="flat") + 'uses = ["momentun"]\n',
            "[schedules.a] uses 'momentun', and Vistry has no such hyperparameter",
        ),
    ],
)
def test_each_fault_is_found(manifest: str, reason: str, lay_out: Callable[..., Path]) -> None:
    folder = lay_out("faulty", manifest=HEAD + manifest)
    (folder / "code.py").write_text(CODE)
    found = result("faulty")
    assert found.status == ("failed" if reason else "passed"), found.reason
    assert reason in found.reason
