"""What verbs share: the dataset and the options of its command, and the two ways to answer."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cleaner.addresses import address
from cleaner.items import shown_path

if TYPE_CHECKING:
    from cleaner.project import Project

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on stdout, for scripts."
)


def _keep_modules_in(
    _context: click.Context, _option: click.Parameter, folder: Path | None
) -> None:
    if folder is not None:
        # The worker inherits it; tensorflow_hub knows it by this name.
        os.environ["TFHUB_CACHE_DIR"] = str(folder.expanduser().absolute())


hub_cache_option = click.option(
    "--hub-cache",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    envvar="TFHUB_CACHE_DIR",
    callback=_keep_modules_in,
    expose_value=False,
    help="Where TF-Hub modules are kept once they are fetched; what lies there needs no network. "
    " [default: in your cache folder]",
)


def examples(*commands: str) -> str:
    """Return the end of a help text; the first character tells click to keep the lines."""
    lines = [f"  python -m cleaner {command}" for command in commands]
    return "\n".join(("\b", "Examples:" if len(lines) > 1 else "Example:", *lines))


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a verb works and how it answers.

    Attributes:
        root: the dataset as the user named it.
        state: the state folder, or None for the one beside the dataset.
        as_json: whether to answer with one JSON document.
        store: the URL of a server's database, or None for the one that the state knows.
    """

    root: Path
    state: Path | None
    as_json: bool
    store: str | None = None

    @contextmanager
    def project(self) -> Iterator[Project]:
        """Open the dataset for as long as a verb needs it."""
        from cleaner.project import Project  # here and not at the top: --help is quick

        project = Project(self.root, self.state, self.store)
        if project.store.upgrade is not None:
            click.echo(shown_path(str(project.store.upgrade)), err=True)
        try:
            yield project
        finally:
            project.store.close()

    def answer(self, document: dict[str, Any], lines: Iterable[str]) -> None:
        """Print the document, or the lines for people."""
        answer(document, lines, as_json=self.as_json)

    def next_step(self, verb: str) -> str:
        """Return the line that says what one would do now."""
        where = "" if self.state is None else f" --state {self.state}"
        return f"Next: python -m cleaner {verb} {self.root}{where}"


def answer(document: dict[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Print the document, or the lines for people."""
    if as_json:
        # Plain ASCII, so that no terminal's encoding can spoil the document.
        click.echo(json.dumps(document, indent=2, allow_nan=False))
        return
    for line in lines:
        click.echo(line)


def dataset_verb(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command its DATASET argument, --state, --store and --json, handed over as a `Desk`."""

    @click.argument("dataset", type=click.Path(path_type=Path))
    @click.option(
        "--state",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder for what is remembered.  [default: DATASET.cleaner]",
    )
    @click.option(
        "--store",
        metavar="URL",
        envvar="CLEANER_STORE",
        help="PostgreSQL database to remember it in; named once.  [default: SQLite in the state]",
    )
    @json_option
    @functools.wraps(function)
    def command(**options: Any) -> None:
        root, state, store = (options.pop(name) for name in ("dataset", "state", "store"))
        root = address(str(root)) or root
        desk = Desk(root, state, options.pop("as_json"), store)
        function(desk, **options)

    return command


def table(heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> list[str]:
    """Return aligned lines: numbers to the right, words to the left.

    >>> table(("class", "images"), [("cat", 12), ("otter", 3)])
    ['class  images', 'cat        12', 'otter       3']
    """
    found = list(rows)
    cells = [heads, *(tuple(_cell(value) for value in row) for row in found)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    to_the_right = [
        bool(found) and all(isinstance(row[column], int | float) for row in found)
        for column in range(len(heads))
    ]
    return [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, to_the_right, strict=True)
        ).rstrip()
        for row in cells
    ]


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
