"""`vistry sweep show` lists trials from files alone, and `vistry runs show` sends whoever names a sweep there."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from vistry.cli import main
from vistry.sweep.claims import Claim
from vistry.sweep.report import write_sweep_report

from tests.sweep.report.conftest import WriteSweep
from tests.sweep.report.conftest import _write_sweep as _write_sweep


def show(*arguments: object) -> str:
    result = CliRunner().invoke(main, ["sweep", "show", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_best_come_first_and_the_rest_is_counted(write_sweep: WriteSweep) -> None:
    sweep = write_sweep(30)
    text = show(sweep.path, "--limit", 4)
    listed = [int(line.split()[0]) for line in text.splitlines() if line.split()[0].isdigit() and "trials:" not in line]
    assert listed == [entry.trial for entry in sweep.leaderboard(sweep.trials())][:4]
    assert "30 of 30 trials: 13 paused, 12 completed, 3 stopped, 2 failed" in text
    assert "and 26 more: --limit 30, or --json" in text
    assert "chosen among 30 by the same images; expect less" in text
    assert f"vistry resume {sweep.path}" in text
    assert "report:" not in text
    assert f"report:  {write_sweep_report(sweep)}" in show(sweep.path)


def test_json_has_every_trial(write_sweep: WriteSweep) -> None:
    sweep = write_sweep(30)
    content = json.loads(show(sweep.path, "--json"))
    assert len(content["trials"]) == 30
    assert content["statuses"] == {"completed": 12, "paused": 13, "stopped": 3, "failed": 2}
    first = content["trials"][0]
    assert first["score"] == sweep.metric(sweep.trial(first["trial"]).best())


def test_while_it_runs_and_before_a_trial_has_begun(write_sweep: WriteSweep) -> None:
    assert "0 of 0 trials" in show(write_sweep(0).path)
    sweep = write_sweep(3)
    sweep.write_state(2, replace(sweep.trial(2).state, status="running"))
    (sweep.path / "trials" / "0004").mkdir()
    claim = Claim(sweep, 2)
    assert "2 completed, 1 running" in show(sweep.path)
    claim.let_go()


def test_a_trial_that_was_cut_short_is_to_be_gone_on_with(write_sweep: WriteSweep) -> None:
    sweep = write_sweep(3)
    sweep.write_state(2, replace(sweep.trial(2).state, status="running", reason="the time limit was reached"))
    text = show(sweep.path)
    assert "2 completed, 1 interrupted" in text
    assert "to be gone on with: the time limit was reached" in text
    content = json.loads(show(sweep.path, "--json"))
    assert content["statuses"] == {"completed": 2, "running": 1}
    assert {entry["trial"] for entry in content["trials"] if entry["is_interrupted"]} == {2}
    page = write_sweep_report(sweep).read_text()
    assert "1 trial cut short, by the time limit or by hand" in page
    assert ">running<" not in page


def test_no_plugin_code_and_no_library_is_imported(write_sweep: WriteSweep) -> None:
    script = (
        "import sys; from vistry.cli import main; "
        f"main(['sweep', 'show', {str(write_sweep(3).path)!r}], standalone_mode=False); "
        "heavy = {'torch', 'torchvision', 'jax', 'optuna', 'sklearn', 'scipy', 'numpy', 'vistry.training.plan', "
        "'vistry.hyperparameter.schema', 'vistry.cli.words', 'vistry.data.doctor'} & set(sys.modules); "
        "plugins = [name for name in sys.modules if name.startswith('vistry_')]; print(sorted(heavy), plugins)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] []"


def test_runs_show_says_that_it_is_a_sweep(write_sweep: WriteSweep, tmp_path: Path) -> None:
    sweep = write_sweep(1)
    result = CliRunner().invoke(main, ["runs", "show", str(sweep.path)])
    assert result.exit_code != 0
    assert f"is a sweep; to see its trials, type: vistry sweep show {sweep.path}" in result.output


@pytest.mark.parametrize("name", ["nothing", "."])
def test_a_sweep_that_is_not_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["sweep", "show", name])
    assert result.exit_code != 0
    assert f"there is no sweep '{name}'; there are none in runs" in result.output
