"""The closed form of the probe, held against scikit-learn's regression fitted again without each image."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from vistry.sweep.automatic.probe import PENALTIES, leave_one_out_accuracy


@pytest.mark.parametrize("shape", [(30, 5), (20, 60)])
@pytest.mark.parametrize("is_class", [True, False])
def test_it_is_that_of_regressions_fitted_without_each_image(shape: tuple[int, int], is_class: bool) -> None:
    random = np.random.default_rng(sum(shape))
    features = random.normal(size=shape) * random.uniform(0.1, 3, shape[1])
    hidden = features[:, :3] + random.normal(size=(shape[0], 3))
    targets = np.eye(3)[hidden.argmax(axis=1)] if is_class else (hidden > 0).astype(float)
    if not is_class:
        targets[0] = 1  # more than one label, so that rows aren't taken for classes
    centred = features - features.mean(axis=0)
    scale = np.linalg.eigvalsh(centred @ centred.T).clip(0).mean()
    accuracies = []
    for penalty in PENALTIES:
        # The penalty is of the regression on all images, so it isn't scaled to the images that are left.
        answers = cross_val_predict(Ridge(alpha=penalty * scale), features, targets, cv=LeaveOneOut())
        right = answers.argmax(1) == targets.argmax(1) if is_class else (answers > 0.5) == (targets > 0.5)
        accuracies.append(right.mean())
    assert leave_one_out_accuracy(features, targets) == pytest.approx(max(accuracies), abs=1e-12)


def test_features_that_say_nothing_do_no_better_than_guessing() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(200) % 4
    nothing = leave_one_out_accuracy(random.normal(size=(200, 8)), np.eye(4)[labels])
    everything = leave_one_out_accuracy(np.eye(4)[labels] + random.normal(size=(200, 4)) / 10, np.eye(4)[labels])
    assert nothing < 0.45
    assert everything == 1.0
    assert leave_one_out_accuracy(np.zeros((6, 3)), np.eye(2)[[0, 0, 0, 0, 1, 1]]) <= 4 / 6 + 1e-9
