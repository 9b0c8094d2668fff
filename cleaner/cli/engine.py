"""The options that say where heavy work is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cleaner import settings
from cleaner.errors import SettingsError

if TYPE_CHECKING:
    from cleaner.progress import Report
    from cleaner.project import Project

_Command = TypeVar("_Command", bound=Callable[..., Any])
_DEFAULTS = settings.ScoreSettings()
_OF_A_CLUSTER = (
    click.option(
        "--address",
        metavar="HOST:PORT",
        default=_DEFAULTS.address,
        help="Of the Ray cluster; without it, --engine ray starts one on this machine.",
    ),
    click.option(
        "--cores-per-worker",
        type=click.IntRange(1, 1_024),
        default=_DEFAULTS.cores_per_worker,
        show_default=True,
        help="How many processors each worker of the cluster takes; more where a network needs "
        "more memory than there is for one a processor.",
    ),
    click.option(
        "--gpus-per-worker",
        type=click.FloatRange(0, 1),
        metavar="SHARE",
        default=_DEFAULTS.gpus_per_worker,
        help="How much of a GPU each takes: with 0.25 four workers share one. Only networks that "
        "TensorFlow runs take any; docs/scale.md names them.",
        show_default="1 where the cluster has GPUs, else 0",
    ),
)
_CHOICES = ("engine", "address", "cores_per_worker", "gpus_per_worker")


def engine_options(
    what: str, default: str | None = _DEFAULTS.engine
) -> Callable[[_Command], _Command]:
    """Give a command --engine and what goes with a cluster; `what` is done there, in words."""

    def dressed(function: _Command) -> _Command:
        engine = click.option(
            "--engine",
            type=click.Choice(settings.ENGINES),
            default=default,
            show_default=default is not None,
            help=f"{what}: on this machine, or on a cluster under Ray (requirements-ray.txt). "
            "The result is the same, but for last bits where TensorFlow or ONNX Runtime computes.",
        )
        for option in reversed((engine, *_OF_A_CLUSTER)):
            function = option(function)
        return function

    return dressed


def engine_settings(options: dict[str, Any]) -> settings.ScanSettings | None:
    """Take these options out of a command's and return what they say; None where none is chosen.

    Raises:
        click.UsageError: they do not go together.
    """
    chosen = {name: options.pop(name) for name in _CHOICES}
    check_engine(chosen)
    if chosen["engine"] is None:
        return None
    try:
        return settings.ScanSettings(**chosen)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error


def check_engine(options: Mapping[str, Any]) -> None:
    """Raise click.UsageError where something is said of a cluster and the engine is none."""
    for name in _CHOICES[1:]:
        if options["engine"] != "ray" and options[name] != getattr(_DEFAULTS, name):
            raise click.UsageError(
                f"--{name.replace('_', '-')} is of a cluster; take --engine ray with it."
            )


def scan_there(project: Project, line: Report, where: settings.ScanSettings) -> None:
    """Bring the catalogue up to date, the files read as these options say."""
    if where.engine == "local":
        project.scan(line)
        return
    from cleaner.engines import deferred_engine

    with deferred_engine(where) as engine:
        project.scan(line, engine)
