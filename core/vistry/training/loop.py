"""The training loop, written once: epochs, evaluation, early stopping, checkpoints. It knows no tensor library.

Everything random is derived from the seed and the position, so a run resumed from any checkpoint goes on bit for bit
as if it had never stopped. Each step is announced to listeners (see events.py).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vistry.errors import RunError, TrainingError
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.batches import Batch, BatchReader, Rows, TrainingDataset
from vistry.registry.part_specs import ScheduleSpec
from vistry.registry.parts import Part
from vistry.runs.checkpoint import Tensors, read_checkpoint, write_checkpoint
from vistry.runs.folder import BEST, LAST, PREDICTIONS, Run
from vistry.runs.records import BestEpoch, BestFacts, CheckpointFacts, EpochEntry, EpochFacts, LastFacts, Position
from vistry.training.early_stopping import EarlyStopping
from vistry.training.engines import Engine
from vistry.training.events import Announcer, BatchEnded, EpochEnded, Listener, LossComputed, Outcome
from vistry.training.interruption import CtrlC, Interrupted
from vistry.training.pace import Pace
from vistry.training.schedules import schedule_of
from vistry.training.validation import Validation

EXPLODED = 100.0  # a loss above this is taken for diverged
CHECKPOINT_SECONDS = 600.0  # within an epoch: a kill loses no more than this
SAVING_SHARE = 20  # saving at the end of an epoch may cost one part in so many of the time
NAMED_IMAGES = 4  # of a batch whose loss exploded
TIME_LIMIT = "the time limit was reached"


@dataclass(kw_only=True)
class Loop:
    """One training. `deadline` is a time.monotonic() by which it has to be over.

    `schedule_part` is the learning rate's schedule, where it isn't one of core's.
    """

    engine: Engine
    hyperparameters: Hyperparameters
    training: TrainingDataset
    validation: Validation
    run: Run
    listeners: Sequence[Listener] = ()
    deadline: float | None = None
    schedule_part: Part[ScheduleSpec] | None = None
    position: Position = field(default_factory=Position)
    history: list[EpochEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.epochs: int = self.hyperparameters.number_of_epochs
        self.seed: int = self.hyperparameters.random_seed
        self.batches = len(self.training.batches(self.seed, 0))
        self.schedule = schedule_of(self.hyperparameters, self.batches, self.schedule_part)
        self.early_stopping = self._early_stopping()
        self._announce = Announcer(self.listeners)
        self._pace = Pace()
        self._saved_at = time.monotonic()
        self._ctrl_c = CtrlC()
        self._stop_reason: str | None = None
        self._notes: set[str] = set()

    # Going through the epochs

    def fit(self) -> Outcome:
        """Train from the present position to the end. Raises TrainingError, Interrupted or RunError."""
        outcome = None
        try:
            self._announce.training_begins(self)
            with BatchReader(self.training, self.hyperparameters.number_of_workers) as reader, self._ctrl_c:
                outcome = self._fit(reader)
        finally:
            self._announce.training_ended(outcome)
        return outcome

    def stop(self, reason: str) -> None:
        """End after the present update, as at the time limit: evaluated, saved, ready to be resumed.

        Asked for when an epoch has ended or a resumed training begins, it is over without another update.
        """
        self._stop_reason = reason

    def restore(self) -> bool:
        """Take up the last saved state; False if there is none and training starts from the beginning."""
        if not self.run.can_resume:
            return False
        tensors, facts = read_checkpoint(self.run.last_state)
        if not isinstance(facts, LastFacts):
            raise RunError(f"invalid checkpoint {self.run.last_state}: expected kind 'last', got '{facts.kind}'")
        self.engine.load_state(tensors)
        self.position = facts.position
        self.early_stopping = self._early_stopping(facts.best)
        self.history = list(facts.history)
        return True

    def _early_stopping(self, best: BestEpoch | None = None) -> EarlyStopping:
        larger_is_better = self.validation.larger_is_better
        return EarlyStopping.from_hyperparameters(self.hyperparameters, best, larger_is_better=larger_is_better)

    def _fit(self, reader: BatchReader) -> Outcome:
        if self._stop_reason is not None and self.history and self.position.epoch < self.epochs:
            return self._outcome("stopped", self._stop_reason)
        while self.position.epoch < self.epochs:
            is_whole = self._train_epoch(reader)
            self._end_epoch(is_whole)
            if self.early_stopping.should_stop:
                waited = self.early_stopping.best.without_improvement
                return self._outcome("completed", f"no improvement in {waited} evaluations")
            # An epoch that was cut short ends the training, though its evaluation may have been faster than feared.
            if self.position.epoch < self.epochs and (not is_whole or self._is_to_stop()):
                return self._outcome("stopped", self._stop_reason or TIME_LIMIT)
        return self._outcome("completed", "all epochs are done")

    def _train_epoch(self, reader: BatchReader) -> bool:
        """Train the rest of the present epoch; False if it was cut short, with the state to go on from saved."""
        epoch, began = self.position.epoch, time.monotonic() - self.position.seconds
        batches = self.training.batches(self.seed, epoch)
        first = self.position.batch
        stream = reader.read(batches[first:], self.seed, epoch)
        for group in self._groups(batches, first):
            self._announce.update_begins()
            self._update(group, batches, stream)
            self.position.seconds = time.monotonic() - began
            self._announce.update_ended()
            if self._ctrl_c.pressed:
                self._save_last()
                raise Interrupted(f"interrupted; to go on, type: vistry resume {self.run.folder}")
            if self._is_to_stop() and self.position.batch < self.batches:
                self._save_last()
                return False
            if time.monotonic() - self._saved_at > CHECKPOINT_SECONDS:
                self._save_last()
        return True

    def _groups(self, batches: list[Rows], first: int) -> Iterator[range]:
        """Consecutive batches whose gradients are accumulated into one update; the last may be fewer."""
        size = min(self.hyperparameters.gradient_accumulation_step, len(batches))
        for start in range(first, len(batches), size):
            yield range(start, min(start + size, len(batches)))

    def _update(self, group: range, batches: list[Rows], stream: Iterator[Batch]) -> None:
        """Update the weights once. Each batch counts by its images, so the group equals one large batch."""
        images = sum(len(batches[index]) for index in group)
        for index in group:
            began = self._clock()
            step = self.position.epoch * self.batches + index
            batch = next(stream)
            rate = self._learning_rate(step)
            terms = self.engine.accumulate(batch, len(batch.rows) / images, step)
            computed = LossComputed(step=step, loss=sum(terms.values()), terms=terms, learning_rate=rate)
            self._announce.loss_computed(computed)
            self._check_loss(computed, batch)
            if index == group[-1]:
                self.engine.update(rate)
            self.position.batch = index + 1
            self.position.loss_sum += computed.loss * len(batch.rows)
            self.position.images += len(batch.rows)
            self._end_batch(computed, self._clock() - began)

    def _learning_rate(self, step: int) -> float:
        return self.hyperparameters.learning_rate * self.schedule(step)

    def _end_epoch(self, is_whole: bool) -> None:
        """Evaluate, write metrics and checkpoints, and move on."""
        epoch, position = self.position.epoch, self.position
        is_last = epoch == self.epochs - 1
        is_evaluated = epoch % self.hyperparameters.evaluation_frequency == 0 or is_last or not is_whole
        metrics, is_best = self._evaluate(epoch) if is_evaluated else (None, False)
        entry = EpochEntry(
            epoch=epoch,
            train_loss=position.loss_sum / max(1, position.images),
            learning_rate=self._learning_rate(epoch * self.batches + max(0, position.batch - 1)),
            train_seconds=position.seconds,
            metrics=metrics,
            evaluation_seconds=self._pace.evaluation if is_evaluated else None,
        )
        self.history.append(entry)
        self.position = Position(epoch=epoch + 1)
        self.run.write_history(self.history)
        self._announce.epoch_ended(
            EpochEnded(
                entry=entry,
                epochs=self.epochs,
                primary_metric=self.validation.primary_metric,
                is_best=is_best,
                is_whole=is_whole,
            )
        )
        # An epoch that was cut short goes on from the state saved in its middle, so nothing is saved after it.
        if is_whole:
            self._save_epoch(epoch)
        is_end = is_last or self.early_stopping.should_stop or self._is_to_stop()
        if is_whole and (is_end or self._is_time_to_save()):
            self._save_last()

    def _evaluate(self, epoch: int) -> tuple[Mapping[str, float], bool]:
        """Evaluate an epoch; its metrics, and whether it is the best so far, which is then saved."""
        self._announce.evaluation_begins(epoch)
        began = self._clock()
        evaluation = self.validation.evaluate(self.engine, self._announce.images_evaluated)
        self._pace.evaluation = self._clock() - began
        for note in [note for note in evaluation.notes if note not in self._notes]:
            self._notes.add(note)
            self._announce.note(note)
        is_best = self.early_stopping.update(epoch, evaluation.score)
        if is_best:
            facts = BestFacts(
                epoch=epoch,
                primary_metric=self.validation.primary_metric,
                metrics=evaluation.metrics,
                images=len(self.validation.images),
            )
            self._save(BEST, self.engine.weights(), facts)
            self._save(PREDICTIONS, evaluation.tensors, facts)
        self._announce.evaluated(epoch, evaluation.metrics, is_best)
        return evaluation.metrics, is_best

    def _outcome(self, status: str, reason: str) -> Outcome:
        best = self.early_stopping.best
        return Outcome(status, reason, best_epoch=best.epoch, best_score=best.score, epochs=len(self.history))

    # Watching over it

    def _check_loss(self, computed: LossComputed, batch: Batch) -> None:
        loss, rate = computed.loss, computed.learning_rate
        if math.isfinite(loss) and loss <= EXPLODED:
            return
        what = "is not a number" if math.isnan(loss) else f"exploded to {loss:.3g}"
        names = [self.training.name(int(row)) for row in batch.rows[:NAMED_IMAGES]]
        more = f" and {len(batch.rows) - NAMED_IMAGES} more" if len(batch.rows) > NAMED_IMAGES else ""
        terms = ", ".join(f"{name} {value:.3g}" for name, value in computed.terms.items())
        lower = rate / 10 or self.hyperparameters.learning_rate / 10  # the first rate of a warm-up is 0
        raise TrainingError(
            f"the loss {what} at epoch {self.position.epoch + 1}, batch {self.position.batch + 1} (step "
            f"{computed.step}, learning rate {rate:.3g}; {terms}); its images: {', '.join(names)}{more}. "
            f"Lower learning_rate (try {lower:.2g}), lengthen warmup_cosine_lr_warmup_epochs, or set precision to "
            "fp32; the best checkpoint so far is intact"
        )

    def _end_batch(self, computed: LossComputed, seconds: float) -> None:
        is_first = self._pace.batch is None
        self._pace.count_batch(seconds)
        epochs = self.epochs - self.position.epoch
        remaining = self._pace.remaining(epochs * self.batches - self.position.batch, epochs)
        self._announce.batch_ended(
            BatchEnded(
                epoch=self.position.epoch + 1,
                epochs=self.epochs,
                batch=self.position.batch,
                batches=self.batches,
                loss=computed.loss,
                learning_rate=computed.learning_rate,
                remaining=None if is_first else remaining,  # one step says too little
                epoch_seconds=None if is_first else self._pace.remaining(self.batches, 1),
            )
        )

    def _clock(self) -> float:
        """Seconds, but for those that went into compiling, which is done once."""
        return time.monotonic() - self.engine.facts().compile_seconds

    def _is_to_stop(self) -> bool:
        return self._stop_reason is not None or self._is_late()

    def _is_late(self) -> bool:
        """Whether an evaluation started after one more update would pass the deadline.

        Before the first evaluation, compiling the prediction is taken to last as long as compiling has so far.
        """
        if self.deadline is None:
            return False
        per_image = (self._pace.batch or 0.0) * self.batches / len(self.training)
        first = per_image * len(self.validation.images) + self.engine.facts().compile_seconds
        return time.monotonic() + self._pace.reserve(first) >= self.deadline

    # Saving it

    def _is_time_to_save(self) -> bool:
        """Whether saving costs little against the time since the last: a resumed run redoes what came after it."""
        return time.monotonic() - self._saved_at >= SAVING_SHARE * self._pace.saving

    def _save_epoch(self, epoch: int) -> None:
        every = self.hyperparameters.checkpoint_frequency
        if every is not None and (epoch + 1) % every == 0:
            name = f"checkpoints/epoch_{epoch + 1:04d}.safetensors"
            self._save(name, self.engine.weights(), EpochFacts(epoch=epoch))

    def _save_last(self) -> None:
        began = time.monotonic()
        facts = LastFacts(position=self.position, best=self.early_stopping.best, history=tuple(self.history))
        self._save(LAST, self.engine.state(), facts)
        self._saved_at = time.monotonic()
        self._pace.saving = self._saved_at - began

    def _save(self, name: str, tensors: Tensors, facts: CheckpointFacts) -> None:
        path = self.run.folder / name
        self._announce.saving_begins(path)
        write_checkpoint(path, tensors, facts)
        self._announce.saved(path)
