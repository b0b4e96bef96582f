"""The wheels of all distributions: what an index shows of them, what lies in them, and that they work together."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
EXAMPLE = CHECKOUT / "examples" / "vistry-efficientnet-lite"
FOLDERS = [CHECKOUT / "core", *sorted(path.parent for path in CHECKOUT.glob("plugins/*/pyproject.toml")), EXAMPLE]
each_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


@pytest.fixture(scope="module")
def all_wheels(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel of each distribution by name, the example's beside those of the release."""
    folder = tmp_path_factory.mktemp("example")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(folder))
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(EXAMPLE)], check=True)
    [wheel] = folder.glob("*.whl")
    return {**wheels, EXAMPLE.name: wheel}


def name_of(folder: Path) -> str:
    return "vistry" if folder.name == "core" else f"vistry-{folder.name.removeprefix('vistry-')}"


def read(wheel: Path, pattern: str) -> bytes:
    """The one member of a wheel whose whole path fits the pattern."""
    with zipfile.ZipFile(wheel) as archive:
        [member] = [name for name in archive.namelist() if re.fullmatch(pattern, name)]
        return archive.read(member)


def metadata(wheel: Path) -> Message:
    return BytesParser().parsebytes(read(wheel, r"[^/]+\.dist-info/METADATA"))


@each_folder
def test_a_wheel_says_what_it_is(folder: Path, all_wheels: dict[str, Path]) -> None:
    fields = metadata(all_wheels[name_of(folder)])
    assert fields["Name"] == name_of(folder)
    assert fields["Summary"]
    assert fields["Author"] == "The Vistry authors"
    assert fields["License-Expression"] == "Apache-2.0"
    assert "Programming Language :: Python :: 3.13" in fields.get_all("Classifier", [])
    assert "Typing :: Typed" in fields.get_all("Classifier", [])
    links = dict(link.split(", ") for link in fields.get_all("Project-URL", []))
    assert sorted(links) == ["Changelog", "Documentation", "Issues", "Repository"]
    assert all(link.startswith("https://") for link in links.values())
    assert len(fields["Keywords"].split(",")) > 1


@each_folder
def test_a_wheel_carries_licence_readme_and_types(folder: Path, all_wheels: dict[str, Path]) -> None:
    wheel = all_wheels[name_of(folder)]
    fields = metadata(wheel)
    assert fields.get_all("License-File") == ["LICENSE"]
    assert read(wheel, r"[^/]+\.dist-info/licenses/LICENSE") == (CHECKOUT / "LICENSE").read_bytes()
    assert fields["Description-Content-Type"] == "text/markdown"
    assert str(fields.get_payload()).strip() == (folder / "README.md").read_text().strip()
    assert read(wheel, r"vistry\w*/py\.typed") == b""


def test_all_wheels_have_one_version_classifiers_and_links(all_wheels: dict[str, Path]) -> None:
    all_fields = [metadata(wheel) for wheel in all_wheels.values()]
    assert len(all_fields) == len(FOLDERS)
    for key in ("Version", "Requires-Python", "Classifier", "Project-URL"):
        assert len({tuple(fields.get_all(key, [])) for fields in all_fields}) == 1, key


def test_the_pythons_that_are_promised_are_tested(wheels: dict[str, Path]) -> None:
    workflow = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "ci.yml").read_text())
    promised = re.findall(r"Python :: (3\.\d+)", str(metadata(wheels["vistry"])))
    assert promised == workflow["jobs"]["test"]["strategy"]["matrix"]["python"]


@each_folder
def test_a_readme_has_links_for_readers_elsewhere(folder: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", (folder / "README.md").read_text()):
        assert target.startswith("https://"), target


@each_folder
def test_a_plugins_readme_names_its_models(folder: Path) -> None:
    text = (folder / "README.md").read_text()
    for manifest in folder.glob("vistry_*/*.toml"):
        for name, model in tomllib.loads(manifest.read_text()).get("models", {}).items():
            assert re.search(rf"^\| `{name}` \| {model['parameters']:,} \|", text, re.MULTILINE), name


def test_they_install_into_a_bare_environment(wheels: dict[str, Path]) -> None:
    [folder] = {wheel.parent for wheel in wheels.values()}
    command = [sys.executable, CHECKOUT / "tools" / "install_wheels.py", folder]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    listed = {line.split()[0] for line in output.splitlines()}
    assert {"mobilenetv2", "vitb16r224", "yolov5", "retinanet_resnet18_fpn", "maskrcnn_resnest50_fpn"} <= listed
    assert {"dfine_n", "deimv2_atto", "rfdetr_nano", "rfdetr_seg_nano"} <= listed  # three plugins of one wheel


def test_a_plugin_without_its_core_is_refused(wheels: dict[str, Path], tmp_path: Path) -> None:
    wheel = wheels["vistry-resnet"]
    (tmp_path / wheel.name).symlink_to(wheel)
    command = [sys.executable, CHECKOUT / "tools" / "install_wheels.py", tmp_path]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "No matching distribution found for vistry" in refused.stderr
