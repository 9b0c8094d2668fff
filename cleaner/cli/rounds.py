"""Verbs that turn the loop: score, round, and the jobs they run as."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from cleaner import settings
from cleaner.cli.desk import Desk, dataset_verb, examples, hub_cache_option, table
from cleaner.cli.engine import check_engine, engine_options
from cleaner.cli.watching import run_job
from cleaner.errors import SettingsError

if TYPE_CHECKING:
    from cleaner.store.jobs import Job

_DEFAULTS = settings.ScoreSettings()
_FIELDS = tuple(field.name for field in dataclasses.fields(settings.ScoreSettings))


def score_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how images are ranked."""
    options = (
        click.option(
            "--backbone",
            "backbones",
            multiple=True,
            metavar="NAME",
            default=_DEFAULTS.backbones,
            show_default=True,
            help="Pretrained network; repeat it to use several. `backbones` lists them.",
        ),
        click.option(
            "--views",
            default=_DEFAULTS.views,
            show_default=True,
            help="Views of each image: the plain one and augmented ones.",
        ),
        click.option(
            "--folds",
            default=_DEFAULTS.folds,
            show_default=True,
            help="Parts the images are held out in, so that no model judges what it learnt.",
        ),
        click.option(
            "--seed",
            default=_DEFAULTS.seed,
            show_default=True,
            help="Makes views, folds and training repeatable.",
        ),
        click.option(
            "--precision",
            type=click.Choice(settings.PRECISIONS),
            default=_DEFAULTS.precision,
            show_default=True,
            help="What the networks compute in. int8 is about twice as fast; auto takes "
            "it for the networks whose ranking was measured not to suffer.",
        ),
        click.option(
            "--mode",
            type=click.Choice(settings.MODES),
            default=_DEFAULTS.mode,
            show_default=True,
            help="features: train small models on what frozen networks see, in minutes. finetune: "
            "also train a network on the images themselves, once a fold; finds more, takes far "
            "longer, uses a GPU where there is one.",
        ),
        click.option(
            "--fine-tune-backbone",
            metavar="NAME",
            default=_DEFAULTS.fine_tune_backbone,
            show_default=True,
            help="In mode finetune: the network that is trained.",
        ),
        click.option(
            "--fine-tune-fraction",
            default=_DEFAULTS.fine_tune_fraction,
            show_default=True,
            help="In mode finetune: how much of it is unfrozen, from the top; 1 is all of it.",
        ),
        click.option(
            "--fine-tune-epochs",
            default=_DEFAULTS.fine_tune_epochs,
            show_default=True,
            help="In mode finetune: at most this many passes over the images a fold.",
        ),
        click.option(
            "--fine-tune-side",
            "fine_tune_side_px",
            type=int,
            metavar="PIXELS",
            help="In mode finetune: the side at which the network sees the images. Without it, "
            "the images' own size decides, up to 160 px without a GPU.",
        ),
        engine_options("Where the features are computed"),
        click.option(
            "--features",
            type=click.Choice(settings.FEATURE_PLACES),
            default=_DEFAULTS.features,
            show_default=True,
            help="Where the features are while small models learn from them. The ranking is the "
            "same; on disk they need no memory, and more time. auto takes the memory if they fit.",
        ),
    )

    @functools.wraps(function)
    def settled(*places: Any, **options: Any) -> None:
        chosen = {name: options.pop(name) for name in _FIELDS}
        function(*places, **options, wanted=score_settings(chosen))

    for option in reversed((*options, hub_cache_option)):
        settled = option(settled)
    return settled


def score_settings(chosen: dict[str, Any]) -> settings.ScoreSettings:
    """Return checked settings.

    Raises:
        click.UsageError: a number is out of its range.
        UnknownBackbone: there is no network of that name.
        BackboneError: the network cannot compute in that precision.
    """
    precision = chosen["precision"]
    check_engine(chosen)
    named = {
        "backbones": tuple(_opened(name, precision) for name in chosen["backbones"]),
        "fine_tune_backbone": _opened(chosen["fine_tune_backbone"]),
    }
    try:
        return settings.ScoreSettings(**chosen | named)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error


def _opened(name: str, precision: str = "float32") -> str:
    """Return the name, checked: a misspelt one is told now, not when a worker has started."""
    from cleaner.backbones import open_backbone, with_absolute_path

    findable = with_absolute_path(name)
    open_backbone(findable, precision)
    return findable


@click.command(
    epilog=examples(
        "score data/demo",
        "score photos --backbone efficientnet_lite2 --backbone mobilenet_v2_1.0_224",
        "score photos --mode finetune",
    )
)
@dataset_verb
@score_options
def score(desk: Desk, *, wanted: settings.ScoreSettings) -> None:
    """Rank the images, the most suspect first; opens a round.

    Reads the folder, computes each image's features once, trains models that never saw the
    image they judge, and flags the images whose label they doubt. Ctrl-C stops it; what was
    computed is kept.
    """
    with desk.project() as project:
        result = run_job(project, "score", wanted.as_json())
    desk.answer(result, _round_lines(desk, result))


@click.command("round", epilog=examples("round data/demo"))
@dataset_verb
@score_options
def next_round(desk: Desk, *, wanted: settings.ScoreSettings) -> None:
    """Move the files as decided, then rank again.

    Features are kept from the last time, so this takes seconds where `score` took minutes; in
    mode finetune the networks learn from the corrected labels anew.
    """
    with desk.project() as project:
        result = run_job(project, "round", wanted.as_json())
    desk.answer(result, _round_lines(desk, result))


def _round_lines(desk: Desk, result: dict[str, Any]) -> Iterator[str]:
    if result.get("manifest"):
        yield f"Written: {result['manifest']}, with changes of {result['moved']:,} images."
    elif "moved" in result:
        yield f"{result['moved']:,} files moved."
    yield from (f"{found['path']}: {found['reason']}" for found in result.get("problems", ()))
    images, flagged, seconds = result["images"], result["flagged"], result["seconds"]
    yield f"Round {result['round']}: {flagged:,} of {images:,} images look wrongly labelled."
    yield (
        f"{seconds['total']:.1f} s: features {seconds['features']:.1f}, "
        f"training {seconds['training']:.1f}"
    )
    yield desk.next_step("review" if flagged else "train")


@click.command("jobs", epilog=examples("jobs data/demo", "jobs data/demo --cancel"))
@dataset_verb
@click.option("--cancel", is_flag=True, help="Stop the running job; what it finished is kept.")
@click.option(
    "--limit",
    type=click.IntRange(0, 2**31 - 1),
    default=20,
    show_default=True,
    help="How many jobs to list.",
)
def list_jobs(desk: Desk, *, cancel: bool, limit: int) -> None:
    """List running and past jobs, or stop the running one."""
    from cleaner import jobs

    with desk.project() as project:
        stopped = jobs.cancel(project) if cancel else None
        found = jobs.recent(project, limit)
    document: dict[str, Any] = {"jobs": [_job_document(job) for job in found]}
    if cancel:
        document["cancelled"] = None if stopped is None else stopped.job_id
    desk.answer(document, _job_lines(document))


def _job_document(job: Job) -> dict[str, Any]:
    names = ("job_id", "kind", "state", "stage", "done", "total", "message", "result", "error")
    times = ("created_at", "finished_at")
    return {name: getattr(job, name) for name in (*names, *times)} | {"settings": job.settings}


def _job_lines(document: dict[str, Any]) -> Iterator[str]:
    if "cancelled" in document:
        job_id = document["cancelled"]
        yield "No job is running." if job_id is None else f"Job {job_id} was asked to stop."
    if not document["jobs"]:
        yield "No jobs yet."
        return
    rows = [
        (job["job_id"], job["kind"], job["state"], job["created_at"][:19], job["error"] or "")
        for job in document["jobs"]
    ]
    yield from table(("job", "kind", "state", "started (UTC)", ""), rows)
