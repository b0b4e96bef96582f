"""The kernel table comes from manifests and, where a plugin says so, from its hook; policy decides over it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from vistry.cli import main
from vistry.errors import RegistryError
from vistry.kernels import listing as listing_module
from vistry.kernels.listing import list_kernels
from vistry.kernels.table import all_kernels
from vistry.plugin.calls import BrokenPluginError
from vistry.registry.catalogue import Catalogue
from vistry.registry.manifest import Manifest
from vistry.registry.policy import read_policy, user_file
from vistry.registry.typed_toml import read_table
from vistry.testing.plugin_states import check_plugins

HEAD = {"manifest": 1, "api": "1.0", "license": "MIT", "summary": "s", "hooks": "acme.hooks"}
TABLE = {
    "operation": "multiply_relu",
    "summary": "relu(x * y)",
    "devices": ["cuda"],
    "implementation": "operations:fast",
    "reference": "operations:reference",
    "samples": "operations:samples",
    "tolerance": {"float32": 1e-6},
}
MANIFEST = 'manifest = 1\napi = "1.0"\nlicense = "MIT"\nsummary = "s"\nhooks = "vistry_{name}.hooks"\n'
KERNEL = "[[kernels]]\n" + "\n".join(
    f"{key} = {json.dumps(value)}" if key != "tolerance" else "tolerance = { float32 = 1e-6 }"
    for key, value in TABLE.items()
)
HOOK = """
from dataclasses import replace
from vistry.plugin import hookimpl


@hookimpl
def vistry_kernels(manifest):
    return {result}
"""
LayOut = Callable[..., Path]


@pytest.fixture
def lay_out(place: Path) -> LayOut:
    """Lay out a plugin without models, as pip would have installed it."""

    def lay_out_plugin(name: str, more: str = "", hooks: str = "raise RuntimeError('imported')") -> Path:
        package, info = place / f"vistry_{name}", place / f"vistry_{name}-1.0.dist-info"
        package.mkdir()
        info.mkdir()
        (package / "__init__.py").touch()
        (package / "hooks.py").write_text(hooks)
        (package / "plugin.toml").write_text(f"{MANIFEST.format(name=name)}{more}\n")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vistry-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[vistry.plugins]\n{name} = vistry_{name}:plugin.toml\n")
        return package

    return lay_out_plugin


def found(operation: str = "multiply_relu") -> list[tuple[str, str]]:
    return [
        (kernel.plugin, kernel.spec.implementation)
        for kernel in all_kernels(Catalogue.read())
        if kernel.spec.operation == operation
    ]


def listing() -> list[str]:
    done = CliRunner().invoke(main, ["kernels"])
    assert (done.exit_code, done.stderr) == (0, "")
    return [line for line in done.stdout.splitlines() if line.startswith("multiply_relu")]


class TestTheManifest:
    def test_lists_kernels_and_runs_no_code(self, lay_out: LayOut) -> None:
        lay_out("acme", more=KERNEL)
        assert found() == [("acme", "operations:fast")]

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"implementation": "operations"}, "kernels.0.implementation must be of the form 'package.module:name'"),
            ({"devices": ["cdua"]}, "kernels.0.devices.0 there is no device 'cdua'; did you mean 'cuda'?"),
            ({"tolerance": {"float32": 0}}, "kernels.0.tolerance.float32 must be above 0"),
            ({"tolerance": {"fp32": 1}}, "kernels.0.tolerance.fp32 there is no dtype 'fp32'; "
             "known: float64, float32, bfloat16, float16"),
            ({"cast": "wide"}, "kernels.0.cast must be 'widest' or 'first' or 'float32' or 'none'"),
            ({"device": ["cuda"]}, "kernels.0.device is not a known key"),
        ],
    )  # fmt: skip
    def test_says_what_is_wrong_with_one(self, change: dict[str, Any], fault: str) -> None:
        manifest, problems = read_table(Manifest, {**HEAD, "kernels": [{**TABLE, **change}]})
        assert manifest is None
        assert [f"{problem.field} {problem.message}" for _, problem in problems] == [fault]

    def test_a_disabled_plugin_has_no_kernels(self, lay_out: LayOut, monkeypatch: pytest.MonkeyPatch) -> None:
        lay_out("acme", more=KERNEL)
        monkeypatch.setenv("VISTRY_DISABLE", "acme")
        assert found() == []


class TestTheHook:
    def test_computes_the_kernels_of_its_plugin(self, lay_out: LayOut) -> None:
        changed = "[replace(kernel, implementation='operations:tagged') for kernel in manifest.kernels]"
        lay_out("acme", more=f"computes_kernels = true\n{KERNEL}", hooks=HOOK.format(result=changed))
        lay_out("other", more=KERNEL)
        assert found() == [("acme", "operations:tagged"), ("other", "operations:fast")]

    def test_that_the_manifest_does_not_mention_is_an_error(self, lay_out: LayOut) -> None:
        file = lay_out("acme", hooks=HOOK.format(result="[]")) / "hooks.py"
        [plugin] = [plugin for plugin in check_plugins(Catalogue.read()) if plugin.name == "acme"]
        assert (plugin.state, plugin.reason) == (
            "broken",
            "'vistry_kernels' computes kernels, but plugin.toml doesn't say so; add computes_kernels = true",
        )
        assert plugin.remedy.startswith(f"correct {file}, or ")

    def test_that_gives_something_else_is_an_error(self, lay_out: LayOut) -> None:
        for result, kind in (("['fast']", "list"), ("None", "None")):
            file = lay_out(f"acme{kind.lower()}", more="computes_kernels = true", hooks=HOOK.format(result=result))
            with pytest.raises(BrokenPluginError) as caught:
                found()
            said = f"vistry_kernels ({file}/hooks.py:6) returned {kind}; return a list of KernelSpec"
            assert caught.value.reason == said
            (file / "plugin.toml").unlink()

    def test_may_be_wrapped_by_another_plugin(self, lay_out: LayOut, monkeypatch: pytest.MonkeyPatch) -> None:
        wrapper = HOOK.replace("@hookimpl", "@hookimpl(wrapper=True)").replace("return {result}", "return (yield)[:0]")
        lay_out("acme", more=KERNEL, hooks="")
        lay_out("zzz", more='wraps = ["vistry_kernels"]', hooks=wrapper)
        assert found() == []
        monkeypatch.setenv("VISTRY_DISABLE", "zzz")
        assert found() == [("acme", "operations:fast")]


class TestPolicy:
    def test_each_layer_is_stronger_than_the_one_before(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert vars(read_policy().kernel_use()) == {"value": "auto", "origin": ""}
        user_file().parent.mkdir(parents=True)
        user_file().write_text('[kernels]\nuse = "require"\n')
        assert vars(read_policy().kernel_use()) == {"value": "require", "origin": f"{user_file()}:2"}
        Path("registry.toml").write_text('# none\n[kernels]\nuse = "off"\nprefer.multiply_relu = "acme"\n')
        assert vars(read_policy().kernel_use()) == {"value": "off", "origin": f"{Path.cwd()}/registry.toml:3"}
        monkeypatch.setenv("VISTRY_KERNELS", "auto")
        assert vars(read_policy().kernel_use()) == {"value": "auto", "origin": "VISTRY_KERNELS"}
        said = read_policy().preferred_kernel("multiply_relu")
        assert said is not None
        assert vars(said) == {"value": "acme", "origin": f"{Path.cwd()}/registry.toml:4"}

    def test_another_word_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VISTRY_KERNELS", "never")
        with pytest.raises(RegistryError, match=r"^VISTRY_KERNELS = 'never': must be off, auto or require$"):
            read_policy()
        monkeypatch.delenv("VISTRY_KERNELS")
        Path("registry.toml").write_text("[kernels]\nuse = false\n")
        with pytest.raises(
            RegistryError, match=r"registry.toml:2: 'kernels.use' must be 'off' or 'auto' or 'require'$"
        ):
            read_policy()


@pytest.fixture
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_module, "absent_device", lambda device: "" if device == "cpu" else f"no {device}")


@pytest.mark.usefixtures("_no_gpu")
class TestTheListing:
    def test_says_whether_a_kernel_is_used_and_why_not(self, lay_out: LayOut, monkeypatch: pytest.MonkeyPatch) -> None:
        lay_out("acme", more=KERNEL)
        [row] = listing()
        assert re.split(" {2,}", row) == ["multiply_relu", "on", "acme", "cuda", "float32", "none", "relu(x * y)"]
        printed = CliRunner().invoke(main, ["kernels"]).stdout
        assert re.search(r"^[\w, ]*\bmultiply_relu\b[\w, ]*: the reference runs here, because no cuda$", printed, re.M)
        monkeypatch.setenv("VISTRY_KERNELS", "off")
        assert listing()[-1] == "multiply_relu of vistry-acme is off: by VISTRY_KERNELS"
        monkeypatch.setenv("VISTRY_KERNELS", "require")
        assert listing()[-1] == "multiply_relu of vistry-acme is required: by VISTRY_KERNELS"
        monkeypatch.delenv("VISTRY_KERNELS")
        lay_out("other", more=KERNEL)
        conflict = "multiply_relu of vistry-other is in conflict: several kernels for"
        assert any(line.startswith(conflict) for line in listing())
        Path("registry.toml").write_text('[kernels.prefer]\nmultiply_relu = "acme"\n')
        assert listing()[-1] == f"multiply_relu of vistry-other is passed over: by {Path.cwd()}/registry.toml:2"

    def test_as_json(self, lay_out: LayOut, monkeypatch: pytest.MonkeyPatch) -> None:
        lay_out("acme", more=KERNEL)
        monkeypatch.setenv("VISTRY_KERNELS", "off")
        content = json.loads(CliRunner().invoke(main, ["kernels", "--json"]).stdout)
        kernels = [kernel for kernel in content.pop("kernels") if kernel["plugin"] == "acme"]
        assert content == {"schema": 1, "use": "off", "origin": "VISTRY_KERNELS"}
        owner = {"plugin": "acme", "distribution": "vistry-acme", "state": "off", "reason": "by VISTRY_KERNELS"}
        here = [
            {"dtype": "float64", "devices": [], "reason": "it takes float32"},
            {"dtype": "float32", "devices": [], "reason": "off by VISTRY_KERNELS"},
            {"dtype": "bfloat16", "devices": [], "reason": "it takes float32"},
            {"dtype": "float16", "devices": [], "reason": "it takes float32"},
        ]
        assert kernels == [{**TABLE, "cast": "widest", **owner, "here": here}]

    def test_says_of_each_dtype_what_would_run_here(self, lay_out: LayOut, place: Path) -> None:
        (place / "packages.py").write_text("import json, no_such_package.part\n")
        of_processor = KERNEL.replace("cuda", "cpu")
        lay_out("acme", more=of_processor)
        lay_out("packages", more=of_processor.replace("multiply_relu", "packed").replace(":fast", ":x").replace(
            'implementation = "operations', 'implementation = "packages'))  # fmt: skip
        lay_out("other", more=KERNEL.replace("multiply_relu", "elsewhere"))
        here = {one.kernel.spec.operation: one for one in list_kernels(Catalogue.read())}
        found = {name: (one.runs_in, one.reason_here) for name, one in here.items() if one.kernel.plugin != "vistry"}
        assert found["multiply_relu"] == (("float32",), "")
        assert found["elsewhere"] == ((), "no cuda")
        assert found["packed"] == ((), "no_such_package is not installed")
        shown = CliRunner().invoke(main, ["kernels", "show", "multiply_relu"]).stdout
        assert re.search(r"^float32 here +the kernel on cpu$", shown, re.MULTILINE)
        assert re.search(r"^bfloat16 here +not the kernel: it takes float32$", shown, re.MULTILINE)
        assert re.search(r"^cast +widest$", shown, re.MULTILINE)

    def test_policy_is_a_reason_too(self, lay_out: LayOut) -> None:
        for name in ("acme", "other"):
            lay_out(name, more=KERNEL.replace("cuda", "cpu"))
        Path("registry.toml").write_text('[kernels.prefer]\nmultiply_relu = "acme"\n')
        kernels = [one for one in list_kernels(Catalogue.read()) if one.kernel.spec.operation == "multiply_relu"]
        assert [(one.kernel.plugin, one.runs_in) for one in kernels] == [("acme", ("float32",)), ("other", ())]
        assert kernels[1].reason_here == f"passed over by {Path.cwd()}/registry.toml:2"

    def test_imports_no_tensor_library_and_no_plugin(self) -> None:
        code = (
            "import sys; from vistry.cli import main; main(['kernels'], standalone_mode=False); "
            "print('loaded:', *sorted({name.partition('.')[0] for name in sys.modules}))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        loaded = set(done.stdout.rpartition("loaded:")[2].split())
        assert loaded.isdisjoint({"torch", "triton", "jax", "timm", "numpy", "pluggy", "vistry_seresnext"})
        assert "scale_add_relu" in done.stdout
