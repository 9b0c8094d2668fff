"""How fast each stage is, beside what the machine could do, and what memory it takes.

    python -m benchmarks.speed PHOTOS --images 10000

PHOTOS is a folder of class folders. Out of it so many different JPEGs of 320 px are made in a
temporary folder, and all is measured on those in one run. Rates are of processor seconds times the
number of processors: what an idle machine would do in a second, also where others use it meanwhile.
How the training and ranking of a round grow up to 100,000 images is measured on made-up features
(`benchmarks/growth.py`); what is not wanted is left out by naming the other parts with --only.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import itertools
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

from benchmarks import growth
from cleaner import folder, images, processors
from cleaner.backbones import open_backbone
from cleaner.backbones.base import OFFLINE_NAMES, Extractor
from cleaner.learning import augment
from cleaner.learning.bottlenecks import Source, committee_features
from cleaner.progress import Progress
from cleaner.project import Project
from cleaner.settings import ScoreSettings

SECONDS_A_STAGE = 1.5  # of each processor
SIDE_PX = 320
KERAS_BATCH = 32
PARTS = ("stages", "keras", "loop", "memory", "growth")
Document = dict[str, Any]


def main() -> None:
    """Measure, and print one line a stage."""
    arguments = _arguments()
    if arguments.features:
        print(json.dumps(_features_of_folder(arguments.photos, arguments.features)))  # noqa: T201
    elif arguments.task:
        print(json.dumps(_task(arguments.photos, *arguments.task)))  # noqa: T201
    else:
        _all(arguments)


def _all(arguments: argparse.Namespace) -> None:
    wanted = arguments.only or PARTS
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "photos"
        _make_photos(arguments.photos, root, arguments.images)
        if "stages" in wanted:
            _stages(root, peak=_peak_gflops())
        if "keras" in wanted:
            _keras(root)
        if "loop" in wanted:
            _loop(root, Path(scratch))
        if "memory" in wanted:
            _memory(root, arguments.images)
    if "growth" in wanted:
        growth.measure((1_000, 10_000, 100_000))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("photos", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--only", action="append", choices=PARTS)
    # In a process of its own.
    parser.add_argument("--features", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--task", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def _make_photos(originals: Path, root: Path, count: int) -> None:
    """Write different photos: each an original, cut and lit a little differently."""
    paths = sorted(path for path in originals.rglob("*") if images.is_candidate(path.name))
    np.random.default_rng(0).shuffle(paths)  # type: ignore[arg-type]  # so that few have many classes

    def make(number: int, path: Path) -> None:
        rng = np.random.default_rng(number)
        photo = Image.fromarray(images.load(path, root=originals))
        width, height = photo.size
        left, top, right, bottom = rng.uniform(0, 0.12, 4) * (width, height, width, height)
        scale = SIDE_PX / min(width, height)
        size = (round(width * scale), round(height * scale))
        cut = photo.resize(size, box=(left, top, width - right, height - bottom))
        target = root / path.parent.name / f"{number:06d}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        ImageEnhance.Brightness(cut).enhance(rng.uniform(0.8, 1.2)).save(target, quality=88)

    with ThreadPoolExecutor(processors.available()) as pool:
        list(pool.map(make, range(count), itertools.cycle(paths)))


# What the machine can do.


def _peak_gflops() -> dict[str, float]:
    """Return billions of multiplications and additions a second, all processors together."""
    large = np.ones(64 * 2**20, np.uint8)
    copied = np.empty_like(large)
    copies = _rate_alone(lambda: np.copyto(copied, large)) / processors.available()
    _say("memory bandwidth", f"{copies * 2 * large.nbytes / 1e9:.0f} GB/s in one thread")
    peak = {name: _convolution_gflops(in_int8=name == "int8") for name in ("float32", "int8")}
    _say("peak", f"float32 {peak['float32']:.0f} GFLOP/s, int8 {peak['int8']:.0f} GOP/s")
    return peak


def _rate_alone(work: Callable[[], object]) -> float:
    work()
    done, start = 0, time.process_time()
    while time.process_time() - start < SECONDS_A_STAGE:
        work()
        done += 1
    return done / (time.process_time() - start) * processors.available()


def _convolution_gflops(*, in_int8: bool) -> float:
    """Return the rate of one wide 1 x 1 convolution: what LiteRT does fastest."""
    import keras
    import tensorflow
    from ai_edge_litert.interpreter import Interpreter

    side, channels = 28, 1024
    photo = keras.Input(batch_shape=(1, side, side, channels))
    model = keras.Model(photo, keras.layers.Conv2D(channels, 1)(photo))
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(model)
    if in_int8:
        sample = np.random.default_rng(0).normal(size=(1, side, side, channels)).astype(np.float32)
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: iter([[sample]])
        converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tensorflow.int8
    with contextlib.redirect_stdout(io.StringIO()):
        content = converter.convert()

    def opened() -> Callable[[int], None]:
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
        return lambda _: interpreter.invoke()

    return _rate(opened, [0]) * 2 * side**2 * channels**2 / 1e9


# Stage by stage, every processor doing the same.


def _rate(opened: Callable[[], Callable[[Any], object]], inputs: Sequence[Any]) -> float:
    """Return calls a second of all threads together, side by side; each opens its own."""
    start = threading.Barrier(processors.available())

    def loop(_: int) -> float:
        work = opened()
        work(inputs[0])
        start.wait()
        done, began = 0, time.thread_time()
        while time.thread_time() - began < SECONDS_A_STAGE:
            work(inputs[done % len(inputs)])
            done += 1
        return done / (time.thread_time() - began)

    with ThreadPoolExecutor(processors.available()) as pool:
        return sum(pool.map(loop, range(processors.available())))


def _stages(root: Path, peak: dict[str, float]) -> None:
    paths = sorted(root.rglob("*.jpg"))
    began = time.process_time()
    folder.scan(root)
    rate = len(paths) / (time.process_time() - began) * processors.available()
    _say("scan: read, hash, decode small", f"{rate:.0f}/s")
    files = [images.read_bytes(path, root=root) for path in paths[:512]]
    side_px = 224
    least_px = round(side_px * images.DECODE_MARGIN)
    pictures = [images.decode(file, min_side_px=least_px) for file in files]
    rng = np.random.default_rng(0)
    steps: dict[str, tuple[Callable[[Any], object], Sequence[Any]]] = {
        "decode": (lambda file: images.decode(file, min_side_px=least_px), files),
        "plain view": (lambda picture: images.squared(picture, side_px), pictures),
        "heavy view": (lambda picture: augment.augmented(picture, side_px, rng), pictures),
    }
    for name, (work, inputs) in steps.items():
        _say(name, f"{_rate(lambda work=work: work, inputs):.0f}/s")  # type: ignore[misc]
    for name in OFFLINE_NAMES:
        _network(name, peak)


def _network(name: str, peak: dict[str, float]) -> None:
    info = open_backbone(name).info
    photos = _noise(info.input_side_px, 4)
    rates = {}
    for precision in ("float32", "int8"):
        backbone = open_backbone(name, precision)
        rates[precision] = rate = _rate(lambda b=backbone: b.extractor(), photos)  # type: ignore[misc]
        share = rate * 2 * (info.multiply_adds or 0) / 1e9 / peak[precision]
        _say(f"{name} {precision}", f"{rate:.0f}/s, {share:.0%} of the peak")
    _say(f"{name}", f"int8 is {rates['int8'] / rates['float32']:.2f} times float32")


def _noise(side_px: int, count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (1, side_px, side_px, 3), np.uint8) for _ in range(count)]


def _keras(root: Path) -> None:
    """Compare `keras predict` with the extractors, all on photos that are decoded already."""
    for name in ("efficientnet_lite0", "mobilenet_v2_1.0_224"):
        backbone = open_backbone(name)
        side_px = backbone.info.input_side_px
        paths = sorted(root.rglob("*.jpg"))[: 8 * KERAS_BATCH]
        photos = np.stack([images.squared(images.load(p, root=root), side_px) for p in paths])
        model = backbone.build()
        batch = photos.astype(np.float32)
        model.predict(batch, batch_size=KERAS_BATCH, verbose=0)
        began = time.process_time()
        model.predict(batch, batch_size=KERAS_BATCH, verbose=0)
        keras_rate = len(batch) / (time.process_time() - began) * processors.available()
        words = f"keras predict {keras_rate:.0f}/s"
        for precision in ("float32", "int8"):
            extractor: Callable[[], Extractor] = open_backbone(name, precision).extractor
            rate = _rate(extractor, [photo[np.newaxis] for photo in photos])
            words += f"; {precision} {rate:.0f}/s, {rate / keras_rate:.1f} times"
        _say(name, words)


# From nothing to a ranking, as a worker does it, each in a process of its own.


def _loop(root: Path, scratch: Path) -> None:
    for backbones, views in (
        (("efficientnet_lite0",), 1),
        (("efficientnet_lite0", "mobilenet_v2_1.0_224"), 4),
        (("efficientnet_lite0", "efficientnet_lite2"), 4),
    ):
        wanted = ScoreSettings(backbones, views)
        state = scratch / f"state-{'-'.join(backbones)}-{views}"
        _say(f"score, {views} views, {' + '.join(backbones)}", "")
        _tell_task("score", root, state, wanted)
        _relabel(root, state)
        _say("a later round, 100 labels changed", "")
        _tell_task("round", root, state, wanted)


def _tell_task(kind: str, root: Path, state: Path, settings: ScoreSettings) -> None:
    began = time.perf_counter()
    found = _child(str(root), "--task", kind, str(state), json.dumps(settings.as_json()))
    for stage, (wall, cpu) in found["stages"].items():
        _say(f"  {stage}", f"{wall:6.1f} s, {cpu:6.1f} processor seconds")
    wall, cpu = time.perf_counter() - began, found["cpu"]
    idle = cpu / processors.available()
    _say(
        "  in all, with the start of the process",
        f"{wall:6.1f} s, {cpu:6.1f} processor seconds ({idle:.1f} s with every processor busy); "
        f"at most {found['peak_mb']:.0f} MB",
    )


def _task(root: Path, kind: str, state: str, settings: str) -> Document:
    """Do a task as a worker would and return what each stage took."""
    from cleaner.tasks import TASKS

    clock = growth.Clock()
    project = Project(root, Path(state))
    TASKS[kind](project, json.loads(settings), clock)
    project.store.close()
    clock(Progress("End"))
    return {"stages": clock.seconds, "cpu": time.process_time(), "peak_mb": growth.peak_mb()}


def _relabel(root: Path, state: Path) -> None:
    """Move the first 100 suspects to where the queue suggests."""
    where = (str(root), "--state", str(state))
    suspects = _cleaner("queue", *where, "--all", "--limit", "100")["items"]
    table = state / "decisions.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "action", "label"])
        writer.writerows([item["path"], "move", item["suggested_label"]] for item in suspects)
    _cleaner("decide", *where, "--from", str(table))


def _cleaner(*words: str) -> Document:
    return _json_of("-m", "cleaner", *words, "--json")


def _child(*words: str) -> Document:
    return _json_of("-m", "benchmarks.speed", *words)


def _json_of(*words: str) -> Document:
    done = subprocess.run(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parent.parent,
        check=True,
    )
    return dict(json.loads(done.stdout))


# Memory, each in a process of its own.


def _memory(root: Path, images_in_all: int) -> None:
    count = 1_000
    while count <= images_in_all:
        found = _child(str(root), "--features", str(count))
        _say(
            f"features of {count:,} images",
            f"{found['seconds']:.1f} s; at most {found['peak_mb']:.0f} MB, "
            f"{found['growth_mb']:.0f} MB more than for the first 256",
        )
        count *= 10


def _features_of_folder(root: Path, count: int) -> Document:
    """Return what one pass of one view costs until every row is on the disk."""
    found = folder.scan(root)
    sources = [Source(root / f.path, root, f.content_hash) for f in found.files]
    backbone = open_backbone("efficientnet_lite0", "auto")
    peaks = []
    with tempfile.TemporaryDirectory() as cache:
        began = time.perf_counter()
        for part in (sources[:256], sources[:count]):
            committee_features(part, [backbone], views=1, seed=0, cache_folder=Path(cache))
            peaks.append(growth.peak_mb())
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "peak_mb": peaks[1], "growth_mb": peaks[1] - peaks[0]}


def _say(stage: str, words: str) -> None:
    print(f"{stage:<52} {words}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
