"""What the doctor's catalogue says about a check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """A check by its stable id: its severity, a summary for the documentation, and the usual remedy.

    `of_object`: a finding of it concerns one object and costs that object, not its image. `of_all`: a finding of it
    says that the labels as a whole can't be trusted, and costs no single image: nothing is trained on them.
    """

    id: str
    severity: str
    summary: str
    remedy: str
    of_object: bool = False
    of_all: bool = False
