"""The section `sweep`: how trials are chosen, and when one is ended early."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vistry.errors import suggestion
from vistry.sweep.job_files.document import Node, Remarks, mapping, refuse_unknown, shown, snake_case
from vistry.sweep.job_files.scalars import number, whole
from vistry.sweep.request import SamplerRequest, TerminationRequest

SWEEP_KEYS = ("sampling_algorithm", "early_termination")
NEVER = TerminationRequest(name="none")
# What the product has.
PRODUCTS_SAMPLERS = ("random", "grid", "bayesian")
PRODUCTS_POLICIES = ("bandit", "median_stopping", "truncation_selection")
_INTERVALS = ("type", "evaluation_interval", "delay_evaluation")
_INSTEAD = {
    "limits": "write it beside sweep, at the top of the file",
    "search_space": "write it beside sweep, at the top of the file",
    "objective": "write primary_metric at the top of the file",
    "early_stopping": "write early_termination for trials; early_stopping is of training_parameters",
}


@dataclass(frozen=True)
class Sampling:
    """A sampler, and the natural logarithm of the base that logarithmic distributions have."""

    sampler: SamplerRequest
    log_base: float = 1.0


def sampling_of(document: Node, remarks: Remarks, known: Sequence[str] = PRODUCTS_SAMPLERS) -> Sampling:
    """How trials are chosen, by a sampler that is known: at random where the file has a space and no sweep."""
    section = mapping(document.get("sweep"), remarks, "sweep: {sampling_algorithm: random}")
    if section is None:
        return Sampling(SamplerRequest(name="random"))
    refuse_unknown(section, SWEEP_KEYS, remarks, instead=_INSTEAD)
    node = section.get("sampling_algorithm")
    if node is None:
        remarks.refuse(section, "sampling_algorithm is missing", f"write one of {', '.join(known)}")
        return Sampling(SamplerRequest(name="random"))
    return _sampler(node, remarks, known)


def _sampler(node: Node, remarks: Remarks, known: Sequence[str]) -> Sampling:
    kind = node.get("type") if isinstance(node.value, dict) else node
    name = snake_case(kind.value) if kind is not None and isinstance(kind.value, str) else None
    if name is None or name not in known:
        got = "no type" if kind is None else shown(kind.value)
        remarks.refuse(kind or node, f"must be {_one_of(known)}, got {got}", suggestion(name or "", known))
        return Sampling(SamplerRequest(name="random"))
    keys = ("type", "seed", "rule", "logbase") if name == "random" else ("type",)
    refuse_unknown(node, keys, remarks)
    rule = node.text("rule")
    if node.get("rule") is not None and rule not in ("random", "sobol"):
        remarks.refuse(rule_node := node.get("rule") or node, f"must be random or sobol, got {shown(rule_node.value)}")
    seed = whole(node.get("seed"), remarks, 0) or 0
    return Sampling(SamplerRequest(name="sobol" if rule == "sobol" else name, seed=seed), _log_base(node, remarks))


def _log_base(node: Node, remarks: Remarks) -> float:
    base = node.get("logbase")
    if base is None or base.value == "e":
        return 1.0
    value = number(base, remarks, "e or a number above 1")
    if value is not None and value <= 1:
        remarks.refuse(base, f"must be e or a number above 1, got {shown(base.value)}")
    return math.log(value) if value is not None and value > 1 else 1.0


def termination_of(document: Node, remarks: Remarks, known: Sequence[str] = PRODUCTS_POLICIES) -> TerminationRequest:
    """When a trial is ended early, by a policy that is known; never where the file has none."""
    section = document.get("sweep")
    node = section.get("early_termination") if section else None
    if node is None:
        return NEVER
    node = mapping(node, remarks, "early_termination: {type: median_stopping}, or leave it out")
    if node is None:
        return NEVER
    name = node.text("type")
    if name not in known:
        kind = node.get("type")
        got = "no type" if kind is None else shown(kind.value)
        remarks.refuse(kind or node, f"must be {_one_of(known)}, got {got}", suggestion(name or "", known))
        return NEVER
    if name not in PRODUCTS_POLICIES:  # of the others none has settings
        refuse_unknown(node, ("type",), remarks)
        return TerminationRequest(name=name or "")
    return _policy(node, name, remarks)


def _one_of(names: Sequence[str]) -> str:
    return " or ".join((", ".join(names[:-1]), names[-1]))


def _policy(node: Node, name: str, remarks: Remarks) -> TerminationRequest:
    own = {"bandit": ("slack_factor", "slack_amount"), "truncation_selection": ("truncation_percentage",)}
    finished = ("exclude_finished_jobs",) if name == "truncation_selection" else ()
    refuse_unknown(node, (*_INTERVALS, *own.get(name, ()), *finished), remarks)
    if (excluding := node.get("exclude_finished_jobs")) is not None and excluding.value is True:
        remarks.say(excluding, "has no effect: a trial that has finished counts where it reached the interval")
    # The product documents 1 and 0 as the default, and sends 0.
    interval = whole(node.get("evaluation_interval"), remarks, 0)
    factor, amount = _slack(node, remarks) if name == "bandit" else (None, None)
    return TerminationRequest(
        name=name,
        evaluation_interval=interval or 1,
        delay_evaluation=whole(node.get("delay_evaluation"), remarks, 0) or 0,
        slack_factor=factor,
        slack_amount=amount,
        truncation_percentage=_percentage(node, remarks) if name == "truncation_selection" else None,
    )


def _slack(node: Node, remarks: Remarks) -> tuple[float | None, float | None]:
    """The factor and the amount, of which one is None; a 0 beside the other counts as not written."""
    nodes = [child for key in ("slack_factor", "slack_amount") if (child := node.get(key)) is not None]
    values = {child.key: number(child, remarks, "a number above 0") for child in nodes}
    for child in nodes:
        if (values[child.key] or 0) < 0:
            remarks.refuse(child, f"must be above 0, got {shown(child.value)}")
    if None in values.values() or any((value or 0) < 0 for value in values.values()):
        return None, None
    # Files that a program wrote have both keys, one of them 0.
    given = {name: value for name, value in values.items() if value}
    if len(given) == 2:
        remarks.refuse(nodes[1], "stands beside slack_factor, and one of them decides", "leave one of the two out")
    if not given:
        message = "bandit needs a slack_factor or a slack_amount above 0; without one only the best trial would go on"
        remarks.refuse(nodes[0] if nodes else node, message, "write slack_factor: 0.2, say")
    return given.get("slack_factor"), given.get("slack_amount")


def _percentage(node: Node, remarks: Remarks) -> int | None:
    if node.get("truncation_percentage") is None:
        remarks.refuse(node, "truncation_percentage is missing", "write a whole number from 1 to 99")
    return whole(node.get("truncation_percentage"), remarks, 1, high=99)
