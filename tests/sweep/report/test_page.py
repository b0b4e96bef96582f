"""The page of a sweep says what its files say, whole in itself and escaped, of any number of trials."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from html import unescape

import pytest
from vistry.cli.train import train
from vistry.sweep.claims import Claim
from vistry.sweep.folder import SweepFolder
from vistry.sweep.records import FixedRecord, RequestRecord
from vistry.sweep.report import write_sweep_report
from vistry.sweep.report.charts import best_so_far, pareto
from vistry.sweep.report.command import training_command
from vistry.sweep.report.contents import Contents, WorkingTime
from vistry.sweep.report.page import page_of
from vistry.sweep.test_split import TEST

from tests.sweep.report.conftest import EPOCHS, HOSTILE, WriteSweep, record


def words(html: str) -> str:
    """The text of a page, without its elements."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


@pytest.mark.parametrize("trials", [0, 1, 3, 40])
def test_it_asks_nothing_of_the_network_and_runs_no_script_but_its_own(write_sweep: WriteSweep, trials: int) -> None:
    html = write_sweep_report(write_sweep(trials)).read_text()
    assert "default-src 'none'" in unescape(html)
    assert html.count("<script") == 1
    links = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert all(re.fullmatch(r"#[\w-]+|trials/\d{4}/report\.html", link) for link in links)


def test_texts_from_outside_are_escaped(write_sweep: WriteSweep) -> None:
    html = page_of(write_sweep(12))  # its name and the message of trial 11 are hostile
    assert HOSTILE not in html
    assert words(html).count(HOSTILE) >= 3


def test_every_trial_is_ranked_and_leads_to_its_own_report(write_sweep: WriteSweep) -> None:
    sweep = write_sweep(40)
    html = page_of(sweep)
    board = html[html.index('id="leaderboard"') : html.index('id="time"')]
    linked = [int(number) for number in re.findall(r"trials/(\d{4})/report", board)]
    assert linked == [entry.trial for entry in sweep.leaderboard(sweep.trials())]
    assert board.count('class="spark"') == 40 - sum(trial.best() is None for trial in sweep.trials())


def test_the_winner_s_figure_says_among_how_many_it_was_chosen(write_sweep: WriteSweep) -> None:
    # Deviation .16 / 3.92 = .0408, times the expected largest of 30 normal numbers, 2.04.
    assert "chosen among 30 trials, expect less: chance alone may have added up to 0.08" in words(
        page_of(write_sweep(30))
    )
    assert "the only trial so far" in words(page_of(write_sweep(1)))


def test_what_ended_early_is_listed_with_the_numbers_that_decided(write_sweep: WriteSweep) -> None:
    text = words(page_of(write_sweep(40)))
    assert "best .55 < .667 = .8 / 1.2" in text
    assert "after 2 epochs, and the third best has .71" in text
    assert "the loss is not a number at epoch 2" in text
    assert "trial 2: deleted: best.safetensors" in text


def test_the_test_split_s_figure_is_shown_where_there_is_one(write_sweep: WriteSweep) -> None:
    sweep = write_sweep(3)
    assert "test split" not in words(page_of(sweep))
    facts = {"trial": 3, "images": 60, "metrics": {"accuracy": 0.8123}, "score": 0.8123, "looks": 2}
    (sweep.path / TEST).write_text(json.dumps(facts))
    assert "0.8123 trial 3 on 60 images that chose nothing; looked at 2 times" in words(page_of(sweep))


def test_a_metric_that_falls_is_shown_as_it_is(write_sweep: WriteSweep) -> None:
    sweep = write_sweep(5)
    best = min(entry.metrics["accuracy"] for n in range(1, 6) for entry in sweep.run_of(n).history() if entry.metrics)
    sweep.write(replace(sweep.record, larger_is_better=False))
    contents = Contents.of(SweepFolder(sweep.path))
    assert contents.best is not None
    assert contents.metric(contents.best.best()) == best


def test_the_command_trains_the_same_thing_again(write_sweep: WriteSweep) -> None:
    trial = write_sweep(3).trial(1)
    whole = replace(
        record(3),
        request=RequestRecord(data="/a b", format="csv", images=("/i",), columns={"label": "the kind"}, classes_at=2),
        fixed=FixedRecord(values={"number_of_epochs": EPOCHS, "early_stopping": False, "layers_to_freeze": 2}),
    )
    words_of_it = shlex.split(training_command(whole, trial))
    assert words_of_it[:2] == ["vistry", "train"]
    context = train.make_context("train", words_of_it[2:])
    given = context.params
    assert str(given["data"]) == "/a b"
    assert (given["task"], given["model"], given["format"]) == ("multiclass", "resnet/resnet18", "csv")
    assert (given["columns"], given["classes_at"], given["primary_metric"]) == ({"label": "the kind"}, 2, "accuracy")
    drawn = {name: value[0] for name, value in given.items() if isinstance(value, tuple) and name in words_to_values()}
    assert drawn == words_to_values()


def words_to_values() -> dict[str, str]:
    return {
        "number_of_epochs": "15",
        "early_stopping": "0",
        "learning_rate": "0.01",
        "optimizer": "sgd",
        "weight_decay": "0.0001",
        "training_batch_size": "16",
    }


def test_the_best_so_far_and_the_front_by_hand() -> None:
    points = [(1.0, 0.5), (2.0, 0.4), (3.0, 0.7), (4.0, 0.7), (5.0, 0.6)]
    assert best_so_far(points, larger_is_better=True) == [(1.0, 0.5), (3.0, 0.7), (5.0, 0.7)]
    assert best_so_far(points, larger_is_better=False) == [(1.0, 0.5), (2.0, 0.4), (5.0, 0.4)]
    assert pareto(points, larger_is_better=True) == [0, 2]
    assert pareto([(2.0, 0.5), (1.0, 0.5), (1.0, 0.6)], larger_is_better=True) == [2]


def test_time_in_which_nobody_worked_does_not_count(write_sweep: WriteSweep) -> None:
    events = write_sweep(1).events()
    first = events[0]
    later = [
        replace(first, time=0.0, kind="opened"),
        replace(first, time=10.0, kind="closed"),
        replace(first, time=1010.0, kind="opened"),
        replace(first, time=1015.0, kind="closed"),
        replace(first, time=1012.0, kind="opened", worker="b:2"),
        replace(first, time=1020.0, kind="closed", worker="b:2"),
    ]
    clock = WorkingTime(later)
    assert clock.total == 20.0
    assert [clock.at(time) for time in (5.0, 500.0, 1013.0, 1020.0)] == [5.0, 10.0, 13.0, 20.0]


def test_report_can_be_asked_for_while_it_runs(write_sweep: WriteSweep) -> None:
    sweep = write_sweep(2)
    (sweep.path / "trials" / "0003").mkdir()  # somebody begins to claim a trial
    sweep.write_state(2, replace(sweep.trial(2).state, status="running"))
    claim = Claim(sweep, 2)
    assert " running " in words(page_of(SweepFolder(sweep.path)))
    claim.let_go()
    assert " running " not in words(page_of(SweepFolder(sweep.path)))
    assert " to be gone on with " in words(page_of(SweepFolder(sweep.path)))


def test_a_trial_that_was_skipped_leads_nowhere_and_is_not_counted(write_sweep: WriteSweep) -> None:
    sweep = write_sweep(4)
    sweep.write_state(4, replace(sweep.trial(4).state, status="skipped", reason="too large"))
    html = page_of(sweep)
    assert "trials/0003/report.html" in html
    assert "trials/0004/report.html" not in html
    assert " 3 of 4 " in words(html)
