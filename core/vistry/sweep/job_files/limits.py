"""The section `limits`: how many trials, how many at once, how long."""

from __future__ import annotations

from vistry.sweep.job_files.document import Node, Remarks, mapping, refuse_unknown, shown
from vistry.sweep.job_files.scalars import number, whole
from vistry.sweep.request import Limits

MOST_TRIALS = 1000
MOST_AT_ONCE = 100
_KEYS = ("max_trials", "max_concurrent_trials", "timeout_minutes")
_INSTEAD = {
    "timeout": "write timeout_minutes, for the whole job",
    "trial_timeout_minutes": "the whole job has a limit: write timeout_minutes",
    "trial_timeout": "the whole job has a limit: write timeout_minutes",
    "experiment_timeout_minutes": "write timeout_minutes",
    "max_nodes": "it is for jobs about tables; for trials at once write max_concurrent_trials",
    "exit_score": "it is for jobs about tables",
    "enable_early_termination": "it is for jobs about tables; write early_termination under sweep",
    "max_cores_per_trial": "it is for jobs about tables",
}


def limits_of(document: Node, remarks: Remarks) -> Limits:
    """What may be spent; one trial where the file doesn't say, as in the product."""
    section = mapping(document.get("limits"), remarks, "limits: {max_trials: 10}")
    if section is None:
        return Limits(max_trials=1)
    refuse_unknown(section, _KEYS, remarks, instead=_INSTEAD)
    trials = whole(section.get("max_trials"), remarks, 1, high=MOST_TRIALS)
    at_once = whole(node := section.get("max_concurrent_trials"), remarks, 1, high=MOST_AT_ONCE)
    # Where the number was refused, one trial would be no better a guess.
    if trials is None and section.get("max_trials") is None:
        trials = 1
    if node is not None and trials is not None and at_once is not None and at_once > trials:
        remarks.say(node, f"{at_once} at once are more than there are trials; {trials} is taken")
        at_once = trials
    return Limits(max_trials=trials, max_concurrent_trials=at_once, time_limit=_seconds(section, remarks))


def _seconds(section: Node, remarks: Remarks) -> float | None:
    node = section.get("timeout_minutes")
    minutes = number(node, remarks, "a number of minutes above 0")
    if node is None or minutes is None:
        return None
    if minutes <= 0:
        remarks.refuse(node, f"must be a number of minutes above 0, got {shown(node.value)}")
        return None
    return minutes * 60
