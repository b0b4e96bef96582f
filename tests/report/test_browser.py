"""The page in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from vistry.report import write_report
from vistry.runs.folder import Run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync --hide-scrollbars --window-size=1200,1600 --enable-logging=stderr"
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs the program chromium, which is not on PATH")


def browse(page: Path, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Open a page, in a profile of its own."""
    command = [str(CHROMIUM), *FLAGS.split(), f"--user-data-dir={folder / 'profile'}", *flags, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.fixture
def page(make_run: Callable[..., Run], multiclass: Any) -> Path:
    return write_report(make_run(multiclass))


@pytest.fixture
def hostile(make_run: Callable[..., Run], random_run: Callable[..., Any]) -> Path:
    return write_report(make_run(random_run(("ant", "<script>throw 1</script>", "<img src=x onerror=throw>"), 60)))


def test_it_is_drawn_without_an_error(hostile: Path, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    browser = browse(hostile, tmp_path, f"--screenshot={picture}")
    assert "CONSOLE" not in browser.stderr
    pixels = np.asarray(Image.open(picture).convert("RGB"))
    assert pixels.shape == (1600, 1200, 3)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100
    drawn = (pixels != pixels[0, 0]).any(axis=2)
    assert all(band.mean() > 0.1 for band in np.array_split(drawn, 4))


def test_no_script_runs_but_our_own(page: Path, tmp_path: Path) -> None:
    html = page.read_text(encoding="utf-8")
    intruder = tmp_path / "intruder.html"
    intruder.write_text(html.replace("</body>", "<script>document.body.id = 'taken over'</script></body>"))
    browser = browse(intruder, tmp_path, "--dump-dom")
    assert 'id="taken over"' not in browser.stdout
    assert "CONSOLE" in browser.stderr


@pytest.mark.parametrize(("column", "clicks", "order"), [(0, 1, "abc"), (0, 2, "cba"), (2, 1, "bac"), (2, 2, "cab")])
def test_clicks_sort_a_table(page: Path, tmp_path: Path, column: int, clicks: int, order: str) -> None:
    """Names from the first, numbers from the largest; then the other way round. Predicted: ant 2, bee 3, cat 1."""
    heading = f"document.querySelectorAll('#classes th')[{column}]"
    clicking = tmp_path / "clicking.html"
    html = re.sub(r"<meta http-equiv[^>]*>", "", page.read_text(encoding="utf-8"))
    clicking.write_text(html.replace("</body>", f"<script>{f'{heading}.click();' * clicks}</script></body>"))
    browser = browse(clicking, tmp_path, "--dump-dom")
    table = browser.stdout[browser.stdout.index('id="classes"') :]
    assert re.findall(r"<td><bdi>(.).*?</bdi>", table)[:3] == list(order)
