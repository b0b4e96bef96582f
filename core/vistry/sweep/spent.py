"""The time that a sweep has taken, by its events: a killed process couldn't write it down at its end."""

from __future__ import annotations

from collections.abc import Iterable

from vistry.sweep.records import Event


def seconds_spent(events: Iterable[Event]) -> float:
    """The seconds in which at least one process worked: each from its `opened` to its last event."""
    spans: list[tuple[float, float]] = []
    of_worker: dict[str, int] = {}  # the place of a worker's present span
    for event in events:
        if event.kind == "opened" or event.worker not in of_worker:
            of_worker[event.worker] = len(spans)
            spans.append((event.time, event.time))
        place = of_worker[event.worker]
        spans[place] = spans[place][0], max(spans[place][1], event.time)
    seconds, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        seconds += max(0.0, end - max(start, until))
        until = max(until, end)
    return seconds
