"""A folder of class folders, read once: every file becomes a `ScannedFile` or a `Finding`.

The first part of a path is the class; folders inside a class folder belong to it. Nothing is
dropped silently: what is left out is named, with the reason.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

from cleaner import images, looks, processors
from cleaner.engines import Engine, Tick, check_seen, chunked
from cleaner.errors import DatasetError, ImageRejected
from cleaner.items import Finding, Scan, ScannedFile, shown_path
from cleaner.lookahead import in_order

Report = Callable[[int, int, str], None]

_NOTHING_KNOWN: Mapping[str, ScannedFile] = {}
_MOST_WORKERS = 16


def scan(
    root: Path,
    *,
    known: Mapping[str, ScannedFile] = _NOTHING_KNOWN,
    workers: int | None = None,
    report: Report | None = None,
    exclude: Collection[Path] = (),
    engine: Engine | None = None,
) -> Scan:
    """Return every readable image below `root`'s class folders, and findings about the rest.

    Files come in the order of their paths' bytes, whatever the number of workers. The class
    names are those of all class folders, the empty ones too: an image may be moved there.

    Args:
        root: the folder that holds the class folders.
        known: the files of an earlier scan by path; one whose size and modification time are
            the same is not read again.
        workers: threads; by default one for each processor this process may use.
        report: called after each file with the number done, the number in all and the path.
            What it raises ends the scan and reaches the caller.
        exclude: folders that are not entered.
        engine: where the files are read; without one, in threads of this process.

    Raises:
        DatasetError: `root` is no folder, or has no class folders, or no image can be read.
    """
    walk = _Walk(Path(root), frozenset(os.path.realpath(folder) for folder in exclude))
    walk.run()
    if not walk.class_names:
        raise DatasetError(_no_classes(walk))
    files: list[ScannedFile] = []
    read = partial(_read, walk.root, known)
    readers = workers or min(processors.available(), _MOST_WORKERS)
    outcomes = (
        in_order(read, walk.paths, readers)
        if engine is None
        else _elsewhere(engine, walk.root, known, walk.paths, readers)
    )
    for done, outcome in enumerate(outcomes, 1):
        if isinstance(outcome, ScannedFile):
            files.append(outcome)
        else:
            walk.findings.append(outcome)
        if report is not None:
            report(done, len(walk.paths), _path_of(outcome))
    if not files:
        raise DatasetError(_no_images(walk))
    files.sort(key=lambda file: os.fsencode(file.path))
    walk.findings.extend(_empty_classes(walk.class_names, files))
    return Scan(walk.root, tuple(walk.class_names), tuple(files), tuple(walk.findings))


@dataclass(slots=True)
class _Walk:
    """The paths to read, found without opening a file."""

    root: Path
    exclude: frozenset[str]
    class_names: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def run(self) -> None:
        _check_root(self.root)
        for entry in self._entries(""):
            if self._enter(entry, entry.name):
                self.class_names.append(entry.name)
                self._class_folder(entry.name)
            elif not _is_folder(entry):
                self._beside_classes(entry)
        self.paths.sort(key=os.fsencode)

    def _class_folder(self, class_name: str) -> None:
        # A list of folders to do, not recursion: nesting may be deeper than Python's stack.
        folders = [class_name]
        while folders:
            folder = folders.pop()
            for entry in self._entries(folder):
                path = f"{folder}/{entry.name}"
                if self._enter(entry, path):
                    folders.append(path)
                elif not _is_folder(entry):
                    self._file(entry.name, path)

    def _enter(self, entry: os.DirEntry[str], path: str) -> bool:
        """Return whether to look into this entry; a folder that is left out becomes a finding."""
        if not _is_folder(entry):
            return False
        if images.is_hidden(entry.name):
            self._skip(path, "a hidden folder is not entered.")
        elif entry.is_symlink():
            self._skip(path, "a link to a folder is not followed; put the folder itself here.")
        elif os.path.realpath(entry.path) in self.exclude:
            self._skip(path, "this folder was excluded from the scan.")
        else:
            return True
        return False

    def _file(self, name: str, path: str) -> None:
        if images.is_candidate(name):
            self.paths.append(path)
        elif images.is_hidden(name):
            self._skip(path, "a hidden file is not looked at.")
        else:
            self._skip(path, "its name has no picture's ending; rename it if it is one.")

    def _beside_classes(self, entry: os.DirEntry[str]) -> None:
        if images.is_candidate(entry.name):
            detail = "The image lies beside the class folders; put it into one of them."
            self.findings.append(Finding("outside_class", (entry.name,), "warning", detail))
        else:
            self._skip(entry.name, "it lies beside the class folders.")

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.root / folder) as entries:
                return sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            if not folder:
                raise DatasetError(
                    f"{_shown(self.root)}: cannot be listed ({error.strerror}). "
                    "Give yourself permission to read it."
                ) from error
            detail = f"The folder cannot be listed ({error.strerror}); its images are left out."
            self.findings.append(Finding("unlisted_folder", (folder,), "error", detail))
            return []

    def _skip(self, path: str, why: str) -> None:
        self.findings.append(Finding("skipped", (path,), "info", f"Left out: {why}"))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A loop of links; reading it as a file gives the reason.
        return False


def _check_root(root: Path) -> None:
    try:
        mode = root.stat().st_mode
    except OSError as error:
        raise DatasetError(
            f"{_shown(root)}: {error.strerror}. Give the folder that holds the class folders."
        ) from error
    if not stat.S_ISDIR(mode):
        raise DatasetError(
            f"{_shown(root)}: this is a file. Give the folder that holds the class folders."
        )


def _read(root: Path, known: Mapping[str, ScannedFile], path: str) -> ScannedFile | Finding:
    try:
        # Taken before reading: if the file changes meanwhile, the next scan reads it again.
        status = (root / path).stat()
        before = known.get(path)
        if before and _is_as_before(before, status):
            return before
    except OSError:
        status = None  # the reader knows the reason
    try:
        data = images.read_bytes(root / path, root=root)
        return inspected(path, data, mtime_ns=status.st_mtime_ns if status else 0)
    except ImageRejected as rejected:
        return unreadable(path, rejected)


def inspected(path: str, data: bytes, *, mtime_ns: int) -> ScannedFile:
    """Return what a scan keeps of a file with these bytes; the first part of its path is the class.

    Raises:
        ImageRejected: the bytes are no picture that is read here.
    """
    seen = images.inspect(data)
    return ScannedFile(
        path=path,
        class_name=path.partition("/")[0],
        content_hash=hashlib.sha256(data).hexdigest(),
        perceptual_hash=seen.perceptual_hash,
        width=seen.width,
        height=seen.height,
        byte_size=len(data),
        mtime_ns=mtime_ns,
        looks=seen.looks,
    )


def unreadable(path: str, rejected: ImageRejected) -> Finding:
    """Return the finding about a file that is no image that is read here."""
    sentence = f"{images.REASONS[rejected.reason].capitalize()}: {rejected.detail}"
    return Finding("unreadable", (path,), "error", sentence)


def _is_as_before(before: ScannedFile, status: os.stat_result) -> bool:
    unchanged = (before.byte_size, before.mtime_ns) == (status.st_size, status.st_mtime_ns)
    return unchanged and looks.is_known(before.looks)


def _path_of(outcome: ScannedFile | Finding) -> str:
    return outcome.path if isinstance(outcome, ScannedFile) else outcome.paths[0]


def _elsewhere(
    engine: Engine,
    root: Path,
    known: Mapping[str, ScannedFile],
    paths: Sequence[str],
    workers: int,
) -> Iterator[ScannedFile | Finding]:
    """Yield the same, read by an engine; first what is known, which stays here."""
    before = [known[path] for path in paths if path in known]
    unchanged = set()
    for file, is_as_before in zip(
        before, in_order(partial(_is_unchanged, root), before, workers), strict=True
    ):
        if is_as_before:
            unchanged.add(file.path)
            yield file
    news = [path for path in paths if path not in unchanged]
    if news:
        work = _Reading(root, seen=(root / news[0]).parent)
        yield from chain.from_iterable(engine.run(work, chunked(news, engine.workers), _untold))


def _untold(_done: int) -> None:
    """Hear nothing: progress comes with the files."""


def _is_unchanged(root: Path, before: ScannedFile) -> bool:
    try:
        return _is_as_before(before, (root / before.path).stat())
    except OSError:
        return False  # the reader knows the reason


@dataclass(frozen=True, slots=True)
class _Reading:
    """The work: files are read.

    Attributes:
        root: what their paths start from.
        seen: a folder in it that is seen where the work is asked for.
    """

    root: Path
    seen: Path

    def open(self) -> Callable[[Sequence[str], Tick], list[ScannedFile | Finding]]:
        """Raise EngineError where this worker does not see the folder."""
        check_seen([self.root, self.seen])
        return self._read_each

    def _read_each(self, paths: Sequence[str], tick: Tick) -> list[ScannedFile | Finding]:
        found = []
        for path in paths:
            found.append(_read(self.root, _NOTHING_KNOWN, path))
            tick()
        return found


def _empty_classes(class_names: Sequence[str], files: Sequence[ScannedFile]) -> Iterator[Finding]:
    filled = {file.class_name for file in files}
    for name in class_names:
        if name not in filled:
            detail = "The class folder holds no readable image; images may be moved into it."
            yield Finding("empty_class", (name,), "warning", detail)


def _no_classes(walk: _Walk) -> str:
    loose = sum(finding.kind == "outside_class" for finding in walk.findings)
    linked = [f for f in walk.findings if "link to a folder" in f.detail]
    start = f"{_shown(walk.root)}: there are no class folders in it"
    if loose:
        return f"{start}, only images ({loose}). Put each into a folder named for its class."
    if linked:
        return f"{start}, only links to folders. Put the folders themselves there."
    return f"{start}. Give a folder that holds one sub-folder of images for each class."


def _no_images(walk: _Walk) -> str:
    left_out = Counter(
        finding.detail for finding in walk.findings if finding.kind in ("unreadable", "skipped")
    )
    start = f"{_shown(walk.root)}: no image could be read in {len(walk.class_names)} class folders"
    if not left_out:
        return f"{start}; they are empty. Put images into them."
    reason, _ = left_out.most_common(1)[0]
    return f"{start}; {left_out.total()} files were left out, most often for this: {reason}"


def _shown(root: Path) -> str:
    return shown_path(os.fspath(root))
