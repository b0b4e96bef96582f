"""Each way to be a bad plugin ends in its state with what to type, and the good ones still work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def environment(make_environment: Callable[..., Any], wheels: dict[str, Path], plugin_wheels: dict[str, Path]) -> Any:
    others = [wheel for name, wheel in plugin_wheels.items() if name != "wrapping"]
    return make_environment(wheels["vistry"], wheels["vistry-mobilenetv2"], *others)


@pytest.fixture(scope="module")
def listed(environment: Any) -> dict[str, dict[str, Any]]:
    return {plugin["name"]: plugin for plugin in environment.json("plugins")["plugins"]}


@pytest.fixture(scope="module")
def checked(environment: Any) -> dict[str, dict[str, Any]]:
    done = environment.run("vistry", "plugins", "check", "--json")
    assert done.returncode == 1
    return {plugin["name"]: plugin for plugin in json.loads(done.stdout)["plugins"]}


LISTED = {
    "mobilenetv2": ("ok", "", ""),
    "future": (
        "incompatible",
        "it was written for plugin API 2.0, and this Vistry offers 1.0",
        "type: pip install --upgrade vistry, or type: vistry plugins disable future",
    ),
    "newer": (
        "incompatible",
        "it was written for plugin API 1.7, and this Vistry offers 1.0",
        "type: pip install --upgrade vistry, or type: vistry plugins disable newer",
    ),
    "older": (
        "incompatible",
        "it was written for plugin API 0.9, and this Vistry offers 1.0",
        "type: pip install --upgrade vistry-older, or type: vistry plugins disable older",
    ),
    "faulty": (
        "invalid",
        "{site}/vistry_faulty/plugin.toml:5: 'licence' is not a known key; did you mean 'license'?; "
        "{site}/vistry_faulty/plugin.toml:1: 'license' is missing; add license = ...",
        "correct the file, or type: vistry plugins disable faulty",
    ),
    "dotted": (
        "invalid",
        "its entry point 'vistry_dotted.inner:plugin.toml' names a package inside 'vistry_dotted', and finding that "
        "would run vistry_dotted/__init__.py; move plugin.toml into 'vistry_dotted' and write "
        "'vistry_dotted:plugin.toml'",
        'correct [project.entry-points."vistry.plugins"] in its pyproject.toml and reinstall it, '
        "or type: vistry plugins disable dotted",
    ),
    "absent": (
        "invalid",
        "its entry point names the package 'vistry_abscent', which is not installed",
        'correct [project.entry-points."vistry.plugins"] in its pyproject.toml and reinstall it, '
        "or type: vistry plugins disable absent",
    ),
    "good": (
        "conflict",
        "vistry-rival offers goodnet too",
        'its other models work; to have these from good, write under [prefer] in registry.toml: "goodnet" = "good"',
    ),
    "rival": (
        "conflict",
        "vistry-good offers goodnet too",
        'its other models work; to have these from rival, write under [prefer] in registry.toml: "goodnet" = "rival"',
    ),
    "raising": ("ok", "", ""),
    "misspelt": ("ok", "", ""),
    "unmarked": ("ok", "", ""),
    "missing": ("ok", "", ""),
}
CHECKED = {
    "raising": (
        "importing vistry_raising.hooks ({site}/vistry_raising/hooks.py:1) raised RuntimeError: no such driver",
        'to see where, type: python -c "import vistry_raising.hooks"',
    ),
    "misspelt": (
        "there is no hook 'vistry_build_modle'; did you mean 'vistry_build_model'?",
        "correct {site}/vistry_misspelt/hooks.py",
    ),
    "unmarked": (
        "'vistry_build_model' lacks @hookimpl above it",
        "correct {site}/vistry_unmarked/hooks.py",
    ),
    "missing": (
        "plugin.toml says hooks = \"vistry_missing.hooks:thing\", but vistry_missing.hooks has no 'thing'",
        "correct {site}/vistry_missing/plugin.toml",
    ),
}


def with_site(text: str, environment: Any) -> str:
    [site] = environment.folder.glob("lib/python*/site-packages")
    return text.replace("{site}", str(site))


@pytest.mark.parametrize("name", LISTED)
def test_what_the_list_says_without_running_anything(name: str, listed: Any, environment: Any) -> None:
    found = tuple(listed[name][key] for key in ("state", "reason", "remedy"))
    assert found == tuple(with_site(text, environment) for text in LISTED[name])


def test_the_list_is_complete(listed: Any) -> None:
    assert set(listed) == set(LISTED)


@pytest.mark.parametrize("name", CHECKED)
def test_what_the_check_finds_out(name: str, checked: Any, environment: Any) -> None:
    reason, remedy = (with_site(text, environment) for text in CHECKED[name])
    go_on = f", or go on without it: vistry plugins disable {name}"
    found = tuple(checked[name][key] for key in ("state", "reason", "remedy"))
    assert found == ("broken", reason, remedy + go_on)


@pytest.mark.parametrize("name", sorted(set(LISTED) - set(CHECKED)))
def test_the_check_leaves_the_other_states(name: str, checked: Any, listed: Any) -> None:
    assert checked[name] == listed[name]


def test_the_good_ones_still_work(environment: Any) -> None:
    names = {model["full_name"] for model in environment.json("models")["models"]}
    assert {"mobilenetv2/mobilenetv2", "good/goodnet", "rival/goodnet"} <= names
    done = environment.python(
        "import vistry; from vistry.registry.catalogue import Catalogue; from vistry.plugin.calls import OwnerHooks\n"
        "from vistry.plugin import hooks\ncatalogue = Catalogue.read()\n"
        "card = catalogue.model('good/goodnet')\n"
        "print(OwnerHooks.of_model(catalogue, card).ask(hooks.vistry_build_model, card=card, backbone=None,\n"
        "    task='image_classification', num_classes=3, hyperparameters={}, backend='torch'))"
    )
    assert done == "Linear(in_features=1, out_features=3, bias=True)"


def test_using_a_broken_one_says_what_to_type(environment: Any) -> None:
    done = environment.run(
        "python",
        "-c",
        "import vistry\ntry: vistry.layers_to_freeze('raisingnet', 'multiclass')\n"
        "except vistry.VistryError as error: print(error)",
    )
    assert done.stdout.strip() == with_site(
        "the plugin 'raising' of vistry-raising 1.0 is broken: importing vistry_raising.hooks "
        "({site}/vistry_raising/hooks.py:1) raised RuntimeError: no such driver; to see where, type: python -c "
        '"import vistry_raising.hooks", or go on without it: vistry plugins disable raising',
        environment,
    )


def test_following_the_remedies_mends_everything(environment: Any, tmp_path: Path) -> None:
    bad = [name for name, (state, *_) in LISTED.items() if state in ("incompatible", "invalid")] + list(CHECKED)
    project = tmp_path / "registry.toml"
    project.write_text('[prefer]\n"goodnet" = "good"\n')
    for name in bad:
        assert environment.run("vistry", "plugins", "disable", name, cwd=tmp_path).returncode == 0
    done = environment.run("vistry", "plugins", "check", "--json", cwd=tmp_path)
    states = {plugin["name"]: plugin["state"] for plugin in json.loads(done.stdout)["plugins"]}
    assert done.returncode == 0
    assert states == {**dict.fromkeys(LISTED, "ok"), **dict.fromkeys(bad, "disabled")}
    shown = environment.run("vistry", "models", "show", "goodnet", "--json", cwd=tmp_path)
    assert json.loads(shown.stdout)["model"]["full_name"] == "good/goodnet"


SPAWN = """
import multiprocessing, sys
import vistry

def names(_):
    return sorted(card.full_name for card in vistry.models())

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.map(names, range(2))
    print(found == [names(0)] * 2, len(found[0]))
"""


def test_spawned_workers_find_the_plugins_again(environment: Any, tmp_path: Path) -> None:
    script = tmp_path / "spawn.py"
    script.write_text(SPAWN)
    done = environment.run("python", str(script))
    assert done.stdout.split()[0] == "True", done.stderr
    assert int(done.stdout.split()[1]) == len(environment.json("models")["models"])


def test_a_plugin_that_wraps_everybodys_defaults(
    make_environment: Callable[..., Any], wheels: dict[str, Path], plugin_wheels: dict[str, Path]
) -> None:
    environment = make_environment(
        wheels["vistry"], wheels["vistry-mobilenetv2"], plugin_wheels["wrapping"], plugin_wheels["misspelt"]
    )
    for model in ("mobilenetv2", "misspeltnet", "wrappingnet"):
        code = f"""
import vistry
try:
    field = vistry.hyperparameters({model!r}, "multiclass").fields["weight_decay"]
    print(field.default, "from", field.origin)
except vistry.VistryError as error:
    print(error)
"""
        found = environment.python(code)
        if model == "misspeltnet":
            assert "there is no hook 'vistry_build_modle'" in found
        else:
            assert found.startswith("0.5 from vistry_default_hyperparameters of wrapping (")
            assert "/vistry_wrapping/hooks.py:" in found
    without = environment.python(code, VISTRY_DISABLE="wrapping")
    assert "which is disabled by VISTRY_DISABLE; take it out of VISTRY_DISABLE" in without
