"""One process at work on a sweep: it claims trials, has them trained, and goes on until nothing is left to do.

Whatever it knows is on disk, so it may be killed at any moment, and several may work on one folder.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from vistry.errors import TrainingError
from vistry.registry.catalogue import Catalogue
from vistry.runs.folder import is_run
from vistry.sweep.claims import Claim, busy, locked
from vistry.sweep.constraints import DRAWS, broken_constraint
from vistry.sweep.disk import free_space
from vistry.sweep.draw_rules import DrawRules
from vistry.sweep.dropped import WithoutModels, dropped_models
from vistry.sweep.early_termination import termination_of
from vistry.sweep.folder import SweepFolder
from vistry.sweep.measuring import measured_last
from vistry.sweep.next_job import BEGUN, first_goal, next_job, next_number, next_paused
from vistry.sweep.places import Place
from vistry.sweep.protocols import Job, Resume, Sampler, Termination
from vistry.sweep.runner import Runner
from vistry.sweep.samplers import sampler_of
from vistry.sweep.space import Suggestion
from vistry.sweep.standing import interrupted_ones
from vistry.sweep.test_split import seconds_to_measure
from vistry.sweep.trial import Trial, TrialRecord, TrialState
from vistry.sweep.trial_training import TrialTask, end_trial
from vistry.sweep.wording import trial_line
from vistry.training.interruption import CtrlC, Interrupted

POLL = 0.05  # seconds between two looks at the running trials
LOOK = 1.0  # seconds between two looks at a sweep whose next job depends on others
# Seconds before the deadline that a trial has to be over by: its report is written, and the sweep's.
RESERVE = 2.0
REPORTING = 1.0  # of these, for the sweep's
MEASURING_SHARE = 0.25  # of the time, which the measurement on the test images has at most
# Seconds after the deadline at which a trial is killed: one that has begun to train may be in its first evaluation,
# and nobody knows how long that lasts; one that has been evaluated may be in another.
FIRST_EVALUATION = 10.0
GRACE = 1.0


def silent(line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, kw_only=True)
class _Running:
    claim: Claim
    handle: int


@dataclass(kw_only=True)
class Worker:
    """Works on a sweep until nothing is left, or until `deadline`, by time.time()."""

    sweep: SweepFolder
    runner: Runner
    places: Sequence[Place] = (Place(),)
    deadline: float | None = None
    say: Callable[[str], None] = silent

    def __post_init__(self) -> None:
        self._running: dict[int, _Running] = {}  # by their places
        self._look_at = 0.0
        self._others_work = False
        self._is_over = False
        self._dropped: tuple[str, ...] = ()
        self._reserve = RESERVE
        self._skipped: set[str] = set()

    def work(self) -> None:
        """Train trials. Raises Interrupted after Ctrl-C, when those that were running have saved what they had."""
        with CtrlC() as ctrl_c:
            with locked(self.sweep):
                self._free_space()  # who worked here before may have been killed before they did
            is_told = False
            while True:
                self._reap(is_interrupted=ctrl_c.pressed)
                if ctrl_c.pressed and not is_told:
                    is_told = True
                    self._interrupt()
                if not ctrl_c.pressed and not self._is_late():
                    self._fill()
                if not self._running and (ctrl_c.pressed or self._is_late() or not self._others_work):
                    break
                self._end_late_ones()
                time.sleep(POLL)
        with locked(self.sweep):
            self.sweep.write_leaderboard(interrupted_ones(self.sweep, self.sweep.trials()))
        if ctrl_c.pressed:
            raise Interrupted(f"interrupted; to go on, type: vistry resume {self.sweep.path}")

    @cached_property
    def _termination(self) -> Termination:
        return termination_of(self.sweep.record.termination, self.sweep.record.space)

    def _sampler(self, trials: Sequence[Trial]) -> Sampler | None:
        """The sampler, of what is left of the space; None where every model was dropped."""
        record, without = self.sweep.record, dropped_models(trials)
        if not without:
            return sampler_of(record.sampler, record.space)
        return WithoutModels.of(record.sampler, record.space, without)

    # Claiming

    def _fill(self) -> None:
        """Begin trials in the places that are free, as long as there is something to do."""
        free = [place for place in range(len(self.places)) if place not in self._running]
        if not free or time.monotonic() < self._look_at:
            return
        for place in free:
            claim = self._claim(self.places[place])
            if claim is None:
                self._look_at = time.monotonic() + LOOK
                return
            self._running[place] = _Running(claim=claim, handle=self._submit(claim, self.places[place]))

    def _claim(self, place: Place) -> Claim | None:
        """Claim the next job; None where there is none, now or ever."""
        with locked(self.sweep):
            self.sweep = self.sweep.reread()
            while True:
                trials = self.sweep.trials()
                self._reserve = RESERVE + self._seconds_to_measure(trials)
                open_ones = [trial.number for trial in trials if trial.state.status in ("running", "paused")]
                taken = busy(self.sweep, open_ones)
                mine = {running.claim.number for running in self._running.values()}
                self._others_work = bool(set(taken) - mine)
                job = None if nothing_fits(trials) else self._next(trials, taken)
                if job is None:
                    return None
                if isinstance(job, Resume):
                    return Claim(self.sweep, self._take_up(job))
                if not (reason := self._broken_constraint(job)):
                    return Claim(self.sweep, self._begin(job, trials, place))
                self._skip(job, trials, reason)

    @cached_property
    def _rules(self) -> DrawRules:
        record = self.sweep.record
        return DrawRules(Catalogue.read(), record.task, record.request.backend)

    def _broken_constraint(self, suggestion: Suggestion) -> str:
        """Why a suggestion can't be tried: the rule or the constraint that it breaks; "" where it can."""
        for problem in self._rules.problems(suggestion):
            return str(problem)
        try:
            return broken_constraint(self.sweep, suggestion)
        except TrainingError as error:
            return str(error)

    def _skip(self, suggestion: Suggestion, trials: Sequence[Trial], reason: str) -> None:
        """Note a trial that breaks a rule or a constraint; it isn't trained, and isn't counted."""
        record = self._record(suggestion, next_number(trials), Place())
        self.sweep.write_state(record.number, TrialState(status="skipped", reason=reason))
        self.sweep.write_trial(record)
        self.sweep.add_event("skipped", self.sweep.trial(record.number), reason=reason)
        if reason not in self._skipped:  # each once: a space may have many such draws
            self._skipped.add(reason)
            self.say(f"trial {record.number} is skipped, and not counted: {reason}")

    def _next(self, trials: Sequence[Trial], taken: Sequence[int]) -> Job | None:
        record = self.sweep.record
        sampler, limit = self._sampler(trials), record.limits.max_trials
        skipped = sum(trial.state.status == "skipped" for trial in trials)
        job = next_job(
            trials,
            sampler=sampler or _Nothing(),
            termination=self._termination,
            max_trials=None if limit is None else limit + skipped,
            busy=taken,
        )
        if self.deadline is None:
            return job
        if job is None or not self._fits(job, trials):
            job = next_paused(trials, score=record.space.score, busy=taken)
        return job if job is not None and self._fits(job, trials) else None

    def _fits(self, job: Job, trials: Sequence[Trial]) -> bool:
        """Whether a job can come to its goal in the time that is left, by what its model has taken so far."""
        # What was begun has no score to be paused with, so it is evaluated, however little time it has.
        if self.deadline is None or (isinstance(job, Resume) and job.reason == BEGUN):
            return True
        if isinstance(job, Suggestion):
            if self._has_searched(trials):
                return False
            model, epochs = job.model, self._goal(self._record(job, next_number(trials), Place()))
        else:
            trial = next(trial for trial in trials if trial.number == job.number)
            model, epochs = trial.record.model, job.until - trial.trained
        seconds = seconds_an_epoch(model, trials)
        return time.time() + epochs * seconds + self._reserve <= self.deadline

    def _seconds_to_measure(self, trials: Sequence[Trial]) -> float:
        """How much of the time is left to the measurement on the test images: what it takes, and not too much."""
        limit = self.sweep.record.limits.time_limit
        return 0.0 if limit is None else min(seconds_to_measure(self.sweep, trials), MEASURING_SHARE * limit)

    def _has_searched(self, trials: Sequence[Trial]) -> bool:
        """Whether the part of the time is over in which an automatic sweep begins anything new."""
        automatic, limit = self.sweep.record.automatic, self.sweep.record.limits.time_limit
        if automatic is None or limit is None or self.deadline is None or not trials:
            return False
        return time.time() >= self.deadline - (1 - automatic.search_share) * limit

    def _goal(self, record: TrialRecord) -> int:
        return first_goal(record, self._termination)

    def _record(self, suggestion: Suggestion, number: int, place: Place) -> TrialRecord:
        record = self.sweep.record
        return TrialRecord(
            number=number,
            group=suggestion.group,
            model=suggestion.model,
            values=suggestion.values,
            why=suggestion.why,
            epochs=record.space.epochs(suggestion.model, suggestion.values),
            threads=record.threads,
            device=place.device,
        )

    def _begin(self, suggestion: Suggestion, trials: Sequence[Trial], place: Place) -> int:
        number = next_number(trials)
        record = self._record(suggestion, number, place)
        self.sweep.write_state(number, TrialState(status="running", until=self._goal(record)))
        self.sweep.write_trial(record)  # the last: a folder without it is no trial
        self.sweep.add_event("begun", self.sweep.trial(number), reason=suggestion.why)
        return number

    def _take_up(self, job: Resume) -> int:
        trial = self.sweep.trial(job.number)
        if job.reason != BEGUN:
            state = TrialState(status="running", until=job.until, since=trial.trained)
            self.sweep.write_state(job.number, state)
        kind = "resumed" if job.reason == BEGUN else "promoted"
        self.sweep.add_event(kind, self.sweep.trial(job.number), reason=job.reason)
        return job.number

    def _submit(self, claim: Claim, place: Place) -> int:
        deadline = None if self.deadline is None else self.deadline - self._reserve
        task = self._task(claim.number, place, deadline)
        return self.runner.submit(replace(task, threads=self.sweep.trial(claim.number).record.threads))

    def _task(self, number: int, place: Place, deadline: float | None) -> TrialTask:
        return TrialTask(
            folder=self.sweep.path,
            number=number,
            threads=self.sweep.record.threads,
            deadline=deadline,
            cores=place.cores,
            environment=place.environment,
        )

    def measure(self) -> None:
        """Have the best trial measured on the test images, if there are any, in the time that is left; say if not."""
        deadline = None if self.deadline is None else self.deadline - REPORTING
        sentence = measured_last(self.sweep.reread(), self.runner, self._task(0, self.places[0], deadline))
        if sentence:
            self.say(sentence)

    # Watching

    def _reap(self, *, is_interrupted: bool) -> None:
        """Note what became of the trials that have ended."""
        for place, running in list(self._running.items()):
            status = self.runner.poll(running.handle)
            if status is None:
                continue
            del self._running[place]
            self._look_at = 0.0  # what has ended may have earned another its promotion
            with locked(self.sweep):
                running.claim.let_go()
                self._note_death(running.claim.number, status, is_interrupted=is_interrupted)
                state = self.sweep.trial(running.claim.number).state
                # A trial that the time limit has cut short would be taken up again until the last second.
                self._is_over |= status == 0 and state.status == "running" and not is_interrupted
                self._free_space()
                self.sweep.write_leaderboard()
            self.say(trial_line(self.sweep, running.claim.number, deadline=self.deadline))
            self._drop_models()

    def _note_death(self, number: int, status: int, *, is_interrupted: bool) -> None:
        """Fail a trial whose process ended without a word; where it was told to end, somebody will take it up again."""
        if status == 0 or is_interrupted or self._is_late() or self.sweep.trial(number).state.status != "running":
            return
        reason = f"its process ended with status {status}"
        if status < 0:
            reason = f"its process was killed by {signal.Signals(-status).name}"
            if -status == signal.SIGKILL:
                reason += ", perhaps for want of memory"
        end_trial(self.sweep, number, status="failed", reason=reason)

    def _free_space(self) -> None:
        for trial, names in free_space(self.sweep):
            self.sweep.add_event("deleted", trial, reason=", ".join(names))

    def _drop_models(self) -> None:
        dropped = dropped_models(self.sweep.trials())
        for model in dropped:
            if model not in self._dropped:
                reason = f"{model} is tried no more: three of its trials have failed in a row"
                self.sweep.add_event("dropped", reason=reason)
                self.say(reason)
        self._dropped = dropped

    def _interrupt(self) -> None:
        for running in self._running.values():
            self.runner.kill(running.handle, gently=True)

    def _end_late_ones(self) -> None:
        """Kill what is late: it goes on from its last saved state, if there is more time one day."""
        late = 0.0 if self.deadline is None else time.time() - self.deadline
        if late <= 0:
            return
        for running in self._running.values():
            if late > self._longest_evaluation(running.claim.number):
                self.runner.kill(running.handle, gently=False)

    def _longest_evaluation(self, number: int) -> float:
        """How long the evaluation may last that a trial may be in; none before it trains."""
        run = self.sweep.run_of(number)
        seconds = [entry.evaluation_seconds for entry in run.history() if entry.evaluation_seconds is not None]
        if seconds:
            return GRACE + max(seconds)
        return FIRST_EVALUATION if is_run(run.folder) and run.status.engine is not None else 0.0

    def _is_late(self) -> bool:
        return self._is_over or (self.deadline is not None and time.time() >= self.deadline - self._reserve)


@dataclass(frozen=True)
class _Nothing:
    """A sampler for a space of which nothing is left."""

    def suggest(self, number: int, trials: Sequence[Trial]) -> None:
        """Propose nothing."""


def seconds_an_epoch(model: str, trials: Sequence[Trial]) -> float:
    """How long an epoch of a model has taken, of those trials that took the longest; 0 where none has trained."""
    seconds = [trial.seconds / trial.trained for trial in trials if trial.record.model == model and trial.trained]
    return max(seconds, default=0.0) if math.isfinite(sum(seconds)) else 0.0


def nothing_fits(trials: Sequence[Trial]) -> bool:
    """Whether so many trials in a row have broken constraints that no other can be expected to keep to them."""
    last = trials[-DRAWS:]
    return len(last) == DRAWS and all(trial.state.status == "skipped" for trial in last)


def with_limits(sweep: SweepFolder, *, max_trials: int | None, time_limit: float | None) -> SweepFolder:
    """Write larger limits into a sweep, and return it with them. The sweep is locked."""
    record = sweep.reread().record
    limits = record.limits
    if max_trials is not None:
        limits = replace(limits, max_trials=max_trials)
    if time_limit is not None:
        limits = replace(limits, time_limit=time_limit)
    if limits != record.limits:
        sweep.write(replace(record, limits=limits))
        sweep.add_event("limits", reason=limits_text(limits.max_trials, limits.time_limit))
    return sweep.reread()


def limits_text(max_trials: int | None, time_limit: float | None) -> str:
    """Limits in words."""
    from vistry.report.numbers import duration

    parts = [f"{max_trials} trials"] if max_trials is not None else []
    parts += [duration(time_limit)] if time_limit is not None else []
    return " and ".join(parts) or "no limit"
