"""Very many small photos and a small network, made within a minute."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from PIL import Image

from cleaner import images, processors
from cleaner.backbones.base import BackboneInfo
from cleaner.backbones.embedded import LiteRTExtractor

if TYPE_CHECKING:
    import keras

SIDE_PX = 64
_QUALITY = 85
_LEAST_SHARE = 0.6
NETWORK = "mobilenet_v1_0.25_128"
_NETWORK_SIDE_PX = 128


def photos(originals: Path, root: Path, count: int) -> list[Path]:
    """Write so many different small photos into class folders, each an original cut elsewhere.

    Args:
        originals: a folder of photos in class folders.
        root: where they are written, under the same classes.
        count: how many.
    """
    paths = sorted(path for path in originals.rglob("*") if images.is_candidate(path.name))
    np.random.default_rng(0).shuffle(paths)  # type: ignore[arg-type]  # so that few have many classes
    paths = paths[:count]
    for folder in {path.parent.name for path in paths}:
        (root / folder).mkdir(parents=True, exist_ok=True)
    shares = [range(first, count, len(paths)) for first in range(len(paths))]
    with ProcessPoolExecutor(processors.available(), get_context("spawn")) as pool:
        made = pool.map(_cuts, paths, itertools.repeat(root), shares, chunksize=32)
        return sorted(itertools.chain.from_iterable(made), key=lambda path: path.stem)


def _cuts(original: Path, root: Path, numbers: Sequence[int]) -> list[Path]:
    with Image.open(original) as opened:
        photo = opened.convert("RGB")
    photo.thumbnail((3 * SIDE_PX, 3 * SIDE_PX), reducing_gap=2.0)
    return [_cut(photo, root / original.parent.name, number) for number in numbers]


def _cut(photo: Image.Image, folder: Path, number: int) -> Path:
    rng = np.random.default_rng(number)
    size = np.array(photo.size) * rng.uniform(_LEAST_SHARE, 1, 2)
    left, top = (np.array(photo.size) - size) * rng.uniform(0, 1, 2)
    box = (left, top, left + size[0], top + size[1])
    path = folder / f"{number:08d}.jpg"
    photo.resize((SIDE_PX, SIDE_PX), box=box).save(path, quality=_QUALITY)
    return path


@dataclass(frozen=True, slots=True)
class SmallNetwork:
    """A MobileNet of a quarter's width, whose file `networks` has made; loads no TensorFlow."""

    file: Path

    uses_gpu: ClassVar[bool] = False

    @property
    def info(self) -> BackboneInfo:
        """Return what is looked at here: its name and its side."""
        return BackboneInfo(
            name=NETWORK,
            input_side_px=_NETWORK_SIDE_PX,
            feature_count=None,
            parameters=None,
            multiply_adds=None,
            licence="as the file's author states",
            source=str(self.file),
            available=True,
        )

    @property
    def content_id(self) -> str:
        """Name it; there is one file a run."""
        return NETWORK

    def extractor(self) -> LiteRTExtractor:
        return LiteRTExtractor(self.file)

    def build(self, input_side_px: int | None = None) -> keras.Model:
        """Refuse: it only looks."""
        raise NotImplementedError


def networks(folder: Path, class_names: Sequence[str], weights: Path | None) -> tuple[Path, Path]:
    """Write the network as it gives features, and as a classifier with a last layer by chance.

    Returns:
        The two .tflite files.
    """
    from cleaner.exporters import tflite
    from cleaner.learning import finetune
    from cleaner.learning.architectures import open_architecture
    from cleaner.learning.final_head import FinalHead
    from cleaner.settings import FROM_NOTHING

    origin = FROM_NOTHING if weights is None else str(weights)
    backbone = open_architecture(NETWORK, folder, weights=origin)
    looking, labelling = folder / "features.tflite", folder / "labels.tflite"
    network = backbone.build()
    looking.write_bytes(tflite.flatbuffer(network))
    kernel = np.random.default_rng(0).normal(size=(network.output_shape[-1], len(class_names)))
    head = FinalHead(kernel.astype(np.float32), np.zeros(len(class_names), np.float32), {})
    tflite.export(finetune.assembled(backbone, head).model, class_names, labelling)
    return looking, labelling
