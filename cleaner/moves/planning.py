"""Which moves make the class folders match the decisions."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cleaner.decisions import FileMove, Plan
from cleaner.items import Item
from cleaner.moves.naming import Names
from cleaner.moves.places import DATASET, QUARANTINE, Places, location_of, shown
from cleaner.moves.placing import breaks_if_moved


@dataclass(frozen=True, slots=True)
class _Wish:
    """Where one image should go.

    Attributes:
        is_home: it lay at `target` before, so that very name is wanted back.
        is_optional: its folder is right already; only the name would be restored.
    """

    item: Item
    source: str
    target: str
    is_home: bool = False
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class _Turns:
    """Who goes, and who waits for whom.

    Attributes:
        going: the wishes that are followed, by source.
        homes: who gets which home.
        waits: sources that wait for another one to leave their home; none is waited for twice.
    """

    going: Mapping[str, _Wish]
    homes: Mapping[str, _Wish]
    waits: Mapping[str, str]


def plan(items: Sequence[Item], done: Sequence[FileMove], places: Places) -> Plan:
    """Return the moves that make the class folders match the decisions, in a safe order.

    An image that lay in its target folder before goes home to the name it had; any other
    keeps its name, or gets ``name~2.jpg`` where that is taken. An image in the right folder
    stays, but gets its own name back once that is free. Two images that stand on each
    other's names take turns, one of them in two moves.

    Args:
        items: images with their current labels and status.
        done: the finished moves of these images, oldest first.
        places: the dataset and the quarantine.
    """
    histories: dict[int, list[FileMove]] = defaultdict(list)
    for move in done:
        histories[move.item_id].append(move)
    found = (_wish(item, histories[item.item_id]) for item in items)
    problems: dict[str, str] = {}
    wishes = _without_obstacles([wish for wish in found if wish], places, problems)
    names = Names(places)
    turns = _settle_homes(wishes, names)
    destinations = _destinations(turns, names, problems)
    return Plan(tuple(_in_order(destinations, turns, names)), tuple(problems.items()))


def _wish(item: Item, history: Sequence[FileMove]) -> _Wish | None:
    source = location_of(item)
    if item.status == "excluded":
        return None if item.quarantined else _Wish(item, source, f"{QUARANTINE}/{item.path}")
    folder = f"{DATASET}/{item.current_label}/"
    been = _places_before(source, history)
    origin = been[-1]
    if source.startswith(folder):
        if origin == source or not origin.startswith(folder):
            return None
        return _Wish(item, source, origin, is_home=True, is_optional=True)
    homes = [location for location in (origin, *been) if location.startswith(folder)]
    if homes:
        return _Wish(item, source, homes[0], is_home=True)
    # The name a person gave, without the number that a collision elsewhere added to it.
    return _Wish(item, source, folder + origin.split("/", 2)[-1])


def _places_before(location: str, history: Sequence[FileMove]) -> list[str]:
    """Return where our moves have had the image, latest first, back to where they found it."""
    been = [location]
    for move in reversed(history):
        if move.destination == been[-1]:
            been.append(move.source)
    return been


def _without_obstacles(
    wishes: Iterable[_Wish], places: Places, problems: dict[str, str]
) -> list[_Wish]:
    """Return the wishes that can come true; say in `problems` why the others cannot."""
    folder_obstacles: dict[Path, str | None] = {}
    clear = []
    for wish in wishes:
        source, destination = places.resolve(wish.source), places.resolve(wish.target)
        problem = _file_obstacle(source, destination)
        if problem:
            problems[shown(wish.source)] = problem
            continue
        # One line for a folder says more than one for each of its images.
        for folder, location in ((source.parent, wish.source), (destination.parent, wish.target)):
            if folder not in folder_obstacles:
                folder_obstacles[folder] = _folder_obstacle(folder)
            obstacle = folder_obstacles[folder]
            if obstacle:
                problems[shown(location.rsplit("/", 1)[0])] = obstacle
                break
        else:
            clear.append(wish)
    return clear


def _file_obstacle(source: Path, destination: Path) -> str | None:
    try:
        mode = source.lstat().st_mode
        would_break = breaks_if_moved(source, destination)
    except (FileNotFoundError, NotADirectoryError):
        return "the file is gone; run scan to see what is there"
    except OSError as error:
        return f"the file cannot be reached ({error.strerror}); make its folder readable"
    if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        return "it is no regular file; remove it and run scan"
    if would_break:
        return "it is a relative link that would break there; put the file in its place"
    return None


def _folder_obstacle(folder: Path) -> str | None:
    existing = _existing(folder)
    try:
        is_folder = existing.is_dir()
    except OSError as error:
        return f"the folder cannot be read ({error.strerror}); make it readable"
    if not is_folder:
        return f"the file {existing.name!r} is where a folder is needed; rename that file"
    if not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
        return "images cannot be moved in or out; make the folder readable and writable"
    return None


def _existing(folder: Path) -> Path:
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder


def _settle_homes(wishes: Sequence[_Wish], names: Names) -> _Turns:
    """Decide who gets its home back.

    A home is free if nothing lies there, or only an image that goes too. Each one that stays
    may block another, hence the loop. Here names count as the file system takes them: what
    lay side by side before can lie there again.
    """
    going = {wish.source: wish for wish in wishes}
    homes: dict[str, _Wish] = {}
    for wish in sorted(wishes, key=lambda wish: wish.is_optional):
        if wish.is_home:
            homes.setdefault(wish.target, wish)
    holders = _holders(homes, names)
    while True:
        homes = {
            home: wish
            for home, wish in homes.items()
            if home not in holders or (holders[home] in going and holders[home] != wish.source)
        }
        staying = [
            wish.source
            for wish in going.values()
            if wish.is_optional and homes.get(wish.target) is not wish
        ]
        for source in staying:
            del going[source]
        if not staying:
            waits = {homes[home].source: holders[home] for home in homes if home in holders}
            return _Turns(going, homes, waits)


def _holders(homes: Iterable[str], names: Names) -> dict[str, str]:
    """Return what lies at each home that is not empty; ``""`` where it cannot be waited for."""
    holders: dict[str, str] = {}
    used: set[str] = set()
    for home in homes:
        try:
            holder = names.holder(home)
        except OSError:
            holder = ""
        if holder is not None:
            holders[home] = "" if holder in used else holder
            used.add(holder)
    return holders


def _destinations(turns: _Turns, names: Names, problems: dict[str, str]) -> dict[str, str]:
    """Return where each source goes; homes are given out before anything else."""
    destinations: dict[str, str] = {}
    for source, wish in sorted(
        turns.going.items(), key=lambda entry: turns.homes.get(entry[1].target) is not entry[1]
    ):
        try:
            if turns.homes.get(wish.target) is wish:
                names.take(wish.target)
                destinations[source] = wish.target
            else:
                destinations[source] = names.free(wish.target)
        except OSError as error:
            folder = shown(wish.target.rsplit("/", 1)[0])
            problems[folder] = f"the folder cannot be read ({error.strerror}); make it readable"
    return destinations


def _in_order(destinations: Mapping[str, str], turns: _Turns, names: Names) -> Iterator[FileMove]:
    """Yield the moves so that each name is vacated before another image needs it.

    A home has one holder and one that waits for it, so the waiting images form lines and
    circles. A line moves from its free end. A circle opens when its first image steps aside,
    beside where it will end, so that even after a crash it is in the right folder.
    """
    pending = dict.fromkeys(destinations)
    for first in destinations:
        if first not in pending:
            continue
        line, before = [first], turns.waits.get(first)
        while before in pending and before != first:
            line.append(before)
            before = turns.waits.get(before)
        home = destinations[first]
        if before == first:
            aside = names.free(home)
            yield _move(turns.going[first].item, first, aside)
            for source in reversed(line[1:]):
                yield _move(turns.going[source].item, source, destinations[source])
            yield _move(turns.going[first].item, aside, home)
        else:
            for source in reversed(line):
                yield _move(turns.going[source].item, source, destinations[source])
        for source in line:
            del pending[source]


def _move(item: Item, source: str, destination: str) -> FileMove:
    return FileMove(
        move_id=0,
        item_id=item.item_id,
        source=source,
        destination=destination,
        content_hash=item.content_hash,
        state="planned",
    )
