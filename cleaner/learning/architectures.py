"""The networks a final model can be made of: MobileNets, and where their weights come from."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from cleaner import mobilenets, small_resnets
from cleaner.backbones import keras_applications, open_backbone
from cleaner.backbones.base import OFFLINE_NAMES, Backbone, BackboneInfo, Extractor
from cleaner.backbones.embedded import NETWORKS, LiteRTExtractor
from cleaner.backbones.keras_applications import KerasApplication
from cleaner.backbones.networks import weights_file
from cleaner.errors import WeightsUnavailable
from cleaner.exporters import tflite
from cleaner.learning.small_resnet import SmallResNet
from cleaner.mobilenets import MobileNet
from cleaner.settings import FROM_NOTHING, PUBLISHED

if TYPE_CHECKING:
    from cleaner.backbones.embedded import Network

_NATIVES = {
    replace(mobilenets.parse(name), side_px=0): name
    for name in OFFLINE_NAMES
    if name.startswith("mobilenet_")
}
# Only a network of data/weights has a layer of this name.
_SHIPPED_STEM = "stem_conv"
# Keras's own 0.99 and 0.999 would take thousands of steps to leave where they begin.
_MOMENTUM_FROM_NOTHING = 0.9


def open_architecture(
    name: str, cache_folder: Path, *, weights: str = PUBLISHED, seed: int = 0
) -> Backbone:
    """Return the network of a final model: a MobileNet at any input side, or any backbone.

    Args:
        name: such as ``mobilenet_v2_1.0_224``, or ``small_resnet_32``, which has no weights yet;
            what does not begin like these is a name, handle or path that `open_backbone` knows.
        cache_folder: where what computes its features is kept.
        weights: `PUBLISHED` takes those that ship with Cleaner, or else those that Keras
            fetches; `FROM_NOTHING` random ones; anything else is a file (`weights_file`).
        seed: of random weights.

    Raises:
        UnknownBackbone: there is no such network; the message has the nearest names.
        WeightsUnavailable: the file cannot be read, or nobody published weights of this width.
    """
    if small_resnets.is_name(name):
        return SmallResNet(name, seed)
    if not name.startswith("mobilenet_") or "@" in name:
        return _backbone(name, weights)
    member = mobilenets.parse(name)
    if weights == PUBLISHED and member.name in OFFLINE_NAMES:
        return open_backbone(member.name)
    return FamilyNetwork(member, _origin(member, weights, seed), cache_folder)


def _backbone(name: str, weights: str) -> Backbone:
    if weights == FROM_NOTHING:
        raise WeightsUnavailable(
            f"{name}: only MobileNets can begin with random weights. Name one, or leave "
            "--weights none away."
        )
    return open_backbone(name if weights == PUBLISHED else f"{name}@{weights}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a network's weights come from.

    Attributes:
        content_id: names weights and preprocessing; the side is not in it.
        build: makes the Keras model for a side in pixels.
        source: in words.
        licence: in words.
    """

    content_id: str
    build: Callable[[int], keras.Model]
    source: str
    licence: str


class FamilyNetwork:
    """A MobileNet at an input side of one's own, its features by LiteRT."""

    uses_gpu = False

    def __init__(self, member: MobileNet, origin: Origin, cache_folder: Path) -> None:
        self._member = member
        self._origin = origin
        self._flatbuffer = cache_folder / "networks" / f"{self.content_id}.tflite"
        self._converting = threading.Lock()

    @property
    def info(self) -> BackboneInfo:
        """Return what is known; the work goes with the square of the side."""
        member, origin = self._member, self._origin
        native = _NATIVES.get(replace(member, side_px=0))
        if native is not None:
            facts = open_backbone(native).info
            area = (member.side_px / facts.input_side_px) ** 2
            work = None if facts.multiply_adds is None else round(facts.multiply_adds * area)
            facts = replace(facts, multiply_adds=work)
        else:
            facts = KerasApplication(member.name, _application(member)).info
        return replace(
            facts,
            name=member.name,
            input_side_px=member.side_px,
            source=origin.source,
            licence=origin.licence,
        )

    @property
    def content_id(self) -> str:
        return f"{self._origin.content_id}-{self._member.side_px}px"

    def extractor(self) -> Extractor:
        with self._converting:
            if not self._flatbuffer.is_file():
                self._flatbuffer.parent.mkdir(parents=True, exist_ok=True)
                beside = self._flatbuffer.with_suffix(".part")
                beside.write_bytes(tflite.flatbuffer(self.build()))
                beside.replace(self._flatbuffer)
        return LiteRTExtractor(self._flatbuffer)

    def build(self, input_side_px: int | None = None) -> keras.Model:
        return self._origin.build(input_side_px or self._member.side_px)


def _origin(member: MobileNet, weights: str, seed: int) -> Origin:
    if weights == FROM_NOTHING:
        return _random(member, seed)
    if weights != PUBLISHED:
        return _from_file(member, Path(weights))
    native = _NATIVES.get(replace(member, side_px=0))
    if native is not None:
        shipped = open_backbone(native)
        facts = shipped.info
        return Origin(shipped.content_id, shipped.build, facts.source, facts.licence)
    return _fetched(member)


def _fetched(member: MobileNet) -> Origin:
    if not keras_applications.has_published_weights(member.version, member.width):
        raise WeightsUnavailable(f"{member.name}: nobody published weights of it. {_OTHERWISE}")

    def build(side_px: int) -> keras.Model:
        at_side = replace(member, side_px=side_px)
        try:
            return KerasApplication(member.name, _application(at_side)).build()
        except WeightsUnavailable as error:
            raise WeightsUnavailable(f"{error} {_OTHERWISE}") from error

    # The weights published for one side differ from those for another.
    content_id = f"{member.name}-keras-{_runtimes()}"
    facts = KerasApplication(member.name, _application(member)).info
    return Origin(content_id, build, facts.source, facts.licence)


_OTHERWISE = (
    "Or name a file with weights (--weights FILE), begin with random ones (--weights none), or "
    f"take {' or '.join(name.rpartition('_')[0] for name in _NATIVES.values())} at any side."
)


def _from_file(member: MobileNet, path: Path) -> Origin:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsUnavailable(
            f"{path}: no weights can be read from there ({error.strerror}). Name a file that ends "
            f"in {' or '.join(weights_file.SUFFIXES)}."
        ) from error
    shipped = _NATIVES.get(replace(member, side_px=0))
    # A model that Cleaner made of its own network has that network's steps, also the first ones.
    own = NETWORKS[shipped] if shipped and weights_file.has_layer(path, _SHIPPED_STEM) else None

    def build(side_px: int) -> keras.Model:
        model = _untrained(member, side_px, own)
        weights_file.load(model, path)
        return model

    content_id = f"mobilenet_{member.version}_{member.width}-{digest[:16]}-{_runtimes()}"
    return Origin(content_id, build, str(path), "as the file's author states")


def _random(member: MobileNet, seed: int) -> Origin:
    def build(side_px: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        model = _untrained(member, side_px)
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = _MOMENTUM_FROM_NOTHING
        return model

    content_id = f"mobilenet_{member.version}_{member.width}-random-{seed}-{_runtimes()}"
    return Origin(content_id, build, "random weights", "none is needed")


def _untrained(member: MobileNet, side_px: int, own: Network | None = None) -> keras.Model:
    if own is not None:
        return own.build(side_px)
    application = _application(replace(member, side_px=side_px))
    return KerasApplication(member.name, application).build_untrained()


def _application(member: MobileNet) -> keras_applications.Application:
    return keras_applications.mobilenet(member.version, member.width, member.side_px)


def _runtimes() -> str:
    return f"{version('keras')}-litert-{version('ai-edge-litert')}"
