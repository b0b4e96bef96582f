"""Training images that parts by name change further, after what their own preparation does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from vistry.loading.batches import Batch, Rows, TrainingDataset
from vistry.loading.detection.sample import DetectionSample
from vistry.registry.part_code import broken, guarded
from vistry.registry.part_specs import AugmentationSpec
from vistry.registry.parts import Part

Sample: TypeAlias = Any  # pixels, a DetectionSample, or what the dataset of a plugin reads
Values: TypeAlias = Mapping[str, Any]
Augment = Callable[[Sample, np.random.Generator, Values], Sample]


@dataclass(frozen=True)
class Augmentation:
    """An augmentation that is switched on: its part, its function, and how many of the images it changes."""

    part: Part[AugmentationSpec]
    function: Augment
    probability: float
    hyperparameters: Values

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        """Change a sample, or leave it as it is. Raises BrokenPluginError."""
        # Drawn for every sample, so that the numbers that follow don't depend on what came of it.
        if random.random() >= self.probability:
            return sample
        with guarded(self.part):
            changed = self.function(sample, random, self.hyperparameters)
        if _form(changed) != _form(sample):
            raise broken(self.part, f"it must return {_form(sample)}, as it was given, got {_form(changed)}")
        return changed


@dataclass(frozen=True)
class AugmentedDataset:
    """A dataset whose samples are changed by augmentations in turn, all random numbers from the sample's generator."""

    own: TrainingDataset
    augmentations: Sequence[Augmentation]

    def __len__(self) -> int:
        return len(self.own)

    def name(self, row: int) -> str:
        return self.own.name(row)

    def batches(self, seed: int, epoch: int) -> list[Rows]:
        return self.own.batches(seed, epoch)

    def read(self, row: int, random: np.random.Generator) -> Sample:
        sample = self.own.read(row, random)
        for augmentation in self.augmentations:
            sample = augmentation(sample, random)
        return sample

    def batch(self, rows: Rows, read: Sequence[Sample]) -> Batch:
        return self.own.batch(rows, read)


def _form(sample: object) -> str:
    """What a sample is, in words that differ where it can't stand for another."""
    if isinstance(sample, DetectionSample):
        return f"a DetectionSample of {_form(sample.pixels)}{'' if sample.masks is None else ' with masks'}"
    if isinstance(sample, np.ndarray):
        return f"{list(sample.shape)} {sample.dtype}"
    return type(sample).__name__
