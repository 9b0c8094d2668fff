"""Small pictures for the page, made once and kept as files beside the dataset."""

from __future__ import annotations

import hashlib
import uuid

from cleaner import images
from cleaner.errors import ImageRejected
from cleaner.items import Item
from cleaner.project import Project
from cleaner.store.selected import Sign

# A fixed choice: a client that could ask for any size could fill the disk. The largest is made
# only of images that somebody zooms into.
SIDES_PX = (160, 320, 960, 1600, 4096)


def version_of(item: Item | Sign) -> str:
    """Return what an image's URL holds so that it may be cached for ever."""
    return item.content_hash[:12]


def thumbnail(project: Project, item: Item, side_px: int) -> bytes:
    """Return an image as a JPEG that fits a square of `side_px`, from the cache if it is there.

    Raises:
        ImageRejected: the file is gone, cannot be decoded, or is another one than was scanned.
    """
    folder = project.state / "cache" / "thumbs" / str(side_px) / item.content_hash[:2]
    kept = folder / f"{item.content_hash}.jpg"
    try:
        return kept.read_bytes()
    except OSError:
        pass
    jpeg = images.thumbnail(content(project, item), side_px=side_px)
    beside = folder / f".{uuid.uuid4().hex}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(jpeg)
        beside.replace(kept)
    except OSError:
        # A full disk must not stop the review; the picture is made again next time.
        beside.unlink(missing_ok=True)
    return jpeg


def markup(key: str, item: Item, *marks: str) -> str:
    """Return a page's image of an item of the dataset with this key.

    It holds numbers of ours alone: names stand beside it as text.
    """
    source = f"/api/p/{key}/image/{item.item_id}?v={version_of(item)}&amp;side=320"
    names = " ".join(("audit-picture", *marks))
    return f'<img class="{names}" src="{source}" alt="" loading="lazy">'


def content(project: Project, item: Item) -> bytes:
    """Return the bytes of an image's file.

    Raises:
        ImageRejected: the file is gone, or is another one than was scanned.
    """
    data = images.read_bytes(project.path_of(item), root=project.reach_of(item))
    if hashlib.sha256(data).hexdigest() != item.content_hash:
        raise ImageRejected("changed", "the file is not the one that was scored; score again.")
    return data
