"""Looking at candidates more closely: a few steps of each are measured, its weights fetched, its features probed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from vistry.errors import TrainingError, VistryError
from vistry.hyperparameter.schema import Schema, Source, schema_of
from vistry.registry.field_spec import Scalar, to_json
from vistry.registry.tasks import task_named
from vistry.report.numbers import duration
from vistry.sweep.automatic.candidates import RANDOM, Candidate, Candidates
from vistry.sweep.automatic.head import Head, head_of
from vistry.sweep.automatic.measure_process import MeasureProcess
from vistry.sweep.automatic.measuring import Measured, Probed
from vistry.sweep.automatic.recipe import Defaults, batch_of
from vistry.sweep.constraints import Footprint, broken
from vistry.sweep.request import SweepRequest
from vistry.training.plan import Splits, make_plan
from vistry.weights.fetch_progress import size_text

MOST = 6  # candidates that are looked at, of which so many of a kind before all others had their turn:
MOST_OF_A_KIND = 2
USEFUL_UPDATES = 100  # a training of fewer, or of fewer epochs, teaches little; from random weights it takes more
USEFUL_UPDATES_FROM_RANDOM = 500
USEFUL_EPOCHS = 5
USEFUL_SHARE = 3  # such a training may take at most one part in so many of the time
PREDICTED = 4  # by so much more than that a size may speak against a model that nobody has measured
MEASURED_SHARE, PROBED_SHARE, FETCHED_SHARE = 1 / 10, 1 / 40, 1 / 20  # of the time
LONGEST = 60.0  # seconds for either of the first two
LONGEST_FETCH = 600.0
LONGEST_FIRST = 600.0  # for the first model, without which there is nothing
PROBE_IMAGES = 1000
PROBE_PATIENCE = 5  # times what a probe is expected to take: reading the weights, and a machine that is busy
LEAST_PROBE_IMAGES = 40  # fewer say nothing
WARM_UP = "warmup_cosine_lr_warmup_epochs"

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A candidate that was measured; `schema` is its own, `defaults` its table's, `probe` None where there was none.

    `head` says how its head is trained alone, None where it isn't; with `head_alone` nothing else is. `images` are
    those that an epoch trains on and validates.
    """

    candidate: Candidate
    schema: Schema
    defaults: Defaults
    batch: int
    measured: Measured
    images: int
    head: Head | None = None
    head_alone: bool = False
    probe: Probed | None = None

    @property
    def seconds_per_image(self) -> float:
        """How long it trains on one."""
        return self.measured.latency if self.head_alone else self.measured.step_seconds / self.batch

    @property
    def epoch_seconds(self) -> float:
        """How long an epoch takes, with its evaluation; below a head that is trained alone all only predicts."""
        return self.measured.latency * self.images if self.head_alone else self.measured.epoch_seconds

    def parts(self) -> list[Tried]:
        """What is trained of it, the cheapest first: its head alone, and all of it where there is time for that."""
        heads = [] if self.head is None else [replace(self, head_alone=True)]
        return heads if self.head_alone else [*heads, self]


@dataclass(kw_only=True)
class Survey:
    """Looks at the candidates of a request, in the order of their published figures, as long as there is time."""

    request: SweepRequest
    task: str
    candidates: Candidates
    splits: Splits
    process: MeasureProcess
    say: Say
    tried: list[Tried] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)  # by the model's full name, why
    decisions: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._spare: Tried | None = None  # the fastest of those that are too slow
        self._unmeasured: Counter[str] = Counter()
        self._may_fetch = self.candidates.may_fetch
        self._bytes_left = self.request.max_download
        limit = self.request.limits.time_limit
        self._fetch_left = LONGEST_FETCH if limit is None else FETCHED_SHARE * limit
        self._fetched = 0.0  # seconds

    def look(self) -> list[Tried]:
        """Return those that may be searched, in the order of the published figures.

        Raises TrainingError where not one of them can be trained, or measured in a third of the time.
        """
        self.process.wait()
        began = time.monotonic()
        deadline, last = began + self._budget(MEASURED_SHARE), began + self._patience()
        for candidate in self._turns():
            if len(self.tried) == MOST:
                break
            now = time.monotonic() - self._fetched
            if now >= deadline and (self.tried or self._spare or now >= last):
                self.decide(
                    f"no more models were looked at: measuring has its {duration(self._budget(MEASURED_SHARE))}"
                )
                break
            self._look_at(candidate)
        self._tell_unmeasured()
        self._take_spare()
        places = {one.model: place for place, one in enumerate(self.candidates.ranked)}
        self.tried.sort(key=lambda one: places[one.candidate.model])
        self._probe()
        return self.tried

    def decide(self, sentence: str) -> None:
        """Note a decision, and say it."""
        self.decisions.append(sentence)
        self.say(sentence)

    # Turns

    def _turns(self) -> Iterator[Candidate]:
        """The cheapest that is here, by which others are judged; then those that seem fast enough, then the rest."""
        ranked = self.candidates.ranked
        if not ranked:
            return
        here = [one for one in ranked if one.weights != RANDOM and not one.size] or ranked
        first = min(here, key=lambda one: one.cost)
        yield first
        later = []
        for candidate in self._mixed(first):
            if self._excess(candidate) > 1:
                later.append(candidate)
            elif candidate is not first:
                yield candidate
        yield from (one for one in later if one is not first)

    def _mixed(self, first: Candidate) -> list[Candidate]:
        """All in the order of their figures, but for some of a kind before the others of it."""
        of_kind = Counter([first.kind])
        mixed: list[Candidate] = []
        later: list[Candidate] = []
        for candidate in self.candidates.ranked:
            (mixed if of_kind[candidate.kind] < MOST_OF_A_KIND else later).append(candidate)
            of_kind[candidate.kind] += candidate is not first
        return mixed + later

    def _look_at(self, candidate: Candidate) -> None:
        if reason := self._unwanted(candidate):
            self._unmeasured[reason] += 1
            return
        try:
            tried = self._measured(candidate)
            tried = self._fitting(tried)
            self._fetch(candidate)
            self._check_weights(tried)
        except VistryError as error:
            self.dropped[candidate.model] = str(error).partition("\n")[0]
            self.decide(f"{candidate.card.name} is left out: {self.dropped[candidate.model]}")
            return
        self.tried.append(tried)

    def _unwanted(self, candidate: Candidate) -> str:
        """Why a candidate isn't even measured; "" where it is."""
        if candidate.size and not self._may_fetch:
            return "whose weights aren't here"
        if candidate.size > self._bytes_left:
            return f"whose weights would be more than --max-download, {size_text(self.request.max_download)} in all"
        return "too slow for the time, by their size" if self._excess(candidate) > PREDICTED else ""

    def _excess(self, candidate: Candidate) -> float:
        """How many times the time that it may have a useful training would take, by the size of those measured."""
        known = [one for one in [*self.tried, self._spare] if one is not None]
        limit = self.request.limits.time_limit
        if not known or limit is None:
            return 0.0
        seconds = candidate.cost * min(one.parts()[0].seconds_per_image / one.candidate.cost for one in known)
        batch = min(one.batch for one in known)
        return self._useful_updates(candidate, batch) * batch * seconds / (limit / USEFUL_SHARE)

    # One candidate

    def _measured(self, candidate: Candidate) -> Tried:
        schema = schema_of(self.candidates.catalogue, candidate.card, self.task)
        defaults = defaults_of(schema, keeps_batch=task_named(self.task).has_boxes)
        given = given_values(self.request, schema)
        batch = int(str(given.get("training_batch_size") or batch_of(defaults, len(self.splits.training))))
        values = {"weights": RANDOM, "training_batch_size": batch, "validation_batch_size": batch, **given}
        measured = self.process.measure(candidate.model, values, self._patience())
        images = len(self.splits.training)
        return Tried(
            candidate=candidate,
            schema=schema,
            defaults=defaults,
            batch=batch,
            measured=measured,
            images=images + len(self.splits.validation),
            head=head_of(candidate, schema, task_named(self.task), images=images, given=given),
        )

    def _patience(self) -> float:
        """The seconds that measuring a model may take: for the first one, as long as a useful training may."""
        if self.tried or self._spare:
            return self._budget(MEASURED_SHARE)
        limit = self.request.limits.time_limit
        return LONGEST_FIRST if limit is None else limit / USEFUL_SHARE

    def _fitting(self, tried: Tried) -> Tried:
        """As much of a model as there is time to train: all of it, or its head alone.

        Raises TrainingError for a model that breaks a constraint, or is too slow for either.
        """
        measured, limit = tried.measured, self.request.limits.time_limit
        footprint = Footprint(
            parameters=measured.parameters,
            model_size=measured.model_size,
            latency=measured.latency,
            memory=measured.memory,
        )
        for sentence in broken(self.request.constraints, footprint):
            raise TrainingError(sentence)
        if limit is None:
            return tried
        updates = self._useful_updates(tried.candidate, tried.batch)
        seconds = updates * measured.step_seconds
        if seconds <= limit / USEFUL_SHARE:
            return tried
        reason = (
            f"{updates} updates, the fewest that teach it something, take {duration(seconds)}, over a third of the "
            f"{duration(limit)} in all"
        )
        if tried.head is not None:
            tried = replace(tried, head_alone=True)
            if updates * tried.batch * tried.seconds_per_image <= limit / USEFUL_SHARE:
                self.decide(f"of {tried.candidate.card.name} the head alone is trained: of all of it, {reason}")
                return tried
        if self._spare is None or tried.seconds_per_image < self._spare.seconds_per_image:
            self._spare = tried
        raise TrainingError(reason)

    def _useful_updates(self, candidate: Candidate, batch: int) -> int:
        least = USEFUL_UPDATES_FROM_RANDOM if candidate.weights == RANDOM else USEFUL_UPDATES
        return max(least, USEFUL_EPOCHS * -(-len(self.splits.training) // batch))

    def _fetch(self, candidate: Candidate) -> None:
        """Fetch weights that aren't here. Raises TrainingError; after one failure nothing more is fetched."""
        if not candidate.size:
            return
        size, licence = size_text(candidate.size), candidate.card.weights[candidate.weights].license
        self.decide(f"{candidate.card.name}: its weights '{candidate.weights}' are fetched, about {size}, {licence}")
        began = time.monotonic()
        try:
            done = fetched(candidate, self._fetch_left)
        except subprocess.TimeoutExpired:
            self._may_fetch = False
            # What has come of the file stays, and the next fetch goes on from there.
            raise TrainingError(f"its weights, about {size}, weren't here after {duration(self._fetch_left)}") from None
        finally:
            seconds = time.monotonic() - began
            self._fetched += seconds
            self._fetch_left -= seconds
        if done.returncode:
            self._may_fetch = False
            last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            raise TrainingError(f"its weights can't be fetched, nor others then: {last.removeprefix('error: ')}")
        self._bytes_left -= candidate.size

    def _check_weights(self, tried: Tried) -> None:
        """Raise VistryError where a training can't begin with the weights, which nobody has read yet."""
        values = {"weights": tried.candidate.weights, **given_values(self.request, tried.schema)}
        request = replace(self.request.training, model=tried.candidate.model)
        make_plan(request, [Source.of(values, "the sweep")], self.splits)

    def _take_spare(self) -> None:
        if self.tried:
            return
        if self._spare is None:
            reasons = "; ".join(f"{model}: {reason}" for model, reason in list(self.dropped.items())[:3])
            raise TrainingError(f"no installed model can be trained for {self.task}: {reasons or self._nothing}")
        self._fetch(self._spare.candidate)
        self._check_weights(self._spare)
        del self.dropped[self._spare.candidate.model]
        self.tried.append(self._spare)
        what = "its head alone, " if self._spare.head_alone else ""
        self.decide(f"{self._spare.candidate.card.name} is taken all the same, {what}since it is the fastest")

    @property
    def _nothing(self) -> str:
        return f"there is none that {self.candidates.backend} trains and that keeps to the constraints"

    def _tell_unmeasured(self) -> None:
        for reason, count in self._unmeasured.items():
            self.decide(f"{count:,} model{'s' if count != 1 else ''} not looked at, {reason}")

    # Probing

    def _probe(self) -> None:
        """See how well pretrained features tell the classes apart; where one can't be seen, none counts."""
        pretrained = all(one.candidate.weights != RANDOM for one in self.tried)
        if task_named(self.task).has_boxes or not pretrained or len(self.tried) < 2:
            return
        budget = self._budget(PROBED_SHARE) / len(self.tried)
        images = min([PROBE_IMAGES, len(self.splits.training), *(_images_in(budget, one) for one in self.tried)])
        if images < min(LEAST_PROBE_IMAGES, len(self.splits.training)):
            self.decide(f"features aren't probed: in {duration(budget)} a model sees too few images")
            return
        probed = []
        for one in self.tried:
            values = {"weights": one.candidate.weights, **given_values(self.request, one.schema)}
            try:
                probe = self.process.probe(one.candidate.model, values, images=images, seconds=PROBE_PATIENCE * budget)
            except TrainingError as error:
                self.decide(f"features aren't probed, since those of {one.candidate.card.name} can't be: {error}")
                return
            probed.append(replace(one, probe=probe))
        self.tried = probed
        figures = ", ".join(f"{one.candidate.card.name} {one.probe.accuracy:.3f}" for one in probed if one.probe)
        self.decide(f"a linear model on the features of {images} images, each predicted by the others: {figures}")

    def _budget(self, share: float) -> float:
        limit = self.request.limits.time_limit
        return LONGEST if limit is None else min(LONGEST, share * limit)


def fetched(candidate: Candidate, seconds: float) -> subprocess.CompletedProcess[str]:
    """Fetch weights in a process of their own, which may be ended. Raises subprocess.TimeoutExpired."""
    command = [sys.executable, "-P", "-m", "vistry", "weights", "fetch", candidate.model, candidate.weights]
    return subprocess.run(command, capture_output=True, text=True, timeout=max(0.0, seconds), check=False)


def defaults_of(schema: Schema, *, keeps_batch: bool) -> Defaults:
    """What a model's own table says of its batch, its epochs and its warm-up."""
    names = ("training_batch_size", "number_of_epochs", WARM_UP)
    values = [schema.fields[name].default if name in schema.fields else None for name in names]
    batch, epochs, warm_up = (value if isinstance(value, int) else 1 for value in values)
    return Defaults(batch=batch, epochs=epochs, warm_up_epochs=warm_up, keeps_batch=keeps_batch)


def is_adaptive(schema: Schema, optimizer: str) -> bool:
    """Whether an optimiser scales its own steps: then it wants a rate far lower than sgd's."""
    parts = schema.offer.optimizers.parts
    return optimizer in parts and parts[optimizer].spec.relative_rate < 1


def given_values(request: SweepRequest, schema: Schema) -> dict[str, Scalar | None]:
    """The values that the user has fixed for all trials and that a model takes."""
    return dict(_given(request.fixed_values(), schema))


def _given(values: Mapping[str, object], schema: Schema) -> Iterable[tuple[str, Scalar | None]]:
    for name, value in values.items():
        if name in schema.fields:
            yield name, value if isinstance(value, Scalar | None) else to_json(value)  # type: ignore[arg-type]


def _images_in(seconds: float, tried: Tried) -> int:
    return int(seconds / tried.measured.latency) if tried.measured.latency else PROBE_IMAGES
