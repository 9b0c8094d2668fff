"""Threads that let each open dataset's ranking follow its decisions, behind the page's back.

A decision is answered as soon as it is recorded; the thread is told and does the rest. What
comes in a burst is learnt from together.
"""

from __future__ import annotations

import logging
import threading
import time

from cleaner.errors import CleanerError
from cleaner.following import Follower
from cleaner.project import Project

# A pause after each look lets a burst gather, and leaves the processor to the page.
_PAUSE_SECONDS = 0.25
# Without a word for so long a thread ends, and gives back the memory of its round.
_IDLE_SECONDS = 600.0

log = logging.getLogger(__name__)


class Followers:
    """One thread for each dataset that somebody reviews."""

    def __init__(self) -> None:
        self._threads: dict[str, _Thread] = {}
        self._lock = threading.Lock()

    def tell(self, key: str, project: Project) -> None:
        """Have the ranking of the dataset with this key brought up to its decisions soon."""
        with self._lock:
            thread = self._threads.get(key)
            if thread is None or thread.project is not project or not thread.tell():
                self._threads[key] = _Thread(project)
                self._threads[key].start()


class _Thread(threading.Thread):
    """Looks whenever it is told, first of all at its start."""

    def __init__(self, project: Project) -> None:
        super().__init__(name=f"follow {project.root.name}", daemon=True)
        self.project = project
        self._told = threading.Event()
        self._told.set()
        self._lock = threading.Lock()
        self._has_ended = False

    def tell(self) -> bool:
        """Ask for another look; return False if the thread has ended."""
        with self._lock:
            self._told.set()
            return self.is_alive() and not self._has_ended

    def run(self) -> None:
        follower = Follower(self.project.store, self.project.state)
        while self._waits_for_word():
            try:
                follower.look()
            except CleanerError as error:
                # The decisions are in the log; the next look learns from them.
                log.warning("The ranking does not follow: %s", error)
            time.sleep(_PAUSE_SECONDS)

    def _waits_for_word(self) -> bool:
        was_told = self._told.wait(_IDLE_SECONDS)
        with self._lock:
            self._has_ended = not (was_told or self._told.is_set())
            self._told.clear()
            return not self._has_ended
