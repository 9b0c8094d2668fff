"""Give a file another name without ever overwriting one, on any file system.

A rename that refuses to overwrite is one step and cannot be seen half done. Where the system
lacks it, the name is claimed with an empty file first. Between two devices the file is copied,
and the original goes only once the copy was read back and is on the disk.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path

from cleaner.moves.checkpoints import checkpoint

_LIBC = ctypes.CDLL(None, use_errno=True)
_LINUX_HERE, _LINUX_NO_REPLACE = -100, 1  # AT_FDCWD, RENAME_NOREPLACE
_MACOS_EXCLUSIVE = 4  # RENAME_EXCL
_UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
_NO_HARD_LINKS = _UNSUPPORTED | {errno.EPERM, errno.EMLINK}
_NOT_ON_DISK = frozenset({errno.EIO, errno.ENOSPC, errno.EDQUOT})


class Refused(Exception):
    """This file must not be moved; the message says why and what to do."""


class Untidy(Exception):
    """The file has been moved, but the second name of its copy is still there."""


def place(source: Path, destination: Path, *, content_hash: str, temporary: Path) -> None:
    """Move a file to a name that must be free; its folder exists.

    Args:
        source: the file, or a link to it.
        destination: its new name.
        content_hash: what a copy must hash to.
        temporary: where a copy is made, in the destination's folder.

    Raises:
        FileExistsError: the name is taken.
        Refused: it changed while it was copied, or is a link that would break.
        OSError: the system said no. Whatever of these is raised, the source is intact.
        Untidy: the move is over, but `temporary` could not be removed.
    """
    if breaks_if_moved(source, destination):
        raise Refused("it is a relative link that would break there; put the file in its place")
    try:
        rename_new(source, destination)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _carry(source, destination, content_hash=content_hash, temporary=temporary)
    checkpoint("placed")


def breaks_if_moved(source: Path, destination: Path) -> bool:
    """Tell whether the source is a link that would point elsewhere from its new folder."""
    if not source.is_symlink():
        return False
    try:
        there = os.path.normpath(destination.parent.resolve() / source.readlink())
        return not source.samefile(there)
    except OSError:
        return True


def rename_new(source: Path, destination: Path) -> None:
    """Rename within one file system, never overwriting.

    Raises:
        FileExistsError: the name is taken.
        OSError: among others with EXDEV, between two devices.
    """
    try:
        _rename_exclusive(source, destination)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        _claim_and_replace(source, destination)


def _rename_exclusive(source: Path, destination: Path) -> None:
    old, new = os.fsencode(source), os.fsencode(destination)
    if sys.platform == "darwin":
        failed = _LIBC.renamex_np(old, new, _MACOS_EXCLUSIVE)
    elif hasattr(_LIBC, "renameat2"):  # older musl has none
        failed = _LIBC.renameat2(_LINUX_HERE, old, _LINUX_HERE, new, _LINUX_NO_REPLACE)
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if failed:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(source), None, str(destination))


def _claim_and_replace(source: Path, destination: Path) -> None:
    ours = _claimed(destination)
    checkpoint("name claimed")
    try:
        if not _is_still(destination, ours):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(destination))
        source.replace(destination)
    except OSError:
        if _is_still(destination, ours):
            destination.unlink()
        raise


def _claimed(name: Path) -> os.stat_result:
    claim = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        return os.fstat(claim)
    except OSError:
        _remove(name)  # made by us a moment ago, and still empty
        raise
    finally:
        os.close(claim)


def _is_still(path: Path, claim: os.stat_result) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return os.path.samestat(found, claim) and found.st_size == 0 and stat.S_ISREG(found.st_mode)


def _carry(source: Path, destination: Path, *, content_hash: str, temporary: Path) -> None:
    before = source.lstat()
    try:
        if stat.S_ISLNK(before.st_mode):
            destination.symlink_to(source.readlink())
        else:
            _copy(source, temporary, content_hash)
            _name_copy(temporary, destination)
    except (OSError, Refused):
        _remove(temporary)
        raise
    checkpoint("copy named")
    try:
        sync_folder(destination.parent)
        _remove_original(source, before)
    except (OSError, Refused):
        _remove(destination)
        _remove(temporary)
        raise
    checkpoint("original removed")
    try:
        temporary.unlink(missing_ok=True)
    except OSError as error:
        raise Untidy(
            f"it was moved, but {temporary.name!r} beside its new place could not be removed "
            f"({error.strerror}); make the folder writable"
        ) from error


def _copy(source: Path, temporary: Path, content_hash: str) -> None:
    temporary.unlink(missing_ok=True)  # ours by its name, from an attempt nobody remembers
    with source.open("rb") as original, temporary.open("xb") as copy:
        checkpoint("copy begun")
        shutil.copyfileobj(original, copy, 1 << 20)
        copy.flush()
        shutil.copystat(source, temporary)
        os.fsync(copy.fileno())
    checkpoint("copy written")
    if digest(temporary) != content_hash:
        raise Refused("it changed while it was copied; run scan, then apply again")


def _name_copy(temporary: Path, destination: Path) -> None:
    """Give the copy its name, and keep the temporary one where the file system can.

    After a crash the second name proves that the file under the first one is ours, and not
    an equal one that somebody else has put there.
    """
    try:
        destination.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        rename_new(temporary, destination)


def _remove_original(source: Path, before: os.stat_result) -> None:
    now = source.lstat()
    if (now.st_ino, now.st_size, now.st_mtime_ns) != (
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
    ):
        raise Refused("it changed while it was copied; run scan, then apply again")
    source.unlink()


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex, without waiting on a pipe or a device.

    Raises:
        Refused: it is no regular file.
        OSError: it cannot be read.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Refused("it is no regular file; remove it and run scan")
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they outlast a power cut."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk, as far as its file system can.

    Raises:
        OSError: the disk failed. Systems that cannot sync a folder are left in peace.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno in _NOT_ON_DISK:
            raise
