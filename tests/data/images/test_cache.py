"""The cache of decoded images: what it keeps, and what threads that share it see."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Event, Semaphore

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vistry.data.images import cache as decoded
from vistry.data.images.cache import DecodedImages
from vistry.data.images.decode import load_pixels
from vistry.errors import DataError

TIMEOUT = 20


@pytest.fixture
def decodes(monkeypatch):
    """How often each path is decoded; a path's pixels are as many bytes as its last number says."""
    counts = Counter()

    def load(path):
        counts[path] += 1
        return np.zeros((1, int(path.rpartition("-")[2]) // 3, 3), dtype=np.uint8)

    monkeypatch.setattr(decoded, "load_pixels", load)
    return counts


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_the_pixels_are_those_of_the_file(photo, name):
    path = photo(name)
    images = DecodedImages(10_000)
    for given_path in (path, str(path)):
        np.testing.assert_array_equal(images.get(given_path), load_pixels(path))
    path.unlink()
    assert images.get(path) is images.get(str(path))


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_what_others_are_given_too_can_not_be_changed(photo, name):
    pixels = DecodedImages(0).get(photo(name))
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 0


def test_what_was_used_longest_ago_goes_first(decodes):
    images = DecodedImages(90)
    for path in ("a-30", "b-30", "c-30", "a-30", "d-30", "a-30", "c-30", "b-30"):
        images.get(path)
    assert decodes == {"a-30": 1, "b-30": 2, "c-30": 1, "d-30": 1}


def test_an_image_beyond_the_budget_is_not_kept_and_drives_none_out(decodes):
    images = DecodedImages(60)
    for path in ("a-30", "b-30", "big-63", "big-63", "a-30", "b-30"):
        images.get(path)
    assert decodes == {"a-30": 1, "b-30": 1, "big-63": 2}


def test_without_a_budget_nothing_is_kept(decodes):
    images = DecodedImages(0)
    for _ in range(3):
        images.get("a-30")
    assert decodes == {"a-30": 3}


@settings(max_examples=100)
@given(st.lists(st.sampled_from([f"{name}-{size}" for name in "abc" for size in (3, 30, 60, 99)])), st.integers(0, 120))
def test_it_keeps_what_a_plain_list_would(asked, budget):
    counts, kept = Counter(), []
    expected = Counter()
    with pytest.MonkeyPatch.context() as patch:

        def load(path):
            counts[path] += 1
            return np.zeros((1, int(path[2:]) // 3, 3), dtype=np.uint8)

        patch.setattr(decoded, "load_pixels", load)
        images = DecodedImages(budget)
        for path in asked:
            images.get(path)
            expected[path] += path not in kept
            kept = [other for other in kept if other != path]
            if int(path[2:]) <= budget:
                kept.append(path)
            while sum(int(other[2:]) for other in kept) > budget:
                kept.pop(0)
    assert counts == +expected


@pytest.fixture
def waiting(monkeypatch):
    """Released once for each thread that waits for another's decode."""
    arrived = Semaphore(0)

    class Watched(Future):
        def result(self, timeout=None):
            arrived.release()
            return super().result(timeout)

    monkeypatch.setattr(decoded, "Future", Watched)
    return arrived


def ask_four_times(images, waiting, started, go_on):
    """What four threads get for one path, of which three come while the first decodes."""
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(images.get, "a-3")]
        assert started.wait(TIMEOUT)
        asked += [pool.submit(images.get, "a-3") for _ in range(3)]
        for _ in range(3):
            assert waiting.acquire(timeout=TIMEOUT)
        go_on.set()
    return asked


@pytest.mark.parametrize("budget", [0, 100])
def test_threads_that_ask_for_one_image_decode_it_once(monkeypatch, decodes, waiting, budget):
    started, go_on, load = Event(), Event(), decoded.load_pixels

    def slow(path):
        started.set()
        assert go_on.wait(TIMEOUT)
        return load(path)

    monkeypatch.setattr(decoded, "load_pixels", slow)
    images = DecodedImages(budget)
    first, *others = ask_four_times(images, waiting, started, go_on)
    assert all(other.result() is first.result() for other in others)
    assert decodes == {"a-3": 1}
    images.get("a-3")
    assert decodes == {"a-3": 1 if budget else 2}


def test_an_error_reaches_every_thread_that_waits_and_the_next_one_tries_again(monkeypatch, decodes, waiting):
    started, go_on, load = Event(), Event(), decoded.load_pixels

    def broken(path):
        started.set()
        assert go_on.wait(TIMEOUT)
        raise DataError("broken")

    monkeypatch.setattr(decoded, "load_pixels", broken)
    images = DecodedImages(100)
    assert {str(asked.exception()) for asked in ask_four_times(images, waiting, started, go_on)} == {"broken"}
    monkeypatch.setattr(decoded, "load_pixels", load)
    assert images.get("a-3").shape == (1, 1, 3)


def test_a_file_that_is_missing_and_then_there(photo, tmp_path):
    images = DecodedImages(10_000)
    with pytest.raises(DataError, match=r"a\.png: the image file does not exist"):
        images.get(tmp_path / "a.png")
    assert images.get(photo("a.png")).shape == (20, 24, 3)


def test_what_else_is_loaded_is_kept_by_its_key_alike():
    asked = []

    def load(key):
        asked.append(key)
        return np.full(key, 7, dtype=np.uint8)

    arrays = DecodedImages(5, load)
    assert [len(arrays.get(key)) for key in (2, 3, 2, 4, 2, 3)] == [2, 3, 2, 4, 2, 3]
    assert asked == [2, 3, 4, 2, 3]
    assert not arrays.get(3).flags.writeable


def test_different_images_are_decoded_at_once(monkeypatch):
    both = Barrier(2, timeout=TIMEOUT)

    def load(path):
        both.wait()
        return np.zeros((1, 1, 3), dtype=np.uint8)

    monkeypatch.setattr(decoded, "load_pixels", load)
    images = DecodedImages(100)
    with ThreadPoolExecutor(2) as pool:
        assert len(list(pool.map(images.get, ["a", "b"]))) == 2
