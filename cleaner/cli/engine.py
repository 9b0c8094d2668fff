"""The options that say where heavy work is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cleaner import settings

if TYPE_CHECKING:
    from cleaner.engines import DeferredEngine
    from cleaner.progress import Report
    from cleaner.project import Project

_Command = TypeVar("_Command", bound=Callable[..., Any])
_DEFAULTS = settings.ScoreSettings()


def engine_options(
    what: str, default: str | None = _DEFAULTS.engine
) -> Callable[[_Command], _Command]:
    """Give a command --engine and --address; `what` is done there, in words."""

    def dressed(function: _Command) -> _Command:
        engine = click.option(
            "--engine",
            type=click.Choice(settings.ENGINES),
            default=default,
            show_default=default is not None,
            help=f"{what}: on this machine, or on a cluster under Ray (requirements-ray.txt). "
            "The result is the same.",
        )
        address = click.option(
            "--address",
            metavar="HOST:PORT",
            default=_DEFAULTS.address,
            help="Of the Ray cluster; without it, --engine ray starts one on this machine.",
        )
        return engine(address(function))

    return dressed


def check_engine(name: str | None, address: str) -> None:
    """Raise click.UsageError where an address is named that the engine has no use for."""
    if address and name != "ray":
        raise click.UsageError("--address names a cluster; take --engine ray with it.")


def engine_of(name: str, address: str) -> DeferredEngine:
    """Return the engine of these options, to be entered; opened once there is something to do."""
    from cleaner.engines import deferred_engine

    return deferred_engine(name, address)


def scan_there(project: Project, line: Report, *, engine: str, address: str) -> None:
    """Bring the catalogue up to date, the files read as these options say."""
    check_engine(engine, address)
    if engine == "local":
        project.scan(line)
        return
    with engine_of(engine, address) as opened:
        project.scan(line, opened)
