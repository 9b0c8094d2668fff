"""A cluster under Ray, or this machine as one: Ray Data hands chunks to a pool of actors.

Ray gives a chunk to another actor where the first one, or its machine, is lost. Nodes need this
project in the same folder, and the images and the state folder under the same paths, as on a
network disk. See docs/scale.md.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import cleaner
from cleaner.engines.base import Engine, Tick, Work
from cleaner.errors import CleanerError, EngineError

log = logging.getLogger(__name__)

_C = TypeVar("_C")
_R = TypeVar("_R")

_ROOT = str(Path(cleaner.__file__).parent.parent)
_ALWAYS = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    # It calls what is usual an error. What goes wrong is raised.
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}
# Under another name it also keeps a cluster of one machine on the loopback address.
_ON_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


@contextmanager
def opened(address: str = "") -> Iterator[Engine]:
    """Connect to a cluster, or make this machine one that nobody else reaches.

    Args:
        address: such as ``10.0.0.5:6379``; "" starts Ray here, on the loopback address and with
            a token of its own. A cluster elsewhere has to be asked with its token.

    Raises:
        EngineError: Ray is not installed, or the cluster cannot be reached.
    """
    for name, value in (_ALWAYS if address else _ALWAYS | _ON_LOOPBACK).items():
        os.environ.setdefault(name, value)
    ray = _imported()
    try:
        ray.init(
            address=address or "local",
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            runtime_env={"env_vars": {"PYTHONPATH": _ROOT, "TF_CPP_MIN_LOG_LEVEL": "3"}},
        )
    except Exception as error:
        raise EngineError(
            f"Ray {f'at {address} ' if address else ''}cannot be used ({_line(error)}). "
            "See docs/scale.md for how a cluster is started, or take --engine local."
        ) from error
    # Standard output is for answers; Ray prints there which workers it lost.
    ray._private.worker.print_to_stdstream = _noted
    try:
        yield RayEngine(ray)
    finally:
        ray.shutdown()


def _noted(said: dict[str, Any], **_: object) -> None:
    log.info("Ray: %s", " ".join(said["lines"]))


class RayEngine:
    """Works in the actors of the cluster that Ray is connected to."""

    def __init__(self, ray: ModuleType) -> None:
        self._ray = ray

    @property
    def workers(self) -> int:
        """Return the number of processors in the cluster."""
        try:
            return max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        except self._ray.exceptions.RayError as error:
            raise EngineError(f"Ray does not answer any more ({_line(error)}).") from error

    def run(
        self, work: Work[_C, _R], chunks: Sequence[_C], tick: Callable[[int], None]
    ) -> Iterator[_R]:
        """See `Engine.run`; ticks come with the chunks."""
        done = 0
        try:
            for number, result in self._answers(work, chunks):
                if isinstance(result, CleanerError):
                    raise result
                done += len(chunks[number])  # type: ignore[arg-type]
                tick(done)
                yield result
        except self._ray.exceptions.RayError as error:
            raise EngineError(
                f"Ray lost its workers ({_line(error)}). What was finished is kept."
            ) from error

    def _answers(self, work: Work[_C, _R], chunks: Sequence[_C]) -> Iterator[tuple[int, _R]]:
        data = self._ray.data
        data.DataContext.get_current().enable_progress_bars = False
        data.DataContext.get_current().execution_options.preserve_order = True
        rows = [{"number": n, "chunk": _Whole(chunk)} for n, chunk in enumerate(chunks)]
        if not rows:
            return
        # A chunk is a block, so that it is one task: begun again as a whole, and asked for only
        # when an actor is free.
        dataset = data.from_items(rows, override_num_blocks=len(rows)).map(
            _Actor,
            fn_constructor_args=(work,),
            compute=data.ActorPoolStrategy(size=min(self.workers, len(rows))),
            num_cpus=1,
        )
        for row in dataset.iter_rows():
            yield row["number"], row["result"].content


@dataclass(frozen=True, slots=True)
class _Whole:
    """Something that Ray is to hand over as it is, and not as columns of a table."""

    content: Any


class _Actor:
    """A worker somewhere in the cluster."""

    def __init__(self, work: Work[Any, Any]) -> None:
        self._work = work
        self._step: Callable[[Any, Tick], Any] | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"number": row["number"], "result": _Whole(self._answer(row["chunk"].content))}

    def _answer(self, chunk: Any) -> Any:
        try:
            self._step = self._step or self._work.open()
            return self._step(chunk, _nothing)
        except CleanerError as error:
            return error  # Ray would wrap it in words of its own
        except Exception as error:
            log.exception("A worker failed.")  # in the logs of that node
            return EngineError(
                f"A worker failed ({type(error).__name__}: {_line(error)}). "
                "What was finished is kept."
            )


def _nothing() -> None:
    """Is told of each piece: a chunk is cancelled with its actor."""


def _imported() -> ModuleType:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise EngineError(
            "Ray is not installed. Install it with "
            "`.venv/bin/pip install -r requirements-ray.txt`, or take --engine local."
        ) from error
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what it says is in what it raises
    return ray


def _line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))
