"""Processes that decode pictures, each picture with so much time and memory and no more.

A decoder is C code that reads what strangers wrote. One that loops, swells or crashes cannot be
stopped in a thread, so it runs in a process of its own: the kernel ends that process, the picture
is refused with the reason, and the next picture gets a new process. What comes back is numbers
and bytes, never objects.

python -m cleaner.decoders LOCK_DESCRIPTOR
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from cleaner import processors
from cleaner.errors import ImageRejected

Answer = tuple[dict[str, Any], bytes]

# Each message: the lengths of its two parts, facts as JSON, then bytes.
_LENGTHS = struct.Struct("<IQ")
_PIPE_BYTES = 2**20
# A decoder that waits for nothing uses no processor; this ends it, however busy the machine.
_WALL_SECONDS_PER_SECOND = 12
_TOO_SLOW = (-signal.SIGPROF, -signal.SIGALRM)


def ask(verb: str, data: bytes, asked: dict[str, Any]) -> Answer:
    """Have a process do one of `_VERBS` with a picture's bytes; return facts and bytes.

    As many pictures as there are processors are decoded at a time; further callers wait.

    Raises:
        ImageRejected: it is no picture, or its decoder took too long, too much, or crashed.
    """
    with _room:
        decoder = _ready()
        facts, payload = decoder.ask(verb, data, asked)
        _idle.append(decoder)
    if "reason" in facts:
        raise _rejected(facts)
    return facts, payload


def ask_each(
    verb: str, pictures: Sequence[bytes], asked: dict[str, Any]
) -> list[Answer | ImageRejected]:
    """Have one process do one of `_VERBS` with each of several pictures.

    One message brings all of them, so together they should take little memory. Each has the time
    and memory of one; the picture a process ends over is to blame, and another process goes on
    behind it.
    """
    found: list[Answer | ImageRejected] = []
    while len(found) < len(pictures):
        with _room:
            decoder = _ready()
            found += decoder.ask_each(verb, pictures[len(found) :], asked)
            if decoder.lives():
                _idle.append(decoder)
    return found


def _ready() -> Decoder:
    while _idle:
        decoder = _idle.pop()
        if decoder.lives():  # else somebody ended it between two pictures, and neither is to blame
            return decoder
    return Decoder()


class Decoder:
    """One process; a dead one raises, and is not used again."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(_turn_file().fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            pass_fds=[_turn_file().fileno()],
            # Ctrl-C is for whoever started it; it ends when its input does.
            start_new_session=True,
        )
        self._input = cast(IO[bytes], self._process.stdin)
        self._output = cast(IO[bytes], self._process.stdout)
        for pipe in (self._input, self._output):
            _widen(pipe)
        _living.add(self)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, verb: str, data: bytes, asked: dict[str, Any]) -> Answer:
        """Return what the process answers.

        Raises:
            ImageRejected: the process ended over this picture.
        """
        try:
            _send(self._input, {"verb": verb, "asked": asked}, data)
            return _receive(self._output)
        except (EOFError, BrokenPipeError):
            raise self._epitaph(asked["limits"]["max_seconds"]) from None
        except BaseException:
            # Ctrl-C in the middle of an answer: the rest of it must not meet the next picture.
            self.end()
            raise

    def ask_each(
        self, verb: str, pictures: Sequence[bytes], asked: dict[str, Any]
    ) -> list[Answer | ImageRejected]:
        """Return what the process answers, up to the picture it ends over."""
        found: list[Answer | ImageRejected] = []
        lengths = [len(data) for data in pictures]
        try:
            # It reads all before it answers, so neither waits for the other to read.
            request = {"verb": verb, "asked": asked, "lengths": lengths}
            _send(self._input, request, b"".join(pictures))
            for _ in pictures:
                facts, payload = _receive(self._output)
                found.append((facts, payload) if "reason" not in facts else _rejected(facts))
        except (EOFError, BrokenPipeError):
            found.append(self._epitaph(asked["limits"]["max_seconds"]))
        except BaseException:
            self.end()
            raise
        return found

    def lives(self) -> bool:
        if self._process.poll() is None:
            return True
        self._close()
        return False

    def end(self) -> None:
        """End the process and take back what it holds."""
        self._process.kill()
        self._close()

    def _close(self) -> int:
        _living.discard(self)
        for pipe in (self._input, self._output):
            try:
                pipe.close()
            except BrokenPipeError:
                continue
        return self._process.wait()

    def _epitaph(self, max_seconds: float | int) -> ImageRejected:
        code = self._close()
        if code in _TOO_SLOW:
            return ImageRejected("too_slow", f"it was given {max_seconds:g} seconds.")
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return ImageRejected("crashed", f"the decoder ended with {how}.")


_idle: deque[Decoder] = deque()
_living: set[Decoder] = set()
# In a forked child: kept, as to let go of them would close, flush or complain of them.
_of_parent: set[Decoder] = set()
_room = threading.BoundedSemaphore(processors.available())
_turn: IO[bytes] | None = None
_turn_made = threading.Lock()


def _turn_file() -> IO[bytes]:
    """Return the nameless file whose lock is the turn of a large picture."""
    global _turn
    with _turn_made:
        if _turn is None:
            _turn = tempfile.TemporaryFile()  # noqa: SIM115 - held open
        return _turn


@atexit.register
def _end_all() -> None:
    _idle.clear()
    for decoder in list(_living):  # also those that a thread still waits for
        decoder.end()
    if _turn is not None:
        _turn.close()


def _disown() -> None:
    """Leave the decoders to the parent: a forked child must not talk into its pipes."""
    _of_parent.update(_living)
    _living.clear()
    _idle.clear()


os.register_at_fork(after_in_child=_disown)


def _rejected(facts: dict[str, Any]) -> ImageRejected:
    return ImageRejected(facts["reason"], facts["detail"])


def _widen(pipe: IO[bytes]) -> None:
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        try:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:  # this user's pipes are wide enough in all
            return


def _send(pipe: IO[bytes], facts: dict[str, Any], payload: bytes | memoryview) -> None:
    head = json.dumps(facts).encode()
    pipe.write(_LENGTHS.pack(len(head), len(payload)) + head)
    pipe.write(payload)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Answer:
    head_length, payload_length = _LENGTHS.unpack(_exactly(pipe, _LENGTHS.size))
    head = _exactly(pipe, head_length)
    return json.loads(head), _exactly(pipe, payload_length)


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    found = pipe.read(count)
    if len(found) != count:
        raise EOFError
    return found


# -- in the process ----------------------------------------------------------------------


class _SharedTurn:
    """One large picture at a time among all decoders; waiting for it costs no time of one's own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> None:
        wall, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
        signal.setitimer(signal.ITIMER_REAL, wall)

    def __exit__(self, *_: object) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN)


def serve(turn_descriptor: int) -> None:
    """Answer what comes in until there is no more."""
    from cleaner import pixels

    pixels.large_picture_turn = _SharedTurn(turn_descriptor)
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # Decoders talk; nobody listens.
    with Path(os.devnull).open("r+b") as nowhere:
        for standard in (0, 1, 2):
            os.dup2(nowhere.fileno(), standard)
    at_rest = _at_rest()
    while True:
        try:
            request, data = _receive(requests)
        except EOFError:
            return
        limits = pixels.Limits(**request["asked"].pop("limits"))
        verb = partial(_VERBS[request["verb"]], limits=limits, **request["asked"])
        for picture in _cut(data, request.get("lengths")):
            _arm(limits.max_seconds, at_rest + limits.max_memory_bytes)
            try:
                facts, payload = verb(picture)
            except ImageRejected as rejected:
                facts, payload = {"reason": rejected.reason, "detail": rejected.detail}, b""
            _disarm()
            _send(answers, facts, payload)
            # Or the next picture would have to fit beside this one.
            del picture, payload
        del data


def _cut(data: bytes, lengths: Sequence[int] | None) -> Iterator[bytes]:
    if lengths is None:
        yield data
        return
    start = 0
    for length in lengths:
        yield data[start : start + length]
        start += length


def _decode(data: bytes, **asked: Any) -> tuple[dict[str, Any], memoryview]:
    import numpy as np

    from cleaner import pixels

    picture = np.ascontiguousarray(pixels.decode(data, **asked))
    return {"shape": picture.shape}, picture.data.cast("B")


def _square(data: bytes, **asked: Any) -> tuple[dict[str, Any], memoryview]:
    import numpy as np

    from cleaner import pixels

    return {}, np.ascontiguousarray(pixels.square(data, **asked)).data.cast("B")


def _inspect(data: bytes, **asked: Any) -> tuple[dict[str, Any], bytes]:
    from cleaner import pixels

    found = pixels.inspect(data, **asked)
    return {name: getattr(found, name) for name in found.__slots__}, b""


def _thumbnail(data: bytes, **asked: Any) -> tuple[dict[str, Any], bytes]:
    from cleaner import pixels

    return {}, pixels.thumbnail(data, **asked)


_VERBS: dict[str, Callable[..., tuple[dict[str, Any], bytes | memoryview]]] = {
    "decode": _decode,
    "square": _square,
    "inspect": _inspect,
    "thumbnail": _thumbnail,
}


def _arm(seconds: float, data_bytes: int) -> None:
    """Have the kernel end this process over time, and refuse it memory."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * _WALL_SECONDS_PER_SECOND)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (data_bytes, hard))


def _disarm() -> None:
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _at_rest() -> int:
    """Return what to add to a limit of memory in all to get the limit of data in bytes."""
    try:
        pages = [int(count) for count in Path("/proc/self/statm").read_text().split()]
    except OSError:  # not Linux, where the kernel does not hold this limit either
        return 0
    resident, data = pages[1], pages[5]
    return (data - resident) * resource.getpagesize()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
