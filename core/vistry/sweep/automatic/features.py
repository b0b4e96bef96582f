"""What a pretrained model sees in images, as numbers that another model may learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.data.table import Table
from vistry.errors import DataError
from vistry.training.initial_weights import load_initial_weights
from vistry.training.plan import Plan
from vistry.training.prediction import predictions_of

# Outputs of a model whose weights bring no head: a random one keeps the distances of what it is given (Johnson and
# Lindenstrauss, 1984).
RANDOM_OUTPUTS = 512
LEAST = 1e-12  # of a probability, whose logarithm counts
BATCH = 16


def features_of(plan: Plan, rows: Sequence[int]) -> tuple[npt.NDArray[np.float64], list[int]]:
    """The logarithms of the probabilities [N, outputs] that the initial weights give training images, without training.

    So far as a row of the head is linear in the features, they are too, and no network has to say where its head is.
    Returned are also the rows that could be read.
    """
    context, weights = plan.context, plan.initial_weights
    outputs = (weights.published.classes if weights.published else None) or RANDOM_OUTPUTS
    context = replace(context, normalisation=weights.preprocessing)
    module = context.module(outputs)
    load_initial_weights(context, module, weights, num_classes=outputs)
    engine = context.prediction_engine(module, context.preprocessing(), outputs)
    images = [plan.training.images[row] for row in rows]
    predicted: list[Any] = list(predictions_of(engine, context.input().eval_transform(), images, batch_size=BATCH))
    readable = [place for place, one in enumerate(predicted) if not isinstance(one, DataError)]
    probabilities = np.stack([np.asarray(predicted[place], np.float64) for place in readable])
    return np.log(np.maximum(probabilities, LEAST)), [rows[place] for place in readable]


def stratified(table: Table, count: int, seed: int = 0) -> list[int]:
    """So many rows of a table, as evenly over the classes as they go; of several labels the first counts."""
    order = np.random.default_rng(seed).permutation(len(table))
    places: dict[int, int] = {}
    turns = []
    for row in order:
        label = int(next(iter(table.labels_of(row)), -1))
        places[label] = places.get(label, 0) + 1
        turns.append((places[label], row))
    return [int(row) for _, row in sorted(turns, key=lambda turn: turn[0])[:count]]
