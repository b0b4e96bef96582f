"""Which of the models that were looked at are searched, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistry.sweep.automatic.records import CandidateRecord
from vistry.sweep.automatic.survey import Tried

BEST = 3  # are searched, and the fastest with them


@dataclass(frozen=True)
class Choice:
    """What is searched, the most promising first; `fastest` is one of them."""

    ranked: tuple[Tried, ...]
    fastest: Tried
    reasons: dict[str, str]  # by the full name of each model that was looked at

    def record(self, tried: Tried) -> CandidateRecord:
        """What sweep.json says of a model that was looked at."""
        return CandidateRecord(
            model=tried.candidate.model,
            weights=tried.candidate.weights,
            is_searched=tried in self.ranked,
            reason=self.reasons[tried.candidate.model],
            figure=tried.candidate.figure,
            batch=tried.batch,
            step_seconds=tried.measured.step_seconds,
            memory=tried.measured.memory,
            probe=None if tried.probe is None else tried.probe.accuracy,
            probe_images=0 if tried.probe is None else tried.probe.images,
        )


def choice_of(tried: Sequence[Tried], *, by_speed: bool) -> Choice:
    """Choose among models in the order of their published figures.

    By the mean of their places by that figure and by the probe, which choose better together than either alone
    (Renggli et al., CVPR 2022); `by_speed`, for detectors, by the figure over the time for an image.
    """
    fastest = min(tried, key=lambda one: one.seconds_per_image)
    probed = sorted(tried, key=lambda one: -one.probe.accuracy if one.probe else 0.0)

    def place(one: Tried) -> tuple[float, int]:
        published = tried.index(one)
        if by_speed:
            return -(one.candidate.figure or 1.0) / one.seconds_per_image, published
        return (published + probed.index(one)) / 2, published

    order = sorted(tried, key=place)
    ranked = [one for number, one in enumerate(order) if number < BEST or one is fastest]
    reasons = {one.candidate.model: _reason(order.index(one) + 1, one, fastest) for one in tried}
    return Choice(ranked=tuple(ranked), fastest=fastest, reasons=reasons)


def _reason(number: int, one: Tried, fastest: Tried) -> str:
    text = f"place {number}"
    if one is fastest:
        return f"{text}, and the fastest"
    return text if number <= BEST else f"{text}, after the {BEST} best and the fastest"
