"""Plant near duplicates among photos, and see which are found: at the scan, and after a round.

    python -m benchmarks.duplicates ../shared/data/clothing
    python -m benchmarks.duplicates ../shared/data/clothing --planted 120 --originals 300

Copies the photos of any folder of class folders, puts changed copies of some beside them, and does
what a scan and the end of a round do; no heads are trained, for copies do not depend on them.
Prints how many of each change were found, and the pairs that were named although nobody planted
them: what the folder itself holds twice is among them, so look at these.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import random
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image, ImageEnhance

from cleaner import audits, lanes
from cleaner.backbones import open_backbone
from cleaner.items import Finding
from cleaner.learning import bottlenecks, gallery
from cleaner.learning.bottlenecks import Source
from cleaner.project import Project
from cleaner.settings import ScoreSettings

_PAIRS_SHOWN = 40
_SUFFIXES = (".jpg", ".jpeg", ".png")


def _saved(picture: Image.Image, container: str = "JPEG", quality: int = 85) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, container, quality=quality)
    return stream.getvalue()


def _saved_again(picture: Image.Image, rng: random.Random) -> bytes:
    return _saved(picture, rng.choice(("JPEG", "WEBP")), rng.randint(35, 80))


def _resized(picture: Image.Image, rng: random.Random) -> bytes:
    factor = rng.uniform(0.4, 1.6)
    size = tuple(max(16, round(side * factor)) for side in picture.size)
    return _saved(picture.resize((size[0], size[1]), Image.Resampling.BICUBIC))


def _cropped(picture: Image.Image, rng: random.Random) -> bytes:
    width, height = (round(side * 0.95) for side in picture.size)
    left, top = rng.randint(0, picture.width - width), rng.randint(0, picture.height - height)
    return _saved(picture.crop((left, top, left + width, top + height)))


def _flipped(picture: Image.Image, _rng: random.Random) -> bytes:
    return _saved(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT))


def _brighter(picture: Image.Image, _rng: random.Random) -> bytes:
    return _saved(ImageEnhance.Brightness(picture).enhance(1.2))


def _darker(picture: Image.Image, _rng: random.Random) -> bytes:
    return _saved(ImageEnhance.Brightness(picture).enhance(0.8))


CHANGES: dict[str, Callable[[Image.Image, random.Random], bytes]] = {
    "saved again": _saved_again,
    "resized": _resized,
    "cropped by 5%": _cropped,
    "flipped": _flipped,
    "brighter by 20%": _brighter,
    "darker by 20%": _darker,
}


@dataclass(frozen=True, slots=True)
class Planted:
    """What lies in the folder that was made.

    Attributes:
        images: photos and copies together.
        origin: path of each photo and copy -> path of the photo it shows.
        change: path of each copy -> how it was changed.
    """

    images: int
    origin: dict[str, str]
    change: dict[str, str]


def plant(source: Path, target: Path, *, planted: int, originals: int | None, seed: int) -> Planted:
    """Copy photos to `target`, and changed copies of some beside them, each change as often."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    photos = sorted(p for p in source.glob("*/*") if p.suffix.lower() in _SUFFIXES and _opens(p))
    rng.shuffle(photos)
    kept = sorted(photos[:originals])
    origin = {}
    for number, photo in enumerate(kept):
        path = _place(photo, source, number)
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photo, target / path)
        origin[path] = path
    orders = {name: rng.sample(sorted(origin), len(origin)) for name in CHANGES}
    turns = [(orders[name][n], name) for n in range(len(origin)) for name in CHANGES]
    change = {}
    for number, (path, name) in enumerate(turns[:planted]):
        twin = str(PurePosixPath(path).with_name(f"planted-{number:05}.jpg"))
        with Image.open(target / path) as picture:
            (target / twin).write_bytes(CHANGES[name](picture.convert("RGB"), rng))
        origin[twin], change[twin] = path, name
    return Planted(len(origin), origin, change)


def _opens(photo: Path) -> bool:
    try:
        with Image.open(photo) as picture:
            picture.convert("RGB")
    except OSError:
        return False
    return True


def _place(photo: Path, source: Path, number: int) -> str:
    """Return where a photo goes: its class folder, or one of two where the source has but one."""
    name = photo.parent.name
    if len([one for one in source.iterdir() if one.is_dir()]) < 2:
        name = ("first", "second")[number % 2]
    return f"{name}/{photo.name}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found.

    Attributes:
        found: change -> how many of its copies are in one group with their photo.
        planted: change -> how many there are.
        unrelated: pairs in one group that show different photos, as far as was planted.
        pairs: of different photos, in all.
    """

    found: Counter[str]
    planted: Counter[str]
    unrelated: list[tuple[str, str]]
    pairs: int


def judged(groups: Sequence[Sequence[str]], planted: Planted) -> Outcome:
    """Hold groups of paths to what was planted."""
    group_of = {path: number for number, group in enumerate(groups) for path in group}
    found: Counter[str] = Counter()
    for copy, change in planted.change.items():
        same = group_of.get(copy, -1) == group_of.get(planted.origin[copy], -2)
        found[change] += same
    flagged = {pair for group in groups for pair in itertools.combinations(sorted(group), 2)}
    unrelated = sorted(
        pair for pair in flagged if planted.origin[pair[0]] != planted.origin[pair[1]]
    )
    related = sum(n * (n - 1) // 2 for n in Counter(planted.origin.values()).values())
    pairs = planted.images * (planted.images - 1) // 2 - related
    return Outcome(found, Counter(planted.change.values()), unrelated, pairs)


def groups_of(found: Iterable[Finding]) -> list[list[str]]:
    """Return the sets of copies among findings, those that share an image as one."""
    joined: dict[str, str] = {}

    def root(path: str) -> str:
        while joined.setdefault(path, path) != path:
            path = joined[path]
        return path

    for one in found:
        for path in one.paths[1:] if one.kind in lanes.GROUPS else ():
            joined[root(path)] = root(one.paths[0])
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for path in list(joined):
        groups[root(path)].append(path)
    return list(groups.values())


def after_round(project: Project, settings: ScoreSettings, cache: Path) -> list[Finding]:
    """Return what the end of a round finds, features taken from the cache where it has them."""
    items = project.dataset().items
    sources = [Source(project.path_of(item), project.root, item.content_hash) for item in items]
    found = bottlenecks.committee_features(
        sources,
        [open_backbone(name, settings.precision) for name in settings.backbones],
        views=settings.views,
        seed=settings.seed,
        cache_folder=cache,
    )
    readable = found[0].readable
    seen = gallery.seen_of(
        [items[row] for row in readable],
        [sources[row] for row in readable],
        [each.features for each in found],
        project.state / "cache",
    )
    return audits.run_after_round(seen)


def lines(before: Outcome, after: Outcome) -> Iterator[str]:
    """Yield the table and what was named besides, for people."""
    yield "| change | planted | found at the scan | found after a round |"
    yield "|---|---|---|---|"
    total = sum(after.planted.values())
    for name, number in after.planted.items():
        yield f"| {name} | {number} | {before.found[name]} | {after.found[name]} |"
    shares = [sum(one.found.values()) / total for one in (before, after)]
    yield f"| all | {total} | {shares[0]:.1%} | {shares[1]:.1%} |"
    number = len(after.unrelated)
    yield f"{number:,} of {after.pairs:,} other pairs are named too: {number / after.pairs:.6%}"
    yield from (f"  {first}  {second}" for first, second in after.unrelated[:_PAIRS_SHOWN])


def main(words: Sequence[str] | None = None) -> None:
    """Plant, look for it, and print what was found."""
    arguments = _arguments(words)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        root = Path(folder) / "photos"
        planted = plant(
            arguments.photos,
            root,
            planted=arguments.planted,
            originals=arguments.originals,
            seed=arguments.seed,
        )
        project = Project(root)
        project.scan()
        known = project.findings()
        before = judged(groups_of(known), planted)
        settings = ScoreSettings(tuple(arguments.backbone or ScoreSettings().backbones), views=2)
        cache = arguments.cache or project.state / "cache"
        news = after_round(project, settings, cache)
        after = judged(groups_of([*known, *news]), planted)
        project.store.close()
    for line in lines(before, after):
        print(line)  # noqa: T201
    if arguments.json is not None:
        document = {"scan": _plain(before), "round": _plain(after)}
        arguments.json.write_text(json.dumps(document, indent=1))


def _plain(outcome: Outcome) -> dict[str, Any]:
    found, planted = dict(outcome.found), dict(outcome.planted)
    pairs = {"unrelated": outcome.unrelated, "pairs": outcome.pairs}
    return {"found": found, "planted": planted} | pairs


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--planted", type=int, default=1000, help="at most six a photo")
    parser.add_argument("--originals", type=int, help="take so many of the photos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backbone", action="append", help="default: those of `score`")
    parser.add_argument("--folder", type=Path, help="where the copies are made")
    parser.add_argument("--cache", type=Path, help="keep features there, for the next time")
    parser.add_argument("--json", type=Path, help="also write all figures there")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
