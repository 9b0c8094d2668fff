"""Add, rename and merge classes: one entry in a log of its own each, and all of it reversible.

Current labels follow at once, folders with the next apply. While a job is at work with the classes
as they are, all of it is refused. The labels that images came with and
the decisions about them stay as they are; `class_edits` says what their names mean now.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from cleaner import jobs
from cleaner.class_edits import ClassEdit, Kind, Lineage
from cleaner.errors import ClassRefused
from cleaner.images import is_hidden
from cleaner.items import shown_path
from cleaner.project import Project
from cleaner.store import catalogue
from cleaner.store import class_edits as log

MOST_BYTES = 255  # in the name of a folder, on all file systems in use


def add(project: Project, name: str, *, reviewer: str = "") -> ClassEdit:
    """Add a class without images; it has a folder as soon as an image is moved there.

    Raises:
        ClassRefused: the name cannot be that of another class folder.
    """
    return _edit(project, "add", name.strip(), None, reviewer)


def rename(project: Project, name: str, new_name: str, *, reviewer: str = "") -> ClassEdit:
    """Give a class another name.

    Raises:
        ClassRefused: there is no such class, or the new name cannot be that of another one.
    """
    return _edit(project, "rename", name, new_name.strip(), reviewer)


def merge(project: Project, name: str, into: str, *, reviewer: str = "") -> ClassEdit:
    """Make one class part of another one.

    Raises:
        ClassRefused: they are not two classes.
    """
    return _edit(project, "merge", name, into, reviewer)


def undo(project: Project, *, reviewer: str = "") -> ClassEdit:
    """Take back the latest edit that stands, and return it.

    What was decided about an image after a merge stays as it was decided.

    Raises:
        ClassRefused: there is none, or it added a class that has images by now.
    """
    _wait_for_jobs(project)
    with project.store.write() as connection:
        lineage = log.lineage(connection)
        if not lineage.standing:
            raise ClassRefused("No edit of the classes is left to take back.")
        edit = lineage.standing[-1]
        names = set(catalogue.class_names(connection))
        names = _UNDO[edit.kind](connection, edit, names)
        log.record(connection, _undoing(connection, edit, reviewer))
        if edit.kind == "merge":
            _part(connection, str(edit.new_name))
        catalogue.set_classes(connection, sorted(names))
    return edit


def history(project: Project) -> Lineage:
    """Return all edits, and what became of the names."""
    with project.store.read() as connection:
        return log.lineage(connection)


def _wait_for_jobs(project: Project) -> None:
    job = jobs.active(project)
    if job is not None:
        raise ClassRefused(
            f"A job ({job.kind}) is at work with the classes as they are. Wait for its end, or "
            "cancel it."
        )


def _edit(
    project: Project, kind: Kind, name: str, new_name: str | None, reviewer: str
) -> ClassEdit:
    _wait_for_jobs(project)
    with project.store.write() as connection:
        names = set(catalogue.class_names(connection))
        _CHECKS[kind](project, names, name, new_name)
        images = 0
        # Where it would be in the log is noted before the labels change, in one transaction.
        place = log.place(connection)
        if new_name is not None:
            images = log.relabel(connection, name, new_name)
            names = names - {name} | {new_name}
        else:
            names = names | {name}
        catalogue.set_classes(connection, sorted(names))
        log.record(
            connection,
            ClassEdit(0, kind, name, new_name, images, reviewer, _now(), **place),
        )
        return log.lineage(connection).edits[-1]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


# -- the ways back -----------------------------------------------------------------------


def _undoing(connection: Connection, edit: ClassEdit, reviewer: str) -> ClassEdit:
    entry = replace(edit, kind="undo", reviewer=reviewer, edited_at=_now(), undoes=edit.edit_id)
    return replace(entry, **log.place(connection))


def _undo_add(connection: Connection, edit: ClassEdit, names: set[str]) -> set[str]:
    images = sum(1 for _item in log.labelled(connection, edit.name))
    if images:
        raise ClassRefused(
            f"{shown_path(edit.name)}: {images:,} images are of this class by now. Move them to "
            "another one, or merge it into another one, instead."
        )
    return names - {edit.name}


def _undo_rename(connection: Connection, edit: ClassEdit, names: set[str]) -> set[str]:
    log.relabel(connection, str(edit.new_name), edit.name)
    return names - {str(edit.new_name)} | {edit.name}


def _undo_merge(_connection: Connection, edit: ClassEdit, names: set[str]) -> set[str]:
    return names | {edit.name}


_UNDO: dict[str, Callable[[Connection, ClassEdit, set[str]], set[str]]] = {
    "add": _undo_add,
    "rename": _undo_rename,
    "merge": _undo_merge,
}


def _part(connection: Connection, name: str) -> None:
    """Give the images of a class the labels that follow from what was decided about each."""
    lineage, given_by = log.lineage(connection), log.label_givers(connection, name)
    labels = {
        item_id: lineage.of_decision(*given_by[item_id])
        if item_id in given_by
        else lineage.of_item(given_label, item_id)
        for item_id, given_label, _label in log.labelled(connection, name)
    }
    log.relabel_items(connection, {i: label for i, label in labels.items() if label != name})


# -- names -------------------------------------------------------------------------------


def _check_add(project: Project, names: set[str], name: str, _new: str | None) -> None:
    _check_name(project, name, names)


def _check_rename(project: Project, names: set[str], name: str, new: str | None) -> None:
    _check_known(names, name)
    _check_name(project, str(new), names - {name}, old=name)


def _check_merge(_project: Project, names: set[str], name: str, into: str | None) -> None:
    for one in (name, str(into)):
        _check_known(names, one)
    if name == into:
        raise ClassRefused(f"{shown_path(name)}: a class cannot be merged into itself.")


_CHECKS: dict[str, Callable[[Project, set[str], str, str | None], None]] = {
    "add": _check_add,
    "rename": _check_rename,
    "merge": _check_merge,
}


def _check_known(names: set[str], name: str) -> None:
    if name not in names:
        some = ", ".join(shown_path(one) for one in sorted(names)[:12])
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        raise ClassRefused(f"No class {shown_path(name)!r}. Known: {some}{more}.")


def _check_name(project: Project, name: str, others: set[str], old: str | None = None) -> None:
    """Refuse what cannot be the name of a class folder here.

    Raises:
        ClassRefused: the name says nothing a folder could be called, or is taken.
    """
    problem = _problem_of(name) or _clash(name, others) or _obstacle(project, name, old)
    if problem is None and name == old:
        problem = "that is its name already"
    if problem is not None:
        raise ClassRefused(f"{_shown(name)!r}: {problem}. Choose another name.")


def _shown(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode("utf-8")[:80]


def _problem_of(name: str) -> str | None:
    try:
        size = len(os.fsencode(name))
    except UnicodeEncodeError:
        return "no folder can have such a name"
    if not name or "/" in name or any(unicodedata.category(one) == "Cc" for one in name):
        return "a class is named by at least one letter, without slashes and control characters"
    if name.startswith(".") or is_hidden(name):
        return "a folder of such a name is hidden, and a scan would pass over it"
    if size > MOST_BYTES:
        return f"a folder's name has at most {MOST_BYTES} bytes, and this one has {size:,}"
    return None


def _clash(name: str, others: set[str]) -> str | None:
    for other in others:
        if name == other:
            return "there is such a class already"
        if _folded(name) == _folded(other):
            return (
                f"it differs from the class {shown_path(other)} in capitals or in how its letters "
                "are encoded only, and not every disk can tell them apart"
            )
    return None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _obstacle(project: Project, name: str, old: str | None) -> str | None:
    if not project.origin.moves_files:
        return None
    path = project.root / name
    if project.state == path or path in project.state.parents:
        return "the state folder is there"
    if not os.path.lexists(path):
        return None
    if path.is_symlink() or not path.is_dir():
        return "a file or a link is there in the dataset folder"
    if old is None:
        return None
    if (project.root / old).exists() and path.samefile(project.root / old):
        return "this disk cannot tell the two names apart; rename it to a third one first"
    if any(path.iterdir()):
        return "a folder of that name with files is there; scan, then merge the two classes"
    return None
