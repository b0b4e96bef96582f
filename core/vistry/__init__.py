"""Vistry: an open, local AutoML for images whose model architectures are plugins."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from vistry.lazy import lazy_names

if TYPE_CHECKING:
    from vistry.answers import registry_schema as registry_schema
    from vistry.choosing.comparison import compare_models as compare_models
    from vistry.choosing.facts import model_facts as model_facts
    from vistry.choosing.measurement import measure as measure
    from vistry.datasets import convert as convert
    from vistry.datasets import data_report as data_report
    from vistry.datasets import doctor as doctor
    from vistry.datasets import suspect_labels as suspect_labels
    from vistry.errors import VistryError as VistryError
    from vistry.export.session import export as export
    from vistry.inference.evaluate import evaluate as evaluate
    from vistry.inference.import_checkpoint import import_weights as import_weights
    from vistry.inference.load import load as load
    from vistry.inference.predict import predict as predict
    from vistry.inference.threshold import threshold as threshold
    from vistry.plugin_actions import check_plugin as check_plugin
    from vistry.plugin_actions import check_plugin_pair as check_plugin_pair
    from vistry.plugin_actions import check_plugins as check_plugins
    from vistry.plugin_actions import disable_plugin as disable_plugin
    from vistry.plugin_actions import enable_plugin as enable_plugin
    from vistry.plugin_actions import new_plugin as new_plugin
    from vistry.plugin_actions import plugin_schema as plugin_schema
    from vistry.queries import create as create
    from vistry.queries import find_kernels as find_kernels
    from vistry.queries import find_plugin as find_plugin
    from vistry.queries import find_run as find_run
    from vistry.queries import find_task as find_task
    from vistry.queries import find_weights as find_weights
    from vistry.queries import hyperparameters as hyperparameters
    from vistry.queries import kernels as kernels
    from vistry.queries import layers_to_freeze as layers_to_freeze
    from vistry.queries import model as model
    from vistry.queries import models as models
    from vistry.queries import plugins as plugins
    from vistry.queries import report as report
    from vistry.queries import runs as runs
    from vistry.queries import tasks as tasks
    from vistry.queries import weights as weights
    from vistry.registry.catalogue import Catalogue as Catalogue
    from vistry.sweep.export import export_sweep as export_sweep
    from vistry.sweep.folder import find_sweep as find_sweep
    from vistry.sweep.folds.session import cross_validate as cross_validate
    from vistry.sweep.folds.session import resume_folds as resume_folds
    from vistry.sweep.from_python import sweep as sweep
    from vistry.sweep.job_files.run import run_job as run_job
    from vistry.sweep.session import resume_sweep as resume_sweep
    from vistry.training.session import resume as resume
    from vistry.training.session import train as train
    from vistry.weights_actions import fetch_weights as fetch_weights
    from vistry.weights_actions import remove_weights as remove_weights
    from vistry.weights_actions import verify_weights as verify_weights
    from vistry.weights_actions import weights_path as weights_path

    __version__: str

# The module of each public name. It is imported when the name is first used, so that `import vistry` costs nothing.
HOME = {
    "Catalogue": "vistry.registry.catalogue",
    "VistryError": "vistry.errors",
    "check_plugin": "vistry.plugin_actions",
    "check_plugin_pair": "vistry.plugin_actions",
    "check_plugins": "vistry.plugin_actions",
    "compare_models": "vistry.choosing.comparison",
    "convert": "vistry.datasets",
    "create": "vistry.queries",
    "cross_validate": "vistry.sweep.folds.session",
    "data_report": "vistry.datasets",
    "disable_plugin": "vistry.plugin_actions",
    "doctor": "vistry.datasets",
    "enable_plugin": "vistry.plugin_actions",
    "evaluate": "vistry.inference.evaluate",
    "export": "vistry.export.session",
    "export_sweep": "vistry.sweep.export",
    "fetch_weights": "vistry.weights_actions",
    "find_kernels": "vistry.queries",
    "find_plugin": "vistry.queries",
    "find_run": "vistry.queries",
    "find_sweep": "vistry.sweep.folder",
    "find_task": "vistry.queries",
    "find_weights": "vistry.queries",
    "hyperparameters": "vistry.queries",
    "import_weights": "vistry.inference.import_checkpoint",
    "kernels": "vistry.queries",
    "layers_to_freeze": "vistry.queries",
    "load": "vistry.inference.load",
    "measure": "vistry.choosing.measurement",
    "model": "vistry.queries",
    "model_facts": "vistry.choosing.facts",
    "models": "vistry.queries",
    "new_plugin": "vistry.plugin_actions",
    "plugin_schema": "vistry.plugin_actions",
    "plugins": "vistry.queries",
    "predict": "vistry.inference.predict",
    "registry_schema": "vistry.answers",
    "remove_weights": "vistry.weights_actions",
    "report": "vistry.queries",
    "resume": "vistry.training.session",
    "resume_folds": "vistry.sweep.folds.session",
    "resume_sweep": "vistry.sweep.session",
    "run_job": "vistry.sweep.job_files.run",
    "runs": "vistry.queries",
    "sweep": "vistry.sweep.from_python",
    "suspect_labels": "vistry.datasets",
    "tasks": "vistry.queries",
    "threshold": "vistry.inference.threshold",
    "train": "vistry.training.session",
    "verify_weights": "vistry.weights_actions",
    "weights": "vistry.queries",
    "weights_path": "vistry.weights_actions",
}
# Functions that share their name with a package, which is callable in their place: vistry.callable_package.
_CALLABLE_PACKAGES = ("export", "kernels", "report", "runs", "sweep", "weights")
__all__ = list(HOME)

_name, _names = lazy_names(__name__, HOME)


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("vistry")
    if name in _CALLABLE_PACKAGES:
        return import_module(f"vistry.{name}")
    return _name(name)


def __dir__() -> list[str]:
    return sorted({"__version__", *globals(), *_names()})
