"""The verb that adds, renames and merges classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from cleaner.cli.desk import Desk, dataset_verb, examples, table
from cleaner.items import shown_path

if TYPE_CHECKING:
    from cleaner.class_edits import ClassEdit
    from cleaner.project import Project

# How many names each of them takes.
_EDITS = {"add": 1, "rename": 2, "merge": 2, "undo": 0}
_USAGE = "add NAME, rename NAME NEW, merge NAME INTO, or undo"


@click.command(
    epilog=examples(
        "classes data/demo",
        "classes data/demo add unreadable",
        "classes data/demo rename zero nought",
        "classes data/demo merge unreadable nought",
        "classes data/demo undo",
    )
)
@dataset_verb
@click.argument("words", nargs=-1, metavar="[add NAME | rename NAME NEW | merge NAME INTO | undo]")
@click.option("--reviewer", default="", metavar="NAME", help="Who edits, for the log.")
def classes(desk: Desk, *, words: tuple[str, ...], reviewer: str) -> None:
    """List the classes, or add, rename or merge some.

    Current labels follow at once, files with the next `apply` or `round`. Given labels and the
    log of decisions stay as they are. `classes DATASET undo` takes the latest edit back.
    """
    if words and (words[0] not in _EDITS or len(words) != 1 + _EDITS[words[0]]):
        raise click.UsageError(f"Give {_USAGE}; or nothing, to list the classes.")
    with desk.project() as project:
        edit = _edit(project, words, reviewer) if words else None
        status = project.status()["classes"]
        lineage = _history(project)
    document = {
        "classes": status,
        "edited": None if edit is None else _entry(edit),
        "edits": [_entry(one) for one in lineage],
    }
    desk.answer(document, _lines(desk, document, edit, words))


def _history(project: Project) -> tuple[ClassEdit, ...]:
    from cleaner import classes

    return classes.history(project).edits


def _edit(project: Project, words: tuple[str, ...], reviewer: str) -> ClassEdit:
    from cleaner import classes

    verbs: dict[str, Callable[..., ClassEdit]] = {
        "add": classes.add,
        "rename": classes.rename,
        "merge": classes.merge,
        "undo": classes.undo,
    }
    verb, *names = words
    real = {shown_path(name): name for name in project.class_names()}
    return verbs[verb](project, *(real.get(name, name) for name in names), reviewer=reviewer)


def _entry(edit: ClassEdit) -> dict[str, Any]:
    return {
        "edit_id": edit.edit_id,
        "kind": edit.kind,
        "name": shown_path(edit.name),
        "new_name": None if edit.new_name is None else shown_path(edit.new_name),
        "images": edit.images,
        "reviewer": shown_path(edit.reviewer),
        "edited_at": edit.edited_at,
        "undoes": edit.undoes,
    }


def _lines(
    desk: Desk, document: dict[str, Any], edit: ClassEdit | None, words: tuple[str, ...]
) -> Iterator[str]:
    if edit is not None:
        back = "Taken back: " if words[0] == "undo" else ""
        yield f"{back}{edit}. {edit.images:,} images."
        yield ""
    yield from table(("class", "images"), document["classes"].items())
    if edit is not None:
        yield ""
        yield desk.next_step("apply" if edit.images else "review")
