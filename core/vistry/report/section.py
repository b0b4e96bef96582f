"""What a page is made of, and what a task is given to make its own part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from vistry.hyperparameter.values import Hyperparameters
from vistry.report.markup import Content, element, joined


@dataclass(frozen=True)
class Section:
    """A part of the page: its anchor, its title, a sentence on how to read it, and what it shows."""

    anchor: str
    title: str
    note: Content
    parts: Sequence[Markup]

    def markup(self) -> Markup:
        """The section as HTML."""
        note = element("p", self.note, class_="note") if self.note else Markup("")
        return element("section", element("h2", self.title), note, joined(self.parts), id=self.anchor)


@dataclass(frozen=True)
class ReportInputs:
    """The best epoch on the validation set: N image paths, class names, and the tensors that were kept, by name.

    `hyperparameters` are the run's values by name.
    """

    images: Sequence[str]
    classes: Sequence[str]
    tensors: Mapping[str, np.ndarray[Any, Any]]
    hyperparameters: Hyperparameters
