from __future__ import annotations

import ast
import io
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cleaner import images
from cleaner.errors import ImageRejected
from tests.pictures import encoded, picture, write_image

pytestmark = pytest.mark.filterwarnings("ignore:::PIL")

REPOSITORY = Path(__file__).resolve().parents[1]
TOOLS = REPOSITORY.parent / "shared" / "tools"
CORPUS_TOOL = TOOLS / "make_bad_images.py"
EXPECTED = TOOLS / "bad_images_expected.tsv"
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "HEIF")


def corpus_cases() -> list[tuple[str, str]]:
    if not EXPECTED.exists():
        return []
    rows = [line.split("\t") for line in EXPECTED.read_text().splitlines()[1:]]
    return [(os.fsdecode(ast.literal_eval(name)), verdict) for name, _, verdict in rows]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not CORPUS_TOOL.exists():
        pytest.skip("the hostile corpus is not on this machine")
    out = tmp_path_factory.mktemp("corpus")
    # The tool is no part of Cleaner, and under coverage its loops take twice as long.
    uncounted = {k: v for k, v in os.environ.items() if k != "COVERAGE_PROCESS_CONFIG"}
    command = [sys.executable, str(CORPUS_TOOL), str(out)]
    subprocess.run(command, check=True, capture_output=True, env=uncounted)
    return out / "files"


def verdict_of(path: Path, root: Path) -> str:
    if path.is_dir() or not images.is_candidate(path.name):
        return "skip"
    try:
        data = images.read_bytes(path, root=root)
        whole = images.decode(data)
        inspected = images.inspect(data)
    except ImageRejected as rejected:
        return "reject" if is_clear(rejected) else "unclear"
    assert (inspected.height, inspected.width) == whole.shape[:2]
    return "ok"


@pytest.mark.skipif(not EXPECTED.exists(), reason="the hostile corpus is not on this machine")
@pytest.mark.parametrize(("name", "verdict"), corpus_cases(), ids=lambda value: ascii(value)[:40])
def test_each_hostile_file_gets_its_verdict(corpus: Path, name: str, verdict: str) -> None:
    found = verdict_of(corpus / name, corpus)

    assert verdict in (found, "any")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read on Linux")
def test_the_whole_corpus_needs_little_memory(corpus: Path) -> None:
    program = (
        "import re, sys; from pathlib import Path; from cleaner import folder;"
        "scan = folder.scan(Path(sys.argv[1]).parent, workers=4);"
        # Not ru_maxrss: that begins with what the process which started this one had.
        "peak = re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text());"
        "print(len(scan.files), int(peak[1]) // 1024)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, corpus],
        check=True,
        capture_output=True,
        cwd=REPOSITORY,
        text=True,
    )

    files, megabytes = map(int, done.stdout.split())
    assert files > 60
    assert megabytes < 300


def test_every_format_decodes_to_the_same_picture() -> None:
    original = picture(3, (64, 48))

    for container in FORMATS:
        found = images.decode(encoded(original, container))

        difference = np.abs(found.astype(int) - np.asarray(original).astype(int))
        assert difference.mean() < 12, container


@pytest.mark.parametrize("container", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_turned_upright(container: str, orientation: int) -> None:
    upright = Image.new("RGB", (64, 32), "blue")
    upright.paste("red", (0, 0, 32, 16))
    back = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    stored = upright
    if back > 1:
        turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
        stored = upright.transpose(Image.Transpose(turns[back]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, container, exif=exif)

    found = images.decode(data)

    assert found.shape == (32, 64, 3)
    assert found[8, 16, 0] > 200 > 60 > found[24, 48, 0]
    assert (images.inspect(data).width, images.inspect(data).height) == (64, 32)


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
def test_the_perceptual_hash_is_of_the_upright_picture(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = encoded(picture(1, (301, 201)), "JPEG", exif=exif, quality=95)
    upright = encoded(Image.fromarray(images.decode(stored)), "PNG")

    first, second = images.inspect(stored), images.inspect(upright)

    assert (first.width, first.height) == (second.width, second.height)
    bits = int(first.perceptual_hash[:64], 16) ^ int(second.perceptual_hash[:64], 16)
    assert bits.bit_count() <= 10


def test_transparency_lies_over_white() -> None:
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))

    for image in (clear, clear.convert("LA"), clear.quantize(2)):
        assert (images.decode(encoded(image)) == 255).all()


def test_sixteen_bits_keep_their_brightness() -> None:
    grey = np.tile(np.linspace(0, 65535, 32).astype(np.uint16), (8, 1))

    for container in ("PNG", "TIFF"):
        found = images.decode(encoded(Image.fromarray(grey), container))

        assert (found[..., 0] == grey >> 8).all()


def test_an_animation_gives_its_first_frame() -> None:
    first, second = Image.new("RGB", (9, 9), "red"), Image.new("RGB", (9, 9), "blue")

    found = images.decode(encoded(first, "GIF", save_all=True, append_images=[second]))

    assert tuple(found[4, 4]) == (255, 0, 0)


def test_float_pixels_are_refused() -> None:
    floats = Image.fromarray(np.full((4, 4), 0.5, dtype=np.float32))

    assert reason_of(encoded(floats, "TIFF")) == "unsupported_pixels"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\0" * 100, "not_an_image"),
        (b"version https://git-lfs.github.com/spec/v1\n", "not_an_image"),
        (b"  <!DOCTYPE html><p>404", "not_an_image"),
        (b"%PDF-1.7", "unsupported_format"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "unsupported_format"),
        (encoded(picture(), "JPEG")[:-300], "truncated"),
        (encoded(picture(), "PNG")[:-40], "damaged"),
        (b"\xff\xd8\xff" + b"x" * 50, "damaged"),
    ],
)
def test_a_refusal_has_a_telling_reason(data: bytes, reason: str) -> None:
    assert reason_of(data) in (reason, "truncated" if reason == "damaged" else reason)


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    data = encoded(picture(0, (40, 30)))

    with pytest.raises(ImageRejected) as caught:
        images.decode(data, limits=images.Limits(max_pixels=1199))

    assert caught.value.reason == "too_many_pixels"
    assert images.decode(data, limits=images.Limits(max_pixels=1200)).shape == (30, 40, 3)


@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    least=st.integers(1, 120),
    container=st.sampled_from(["JPEG", "PNG"]),
)
@settings(max_examples=60, deadline=None)
def test_a_reduced_picture_is_as_small_as_asked_and_no_smaller(
    width: int, height: int, least: int, container: str
) -> None:
    data = encoded(Image.new("RGB", (width, height), "green"), container)

    found = images.decode(data, min_side_px=least)

    shorter = min(width, height)
    assert min(found.shape[:2]) >= min(shorter, least)
    assert min(found.shape[:2]) <= max(2 * least, -(-shorter // 8) if least < 8 else 0, least + 1)


def test_reduced_decoding_still_notices_a_cut() -> None:
    data = encoded(picture(2, (800, 600)), "JPEG")

    for decode in (images.inspect, lambda cut: images.decode(cut, min_side_px=32)):
        with pytest.raises(ImageRejected, match="truncated"):
            decode(data[:-2])


def test_a_thumbnail_fits_and_carries_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret"
    exif[0x0112] = 6
    data = encoded(picture(0, (300, 100)), "JPEG", exif=exif, comment=b"secret", quality=95)

    small = images.thumbnail(data, side_px=60)

    assert b"secret" not in small
    with Image.open(io.BytesIO(small)) as image:
        assert (image.format, image.size) == ("JPEG", (20, 60))


def test_a_thumbnail_never_enlarges() -> None:
    with Image.open(io.BytesIO(images.thumbnail(encoded(picture()), side_px=500))) as image:
        assert image.size == (48, 32)


def test_squared_shows_the_whole_picture() -> None:
    wide = np.zeros((10, 40, 3), dtype=np.uint8)
    wide[:, 20:] = 255

    found = images.squared(wide, 20)

    assert found.shape == (20, 20, 3)
    assert found[:, :8].max() == 0
    assert found[:, 12:].min() == 255


def test_a_pipe_or_socket_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.jpg")

    for name in ("pipe.jpg", "socket.jpg", "."):
        with pytest.raises(ImageRejected, match="not_a_file"):
            images.read_bytes(tmp_path / name, root=tmp_path)


def test_links_are_followed_only_inside_the_root(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "root-too"
    write_image(root / "a.png")
    write_image(elsewhere / "b.png")
    (root / "inside.png").symlink_to("a.png")
    (root / "outside.png").symlink_to(elsewhere / "b.png")
    (root / "folder").symlink_to(elsewhere)

    assert images.load(root / "inside.png", root=root).shape == (32, 48, 3)
    for name in ("outside.png", "folder/b.png", "../root-too/b.png"):
        with pytest.raises(ImageRejected, match="outside"):
            images.read_bytes(root / name, root=root)


def test_a_root_that_is_a_link_is_as_good_as_the_folder(tmp_path: Path) -> None:
    write_image(tmp_path / "root" / "a.png")
    (tmp_path / "link").symlink_to("root")

    assert images.load(tmp_path / "link" / "a.png", root=tmp_path / "link").shape == (32, 48, 3)


def test_a_file_beyond_the_byte_limit_is_not_read(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png")
    limits = images.Limits(max_bytes=path.stat().st_size - 1)

    with pytest.raises(ImageRejected, match="too_many_bytes"):
        images.read_bytes(path, root=tmp_path, limits=limits)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageRejected, match="missing"):
        images.read_bytes(tmp_path / "gone.png", root=tmp_path)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png")
    (tmp_path / "link.png").symlink_to("/dev/null")
    before = len(list(Path("/proc/self/fd").iterdir()))

    for name in ("a.png", "link.png", "."):
        try:
            images.load(path.parent / name, root=tmp_path)
        except ImageRejected:
            continue

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_threads_decode_what_one_thread_decodes() -> None:
    files = [encoded(picture(n, (60, 40)), FORMATS[n % len(FORMATS)]) for n in range(64)]
    alone = [images.decode(data) for data in files]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(images.decode, files))

    assert all((a == b).all() for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("container", FORMATS)
@given(edits=st.data())
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_mutated_files_decode_or_are_refused(container: str, edits: st.DataObject) -> None:
    data = bytearray(encoded(picture(5, (32, 24)), container))
    places = st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255))
    for place, value in edits.draw(st.lists(places, min_size=1, max_size=20)):
        data[place] = value
    cut = edits.draw(st.integers(0, len(data)))

    for mutant in (bytes(data), bytes(data[:cut])):
        try:
            found = images.decode(mutant, limits=images.Limits(max_pixels=1_000_000))
            sound = found.dtype == np.uint8 and found.ndim == 3
        except ImageRejected as rejected:
            sound = is_clear(rejected)
        assert sound


def is_clear(rejected: ImageRejected) -> bool:
    return rejected.reason in images.REASONS and str(rejected).isprintable()


def reason_of(data: bytes) -> str:
    with pytest.raises(ImageRejected) as caught:
        images.decode(data)
    return caught.value.reason
