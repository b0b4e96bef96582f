"""Cores are set apart: no two trainings hold the same, and who dies holds none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from vistry.errors import TrainingError
from vistry.training import cores
from vistry.training.cores import Cores, cores_taken, set_apart

HOLDER = """
import sys
from vistry.training.cores import set_apart
with set_apart(int(sys.argv[1]) if sys.argv[1:] else None) as cores:
    print(*cores.numbers, flush=True)
    print(*cores.shared, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else's trainings, no GPU, and nobody's wish for a number of threads."""
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(cores, "gpus", lambda: ())


@pytest.fixture
def four(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with four cores, of which this process may use any."""
    monkeypatch.setattr(cores, "allowed_cores", lambda: (0, 1, 2, 3))


@contextmanager
def _holder(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], set[int], set[int]]]:
    """Another process with cores set apart, and which it has."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        numbers, shared = (set(map(int, process.stdout.readline().split())) for _ in range(2))
        yield process, numbers, shared
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


def test_alone_a_training_has_every_core(four: None) -> None:
    with cores_taken() as taken:
        assert taken == Cores(threads=4, numbers=(0, 1, 2, 3))
        assert taken.sentence() == "computes on cores 0, 1, 2, 3 with 4 threads"


def test_two_trainings_have_different_cores_as_many_as_they_want(four: None) -> None:
    with cores_taken(1) as first, cores_taken(2) as second, cores_taken() as third:
        assert (first.numbers, second.numbers, third.numbers) == ((0,), (1, 2), (3,))
        assert third.threads == 1
        assert not any(taken.shared for taken in (first, second, third))


def test_where_none_is_free_one_is_shared_and_that_is_said(four: None) -> None:
    with cores_taken(), cores_taken() as second, cores_taken() as third:
        assert (second.numbers, second.shared, second.threads) == ((0,), (0,), 1)
        assert third.numbers == (1,)
        assert "another training computes on core 0, too" in second.sentence()


def test_the_number_of_threads_asked_for_is_the_number_there_is(four: None) -> None:
    with cores_taken(3), cores_taken(2) as second, cores_taken(9) as third:
        assert (second.threads, second.numbers, second.shared) == (2, (0, 3), (0,))
        assert (third.threads, len(third.numbers)) == (9, 4)


def test_they_are_free_again_at_the_end(four: None) -> None:
    with cores_taken(3):
        pass
    with cores_taken(3) as again:
        assert again.numbers == (0, 1, 2)


def test_omp_num_threads_says_how_many(four: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with cores_taken() as taken:
        assert (taken.threads, taken.numbers) == (2, (0, 1))
    with cores_taken(1) as taken:
        assert taken.threads == 1


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no affinity")
def test_a_narrower_affinity_is_respected_and_there_again_afterwards() -> None:
    before = os.sched_getaffinity(0)
    one = min(before)
    os.sched_setaffinity(0, {one})
    try:
        with set_apart() as taken:
            assert taken.numbers == (one,)
            assert os.environ["OMP_NUM_THREADS"] == "1"
            assert os.sched_getaffinity(0) == {one}
    finally:
        os.sched_setaffinity(0, before)
    with set_apart(1) as taken:
        assert os.sched_getaffinity(0) == set(taken.numbers)
    assert os.sched_getaffinity(0) == before
    assert "OMP_NUM_THREADS" not in os.environ


def test_processes_have_different_cores_and_a_killed_one_frees_its_own() -> None:
    allowed = set(cores.allowed_cores())
    with _holder("1") as (process, first, _), cores_taken() as second:
        assert len(first) == 1
        assert first | set(second.numbers) == allowed
        if len(allowed) > 1:
            assert not first & set(second.numbers)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with cores_taken(1) as third:
            assert set(third.numbers) == first
            assert not third.shared


def test_a_folder_that_others_may_write_to_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, four: None
) -> None:
    monkeypatch.setattr(cores.tempfile, "gettempdir", lambda: str(tmp_path / "nowhere"))
    (tmp_path / "vistry-cores").mkdir(mode=0o777)
    (tmp_path / "vistry-cores").chmod(0o777)
    with cores_taken(2) as taken:
        assert taken == Cores(threads=2)
        assert taken.sentence() == ""
        assert taken.divided(2, 1) == [(), ()]


def test_with_a_gpu_cores_are_set_apart_only_where_threads_are_given(
    four: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "gpus", lambda: ("0",))
    with cores_taken() as taken:
        assert taken.numbers == ()
    with cores_taken(2) as taken:
        assert taken.numbers == (0, 1)


def test_less_than_one_thread_is_refused() -> None:
    with pytest.raises(TrainingError, match="threads = 0: must be at least 1"), cores_taken(0):
        pass


@pytest.mark.parametrize(
    ("parts", "threads", "divided"),
    [
        (2, 2, [(0, 1), (2, 3)]),
        (4, 1, [(0,), (1,), (2,), (3,)]),
        (3, 2, [(0, 1), (2, 3), (0, 1)]),
        (1, 9, [(0, 1, 2, 3)]),
    ],
)
def test_cores_are_divided_among_trials(parts: int, threads: int, divided: list[tuple[int, ...]]) -> None:
    assert Cores(threads=4, numbers=(0, 1, 2, 3)).divided(parts, threads) == divided
