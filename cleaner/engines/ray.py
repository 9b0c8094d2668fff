"""A cluster under Ray, or this machine as one: Ray Data hands chunks to a pool of actors.

Ray gives a chunk to another actor where the first one, or its machine, is lost. Nodes need this
project in the same folder, and the images and the state folder under the same paths, as on a
network disk. See docs/scale.md.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import cleaner
from cleaner.engines.base import USUAL_SHARE, Engine, Share, Tick, Work, uses_gpu
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
# Of a card that several workers share, TensorFlow would let the first one take all memory.
_IN_WORKERS = {
    "PYTHONPATH": _ROOT,
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
}
# Shares of a card are counted in these by Ray, in whole numbers.
_PARTS_OF_A_CARD = 10_000
# Under another name it also keeps a cluster of one machine on the loopback address.
_ON_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


@contextmanager
def opened(address: str = "", share: Share = USUAL_SHARE) -> Iterator[Engine]:
    """Connect to a cluster, or make this machine one that nobody else reaches.

    Args:
        address: such as ``10.0.0.5:6379``; "" starts Ray here, on the loopback address and with
            a token of its own. A cluster elsewhere has to be asked with its token.
        share: what each worker takes.

    Raises:
        EngineError: Ray is not installed, the cluster cannot be reached, or it has no machine
            with room for a worker.
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
            runtime_env={
                "env_vars": _IN_WORKERS | {"TF_NUM_INTRAOP_THREADS": str(share.cores)},
            },
        )
    except Exception as error:
        raise EngineError(
            f"Ray {f'at {address} ' if address else ''}cannot be used ({_line(error)}). "
            "See docs/scale.md for how a cluster is started, or take --engine local."
        ) from error
    # Standard output is for answers; Ray prints there which workers it lost.
    ray._private.worker.print_to_stdstream = _noted
    try:
        yield RayEngine(ray, share)
    finally:
        ray.shutdown()


def _noted(said: dict[str, Any], **_: object) -> None:
    log.info("Ray: %s", " ".join(said["lines"]))


class RayEngine:
    """Works in the actors of the cluster that Ray is connected to.

    Raises:
        EngineError: it has no machine with room for a worker.
    """

    def __init__(self, ray: ModuleType, share: Share = USUAL_SHARE) -> None:
        self.ray = ray
        self._share = share
        self.room(share.gpus or 0.0)

    @property
    def workers(self) -> int:
        """Return for how many workers without a graphics card the cluster has room."""
        return self.room(gpus=0.0)

    def room(self, gpus: float) -> int:
        """Return for how many workers the cluster has room, at least 1.

        Args:
            gpus: what each takes of a graphics card beside its processors, 0..1.

        Raises:
            EngineError: for none, on which Ray would wait for ever; or it does not answer.
        """
        machines = self._machines()
        workers = sum(machine.room(self._share.cores, gpus) for machine in machines)
        if not workers:
            cores = self._share.cores
            wanted = f"{cores} core{'s' * (cores > 1)}" + (f" and {gpus:g} GPU" if gpus else "")
            there = "; ".join(sorted({machine.in_words() for machine in machines}))
            raise EngineError(
                f"No machine of the cluster has {wanted} for a worker; what they state is: "
                f"{there or 'nothing'}. Take smaller --cores-per-worker and --gpus-per-worker, or "
                "start machines that have more, see docs/scale.md."
            )
        return workers

    def _machines(self) -> list[_Machine]:
        try:
            nodes = self.ray.nodes()
        except self.ray.exceptions.RayError as error:
            raise EngineError(f"Ray does not answer any more ({_line(error)}).") from error
        stated = [node["Resources"] for node in nodes if node["Alive"]]
        return [_Machine(int(own.get("CPU", 0)), int(own.get("GPU", 0))) for own in stated]

    def _gpus(self, work: object) -> float:
        """Return what each worker takes of a graphics card for some work."""
        if not uses_gpu(work):
            return 0.0
        if self._share.gpus is None:
            return float(any(machine.cards for machine in self._machines()))
        return self._share.gpus

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
        except self.ray.exceptions.RayError as error:
            raise EngineError(
                f"Ray lost its workers ({_line(error)}). What was finished is kept."
            ) from error

    def _answers(self, work: Work[_C, _R], chunks: Sequence[_C]) -> Iterator[tuple[int, _R]]:
        data = self.ray.data
        data.DataContext.get_current().enable_progress_bars = False
        data.DataContext.get_current().execution_options.preserve_order = True
        rows = [{"number": n, "chunk": _Whole(chunk)} for n, chunk in enumerate(chunks)]
        if not rows:
            return
        gpus = self._gpus(work)
        # A chunk is a block, so that it is one task: begun again as a whole, and asked for only
        # when an actor is free.
        dataset = data.from_items(rows, override_num_blocks=len(rows)).map(
            _Actor,
            fn_constructor_args=(work, gpus),
            compute=data.ActorPoolStrategy(size=min(self.room(gpus), len(rows))),
            num_cpus=self._share.cores,
            num_gpus=gpus or None,
        )
        for row in dataset.iter_rows():
            yield row["number"], row["result"].content


@dataclass(frozen=True, slots=True)
class _Machine:
    """What a machine of the cluster states that it has."""

    cores: int
    cards: int

    def room(self, cores: int, gpus: float) -> int:
        """Return for how many workers there is room; no worker has parts of two cards."""
        workers = self.cores // cores
        if not gpus:
            return workers
        return min(workers, self.cards * (_PARTS_OF_A_CARD // round(gpus * _PARTS_OF_A_CARD)))

    def in_words(self) -> str:
        return f"{self.cores} cores, {self.cards} GPUs"


@dataclass(frozen=True, slots=True)
class _Whole:
    """Something that Ray is to hand over as it is, and not as columns of a table."""

    content: Any


class _Actor:
    """A worker somewhere in the cluster."""

    def __init__(self, work: Work[Any, Any], gpus: float) -> None:
        self._work = work
        self._has_card = gpus > 0
        self._step: Callable[[Any, Tick], Any] | None = None
        if not self._has_card:
            # Ray hides no card from a worker that asked for none.
            os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"number": row["number"], "result": _Whole(self._answer(row["chunk"].content))}

    def _answer(self, chunk: Any) -> Any:
        try:
            return self._opened()(chunk, _nothing)
        except CleanerError as error:
            return error  # Ray would wrap it in words of its own
        except Exception as error:
            log.exception("A worker failed.")  # in the logs of that node
            return EngineError(
                f"A worker failed ({type(error).__name__}: {_line(error)}). "
                "What was finished is kept."
            )

    def _opened(self) -> Callable[[Any, Tick], Any]:
        if self._step is None:
            self._step = self._work.open()
            if self._has_card:
                _check_card()
        return self._step


def _check_card() -> None:
    """Raise EngineError where TensorFlow, if the work has loaded it, sees no card.

    It would compute on one processor, and nobody would know why that takes so long.
    """
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and not tensorflow.config.list_physical_devices("GPU"):
        raise EngineError(
            f"The worker on {platform.node()} has a GPU that TensorFlow does not see. Install "
            "tensorflow[and-cuda] there, or take --gpus-per-worker 0."
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
