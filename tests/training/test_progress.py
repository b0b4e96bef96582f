"""What is said between the epochs where standard output is no terminal. Time is played."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import pytest
from vistry.runs.records import EpochEntry
from vistry.training.events import BatchEnded, EpochEnded
from vistry.training.progress import PlainLines, progress_line


@dataclass
class Clock:
    """Seconds, moved by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(clock: Clock, stream: io.StringIO) -> PlainLines:
    return PlainLines(stream, clock)


def batch(number: int, remaining: float | None = 600.0) -> BatchEnded:
    return BatchEnded(epoch=1, epochs=3, batch=number, batches=40, loss=1.25, learning_rate=0.1, remaining=remaining)


def ended() -> EpochEnded:
    entry = EpochEntry(epoch=0, train_loss=1.0, learning_rate=0.1, train_seconds=9.0, metrics={"accuracy": 0.5})
    return EpochEnded(entry=entry, epochs=3, primary_metric="accuracy", is_best=True)


def test_a_line_every_thirty_seconds_with_an_estimate_from_the_tenth_step_on(
    lines: PlainLines, clock: Clock, stream: io.StringIO
) -> None:
    for number in range(1, 21):
        clock.now += 8
        lines.batch_ended(batch(number, remaining=None if number == 1 else 600.0 - number))
    said = stream.getvalue().splitlines()
    assert said == [
        "epoch 1/3  batch 4/40  loss 1.2500",
        "epoch 1/3  batch 8/40  loss 1.2500",
        "epoch 1/3  batch 12/40  loss 1.2500  about 9m48s to go",
        "epoch 1/3  batch 16/40  loss 1.2500  about 9m44s to go",
        "epoch 1/3  batch 20/40  loss 1.2500  about 9m40s to go",
    ]


def test_fast_epochs_have_a_line_each_and_no_more(lines: PlainLines, clock: Clock, stream: io.StringIO) -> None:
    for _ in range(5):
        for number in range(1, 41):
            clock.now += 0.5
            lines.batch_ended(batch(number))
        lines.evaluation_begins(0)
        lines.epoch_ended(ended())
    assert len(stream.getvalue().splitlines()) == 5


def test_a_long_validation_says_how_far_it_is(lines: PlainLines, clock: Clock, stream: io.StringIO) -> None:
    lines.batch_ended(batch(40))
    lines.evaluation_begins(0)
    for done in range(10, 101, 10):
        clock.now += 11
        lines.images_evaluated(done, 100)
    assert stream.getvalue().splitlines() == [
        "epoch 1  validating 30/100 images",
        "epoch 1  validating 60/100 images",
        "epoch 1  validating 90/100 images",
    ]


def test_a_step_that_takes_minutes_is_told_of_while_it_lasts(
    lines: PlainLines, clock: Clock, stream: io.StringIO
) -> None:
    """Nothing happens; only the clock is looked at, as the thread does each second."""
    lines.batch_ended(batch(1, None))
    for _ in range(100):
        clock.now += 1
        lines.tick()
    assert stream.getvalue().splitlines() == [
        f"epoch 1/3  batch 1/40  loss 1.2500  for {waited}" for waited in ("30s", "1m00s", "1m30s")
    ]


def test_what_else_is_said_counts(lines: PlainLines, clock: Clock, stream: io.StringIO) -> None:
    clock.now += 29
    lines.note("a sentence")
    clock.now += 29
    lines.tick()
    assert stream.getvalue() == "a sentence\n"
    clock.now += 1
    lines.tick()
    assert stream.getvalue() == "a sentence\npreparing  for 59s\n"


def test_the_clock_is_looked_at_in_a_thread_that_ends_with_the_training(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    monkeypatch.setattr("vistry.training.progress.EVERY", 0.0)
    lines = progress_line(stream)
    assert isinstance(lines, PlainLines)
    lines.training_begins(None)  # type: ignore[arg-type]
    [thread] = [one for one in threading.enumerate() if one.name == "vistry-progress"]
    thread.join(1.2)
    lines.training_ended(None)
    thread.join(5)
    assert not thread.is_alive()
    assert re.match(r"preparing  for 1s\n", stream.getvalue())


def test_a_training_into_a_pipe_says_how_far_its_validation_is(
    clock: Clock, stream: io.StringIO, digits: object, runs: object
) -> None:
    """Each look at the clock is 31 seconds later: every event has its line."""
    import vistry

    def later() -> float:
        clock.now += 31
        return clock.now

    values = {"number_of_epochs": 1, "precision": "fp32", "validation_batch_size": 4}
    vistry.train(digits, task="multiclass", model="tiny", listeners=[PlainLines(stream, later)], **values)  # type: ignore[arg-type]
    said = stream.getvalue()
    assert re.search(r"^epoch 1/1  batch 1/\d+  loss", said, re.MULTILINE)
    assert re.search(r"^epoch 1  validating 4/\d+ images", said, re.MULTILINE)
    last, images = re.findall(r"validating (\d+)/(\d+) images", said)[-1]
    assert last == images
