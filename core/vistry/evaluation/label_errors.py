"""Labels of whole images that are probably wrong, from predictions of models that never saw the image.

Confident learning: Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels",
Journal of Artificial Intelligence Research 70 (2021). The threshold of a class is the mean probability that images
labelled with it get for it, t_j = mean of p_j over the images labelled j. An image labelled i is counted as a j in
truth, C_ij, where j is the likeliest of the classes whose probability reaches their threshold. Scaled to all images
labelled i, C estimates how many labels are wrong: the sum over i of (1 - C_ii / sum of C_ik over k) times the number of
images labelled i. So many are probably wrong: those with the lowest normalised margin, p_i - max of p_k over the other
classes, as far as it is below 0 ("prune by noise rate", over all classes at once).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
ROUNDING = 1e-9  # a mean of equal numbers may come out a little above them


@dataclass(frozen=True)
class Mislabelled:
    """An image whose label is probably another one: class indices and their probabilities.

    For a multi-label image `given` and `suggested` are the same class, and `is_missing` says whether the image lacks
    the label, or has it and shouldn't.
    """

    image: int
    given: int
    suggested: int
    given_probability: float
    suggested_probability: float
    is_missing: bool = False

    @property
    def suspicion(self) -> float:
        """The negative of the normalised margin, above 0: how much likelier the other label is."""
        return self.suggested_probability - self.given_probability


def mislabelled(probabilities: Probabilities, labels: Labels) -> list[Mislabelled]:
    """Find multi-class labels [N] that are probably wrong, the most suspect first; probabilities [N, C]."""
    joint = confident_joint(probabilities, labels)
    totals = np.bincount(labels, minlength=len(joint))
    counted = np.maximum(joint.sum(axis=1), 1)
    expected = math.ceil(float(((counted - joint.diagonal()) / counted * totals)[joint.any(axis=1)].sum()) - ROUNDING)
    likeliest = probabilities.argmax(axis=1)
    own, other = probabilities[np.arange(len(labels)), labels], probabilities.max(axis=1)
    order = np.argsort(own - other, kind="stable")[:expected]
    return [
        Mislabelled(
            image,
            int(labels[image]),
            int(likeliest[image]),
            given_probability=float(own[image]),
            suggested_probability=float(other[image]),
        )
        for image in order.tolist()
        if other[image] > own[image]
    ]


def confident_joint(probabilities: Probabilities, labels: Labels) -> Labels:
    """[C, C] how many images labelled i are surely j: only those count for which a class reaches its threshold."""
    thresholds = class_thresholds(probabilities, labels)
    confident = np.where(probabilities >= thresholds - ROUNDING, probabilities, -1.0)
    counts = np.zeros((len(thresholds), len(thresholds)), dtype=np.int64)
    sure = np.flatnonzero(confident.max(axis=1) >= 0)
    np.add.at(counts, (labels[sure], confident[sure].argmax(axis=1)), 1)
    return counts


def class_thresholds(probabilities: Probabilities, labels: Labels) -> npt.NDArray[np.float64]:
    """[C] the mean probability of each class over the images labelled with it; infinite where there are none."""
    sums, counts = np.zeros(probabilities.shape[1]), np.zeros(probabilities.shape[1])
    np.add.at(sums, labels, probabilities[np.arange(len(labels)), labels].astype(np.float64))
    np.add.at(counts, labels, 1)
    means: npt.NDArray[np.float64] = np.divide(sums, counts, out=np.full(len(sums), np.inf), where=counts > 0)
    return means


def mislabelled_multilabel(probabilities: Probabilities, truth: Flags) -> list[Mislabelled]:
    """Find multi-label labels, truth [N, C], that are probably missing or wrong, the most suspect first.

    Each class is a question of its own with the two answers yes and no, of probabilities p and 1 - p.
    """
    suspects = []
    for label in range(truth.shape[1]):
        yes = probabilities[:, label].astype(np.float64)
        answers = np.stack([1 - yes, yes], axis=1)
        for one in mislabelled(answers, truth[:, label].astype(np.int64)):
            suspects.append(replace(one, given=label, suggested=label, is_missing=one.suggested == 1))
    return sorted(suspects, key=lambda one: (-one.suspicion, one.image, one.given))
