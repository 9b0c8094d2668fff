"""The long verbs, each a few lines of wiring; they run in the worker process."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cleaner import audits, class_health, queue, rescoring, small_resnets, surveying, traits
from cleaner.arrays import PredProbs
from cleaner.audits import Seen
from cleaner.backbones import Backbone, NamedByUser, open_backbone
from cleaner.decisions import CONFIRMED
from cleaner.engines import deferred_engine
from cleaner.errors import BackboneError, CleanerError, JobCancelled, TooFewImages
from cleaner.intake import Intake
from cleaner.items import Dataset, Finding, Item, shown_path
from cleaner.learning import bottlenecks, gallery, scoring
from cleaner.learning.bottlenecks import Source
from cleaner.learning.scoring import Examples
from cleaner.learning.stored import SomeFeatures, placed
from cleaner.predictions import Evidence, OutOfFold
from cleaner.progress import Progress, Report
from cleaner.project import Project
from cleaner.rescoring import Opening
from cleaner.settings import PUBLISHED, ScanSettings, ScoreSettings, TrainSettings
from cleaner.standings import Verdict
from cleaner.store import catalogue, decisions, findings
from cleaner.store.opening import open_round
from cleaner.traits import Gathered

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from cleaner.learning.finetuned import FineTuned
    from cleaner.store.models import FinalModel

Task = Callable[[Project, dict[str, Any], Report], dict[str, Any]]


def scan(project: Project, settings: dict[str, Any], report: Report) -> dict[str, Any]:
    """Bring the catalogue up to date with the folder."""
    found = _scan(project, ScanSettings.from_json(settings), report)
    return {"added": found.added, "relocated": found.relocated, "missing": found.missing}


def score(project: Project, settings: dict[str, Any], report: Report) -> dict[str, Any]:
    """Scan, compute features, train out of fold, rank; opens a round."""
    wanted = ScoreSettings.from_json(settings)
    started_at, clock = datetime.now(UTC), time.perf_counter()
    _scan(project, wanted, report)
    if len({item.current_label for item in _judged(project)}) < 2:
        raise TooFewImages(scoring.ONE_CLASS)  # before the network looks at every image
    opening = _opening(project, started_at)
    fine_tuned, items = _fine_tuned(project, wanted, report)
    features, items = _features(project, wanted, items, report)
    featured = time.perf_counter()
    examples = _examples(project.dataset(), items, features)
    more_heads = {
        name: member.only([item.content_hash for item in items])
        for name, member in fine_tuned.items()
    }
    prediction = scoring.out_of_fold(
        examples, wanted, report, more_heads, kept_in=project.state / "cache" / "geometry"
    )
    report(Progress("Ranking the images"))
    evidence = Evidence(
        examples.labels,
        prediction.pred_probs,
        prediction.view_probs,
        prediction.committee_probs,
        member_names=prediction.member_names,
        confirmed=np.array([item.status in CONFIRMED for item in items]),
    )
    verdict = queue.judged(evidence)
    ranking = queue.ranked(examples.item_ids, verdict, examples.class_names)
    kept = _keep(project, examples, prediction, verdict, opening)
    done = time.perf_counter()
    flagged = int(verdict.standings.flagged.sum())
    seconds = {"features": featured - clock, "training": done - featured, "total": done - clock}
    predicted = prediction.pred_probs.argmax(axis=1)
    agreeing = predicted == evidence.labels
    surveying.close(project.store)
    number = open_round(
        project.store,
        {
            "model_id": prediction.model_id,
            "images": len(ranking),
            "flagged": flagged,
            "accuracy": float(agreeing.mean()),
            "seconds": seconds,
            "settings": wanted.as_json(),
            "started_at": opening.started_at,
            "own": surveying.own(project.store, items, examples.named(predicted)).as_json(),
        },
        ranking,
    )
    surveying.seal(project.store, number, items, examples.named(predicted))
    doubts = surveying.Doubts(
        examples.item_ids,
        evidence.labels,
        examples.class_names,
        wrong=1 - verdict.signals["label_posterior"],
        flagged=verdict.standings.flagged,
    )
    surveying.draw(project.store, number, doubts, seed=wanted.seed)
    _publish(kept, project, number)
    _look_around(
        project, _Judged(number, items, examples, prediction.pred_probs), features, wanted, report
    )
    return {"round": number, "images": len(ranking), "flagged": flagged, "seconds": seconds}


def next_round(project: Project, settings: dict[str, Any], report: Report) -> dict[str, Any]:
    """Move the files as decided, then score again with the new labels."""

    def tell(done: int, total: int, path: str) -> None:
        report(Progress("Moving files", done, total, path))

    applied = project.apply(tell)
    problems = [{"path": path, "reason": reason} for path, reason in applied.problems]
    result = score(project, settings, report)
    written = None if applied.manifest is None else shown_path(str(applied.manifest))
    return result | {"moved": len(applied.moved), "problems": problems, "manifest": written}


def train(project: Project, settings: dict[str, Any], report: Report) -> dict[str, Any]:
    """Train the final model on the reviewed labels."""
    from cleaner.learning.final import train_final

    wanted = TrainSettings.from_json(settings)
    if wanted.begin_from is None:
        _check_as_before(project, wanted)
    else:
        project.scan(report)  # for the class folders that have joined
    model = train_final(project, wanted, report)
    return _facts(model) | {"receipt": _compare(project, report)}


def grid(project: Project, settings: dict[str, Any], report: Report) -> dict[str, Any]:
    """Train several final models on the reviewed labels, and compare them."""
    from cleaner.learning.grid import train_grid
    from cleaner.settings import GridSettings

    wanted = GridSettings.from_json(settings)
    for each in wanted.each():
        _check_as_before(project, each)
    models, comparison = train_grid(project, wanted, report)
    receipt = _compare(project, report)
    return {
        "models": [_facts(model) for model in models],
        "comparison": shown_path(str(comparison)),
        "receipt": receipt,
    }


def _facts(model: FinalModel) -> dict[str, Any]:
    names = ("accuracy", "accuracy_interval", "images_per_second")
    facts = {name: model.receipt[name] for name in names}
    sizes = model.receipt["size_bytes"]
    # One number stands for the model: the format that `predict` runs and phones take.
    # Models that an earlier run finished may have none.
    kept = ("cleaning", "unknown", "joined", "notes", "architecture")
    facts |= {name: model.receipt.get(name) for name in kept}
    facts |= {"size_bytes": sizes["tflite"], "size_bytes_by_format": sizes}
    classes = [shown_path(name) for name in model.class_names]
    return {"model": shown_path(model.folder), **facts, "classes": classes}


def extend(project: Project, settings: dict[str, Any], report: Report) -> dict[str, Any]:
    """Put the dataset's own classes beside ImageNet's."""
    from cleaner.learning import extending
    from cleaner.settings import ExtendSettings

    project.scan(report)
    return extending.extend(project, ExtendSettings.from_json(settings), report)


def _compare(project: Project, report: Report) -> str | None:
    """Hold the new model against the earlier ones and return the page that says so.

    The model is there whatever becomes of that.
    """
    from cleaner import comparisons

    try:
        return str(comparisons.keep(project, report=report)["files"]["html"])
    except JobCancelled:
        raise
    except (CleanerError, OSError) as error:
        log.warning("The models were not compared: %s", error)
        return None


def export(project: Project, settings: dict[str, Any], report: Report) -> dict[str, Any]:
    """Write a format that has to be converted first."""
    from cleaner import exports
    from cleaner.backbones.networks.saved_model import saved_model_layer_class
    from cleaner.settings import ExportSettings

    saved_model_layer_class()  # there may be a module of TF-Hub in the model
    wanted = ExportSettings.from_json(settings)
    report(Progress("Converting the model"))
    written = exports.export(
        project,
        wanted.format,
        Path(wanted.destination),
        model_id=wanted.model,
        report=report,
    )
    return written.as_json()


TASKS: dict[str, Task] = {
    "scan": scan,
    "score": score,
    "round": next_round,
    "train": train,
    "extend": extend,
    "grid": grid,
    "export": export,
}


def _scan(project: Project, where: ScanSettings | ScoreSettings, report: Report) -> Intake:
    with deferred_engine(where) as engine:
        return project.scan(report, None if where.engine == "local" else engine)


def _fine_tuned(
    project: Project, settings: ScoreSettings, report: Report
) -> tuple[dict[str, FineTuned], list[Item]]:
    """Return the fine-tuned member if the mode asks for it, and the items that can be read."""
    items = _judged(project)
    if settings.mode != "finetune":
        return {}, items
    from cleaner.learning import finetuned

    member = finetuned.gathered(
        [_source(project, item) for item in items],
        [min(item.width, item.height) for item in items],
        settings,
        project.state / "cache",
        report,
    )
    _tell_left_out(project, items, {s.path: reason for s, reason in member.pictures.rejected})
    return {finetuned.NAME: member}, [items[row] for row in member.pictures.readable]


def _source(project: Project, item: Item) -> Source:
    return Source(project.path_of(item), project.reach_of(item), item.content_hash)


def _features(
    project: Project, settings: ScoreSettings, items: Sequence[Item], report: Report
) -> tuple[tuple[SomeFeatures, ...], list[Item]]:
    """Return the features of each backbone, and the items they describe."""
    with deferred_engine(settings) as engine:
        found = bottlenecks.looked_at(
            [_source(project, item) for item in items],
            [_as_before(project, name, settings.precision) for name in settings.backbones],
            views=settings.views,
            seed=settings.seed,
            cache_folder=project.state / "cache",
            report=report,
            engine=engine,
        )
    _tell_left_out(project, items, {source.path: reason for source, reason in found.rejected})
    if not found.readable:
        raise TooFewImages(f"{shown_path(str(project.root))}: no image is left to learn from.")
    return placed(found.features, settings.features), [items[row] for row in found.readable]


def _as_before(project: Project, name: str, precision: str = "float32") -> Backbone:
    """Return the backbone, if it is still what it was when this project first used it.

    Raises:
        BackboneError: the file, folder or handle has other content now.
    """
    backbone = open_backbone(name, precision)
    bare, _, pinned = name.partition("#sha256=")
    if not isinstance(backbone, NamedByUser):
        return backbone
    found, fact = backbone.content_sha256, f"sha256 of {shown_path(bare)}"
    with project.store.write() as connection:
        known = catalogue.fact(connection, fact)
        if known not in (None, found) and not pinned:
            raise BackboneError(
                f"{shown_path(bare)}: its content has changed since this project first used it "
                f"(sha256 was {known}, is {found}). Put the old one back, or name the new one: "
                f"{shown_path(bare)}#sha256={found}"
            )
        catalogue.set_facts(connection, {fact: found})
    return backbone


def _check_as_before(project: Project, settings: TrainSettings) -> None:
    """Raise BackboneError where a network that the user named has other content than before."""
    name = settings.model
    if small_resnets.is_name(name):
        return  # random weights are always the same
    if not name.startswith("mobilenet_") or "@" in name:
        _as_before(project, name if settings.weights == PUBLISHED else f"{name}@{settings.weights}")


def _tell_left_out(project: Project, items: Sequence[Item], left_out: Mapping[Path, str]) -> None:
    """Keep a finding for each file that could be read by the scan but not afterwards."""
    if not left_out:
        return
    paths = {project.path_of(item): item.path for item in items}
    found = [
        Finding("unreadable", (paths[path],), "warning", f"Not ranked in this round: {reason}.")
        for path, reason in left_out.items()
    ]
    with project.store.write() as connection:
        findings.add(connection, found)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A round whose images were judged."""

    number: int
    items: Sequence[Item]
    examples: Examples
    pred_probs: PredProbs


def _look_around(
    project: Project,
    judged: _Judged,
    features: Sequence[SomeFeatures],
    where: ScoreSettings,
    report: Report,
) -> None:
    """Keep what shows once networks have seen the images, until the next round looks again."""
    report(Progress("Looking for copies and odd ones"))
    sources = [_source(project, item) for item in judged.items]
    with deferred_engine(where) as engine:
        seen = gallery.seen_of(judged.items, sources, features, project.state / "cache", engine)
        found = audits.run_after_round(seen)
    with project.store.write() as connection:
        findings.replace_all(connection, found, found_by="score")
    report(Progress("Looking at the classes"))
    _examine_classes(project, judged, seen)


def _examine_classes(project: Project, judged: _Judged, seen: Seen) -> None:
    """Keep what shows of the classes themselves, until the next round looks again.

    Sealed images have no part in it: whoever reviews them must not know what the model says.
    """
    examples = judged.examples
    open_ones = np.flatnonzero(~examples.sealed)
    with project.store.read() as connection:
        looks = catalogue.looks(connection)
    gathered = Gathered(
        examples.item_ids[open_ones],
        examples.labels[open_ones],
        examples.groups[open_ones],
        examples.class_names,
        judged.pred_probs[open_ones],
        seen.features[open_ones],
        [looks.get(item_id, "") for item_id in examples.item_ids[open_ones].tolist()],
    )
    found = traits.found(gathered)
    with project.store.write() as connection:
        class_health.keep(connection, found, judged.number)


def _opening(project: Project, started_at: datetime) -> Opening:
    """Return when the round begins; a decision made after it may be in the labels or not."""
    with project.store.read() as connection:
        sequence = decisions.latest_sequence(connection)
    return Opening(started_at.isoformat(timespec="milliseconds"), sequence)


def _keep(
    project: Project,
    examples: Examples,
    prediction: OutOfFold,
    verdict: Verdict,
    opening: Opening,
) -> Path | None:
    """Keep what the ranking follows decisions with; without it, it follows in the next round."""
    kept = rescoring.kept_of(
        prediction,
        verdict,
        groups=examples.groups,
        sealed=examples.sealed,
        opening=opening,
    )
    try:
        return None if kept is None else rescoring.write(project.state, kept)
    except OSError as error:
        log.warning("The ranking will not follow decisions within this round: %s.", error)
        return None


def _publish(written: Path | None, project: Project, number: int) -> None:
    try:
        if written is not None:
            rescoring.publish(written, project.state, number)
    except OSError as error:
        log.warning("The ranking will not follow decisions within this round: %s.", error)


def _judged(project: Project) -> list[Item]:
    return [
        item
        for item in project.dataset().items
        if item.status != "excluded" and not item.quarantined
    ]


def _examples(
    dataset: Dataset, items: Sequence[Item], features: Sequence[SomeFeatures]
) -> Examples:
    number = {name: index for index, name in enumerate(dataset.class_names)}
    return Examples(
        item_ids=np.array([item.item_id for item in items], np.int64),
        view_features=tuple(features),
        labels=np.array([number[item.current_label] for item in items], np.int64),
        class_names=dataset.class_names,
        groups=np.array([item.group_id for item in items], np.int64),
        sealed=np.array([item.split == "test" for item in items]),
    )
