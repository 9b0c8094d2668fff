"""Very many photos labelled by a trained model, here or on a cluster; kept, so that it goes on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleaner import classifier, ledger
from cleaner.classifier import Outcome
from cleaner.engines import Engine, Tick
from cleaner.errors import ImageRejected, ModelError
from cleaner.items import shown_path
from cleaner.progress import Progress, Report, silent

_STAGE = "Looking at the images"


def outcomes(
    model: Path,
    paths: Sequence[Path],
    engine: Engine,
    *,
    kept_in: Path | None = None,
    report: Report = silent,
) -> Generator[Outcome, None, None]:
    """Yield each path with its probabilities (class,), or with why it cannot be read.

    In the order of the paths, and the same as `Classifier.predict_files` says: to the last bit
    where the runtime takes photos one by one, as for a .tflite file.

    Args:
        model: as `classifier.open_classifier` takes it; under the same path on each machine.
        paths: likewise.
        engine: where they are looked at.
        kept_in: a folder where each chunk leaves its probabilities; a file that has its size and
            time of then is not looked at again by the same model. What could not be read is.
        report: told how many photos are done.

    Raises:
        ModelError: there is no such model, or a worker has another one.
        EngineError: the engine lost its workers.
    """
    # A worker stands in another folder.
    files = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 - links stay links
    work = _Labelling(
        model.absolute(), classifier.content_sha256(model), classifier.uses_gpu(model)
    )
    shelf = None if kept_in is None else kept_in / work.content_sha256

    def tick(done: int) -> None:
        report(Progress(_STAGE, done, len(paths)))

    keyed = [("" if shelf is None else _key(file), file) for file in files]
    yield from zip(paths, ledger.answers(engine, work, keyed, shelf, tick), strict=True)


def _key(file: Path) -> str:
    try:
        status = file.stat()
        state = f"{status.st_size} {status.st_mtime_ns}"
    except OSError:
        state = ""  # whoever reads it says why it cannot be
    return hashlib.sha256(os.fsencode(file) + b"\0" + state.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Labelling:
    """The work: photos become probabilities, or reasons."""

    model: Path
    content_sha256: str
    uses_gpu: bool

    def open(self) -> Callable[[Sequence[Path], Tick], list[np.ndarray | ImageRejected]]:
        """Load the model.

        Raises:
            ModelError: where this worker runs, it is another one.
        """
        if classifier.content_sha256(self.model) != self.content_sha256:
            raise ModelError(
                f"{shown_path(str(self.model))}: a worker has another model than this machine "
                "there. Put the same in place."
            )
        return classifier.open_classifier(self.model).outcomes

    def as_bytes(self, answer: np.ndarray | ImageRejected) -> bytes | None:
        return None if isinstance(answer, ImageRejected) else answer.tobytes()

    def from_bytes(self, piece: bytes) -> np.ndarray:
        return np.frombuffer(piece, np.float32)
