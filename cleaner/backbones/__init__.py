"""The shelf of pretrained networks. Listing and opening one loads no TensorFlow."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from cleaner.backbones.base import (
    OFFLINE_NAMES,
    Backbone,
    BackboneInfo,
    Extractor,
    NamedByUser,
    no_such_precision,
)
from cleaner.backbones.embedded import EmbeddedBackbone
from cleaner.backbones.keras_applications import (
    APPLICATIONS,
    KerasApplication,
    KerasApplicationFromFile,
)
from cleaner.backbones.local import LocalBackbone
from cleaner.backbones.networks.archives import ARCHIVES
from cleaner.backbones.tfhub import HubBackbone
from cleaner.errors import UnknownBackbone

__all__ = [
    "Backbone",
    "BackboneInfo",
    "Extractor",
    "NamedByUser",
    "backbone_names",
    "list_backbones",
    "open_backbone",
    "short_name",
    "with_absolute_path",
]

_BY_NAME: Mapping[str, Callable[[str], Backbone]] = dict.fromkeys(APPLICATIONS, KerasApplication)


def backbone_names() -> tuple[str, ...]:
    """Return every name a backbone can be opened by, those that need no network first."""
    return (*OFFLINE_NAMES, *APPLICATIONS)


def list_backbones() -> tuple[BackboneInfo, ...]:
    """Return what is known of each named backbone, in the order of backbone_names."""
    return tuple(open_backbone(name).info for name in backbone_names())


def open_backbone(name: str, precision: str = "float32") -> Backbone:
    """Return the backbone of that name, TF-Hub handle (https://...) or path; loads no weights.

    A path has a folder in it, or ends in .keras or .tar.gz, or exists; NAME@FILE is a network of
    keras.applications with the weights of a file. Raises UnknownBackbone, which suggests the
    closest name, for anything else.

    Args:
        name: of the network.
        precision: what the features are computed in, one of `settings.PRECISIONS`. Only the
            networks that ship with Cleaner can do int8; asked of others it is a BackboneError.

    Example:
        >>> open_backbone("mobilenet_v2_1.0_224").info.input_side_px
        224
    """
    if name in OFFLINE_NAMES:
        return EmbeddedBackbone(name, precision)
    found = _in_float(name)
    if precision == "int8":
        raise no_such_precision(name)
    return found


def with_absolute_path(name: str) -> str:
    """Return the name such that a process that runs elsewhere finds the same file or folder.

    >>> with_absolute_path("InceptionV3@/weights/inception.h5#sha256=00")
    'InceptionV3@/weights/inception.h5#sha256=00'
    """
    if name in backbone_names() or "://" in name:
        return name
    bare, mark, sha256 = name.partition("#sha256=")
    first, at, second = bare.partition("@")
    if at and first in _BY_NAME:
        second = str(Path(second).expanduser().absolute())
    elif Path(first).expanduser().exists():
        first = str(Path(first).expanduser().absolute())
    return f"{first}{at}{second}{mark}{sha256}"


def short_name(name: str) -> str:
    """Return what a network is called where a path or a handle would not do, as in a file name.

    >>> short_name("/networks/mine.keras@-1..1"), short_name("InceptionV3@weights.h5")
    ('mine.keras', 'InceptionV3')
    >>> short_name("https://tfhub.dev/google/imagenet/mobilenet_v2_035_224/feature_vector/5")
    'mobilenet_v2_035_224-feature_vector-5'
    """
    bare = name.partition("#sha256=")[0]
    is_handle = "://" in bare
    if not is_handle:
        bare = bare.partition("@")[0]
    parts = [part for part in re.split(r"[/\\]", bare) if part]
    return re.sub(r"[^\w.-]+", "-", "-".join(parts[-3 if is_handle else -1 :])) or "model"


def _in_float(name: str) -> Backbone:
    if name in _BY_NAME:
        return _BY_NAME[name](name)
    if name.startswith("https://"):
        return HubBackbone(name)
    if "@" in name and name.partition("@")[0] in _BY_NAME:
        return KerasApplicationFromFile(name)
    if _is_path(name):
        return LocalBackbone(name)
    raise UnknownBackbone(_unknown(name))


def _is_path(name: str) -> bool:
    if "://" in name:
        return False
    path, _, _ = name.partition("#sha256=")[0].partition("@")
    ending = path.endswith((".keras", *ARCHIVES))
    return "/" in path or "\\" in path or ending or Path(path).exists()


def _unknown(name: str) -> str:
    by_lower_case = {known.lower(): known for known in backbone_names()}
    close = difflib.get_close_matches(name.lower(), by_lower_case, n=1)
    suggestion = f" Did you mean {by_lower_case[close[0]]!r}?" if close else ""
    return (
        f"No backbone {name!r}.{suggestion} Known: {', '.join(backbone_names())}; "
        "or an https:// TF-Hub handle, a .keras file, a SavedModel's folder or .tar.gz, or "
        "NAME@FILE with a file of weights."
    )
