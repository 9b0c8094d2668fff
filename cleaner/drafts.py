"""An export in the making: beside its destination and marked as unfinished until it is whole."""

from __future__ import annotations

import fcntl
import filecmp
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cleaner import manifests
from cleaner.errors import ExportError
from cleaner.items import shown_path
from cleaner.moves.checkpoints import checkpoint
from cleaner.moves.placing import rename_new


class Draft:
    """Where an export and its manifest are made, in a hidden folder beside the destination.

    The manifest is put in its place first: a destination that is there is whole. A kill in
    between leaves a manifest without one, and its copy in the hidden folder tells the next
    export to the same destination that nobody else made it.

    Args:
        target: where the export goes; nothing is there, or an empty folder.

    Attributes:
        path: where it is made; the name is already the one it will have.
        manifest: where its manifest is made.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._folder = target.with_name(f".{target.name}.unfinished")
        self.path = self._folder / target.name
        self.manifest = manifests.place(self.path)

    @contextmanager
    def made(self) -> Iterator[Draft]:
        """Clear what a killed export left, and put in place what the block makes.

        Raises:
            ExportError: the destination or its manifest is taken, or cannot be written, or
                another export to it is under way.
        """
        lock = -1
        try:
            self._check_free()
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = self._lock()
            self._clear()
            self._check_free()
            yield self
            self._put_in_place()
        except FileExistsError as error:
            raise _taken(self._target) from error
        except OSError as error:
            raise self._unwritable(error) from error
        except ExportError as error:
            # An exporter names the place it was given, which nobody asked for.
            if isinstance(error.__cause__, OSError):
                raise self._unwritable(error.__cause__) from error
            raise
        finally:
            if lock >= 0:
                with suppress(OSError):  # what stays is marked, and goes with the next export
                    shutil.rmtree(self._folder)
                os.close(lock)

    def placed(self, file: Path) -> Path:
        """Return where a file of the draft lies once the export is in its place."""
        return self._target.parent / file.relative_to(self._folder)

    def _check_free(self) -> None:
        is_left_over = self._is_left_over()
        is_empty_folder = self._target.is_dir() and not any(self._target.iterdir())
        is_claim = is_left_over and _is_claim(self._target)
        if os.path.lexists(self._target) and not is_empty_folder and not is_claim:
            raise _taken(self._target)
        manifest = manifests.place(self._target)
        if os.path.lexists(manifest) and not is_left_over:
            raise _taken(manifest)

    def _lock(self) -> int:
        lock = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise ExportError(
                f"{shown_path(str(self._target))}: another export writes there right now. Wait "
                "for it, or name another place."
            ) from error
        return lock

    def _clear(self) -> None:
        if self._is_left_over():
            if _is_claim(self._target):
                self._target.unlink()
            # Before the folder: without the copy in it, nobody would know whose it is.
            manifests.place(self._target).unlink(missing_ok=True)
        for left in self._folder.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()

    def _is_left_over(self) -> bool:
        """Tell whether a whole draft, killed on its way to its place, is what is there."""
        if not (self.path.exists() and self.manifest.is_file()):
            return False
        there = manifests.place(self._target)
        if not os.path.lexists(there) or _is_claim(there):
            return True
        return there.is_file() and filecmp.cmp(there, self.manifest, shallow=False)

    def _put_in_place(self) -> None:
        there, copy = manifests.place(self._target), self._folder / "copy"
        shutil.copyfile(self.manifest, copy)
        checkpoint("export whole")
        rename_new(copy, there)
        checkpoint("manifest placed")
        try:
            if self.path.is_dir():
                # The system itself refuses to put a folder over one that is not empty.
                self.path.rename(self._target)
            else:
                rename_new(self.path, self._target)
        except OSError:
            there.unlink()
            raise
        checkpoint("export placed")

    def _unwritable(self, error: OSError) -> ExportError:
        return ExportError(
            f"{shown_path(str(self._target))}: cannot be written ({error.strerror or error}). "
            "Name a place with enough room that you can write to."
        )


def _is_claim(path: Path) -> bool:
    """Tell whether it is an empty file, such as claims a name where no rename can refuse to."""
    return path.is_file() and path.stat().st_size == 0


def _taken(path: Path) -> ExportError:
    return ExportError(
        f"{shown_path(str(path))}: there is something already, and nothing is overwritten. "
        "Name a new place or an empty folder."
    )
