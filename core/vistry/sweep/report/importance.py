"""How much each hyperparameter mattered, by Optuna's PED-ANOVA on the coordinates that all models share.

Watanabe, Bansal and Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces"
(2023). Optuna is a library of estimates here; where it isn't installed there is no estimate.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.util import find_spec

from markupsafe import Markup

from vistry.report.markup import element, text_of
from vistry.report.section import Section
from vistry.report.table import table
from vistry.sweep.coordinates import ARM
from vistry.sweep.expected_end import ExpectedEnd
from vistry.sweep.report.contents import Contents
from vistry.sweep.space import Group

FEWEST = 10  # trials, below which nothing can be said
EXTRA = 'pip install "vistry[sweep]"'


def importances(contents: Contents) -> Mapping[str, float] | None:
    """The share of each coordinate, the largest first, 1 in all; None without Optuna, empty for too few trials.

    Trials count with the score that they promise to end with, so that those that were paused early count, too.
    """
    if find_spec("optuna") is None:
        return None
    expected = ExpectedEnd(contents.trials, contents.record.space.score)
    coordinates = contents.coordinates
    points = [
        (point, end)
        for trial in contents.scored
        if (point := coordinates.point_of(trial)) is not None and (end := expected.of(trial)) is not None
    ]
    varied = [name for name in shared(contents) if len({point[name] for point, _ in points}) > 1]
    if len(points) < FEWEST or len({end for _, end in points}) < 2 or not varied:
        return {}
    import optuna

    distributions: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.CategoricalDistribution(range(coordinates.categorical[name]))
        if name in coordinates.categorical
        else optuna.distributions.FloatDistribution(0.0, 1.0)
        for name in varied
    }
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(direction="maximize")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the estimate may change with a later Optuna
            for point, end in points:
                params = {
                    name: int(point[name]) if name in coordinates.categorical else float(point[name]) for name in varied
                }
                study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=end))
            evaluator = optuna.importance.PedAnovaImportanceEvaluator()
            shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    finally:
        optuna.logging.set_verbosity(verbosity)
    return {name: float(share) for name, share in shares.items()}


def shared(contents: Contents) -> list[str]:
    """The coordinates that every model has.

    One that some models lack would be taken for important wherever these models are better or worse than others.
    """
    coordinates, groups = contents.coordinates, contents.record.space.groups
    every = [ARM, *(name for name in coordinates.categorical if name != ARM), *coordinates.numeric]
    return [name for name in every if name == ARM or all(_draws(group, name) for group in groups)]


def _draws(group: Group, name: str) -> bool:
    one = group.parameters.get(name)
    return one is not None and len(one.choices) != 1


def importance_section(contents: Contents, shares: Mapping[str, float] | None) -> Section:
    """Draw a bar for each hyperparameter, or say why there is none."""
    title = "What mattered"
    if shares is None:
        missing = element("p", "It takes Optuna, which isn't installed: ", element("code", EXTRA), class_="none")
        return Section("importance", title, "", parts=[missing])
    if not shares:
        text = f"It takes {FEWEST} trials with different scores to tell; {len(contents.scored)} have one."
        return Section("importance", title, text, parts=[])
    largest = max(shares.values()) or 1.0
    rows = [(text_of(_title(name)), _bar(share, largest)) for name, share in shares.items()]
    note = (
        "How much of the difference between the best tenth of the trials and the others goes with each hyperparameter "
        "alone (PED-ANOVA), estimated from few trials: it says where to search on, and no more."
    )
    others = [name for name in contents.varied if name not in shared(contents)]
    if others:
        note += f" What only some models have isn't compared: {', '.join(others)}."
    return Section("importance", title, note, parts=[table(("hyperparameter", "importance"), rows)])


def _title(name: str) -> str:
    return "model" if name == ARM else name.partition("@")[0]


def _bar(share: float, largest: float) -> Markup:
    bar = element("i", style=f"width:{100 * max(0.0, share) / largest:.1f}%")
    return element("span", element("b", f"{share:.2f}"), element("span", bar, class_="track"), class_="length")
