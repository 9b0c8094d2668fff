"""Where the images of a dataset are: in class folders, or wherever a manifest says."""

from __future__ import annotations

from pathlib import Path

from cleaner.addresses import Address
from cleaner.errors import DatasetError
from cleaner.items import shown_path
from cleaner.listings import is_listing
from cleaner.origins.base import SCANNED, Applied, Origin, Report
from cleaner.origins.folders import ClassFolders
from cleaner.origins.listing import Listing

__all__ = [
    "SCANNED",
    "Applied",
    "ClassFolders",
    "Listing",
    "Origin",
    "Report",
    "is_there",
    "open_origin",
]


def open_origin(root: Path, state: Path) -> Origin:
    """Return the kind of dataset that lies at `root`; the state folder need not be there yet.

    Raises:
        DatasetError: there is neither a folder nor a manifest.
    """
    if root.is_dir():
        return ClassFolders(root, state)
    if is_there(root):
        return Listing(root, state)
    if root.is_file() or isinstance(root, Address):
        raise DatasetError(
            f"{shown_path(str(root))}: a manifest's name ends in .csv or .parquet. Name such a "
            "table with the columns uri and label, or the folder that holds the classes."
        )
    raise DatasetError(
        f"{shown_path(str(root))}: not a folder. Name the folder that holds the classes, or a "
        "manifest (.csv or .parquet with the columns uri and label)."
    )


def is_there(root: Path) -> bool:
    """Tell whether a dataset may be opened there; addresses are not asked."""
    return root.is_dir() or (is_listing(root) and (isinstance(root, Address) or root.is_file()))
