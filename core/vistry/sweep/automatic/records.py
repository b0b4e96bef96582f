"""What a sweep decided by itself, as sweep.json has it."""

from __future__ import annotations

from dataclasses import dataclass

SEARCH_SHARE = 0.75  # of the time limit in which new trials begin


@dataclass(frozen=True, kw_only=True)
class CandidateRecord:
    """A model that was looked at more closely, by its full name, and whether it is searched, with the `reason`.

    `weights` is the published set that it starts from, or "none"; `figure` what their authors measured. `step_seconds`
    is an update with `batch` images, `memory` in bytes the most that was in use until then; `probe` is the share of
    `probe_images` that a linear model on its features gets right. None where nobody measured it.
    """

    model: str
    weights: str
    is_searched: bool
    reason: str
    figure: float | None = None
    batch: int | None = None
    step_seconds: float | None = None
    memory: int | None = None
    probe: float | None = None
    probe_images: int = 0


@dataclass(frozen=True, kw_only=True)
class AutomaticRecord:
    """Every candidate, in the order of the published figures, and each decision in a sentence with its reason.

    From `search_share` of the time limit on nothing new is begun: what is paused is trained to its end.
    """

    candidates: tuple[CandidateRecord, ...]
    decisions: tuple[str, ...]
    search_share: float = SEARCH_SHARE
