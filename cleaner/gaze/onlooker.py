"""A process that runs networks on a picture, so that the page neither waits nor falls with them.

It starts with the first picture and ends when nobody has asked for a while. Pictures go in as
pixels, maps come back as numbers; it knows nothing of files.

python -m cleaner.gaze.onlooker DESCRIPTOR
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from cleaner.arrays import FeatureMap, NetworkSquare
from cleaner.backbones.embedded import EmbeddedBackbone, LiteRTMapper
from cleaner.errors import BackboneError

# Starting takes half a second, a picture a tenth; more is a machine in trouble.
_LONGEST_SECONDS = 30.0
_IDLE_SECONDS = 120.0


class Onlooker:
    """The process and its end; any number of threads may ask, one at a time is answered."""

    def __init__(self, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._running: tuple[subprocess.Popen[bytes], Connection] | None = None
        self._timer: threading.Timer | None = None

    def maps(
        self, names: Sequence[str], precision: str, squares: Sequence[NetworkSquare]
    ) -> list[FeatureMap]:
        """Return what each of these networks of `data/weights` sees in its picture.

        Args:
            names: of the networks.
            precision: as in `backbones.open_backbone`.
            squares: one picture a network, at its side.

        Raises:
            BackboneError: its weights are not there, or the process ended over it.
        """
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            try:
                return self._ask(names, precision, squares)
            except (EOFError, OSError) as error:
                self._end()
                raise BackboneError("Where the model looks cannot be told just now.") from error
            finally:
                self._timer = threading.Timer(self._idle_seconds, self.end)
                self._timer.daemon = True
                self._timer.start()

    def end(self) -> None:
        """End the process; the next picture starts another."""
        with self._lock:
            self._end()

    @property
    def pid(self) -> int | None:
        """Of the process, None while there is none."""
        return None if self._running is None else self._running[0].pid

    def _ask(
        self, names: Sequence[str], precision: str, squares: Sequence[NetworkSquare]
    ) -> list[FeatureMap]:
        pipe = self._started()
        sides = [len(square) for square in squares]
        asked = {"names": list(names), "precision": precision, "sides": sides}
        pipe.send_bytes(json.dumps(asked).encode())
        for square in squares:
            pipe.send_bytes(np.ascontiguousarray(square).tobytes())
        answer = json.loads(_received(pipe))
        if "error" in answer:
            raise BackboneError(answer["error"])
        return [
            np.frombuffer(_received(pipe), np.float32).reshape(shape) for shape in answer["shapes"]
        ]

    def _started(self) -> Connection:
        if self._running is not None and self._running[0].poll() is None:
            return self._running[1]
        self._end()
        ours, its = Pipe()
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(its.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parent.parent.parent,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            pass_fds=[its.fileno()],
            start_new_session=True,
        )
        its.close()  # or the end of the process would not be noticed
        self._running = process, ours
        return ours

    def _end(self) -> None:
        if self._running is None:
            return
        process, pipe = self._running
        self._running = None
        pipe.close()
        process.kill()
        process.wait()


def _received(pipe: Connection) -> bytes:
    if not pipe.poll(_LONGEST_SECONDS):
        raise TimeoutError(f"no answer within {_LONGEST_SECONDS:g} seconds")
    return pipe.recv_bytes()


# -- in the process ----------------------------------------------------------------------


def serve(descriptor: int) -> None:
    """Answer what comes in until there is no more."""
    os.nice(5)  # nobody waits for it with a key in hand
    pipe, eyes = Connection(descriptor), _Eyes()
    while True:
        try:
            asked = json.loads(pipe.recv_bytes())
            squares = [_square(pipe.recv_bytes(), side) for side in asked["sides"]]
        except EOFError:
            return
        try:
            maps = [
                eyes.see(name, asked["precision"], square)
                for name, square in zip(asked["names"], squares, strict=True)
            ]
        except BackboneError as error:
            pipe.send_bytes(json.dumps({"error": str(error)}).encode())
            continue
        pipe.send_bytes(json.dumps({"shapes": [each.shape for each in maps]}).encode())
        for each in maps:
            pipe.send_bytes(each.tobytes())


def _square(pixels: bytes, side: int) -> NetworkSquare:
    return np.frombuffer(pixels, np.uint8).reshape(side, side, 3)


class _Eyes:
    """The networks that were asked for so far."""

    def __init__(self) -> None:
        self._opened: dict[tuple[str, str], LiteRTMapper] = {}

    def see(self, name: str, precision: str, square: NetworkSquare) -> FeatureMap:
        key = name, precision
        if key not in self._opened:
            self._opened[key] = EmbeddedBackbone(name, precision).mapper()
        return self._opened[key](square)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
