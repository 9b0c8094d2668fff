"""A TF-Hub handle: https://tfhub.dev/..., https://www.kaggle.com/models/... or any .tar.gz's URL.

A module runs the graph somebody stored in it, and a graph can write files, so a handle may carry
the hash of its content: `HANDLE#sha256=...`. Without one the hash found is logged, to be pinned.
What was fetched once is kept in `archives.hub_cache()` and needs no network again.
"""

from __future__ import annotations

import http.client
import logging
import os
import re
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from cleaner.backbones.base import BackboneInfo, Extractor, weights_unavailable
from cleaner.backbones.networks.archives import ARCHIVES, CACHE_VARIABLE, hub_cache
from cleaner.errors import BackboneError, WeightsUnavailable

if TYPE_CHECKING:
    import keras

_VALUES_OF_IMAGE_MODULES = (0.0, 1.0)
# Handles tell the side, such as mobilenet_v2_100_224 or 035-128-classification.
_SIDE_IN_HANDLE = re.compile(r"[_-](96|1\d\d|2\d\d|3\d\d|4\d\d|5\d\d|600)(?=[_/-]|$)")

logger = logging.getLogger(__name__)


class HubBackbone:
    """An image feature-vector or classification module, fetched when something is asked of it."""

    uses_gpu = True

    def __init__(self, name: str) -> None:
        self._name = name
        self._handle, _, self._pinned_sha256 = name.partition("#sha256=")

    @cached_property
    def info(self) -> BackboneInfo:
        """Return what the module tells; fetches it and loads TensorFlow."""
        try:
            model, note = self.build(), ""
        except BackboneError as error:
            model, note = None, str(error)
        return BackboneInfo(
            name=self._name,
            input_side_px=model.input_shape[1] if model else 0,
            feature_count=model.output_shape[-1] if model else None,
            parameters=None,
            multiply_adds=None,
            licence="as the module's page states",
            source=self._handle,
            available=model is not None,
            note=note,
        )

    @property
    def content_sha256(self) -> str:
        """Return the hash of what the handle leads to; fetches it."""
        return self._module[1]

    @property
    def content_id(self) -> str:
        return f"tfhub-{self.content_sha256[:16]}-tensorflow-{version('tensorflow')}"

    def extractor(self) -> Extractor:
        from cleaner.backbones.networks.extraction import KerasExtractor

        return KerasExtractor(self.build())

    def build(self, input_side_px: int | None = None) -> keras.Model:
        from cleaner.backbones.networks import saved_model

        folder, _ = self._module
        return saved_model.build(
            folder,
            _VALUES_OF_IMAGE_MODULES,
            input_side_px,
            side_where_unstated_px=_side_in(self._handle),
        )

    @cached_property
    def _module(self) -> tuple[Path, str]:
        from cleaner.backbones.networks import saved_model

        folder = self._fetched()
        found = saved_model.content_sha256(folder)
        if not self._pinned_sha256:
            logger.warning("%s is not pinned; to pin it: %s#sha256=%s", *2 * [self._handle], found)
        elif found != self._pinned_sha256:
            raise BackboneError(
                f"{self._handle}: its content has sha256 {found}, "
                f"the handle says {self._pinned_sha256}. It is not the module you meant."
            )
        return folder, found

    def _fetched(self) -> Path:
        import tensorflow
        import tensorflow_hub

        os.environ[CACHE_VARIABLE] = str(hub_cache())
        failures = (OSError, ValueError, http.client.HTTPException, tensorflow.errors.OpError)
        try:
            return Path(tensorflow_hub.resolve(self._handle))
        except failures as error:
            raise WeightsUnavailable(
                f"{weights_unavailable(self._name, str(error))} Or fetch the module elsewhere and "
                f"name its folder or {ARCHIVES[0]}."
            ) from error


def _side_in(handle: str) -> int | None:
    """Return the last number of a handle that may be an input side.

    >>> _side_in("https://tfhub.dev/google/imagenet/mobilenet_v2_035_128/feature_vector/5")
    128
    """
    sides = _SIDE_IN_HANDLE.findall(handle)
    return int(sides[-1]) if sides else None
