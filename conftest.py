"""Every run of the tests draws the same numbers and examples, and takes the time it takes."""

import atexit
import ctypes
import gc
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# Hundreds of processes are started, each of which would compile the same modules for itself.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks are faster on one thread
# JAX on one thread too; its programs are compiled twice as fast, since most run a few times, and kept, since many tests
# and resumed runs compile the same ones.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1 --xla_backend_optimization_level=0",
)
PROGRAMS = tempfile.mkdtemp(prefix="vistry-programs-")
atexit.register(shutil.rmtree, PROGRAMS, True)
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", PROGRAMS)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

# Tensor libraries make a million objects that all stay; looking through them again and again is a tenth of the time.
gc.set_threshold(100_000, 20, 100)


def pytest_collection_finish() -> None:
    """Leave what was imported out of every collection."""
    gc.collect()
    gc.freeze()


LARGE = 4 * 2**20  # KiB of this process


@pytest.fixture(autouse=True, scope="module")
def _memory_is_given_back() -> Iterator[None]:
    """JAX keeps every program of a process, and the allocator what was freed: two of them fill a machine."""
    yield
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < LARGE:
        return
    if (jax := sys.modules.get("jax")) is not None:
        jax.clear_caches()  # a program that is needed again is loaded from the disk
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # glibc's
        trim(0)


@pytest.fixture(autouse=True, scope="session")
def _nothing_waits_for_the_disk() -> Iterator[None]:
    """A write waits ten milliseconds for the disk, in case the power fails: no test cuts it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(autouse=True)
def _the_same_random_numbers() -> None:
    """torch, where a test has it, begins each test at the same place."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
