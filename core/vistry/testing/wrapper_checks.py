"""The check of a plugin's wrappers: the models of other plugins still work with it installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from vistry.errors import Problem
from vistry.kernels.table import plugin_kernels
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin, discover
from vistry.registry.policy import Policy
from vistry.testing.build_checks import model_is_built, predictions_have_the_right_shape
from vistry.testing.check import CheckFailed, NothingToCheck, require
from vistry.testing.compositions import composes, own_models, with_backbones
from vistry.testing.feature_map_checks import absent_feature_maps, feature_maps_are_as_declared
from vistry.testing.freezing_checks import freezing_prefixes_match
from vistry.testing.hyperparameter_checks import defaults_can_be_used
from vistry.testing.model_subject import ModelSubject, PluginSubject, message
from vistry.testing.training_checks import loss_is_finite
from vistry.testing.weights_checks import weights_round_trip_safetensors
from vistry.training.auto_values import with_auto_resolved

CheckFunction = Callable[[ModelSubject], object]


def absent_wrappers(subject: PluginSubject) -> str:
    """Return why no wrapper is checked, "" if some are."""
    manifest = subject.plugin.manifest
    return "" if manifest and manifest.wraps else "the plugin wraps no hooks"


def others_work_under_its_wrappers(subject: PluginSubject) -> str:
    """With its wrappers around them, the installed models of other plugins have valid defaults, learn and predict."""
    others = [plugin for plugin in discover() if plugin.in_use and plugin.models and not _is_own(plugin, subject)]
    if not others:
        raise NothingToCheck("no other plugin with models is installed; install one to check the wrappers around it")
    models = broken_by(subject.plugin, others)
    return f"around {models} models of {len(others)} plugins"


def broken_by(wrapper: Plugin, others: Iterable[Plugin]) -> int:
    """Make the checks that a plugin's wrappers touch on others' models; return the number of models.

    Every plugin's smallest model has its hyperparameters checked, and the smallest of each task is computed too. Raises
    CheckFailed where a model fails one of them that it passes without the wrapper.
    """
    wraps = wrapper.manifest.wraps if wrapper.manifest else ()
    pairs = [pair for other in others for pair in _pairs(wrapper, other)]
    for pair in pairs:
        pair.compare(_cheap(wraps), wrapper)
    for pair in _smallest_of_each_task(pairs):
        pair.compare(_thorough(wraps), wrapper)
    return len({pair.alone.card.full_name for pair in pairs})


@dataclass(frozen=True)
class _Pair:
    """A model for a task, alone and with the wrapper installed."""

    alone: ModelSubject
    wrapped: ModelSubject

    def compare(self, functions: Iterable[CheckFunction], wrapper: Plugin) -> None:
        """Raise CheckFailed for a check that passes alone and fails with the wrapper."""
        for function in functions:
            reason = _failure(function, self.wrapped, wrapper)
            if reason and not _failure(function, self.alone, wrapper):
                hooks = ", ".join(wrapper.manifest.wraps if wrapper.manifest else ())
                card = self.alone.card
                raise CheckFailed(
                    f"with it installed, {card.full_name} of {card.distribution} for {self.alone.task} fails: "
                    f"{reason}; correct its wrapper of {hooks}"
                )


def _failure(function: CheckFunction, model: ModelSubject, wrapper: Plugin) -> str:
    """Return why a check fails on a model, "" if it passes or can't be made."""
    try:
        function(model)
    except NothingToCheck:
        return ""  # a policy may refuse every input that the check would make
    except Exception as error:
        return message(error, PluginSubject(wrapper))
    return ""


def _pairs(wrapper: Plugin, other: Plugin) -> Iterator[_Pair]:
    """Yield a plugin's smallest model for each of its tasks."""
    if composes(other):
        plugins = with_backbones(other, discover()).plugins
    else:
        plugins = (other,)
    alone = Catalogue.of([plugin for plugin in plugins if plugin.handle != wrapper.handle], Policy())
    cards = own_models(other, alone)
    if not cards:
        return
    card = min(cards, key=lambda card: card.parameters)
    wrapped = Catalogue.of([*alone.plugins, wrapper], Policy())
    for task in card.tasks:
        first = ModelSubject(alone, card, task=task, backend=card.backends[0])
        yield _Pair(first, replace(first, catalogue=wrapped))


def _smallest_of_each_task(pairs: Iterable[_Pair]) -> Iterator[_Pair]:
    smallest: dict[str, _Pair] = {}
    for pair in pairs:
        task = pair.alone.task
        if task not in smallest or _size(pair.alone.card) < _size(smallest[task].alone.card):
            smallest[task] = pair
    yield from smallest.values()


def _size(card: ModelCard) -> int:
    return card.parameters


def _cheap(wraps: Iterable[str]) -> list[CheckFunction]:
    return [function for hook in wraps for function in _CHEAP.get(hook, ())]


def _thorough(wraps: Iterable[str]) -> list[CheckFunction]:
    return list(dict.fromkeys(function for hook in wraps for function in _THOROUGH.get(hook, ())))


def _problems_are_problems(model: ModelSubject) -> None:
    """Problems may be found: a policy may refuse a model. They have to be a list of Problem."""
    problems = model.default_context.problems(model.default_context.hyperparameters)
    require(
        isinstance(problems, list) and all(isinstance(problem, Problem) for problem in problems),
        f"vistry_check_hyperparameters gives {problems!r}, which is not a list of Problem",
    )


def _auto_is_resolved(model: ModelSubject) -> None:
    with_auto_resolved(model.context(), [])


def _kernels_are_listed(model: ModelSubject) -> None:
    plugin_kernels(model.catalogue)


def _maps_are_as_declared(model: ModelSubject) -> None:
    if not absent_feature_maps(model):
        feature_maps_are_as_declared(model)


_CHEAP: Mapping[str, tuple[CheckFunction, ...]] = {
    "vistry_default_hyperparameters": (defaults_can_be_used,),
    "vistry_check_hyperparameters": (_problems_are_problems,),
    "vistry_resolve_auto": (_auto_is_resolved,),
    "vistry_kernels": (_kernels_are_listed,),
}
_THOROUGH: Mapping[str, tuple[CheckFunction, ...]] = {
    "vistry_build_model": (model_is_built, predictions_have_the_right_shape, loss_is_finite),
    "vistry_build_feature_maps": (_maps_are_as_declared,),
    "vistry_freezing_map": (freezing_prefixes_match,),
    "vistry_build_loss": (loss_is_finite,),
    "vistry_build_postprocess": (predictions_have_the_right_shape,),
    "vistry_build_input": (loss_is_finite, predictions_have_the_right_shape),
    "vistry_preprocessing": (loss_is_finite, predictions_have_the_right_shape),
    "vistry_map_weights": (weights_round_trip_safetensors,),
    "vistry_default_hyperparameters": (loss_is_finite,),
}


def _is_own(plugin: Plugin, subject: PluginSubject) -> bool:
    return plugin.handle == subject.plugin.handle
