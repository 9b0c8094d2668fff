"""Modules that come packed, and the folder where what was fetched or unpacked is kept.

That folder is TF-Hub's own: what lies in it is used without a network, so it may be carried to a
machine that has none.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from cleaner.errors import BackboneError, WeightsUnavailable

ARCHIVES = (".tar.gz", ".tgz", ".tar")
CACHE_VARIABLE = "TFHUB_CACHE_DIR"


def hub_cache() -> Path:
    """Return the folder that TFHUB_CACHE_DIR names, else one in the user's cache.

    TF-Hub's own default is a folder for temporary files, which a restart empties.
    """
    from platformdirs import user_cache_path

    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser() if named else user_cache_path("cleaner") / "tfhub"


def unpacked(archive: Path) -> Path:
    """Return the folder of a packed module, unpacked once; the same bytes give the same folder.

    Raises:
        WeightsUnavailable: the file cannot be read.
        BackboneError: it is no archive, or holds a path that leads out of it.
    """
    folder = hub_cache() / f"unpacked-{_sha256(archive)[:32]}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place, so that a kill leaves no half of a module there.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as beside:
            _unpack(archive, Path(beside) / "module")
            _place(Path(beside) / "module", folder)
    return _module_in(folder)


def _sha256(archive: Path) -> str:
    try:
        with archive.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsUnavailable(
            f"{archive}: cannot be read ({error.strerror}). Name the .tar.gz of a TF-Hub module."
        ) from error


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive) as packed:
            # Refuses paths that lead out of the folder, links out of it, and devices.
            packed.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise BackboneError(
            f"{archive}: not an archive that can be unpacked ({reason}). Fetch it again."
        ) from error


def _place(made: Path, folder: Path) -> None:
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():  # else somebody was quicker, with the same content
            raise
        shutil.rmtree(made)


def _module_in(folder: Path) -> Path:
    """Return the folder that holds the graph: some archives have one folder around it."""
    inside = list(folder.iterdir())
    if len(inside) == 1 and inside[0].is_dir():
        return inside[0]
    return folder
