"""Print how the layouts of some seeds are read: `python -m tests.data.layouts.report --help`."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from unittest.mock import patch

from vistry.registry.catalogue import Catalogue

from tests.data.layouts.generator import Case, case
from tests.data.layouts.judge import OUTCOMES, READ, Outcome

Results = list[tuple[Case, Outcome]]


def run(seeds: range, only: str = "") -> Results:
    """Lay out and judge the case of each seed, of one format or layout where `only` names it."""
    results = []
    found = Catalogue.read()
    with patch.object(Catalogue, "read", lambda: found), tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            drawn = case(seed)
            if only in ("", drawn.layout.format, drawn.layout.name):
                root = Path(folder) / str(seed)
                root.mkdir()
                results.append((drawn, drawn.judge(root)))
    return results


def table(results: Results) -> str:
    """The outcomes by format."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for drawn, outcome in results:
        counts[drawn.layout.format][outcome.word] += 1
        counts["all"][outcome.word] += 1
    head = f"{'format':16}" + "".join(f"{word:>9}" for word in OUTCOMES) + f"{'share read':>12}"
    lines = [head]
    for name, counted in counts.items():
        share = counted[READ] / counted.total()
        lines.append(f"{name:16}" + "".join(f"{counted[word]:9}" for word in OUTCOMES) + f"{share:12.0%}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 400), metavar=("FIRST", "END"))
    parser.add_argument("--only", default="", help="a format of the table, or the name of a layout")
    parser.add_argument("--show", nargs="*", default=["WRONG", "silent"], help="outcomes to list with their reasons")
    parser.add_argument("--keep", type=Path, help="lay out the first seed in this new folder, and leave it there")
    given = parser.parse_args()
    seeds = range(*given.seeds)
    if given.keep:
        drawn = case(seeds[0])
        given.keep.mkdir(parents=True)
        outcome = drawn.judge(given.keep)
        print(f"{drawn.summary}\n{outcome.word}: {outcome.reason}")
        print(f"task {drawn.task}, named: {given.keep / drawn.layout.at}")
        return
    results = run(seeds, given.only)
    for drawn, outcome in results:
        if outcome.word in given.show:
            print(f"{outcome.word:8} {drawn.summary}\n         {outcome.reason[:400]}")
    print(table(results))


if __name__ == "__main__":
    main()
