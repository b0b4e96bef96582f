"""Predictions of classifiers as CSV: each image, what it is taken for, and the probability of each class."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vistry.errors import VistryError
from vistry.evaluation.classification import LABEL_THRESHOLD
from vistry.inference.predictor import Predictor
from vistry.registry.tasks import task_named

DELIMITERS = {".csv": ",", ".tsv": "\t"}
# Files that something else than JSON Lines is expected in.
OTHERS = frozenset(
    {".xml", ".html", ".yaml", ".yml", ".toml", ".xls", ".xlsx", ".parquet", ".npy", ".npz", ".pkl", ".zip"}
)


@dataclass(frozen=True)
class PredictionTable:
    """Writes entries of the hosted product's schema as rows: `image`, `label` or `labels`, and a column a class.

    Several labels stand in one cell with bars between them, as a JSON list where a class has a bar in its name: what
    `vistry train` reads.
    """

    classes: Sequence[str]
    is_multilabel: bool
    delimiter: str

    @classmethod
    def for_file(cls, output: Path | None, predictor: Predictor) -> PredictionTable | None:
        """The table for a file named .csv or .tsv, None for JSON Lines.

        Raises VistryError for predictions that have no columns, and for a name that promises another format.
        """
        suffix = output.suffix.lower() if output else ""
        if suffix in OTHERS:
            raise VistryError(
                f"--output writes JSON Lines or CSV, not {suffix}; name a .jsonl or a .csv file, "
                "or the format of labels with --to"
            )
        if suffix not in DELIMITERS:
            return None
        task = task_named(predictor.task.name)
        if task.has_boxes:
            raise VistryError(
                f"{output}: boxes and masks are written as JSON Lines, and {suffix} is for labels of whole images; "
                "name a .jsonl file, or the format of labels with --to"
            )
        return cls(predictor.classes, task.is_multilabel, DELIMITERS[suffix])

    @property
    def header(self) -> str:
        """The first line."""
        return self._line(["image", "labels" if self.is_multilabel else "label", *self.classes])

    def row(self, image: str, response: Mapping[str, Any]) -> str:
        """The line of an image; empty cells for one that can't be read."""
        name = image.encode("utf-8", "backslashreplace").decode()
        if "error" in response:
            return self._line([name, *("" for _ in range(len(self.classes) + 1))])
        return self._line([name, self._taken_for(response), *(f"{value:.6g}" for value in response["probs"])])

    def _taken_for(self, response: Mapping[str, Any]) -> str:
        probabilities = list(response["probs"])
        if not self.is_multilabel:
            predicted = response.get("predicted") or [self.classes[probabilities.index(max(probabilities))]]
            return str(predicted[0])
        passing = [name for name, value in zip(self.classes, probabilities, strict=True) if value > LABEL_THRESHOLD]
        names = list(response.get("predicted", passing))
        has_bar = any("|" in name for name in names)
        return json.dumps(names, ensure_ascii=False) if has_bar else "|".join(names)

    def _line(self, cells: Sequence[str]) -> str:
        stream = io.StringIO()
        csv.writer(stream, delimiter=self.delimiter, lineterminator="").writerow(cells)
        return stream.getvalue()
