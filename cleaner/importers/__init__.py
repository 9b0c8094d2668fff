"""The shelf of importers. Importing it loads no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping

from cleaner.importers import cifar_binary, cifar_python, coco, csv_file, folder, tfrecord
from cleaner.importers.base import Contents, Found, Importer, PassedOver, Record

__all__ = ["IMPORTERS", "Contents", "Found", "Importer", "PassedOver", "Record"]

IMPORTERS: Mapping[str, Importer] = {
    "cifar_binary": cifar_binary.FORMAT,
    "cifar_python": cifar_python.FORMAT,
    "csv": csv_file.FORMAT,
    "coco": coco.FORMAT,
    "tfds": tfrecord.TFDS,
    "tfrecord": tfrecord.FORMAT,
    "tree": folder.TREE,
    "folder": folder.FORMAT,
}
