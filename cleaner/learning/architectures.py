"""The networks a final model can be made of: MobileNets, also at other input sizes."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cleaner.backbones import backbone_names, open_backbone
from cleaner.backbones.base import OFFLINE_NAMES, Backbone, BackboneInfo, Extractor
from cleaner.backbones.embedded import LiteRTExtractor
from cleaner.errors import UnknownBackbone
from cleaner.exporters import tflite

if TYPE_CHECKING:
    import keras

INPUT_SIDES_PX = (96, 128, 160, 192, 224)
_NAME = re.compile(r"(?P<network>mobilenet_.+)_(?P<side>\d+)")
_NATIVES = {
    match["network"]: name for name in OFFLINE_NAMES if (match := _NAME.fullmatch(name)) is not None
}


def open_architecture(name: str, cache_folder: Path) -> Backbone:
    """Return the pretrained network of a final model.

    A network whose weights ship with Cleaner can be had at each of `INPUT_SIDES_PX`, always
    with those weights; what else the shelf of backbones has is fetched.

    Args:
        name: such as ``mobilenet_v2_1.0_224``.
        cache_folder: where a network made for another side is kept.

    Raises:
        UnknownBackbone: there is no such network; the message lists those there are.
    """
    wanted = _NAME.fullmatch(name)
    native = _NATIVES.get(wanted["network"]) if wanted else None
    if native == name or (wanted and native is None and name in backbone_names()):
        return open_backbone(name)
    if wanted and native and int(wanted["side"]) in INPUT_SIDES_PX:
        return ResizedBackbone(open_backbone(native), name, int(wanted["side"]), cache_folder)
    here = [f"{network}_{side_px}" for network in _NATIVES for side_px in INPUT_SIDES_PX[::-1]]
    fetched = dict.fromkeys(
        match["network"] for name in backbone_names() if (match := _NAME.fullmatch(name))
    )
    raise UnknownBackbone(
        f"No network {name!r} to train. Known: {', '.join(here)}; and, fetched from the internet, "
        f"{', '.join(network for network in fetched if network not in _NATIVES)} with their sizes."
    )


class ResizedBackbone:
    """A network with its weights, at an input side it was not trained with."""

    def __init__(self, native: Backbone, name: str, side_px: int, cache_folder: Path) -> None:
        self._native = native
        self._name = name
        self._side_px = side_px
        self._flatbuffer = cache_folder / "networks" / f"{self.content_id}.tflite"
        self._converting = threading.Lock()

    @property
    def info(self) -> BackboneInfo:
        """Return the native network's facts; the work goes with the square of the side."""
        facts = self._native.info
        work = facts.multiply_adds
        if work is not None:
            work = round(work * (self._side_px / facts.input_side_px) ** 2)
        return replace(facts, name=self._name, input_side_px=self._side_px, multiply_adds=work)

    @property
    def content_id(self) -> str:
        return f"{self._native.content_id}-{self._side_px}px"

    def extractor(self) -> Extractor:
        with self._converting:
            if not self._flatbuffer.is_file():
                self._flatbuffer.parent.mkdir(parents=True, exist_ok=True)
                beside = self._flatbuffer.with_suffix(".part")
                beside.write_bytes(tflite.flatbuffer(self.build()))
                beside.replace(self._flatbuffer)
        return LiteRTExtractor(self._flatbuffer)

    def build(self, input_side_px: int | None = None) -> keras.Model:
        return self._native.build(input_side_px or self._side_px)
