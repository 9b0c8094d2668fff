"""How a network is trained for one fold: rate, epochs, early stop, a snapshot after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cleaner import images
from cleaner.arrays import ImageBatch, Labels, SquareImage, ViewProbs
from cleaner.learning import augment, snapshots
from cleaner.learning.photos import made_ahead
from cleaner.learning.pictures import Pictures
from cleaner.learning.tuned_network import TunedNetwork
from cleaner.progress import Progress, Report

BATCH_SIZE = 32
LEARNING_RATE = 3e-4
PATIENCE = 2
# The first steps of Adam go equally far in all weights, right or wrong, so they are kept short.
WARM_STEPS = 50
_JUDGED_AT_ONCE = 64
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Course:
    """What a network learns from in one fold, and for how long.

    Attributes:
        pictures: of all items.
        labels: (item,), class indices.
        train: items that are learnt from.
        watch: items whose loss says when to stop; may be empty.
        side_px: of the network's input.
        epochs: at most this many passes over `train`.
        seed: what its chance depends on: the run's seed, and the fold.
        stage: what is being done, in words.
    """

    pictures: Pictures
    labels: Labels
    train: np.ndarray
    watch: np.ndarray
    side_px: int
    epochs: int
    seed: tuple[int, int]
    stage: str

    def told(
        self, epochs: int | float, message: str, curves: dict[str, float] | None = None
    ) -> Progress:
        """Return the report after so many epochs, whole and part."""
        photos = len(self.train) + len(self.watch)
        return Progress(
            self.stage, round(epochs * photos), self.epochs * photos, message, curves or {}
        )


@dataclass(slots=True)
class Trained:
    """Where a course stands, besides the network's own state.

    Attributes:
        weights: those with the least watched loss so far.
        best_loss: that loss.
        history: the curves of each epoch.
    """

    weights: list[np.ndarray]
    best_loss: float = np.inf
    history: list[dict[str, float]] = field(default_factory=list)


def train(network: TunedNetwork, course: Course, snapshot: Path, report: Report) -> Trained:
    """Train the network from its present state and return the best weights.

    After each epoch all is kept in `snapshot`; called again with the same course, training goes
    on from there.
    """
    trained = _resumed(network, snapshot) or _begun(network, course, report)
    for epoch, curves in enumerate(trained.history, 1):
        report(course.told(epoch, _in_words(epoch, curves), curves))
    while not _is_finished(trained, course):
        epoch = len(trained.history) + 1
        curves = _epoch(network, course, epoch - 1, report)
        trained.history.append(curves)
        loss = _watched(curves)
        if loss < trained.best_loss:
            trained.best_loss, trained.weights = loss, network.means()
        facts = {"best_loss": trained.best_loss, "history": trained.history}
        snapshots.save(snapshot, facts, network.state() | {"best": trained.weights})
        report(course.told(epoch, _in_words(epoch, curves), curves))
    return trained


def view_probs(
    network: TunedNetwork, course: Course, items: np.ndarray, tell: Callable[[int], None]
) -> ViewProbs:
    """Return the probabilities of items as they are and mirrored, (view, item, class)."""
    found: list[np.ndarray] = []
    for photos in plain_photos(course.pictures, items, course.side_px):
        found.append(np.stack([network.probs(photos), network.probs(photos[:, :, ::-1])]))
        tell(sum(part.shape[1] for part in found))
    return np.concatenate(found, axis=1)


def plain_photos(pictures: Pictures, items: np.ndarray, side_px: int) -> Iterator[ImageBatch]:
    """Yield items as they are, in order, some at once."""

    def plain(item: int) -> SquareImage:
        return images.squared(pictures[item], side_px)

    starts = range(0, len(items), _JUDGED_AT_ONCE)
    batches = [items[start : start + _JUDGED_AT_ONCE].tolist() for start in starts]
    for _items, photos in made_ahead(batches, plain):
        yield np.stack(photos)


def _begun(network: TunedNetwork, course: Course, report: Report) -> Trained:
    """Return the network as it is: where training only spoils it, it stays."""
    curves = _checked(network, course, lambda _: report(course.told(0, "checking the start")))
    return Trained(network.means(), curves.get("fine-tuning validation loss", np.inf))


def _resumed(network: TunedNetwork, snapshot: Path) -> Trained | None:
    kept = snapshots.load(snapshot)
    if kept is None:
        return None
    network.restore(kept.arrays)
    return Trained(kept.arrays["best"], **kept.facts)


def _is_finished(trained: Trained, course: Course) -> bool:
    losses = [_watched(curves) for curves in trained.history]
    is_stale = bool(losses) and len(losses) - 1 - int(np.argmin(losses)) >= PATIENCE
    return len(losses) >= course.epochs or is_stale


def _watched(curves: dict[str, float]) -> float:
    return curves.get("fine-tuning validation loss", curves["fine-tuning loss"])


def _in_words(epoch: int, curves: dict[str, float]) -> str:
    values = ", ".join(f"{name.removeprefix('fine-tuning ')} {v:.3f}" for name, v in curves.items())
    return f"epoch {epoch}, {values}"


def _epoch(network: TunedNetwork, course: Course, epoch: int, report: Report) -> dict[str, float]:
    """Show every picture once, in a new view; return the epoch's curves."""
    order = np.random.default_rng([*course.seed, epoch]).permutation(course.train)
    steps = -(-order.size // BATCH_SIZE)

    def view(item: int) -> SquareImage:
        # By item, not by place in the order: threads finish as they like.
        rng = np.random.default_rng([*course.seed, epoch, item])
        return augment.augmented(course.pictures[item], course.side_px, rng)

    def tell(done: int, words: str) -> None:
        share = done / (len(course.train) + len(course.watch))
        report(course.told(epoch + share, words))

    batches = [part.tolist() for part in np.array_split(order, steps)]
    total, seen = 0.0, 0
    for number, (items, photos) in enumerate(made_ahead(batches, view)):
        step = epoch * steps + number
        rate = _rate(step, steps * course.epochs)
        seed = (course.seed[0] * 64 + course.seed[1], step)
        loss = network.step(np.stack(photos), course.labels[items], rate=rate, seed=seed)
        total += loss * len(items)
        seen += len(items)
        tell(seen, f"epoch {epoch + 1}, loss {total / seen:.3f}")
    checked = _checked(
        network, course, lambda done: tell(seen + done, f"epoch {epoch + 1}, checking")
    )
    return {"fine-tuning loss": total / seen} | checked


def _checked(
    network: TunedNetwork, course: Course, tell: Callable[[int], None]
) -> dict[str, float]:
    """Return the curves on the watched items, of which there may be none."""
    if not course.watch.size:
        return {}
    labels = course.labels[course.watch]
    with network.judging_with(network.means()):
        probs = view_probs(network, course, course.watch, tell).mean(axis=0)
    losses = -np.log(np.maximum(probs[np.arange(labels.size), labels], _TINY))
    return {
        "fine-tuning validation loss": float(losses.mean()),
        "fine-tuning validation accuracy": float((probs.argmax(axis=1) == labels).mean()),
    }


def _rate(step: int, last_step: int) -> float:
    """Return a rate that rises at first and then falls to nothing."""
    if step < WARM_STEPS:
        return LEARNING_RATE * (step + 1) / WARM_STEPS
    done = (step - WARM_STEPS) / max(1, last_step - WARM_STEPS)
    return float(LEARNING_RATE * (1 + np.cos(np.pi * done)) / 2)
