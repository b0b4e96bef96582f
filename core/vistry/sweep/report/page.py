"""The page of a sweep: self-contained, without a server, and drawn from the files in its folder alone."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from vistry.report.doubt import interval_text
from vistry.report.header import readable_time, task_in_words
from vistry.report.html_page import html_page
from vistry.report.markup import Content, element, joined, name_of, text_of
from vistry.report.numbers import UNDEFINED, count, duration, score
from vistry.report.section import Section
from vistry.report.table import definitions
from vistry.report.tile import tile
from vistry.sweep.folder import SweepFolder
from vistry.sweep.report.automatic import automatic_section
from vistry.sweep.report.charts import latency_section, progress_section
from vistry.sweep.report.command import training_command
from vistry.sweep.report.contents import Contents, WorkingTime, short_model
from vistry.sweep.report.endings import endings_section, failures_section, notes_section
from vistry.sweep.report.importance import importance_section, importances
from vistry.sweep.report.leaderboard import leaderboard_section, trial_link, values_in_words
from vistry.sweep.report.parallel import parallel_section
from vistry.sweep.standing import GO_ON, INTERRUPTED
from vistry.sweep.wording import counted_trials

ENDED = ("completed", "stopped", "paused", INTERRUPTED, "failed", "skipped")


def page_of(sweep: SweepFolder) -> str:
    """Return the page as HTML. Raises RunError where the folder isn't a sweep or a file is damaged."""
    contents = Contents.of(sweep)
    title = contents.record.notes.get("name") or contents.sweep.id
    return html_page(f"Sweep: {title}", _header(contents, title), list(sections_of(contents)))


def sections_of(contents: Contents) -> Iterator[Section]:
    """Yield the sections in order, without those that have nothing to show."""
    shares = importances(contents)
    yield from _best(contents)
    sections = [
        leaderboard_section(contents),
        progress_section(contents),
        parallel_section(contents, tuple(shares or ())),
        importance_section(contents, shares),
        latency_section(contents),
        endings_section(contents),
        failures_section(contents),
        automatic_section(contents),
        notes_section(contents),
        _search(contents),
    ]
    yield from (section for section in sections if section is not None)


def _header(contents: Contents, title: str) -> Markup:
    record, running = contents.record, contents.counts.get("running", 0)
    rests = GO_ON if contents.counts.get(INTERRUPTED) else "at rest"
    chip = element("span", "running" if running else rests, class_=f"chip {'busy' if running else 'good'}")
    notes = [element("p", text_of(text), class_="under") for name, text in record.notes.items() if name != "name"]
    under = element("p", task_in_words(record.task), " · sweep ", name_of(contents.sweep.id), class_="under")
    tiles = element("div", *_tiles(contents), class_="tiles")
    return element("header", element("h1", name_of(title), " ", chip), under, *notes, tiles)


def _tiles(contents: Contents) -> list[Markup]:
    record, best = contents.record, contents.best
    value = UNDEFINED if best is None else score(contents.metric(best.best()), 4)
    ended = ", ".join(f"{number} {name}" for name in ENDED if (number := contents.counts.get(name)))
    limit = record.limits.max_trials
    trials = f"{counted_trials(contents.trials):,}" + ("" if limit is None else f" of {limit:,}")
    seconds = WorkingTime(contents.events).total or sum(trial.seconds for trial in contents.trials)
    time = "" if record.limits.time_limit is None else f"of {duration(record.limits.time_limit)}; "
    tiles = [
        tile(record.primary_metric, value, _chosen(contents), main=True),
        tile("trials", trials, ended or "none has ended"),
        tile("time", duration(seconds), f"{time}{readable_time(record.created)}"),
        tile("images to train", f"{record.data.training_images:,}", f"{record.data.validation_images:,} to validate"),
    ]
    if contents.test is not None:
        looks = "" if contents.test.looks == 1 else f"; looked at {contents.test.looks} times, for as many best trials"
        about = f"trial {contents.test.trial} on {count(contents.test.images, 'image')} that chose nothing{looks}"
        tiles.insert(1, tile("test split", score(contents.test.score, 4), about))
    return tiles


def _chosen(contents: Contents) -> Content:
    """How little the best figure says."""
    number = len(contents.scored)
    if not number:
        return "no trial is evaluated yet"
    if number == 1:
        return "the only trial so far"
    luck = contents.luck
    much = "" if luck is None else f": chance alone may have added up to {score(luck, 2)}"
    return f"chosen among {number} trials, expect less{much}"


def _best(contents: Contents) -> Iterator[Section]:
    best = contents.best
    if best is None:
        return
    status = contents.status_of(best)
    facts: list[tuple[str, Content | None]] = [
        ("trial", joined([trial_link(best), " ", values_in_words(best)])),
        ("chosen because", text_of(best.record.why)),
        (contents.record.primary_metric, text_of(_figure(contents))),
        ("test split", _test(contents)),
        ("predict", element("code", text_of(f"vistry predict {contents.sweep.trial_folder(best.number)} IMAGE..."))),
        ("train it again", element("code", text_of(training_command(contents.record, best)), class_="command")),
    ]
    if status is not None and status.engine is not None:
        engine = status.engine
        facts.insert(3, ("model", text_of(f"{engine.parameters:,} parameters; {engine.device}, {engine.precision}")))
    note = f"The trial with the best {contents.record.primary_metric} on the validation images."
    yield Section("best", "The best", note, parts=[definitions(facts)])


def _figure(contents: Contents) -> str:
    assert contents.best is not None
    status = contents.status_of(contents.best)
    value = score(contents.metric(contents.best.best()), 4)
    interval = "" if status is None or status.interval is None else f", {interval_text(status.interval)}"
    return f"{value}{interval}; {_chosen(contents)}"


def _test(contents: Contents) -> str:
    test = contents.test
    if test is None:
        return ""
    stale = "" if contents.best is None or contents.best.number == test.trial else f", of trial {test.trial}"
    return f"{score(test.score, 4)} on {count(test.images, 'image')}{stale}; these images chose nothing"


def _search(contents: Contents) -> Section:
    record = contents.record
    limits = record.limits
    facts: list[tuple[str, Content | None]] = [
        ("data", text_of(record.request.data)),
        ("models", text_of(", ".join(short_model(model) for model in record.models))),
        ("sampler", text_of(f"{record.sampler.name}, seed {record.sampler.seed}")),
        ("early termination", text_of(record.termination.name)),
        ("trials at once", "" if limits.max_concurrent_trials is None else f"{limits.max_concurrent_trials}"),
        ("threads a trial", f"{record.threads}"),
        ("command", element("code", text_of(" ".join(record.command)))),
        ("go on with it", element("code", text_of(f"vistry resume {contents.sweep.path}"))),
    ]
    return Section("search", "How it was searched", "", parts=[definitions(facts)])
