"""The training loop, written once: epochs, evaluation, early stopping, checkpoints. It knows no tensor library.

Everything random is derived from the seed and the position, so a run resumed from any checkpoint goes on bit for bit
as if it had never stopped.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import Any

from vistry.errors import DataError, TrainingError
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.batches import Batch, BatchReader, Rows, TrainingDataset
from vistry.loading.views import EvalTransform
from vistry.runs.checkpoint import read_checkpoint, write_checkpoint
from vistry.runs.folder import BEST, LAST, PREDICTIONS, Run
from vistry.task.behaviour import Task
from vistry.training.early_stopping import EarlyStopping
from vistry.training.engines import Engine
from vistry.training.prediction import predictions_of
from vistry.training.progress import Reporter, Tick
from vistry.training.schedules import schedule_of

EXPLODED = 100.0
CHECKPOINT_SECONDS = 600.0
PATIENCE_WITH_DISK = 20


@dataclass(frozen=True)
class Validation:
    """What the model is measured on: N image paths, N targets, and how the images are shown to it."""

    images: Sequence[str]
    targets: Any
    eval_transform: EvalTransform
    batch_size: int


@dataclass
class Position:
    """How far training is: the next batch of the running epoch, and what that epoch has seen so far."""

    epoch: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    images: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """Why training ended, and its best evaluation."""

    status: str
    reason: str
    best_epoch: int | None
    best_score: float | None
    epochs: int


class Interrupted(TrainingError):
    """The user pressed Ctrl-C; the run can be resumed."""

    exit_status = 130  # a shell's for SIGINT


@dataclass
class Loop:
    """One training. `deadline` is a time.monotonic() by which it has to be over."""

    engine: Engine
    task: Task
    classes: tuple[str, ...]
    hyperparameters: Hyperparameters
    training: TrainingDataset
    validation: Validation
    run: Run
    reporter: Reporter
    primary: str
    deadline: float | None = None
    position: Position = field(default_factory=Position)
    history: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.best = EarlyStopping.of(self.hyperparameters)
        self.batches = len(self.training.batches(self.hyperparameters.random_seed, 0))
        self.schedule = schedule_of(self.hyperparameters, self.batches)
        self.epochs: int = self.hyperparameters.number_of_epochs
        self.seed: int = self.hyperparameters.random_seed
        self._saved_at, self._save_seconds = time.monotonic(), 0.0
        self._evaluation_seconds = 0.0
        self._batch_seconds: float | None = None
        self._interrupted = False

    # Going through the epochs

    def fit(self) -> Outcome:
        """Train from the present position to the end. Raises TrainingError, Interrupted or RunError."""
        with BatchReader(self.training, self.hyperparameters.number_of_workers) as reader, self._interruptible():
            while self.position.epoch < self.epochs:
                is_whole = self._train_epoch(reader)
                self._close_epoch(is_whole)
                if self.best.should_stop:
                    waited = self.best.without_improvement
                    return self._outcome("completed", f"no improvement in {waited} evaluations")
                if self.position.epoch < self.epochs and (not is_whole or self._is_late()):
                    return self._outcome("stopped", "the time limit was reached")
        return self._outcome("completed", "all epochs are done")

    def _train_epoch(self, reader: BatchReader) -> bool:
        """The rest of the running epoch; False if the time limit cut it short, with the state to go on from saved."""
        epoch, began = self.position.epoch, time.monotonic() - self.position.seconds
        batches = self.training.batches(self.seed, epoch)
        first = self.position.batch
        stream = reader.read(batches[first:], self.seed, epoch)
        for group in self._groups(batches, first):
            self._optimise(group, batches, stream)
            self.position.seconds = time.monotonic() - began
            if self._interrupted:
                self._save_last()
                raise Interrupted(f"interrupted; to go on, type: vistry resume {self.run.folder}")
            if self._is_late() and self.position.batch < self.batches:
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

    def _optimise(self, group: range, batches: list[Rows], stream: Iterator[Batch]) -> None:
        """One update of the weights. Each batch counts by its images, so the group equals one large batch."""
        images = sum(len(batches[index]) for index in group)
        for index in group:
            began = self._clock()
            step = self.position.epoch * self.batches + index
            batch = next(stream)
            rate = self.hyperparameters.learning_rate * self.schedule(step)
            terms = self.engine.accumulate(batch, len(batch.rows) / images, step)
            loss = sum(terms.values())
            self._check_loss(loss, terms, batch, step, rate)
            if index == group[-1]:
                self.engine.update(rate)
            self.position.batch = index + 1
            self.position.loss_sum += loss * len(batch.rows)
            self.position.images += len(batch.rows)
            self._tick(loss, rate, self._clock() - began)

    def _close_epoch(self, is_whole: bool) -> None:
        """Evaluate, keep what is to be kept, and move on."""
        epoch = self.position.epoch
        entry: dict[str, Any] = {
            "epoch": epoch,
            "train_loss": self.position.loss_sum / max(1, self.position.images),
            "learning_rate": self.hyperparameters.learning_rate
            * self.schedule(epoch * self.batches + max(0, self.position.batch - 1)),
            "seconds": self.position.seconds,
        }
        improved = False
        last = epoch == self.epochs - 1
        if epoch % self.hyperparameters.evaluation_frequency == 0 or last or not is_whole:
            improved = self._evaluate(entry)
        self.history.append(entry)
        self.position = Position(epoch + 1)
        self.reporter.epoch(entry, self.epochs, self.primary, improved)
        self.run.write_history(self.history)
        if is_whole:
            self._save_kept(epoch)
        if is_whole and (last or self.best.should_stop or self._is_time_to_save()):
            self._save_last()

    def _evaluate(self, entry: dict[str, Any]) -> bool:
        began = self._clock()
        predictions = self._predictions()
        metrics = self.task.evaluate(predictions, self.validation.targets, self.classes, self.hyperparameters)
        is_measured = self.task.is_measured(self.hyperparameters)
        if is_measured and self.primary not in metrics:
            raise TrainingError(
                f"the primary metric {self.primary} is undefined on the validation set of {len(predictions)} images; "
                "choose another, or give a validation set with every class"
            )
        self._evaluation_seconds = self._clock() - began
        entry["validation"] = metrics
        entry["evaluation_seconds"] = self._evaluation_seconds
        if is_measured:
            improved = self.best.observe(entry["epoch"], metrics[self.primary])
        else:
            improved = self.best.take(entry["epoch"])
        if improved:
            facts = {
                "kind": "best",
                "epoch": entry["epoch"],
                "primary_metric": self.primary,
                "metrics": metrics,
                "images": len(predictions),
            }
            write_checkpoint(self.run.folder / BEST, self.engine.weights(), facts)
            tensors = self.task.tensors(predictions, self.validation.targets)
            write_checkpoint(self.run.folder / PREDICTIONS, tensors, facts)
        return improved

    def _predictions(self) -> list[Any]:
        images, workers = self.validation.images, self.hyperparameters.number_of_workers
        stream = predictions_of(
            self.engine, self.validation.eval_transform, images, self.validation.batch_size, workers
        )
        predictions = []
        for prediction in stream:
            if isinstance(prediction, DataError):
                raise prediction
            predictions.append(prediction)
        return predictions

    def _outcome(self, status: str, reason: str) -> Outcome:
        return Outcome(status, reason, self.best.epoch, self.best.score, len(self.history))

    # Watching over it

    def _check_loss(self, loss: float, terms: dict[str, float], batch: Batch, step: int, rate: float) -> None:
        if math.isfinite(loss) and loss <= EXPLODED:
            return
        what = "is not a number" if math.isnan(loss) else f"exploded to {loss:.3g}"
        names = [self.training.name(int(row)) for row in batch.rows[:4]]
        more = f" and {len(batch.rows) - 4} more" if len(batch.rows) > 4 else ""
        terms_text = ", ".join(f"{name} {value:.3g}" for name, value in terms.items())
        raise TrainingError(
            f"the loss {what} at epoch {self.position.epoch + 1}, batch {self.position.batch + 1} (step {step}, "
            f"learning rate {rate:.3g}; {terms_text}); its images: {', '.join(names)}{more}. "
            f"Lower learning_rate (try {rate / 10 or self.hyperparameters.learning_rate / 10:.2g}), lengthen "
            "warmup_cosine_lr_warmup_epochs, or set precision to fp32; the best checkpoint so far is intact"
        )

    def _tick(self, loss: float, rate: float, seconds: float) -> None:
        before = self._batch_seconds
        usual = seconds if before is None else 0.9 * before + 0.1 * seconds
        self._batch_seconds = min(usual, 2 * seconds)  # a slow first step says little about the others
        left = (self.epochs - self.position.epoch) * self.batches - self.position.batch
        remaining = left * self._batch_seconds + (self.epochs - self.position.epoch) * self._evaluation_seconds
        place = (self.position.epoch + 1, self.epochs, self.position.batch, self.batches)
        self.reporter.tick(Tick(*place, loss, rate, remaining if before is not None else None))

    def _clock(self) -> float:
        """Seconds, but for those that went into compiling, which is done once."""
        return time.monotonic() - self._compile_seconds()

    def _compile_seconds(self) -> float:
        return float(self.engine.facts().get("compile_seconds", 0.0))

    def _is_late(self) -> bool:
        """Whether an evaluation started after one more update would pass the deadline.

        Before the first evaluation, compiling the prediction is taken to last as long as compiling has so far.
        """
        if self.deadline is None:
            return False
        per_image = (self._batch_seconds or 0.0) * self.batches / len(self.training)
        evaluation = self._evaluation_seconds or per_image * len(self.validation.images) + self._compile_seconds()
        reserve = 1.2 * evaluation + 2 * (self._batch_seconds or 0.0) + self._save_seconds
        return time.monotonic() + reserve >= self.deadline

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Let Ctrl-C wait for the end of an update; a second one stops at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def on_interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
            if self._interrupted:
                raise KeyboardInterrupt
            self._interrupted = True

        before: Callable[..., Any] | int | None = signal.signal(signal.SIGINT, on_interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    # Keeping it

    def _is_time_to_save(self) -> bool:
        """Saving may cost a twentieth of the time: a resumed run redoes what came after its last state."""
        return time.monotonic() - self._saved_at >= PATIENCE_WITH_DISK * self._save_seconds

    def _save_kept(self, epoch: int) -> None:
        every = self.hyperparameters.checkpoint_frequency
        if every is not None and (epoch + 1) % every == 0:
            path = self.run.folder / "checkpoints" / f"epoch_{epoch + 1:04d}.safetensors"
            write_checkpoint(path, self.engine.weights(), {"kind": "epoch", "epoch": epoch})

    def _save_last(self) -> None:
        began = time.monotonic()
        facts = {
            "kind": "last",
            "position": asdict(self.position),
            "best": self.best.to_dict(),
            "history": self.history,
        }
        write_checkpoint(self.run.folder / LAST, self.engine.state(), facts)
        self._saved_at = time.monotonic()
        self._save_seconds = self._saved_at - began

    def restore(self) -> bool:
        """Take up the last saved state; False if there is none and training starts from the beginning."""
        if not (self.run.folder / LAST).is_file():
            return False
        tensors, facts = read_checkpoint(self.run.last_state)
        self.engine.load_state(tensors)
        self.position = Position(**facts["position"])
        self.best = EarlyStopping(**facts["best"])
        self.history = facts["history"]
        return True
