"""Questions to the registry cost no tensor library, and run no plugin."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "torchvision", "jax", "flax", "timm", "sklearn", "PIL", "numpy")
PLUGINS = ("vistry_mobilenetv2", "vistry_resnest", "vistry_resnet", "vistry_seresnext", "vistry_vit")
PRINT = "\nimport sys; print('loaded:', *sorted({name.partition('.')[0] for name in sys.modules}))"
COMMAND = "import sys\nfrom vistry.cli import main\nsys.argv[1:] = {arguments!r}\nmain(standalone_mode=False)"


def loaded(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", code + PRINT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return set(done.stdout.rpartition("loaded:")[2].split())


@pytest.mark.parametrize(
    "code",
    [
        "import vistry",
        "import vistry; assert vistry.models()",
        "import vistry; vistry.model('resnet50'); vistry.tasks(); vistry.plugins()",
        "import vistry; assert vistry.layers_to_freeze('resnet50')",
        "import vistry; assert vistry.Catalogue.read().refresh().models(sort='-imagenet1k.top1', stride=8)",
        "import vistry; assert vistry.registry_schema()",
        "import vistry; assert vistry.model_facts('vits16r224').defaults",
        "import vistry; assert vistry.compare_models(['resnet50', 'yolov5']).rows",
        "import vistry; assert vistry.weights('resnet50'); assert vistry.kernels()",
        COMMAND.format(arguments=["models", "--json"]),
        COMMAND.format(arguments=["models", "show", "resnet50"]),
        COMMAND.format(arguments=["models", "compare", "resnet50", "vits16r224"]),
        COMMAND.format(arguments=["plugins"]),
        COMMAND.format(arguments=["tasks", "--json"]),
        COMMAND.format(arguments=["schema", "models"]),
    ],
)
def test_a_listing_imports_next_to_nothing(code: str) -> None:
    names = loaded(code)
    assert names.isdisjoint({*HEAVY, *PLUGINS, "pydantic", "pluggy", "rich", "tomlkit", "yaml"})
    assert ("click" in names) == ("vistry.cli" in code)


def test_a_list_of_models_costs_no_reader_of_mail() -> None:
    """`importlib.metadata` imports one, and much else: a third of what a listing takes."""
    assert loaded(COMMAND.format(arguments=["models"])).isdisjoint({"email", "zipfile", "socket"})


@pytest.mark.parametrize(
    "code",
    [
        "import vistry; vistry.hyperparameters('resnet50', 'multiclass').json_schema()",
        COMMAND.format(arguments=["hyperparameters", "resnet50", "--task", "multiclass", "--json"]),
    ],
)
def test_hyperparameters_cost_pydantic_and_no_more(code: str) -> None:
    names = loaded(code)
    assert names.isdisjoint({*HEAVY, *PLUGINS, "pluggy", "rich", "tomlkit", "yaml"})
    assert "pydantic" in names


def test_switching_a_plugin_costs_tomlkit_and_no_plugin(tmp_path: object) -> None:
    arguments = ["plugins", "disable", "resnet", "--user"]
    code = f"import os; os.environ['XDG_CONFIG_HOME'] = {str(tmp_path)!r}\n"
    names = loaded(code + COMMAND.format(arguments=arguments))
    assert names.isdisjoint({*HEAVY, *PLUGINS, "pydantic", "pluggy", "rich"})
    assert "tomlkit" in names


def test_checking_plugins_imports_their_hooks_and_no_tensor_library() -> None:
    names = loaded(COMMAND.format(arguments=["plugins", "check"]))
    assert set(PLUGINS) <= names
    assert names.isdisjoint(HEAVY)


@pytest.mark.parametrize("package", PLUGINS)
def test_importing_a_plugins_hooks_imports_no_tensor_library(package: str) -> None:
    assert loaded(f"import {package}.hooks").isdisjoint(HEAVY)
