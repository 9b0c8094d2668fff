"""What a picture may do to the process that decodes it, and what it may not."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from cleaner import decoders, folder, images
from cleaner.errors import ImageRejected
from cleaner.images import Limits
from tests.pictures import encoded, picture, write_image

SOUND = encoded(picture(), "JPEG")


def slow_jpeg(side_px: int, scans: int) -> bytes:
    """A small file that is sound but takes long: its last scan over and over."""
    data = encoded(Image.new("RGB", (side_px, side_px), "red"), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * scans + data[-2:]


def test_a_picture_that_takes_too_long_is_refused_and_the_next_one_is_read() -> None:
    data = slow_jpeg(1500, 20_000)
    started = time.monotonic()
    with pytest.raises(ImageRejected) as caught:
        images.inspect(data, limits=Limits(max_seconds=0.3))
    assert caught.value.reason == "too_slow"
    assert "0.3 seconds" in caught.value.detail
    assert time.monotonic() - started < 20
    assert images.inspect(SOUND).width == 48


def test_a_picture_that_takes_too_much_memory_is_refused_and_the_next_one_is_read() -> None:
    data = encoded(Image.new("RGB", (6000, 5000)))
    with pytest.raises(ImageRejected) as caught:
        images.inspect(data, limits=Limits(max_memory_bytes=100 * 2**20))
    assert caught.value.reason == "too_much_memory"
    assert images.inspect(data).width == 6000
    assert images.inspect(SOUND).width == 48


def test_a_progressive_picture_too_large_to_hold_is_refused_for_what_it_is() -> None:
    data = encoded(Image.new("RGB", (5000, 5000)), "JPEG", progressive=True)
    with pytest.raises(ImageRejected, match="too_much_memory"):
        images.inspect(data, limits=Limits(max_memory_bytes=100 * 2**20))


def test_a_picture_that_crashes_its_decoder_is_refused_and_the_next_one_is_read() -> None:
    decoder = decoders.Decoder()
    asked = {"limits": {"max_seconds": 60}}
    threading.Timer(1, os.kill, (decoder.pid, signal.SIGSEGV)).start()
    with pytest.raises(ImageRejected) as caught:
        decoder.ask("inspect", slow_jpeg(4000, 20_000), asked)
    assert caught.value.reason == "crashed"
    assert "SIGSEGV" in caught.value.detail
    assert images.inspect(SOUND).width == 48


def test_of_several_pictures_only_the_one_that_ends_its_process_is_refused() -> None:
    limits = Limits(max_seconds=0.3)
    files = [SOUND, slow_jpeg(1500, 20_000), b"no picture", SOUND]
    first, slow, none, last = images.squares(files, side_px=16, limits=limits)
    assert isinstance(slow, ImageRejected)
    assert isinstance(none, ImageRejected)
    assert (slow.reason, none.reason) == ("too_slow", "not_an_image")
    expected = images.squared(images.decode(SOUND, min_side_px=20), 16)
    for found in (first, last):
        assert not isinstance(found, ImageRejected)
        assert found.tobytes() == expected.tobytes()
    assert images.squares([], side_px=16) == []


def test_no_picture_is_blamed_for_a_process_that_was_ended_between_two() -> None:
    images.inspect(SOUND)
    for decoder in decoders._idle:
        os.kill(decoder.pid, signal.SIGKILL)
    time.sleep(0.2)
    assert images.inspect(SOUND).width == 48


def test_no_more_processes_are_started_than_there_are_processors() -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(images.inspect, [SOUND] * 64))
    assert len(decoders._idle) <= len(os.sched_getaffinity(0))


def test_the_scan_names_what_hangs_its_decoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "cat" / "sound.png")
    (tmp_path / "cat" / "endless.jpg").write_bytes(slow_jpeg(1500, 20_000))
    limits = Limits(max_seconds=0.3)
    monkeypatch.setattr(images.inspect, "__kwdefaults__", {"limits": limits})
    scan = folder.scan(tmp_path)
    assert [file.path for file in scan.files] == ["cat/sound.png"]
    (finding,) = scan.findings
    assert finding.paths == ("cat/endless.jpg",)
    assert finding.detail.startswith("The picture takes too long to decode")


def test_the_process_is_quiet_and_ends_with_its_input() -> None:
    decoder = decoders.Decoder()
    decoder.ask("inspect", SOUND, {"limits": {"max_seconds": 10}})
    decoder._input.close()
    assert decoder._process.wait(timeout=120) == 0
    assert decoder._output.read() == b""
    decoder._output.close()


def test_a_whole_picture_comes_back_byte_for_byte() -> None:
    large = picture(4, (1800, 1200))
    found = images.decode(encoded(large))
    assert Image.open(io.BytesIO(encoded(large))).convert("RGB").tobytes() == found.tobytes()


def test_a_large_file_leaves_no_trace_on_the_next_one() -> None:
    bulky = SOUND[:-2] + bytes(230 * 2**20) + SOUND[-2:]
    for data in (bulky, bulky, SOUND):
        assert images.inspect(data).width == 48


def test_bytes_beyond_the_limit_are_not_decoded() -> None:
    with pytest.raises(ImageRejected, match="too_many_bytes"):
        images.inspect(SOUND, limits=Limits(max_bytes=len(SOUND) - 1))
