"""TFRecord files and the tf.Example in each record, without TensorFlow.

A record is its length in eight bytes, a checksum of these, the data, and a checksum of the data;
a tf.Example is a protocol buffer that maps names to lists of bytes, whole numbers or floats.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

Value = bytes | int
_MOST_BYTES = 2**30
_GZIP = b"\x1f\x8b"
_CASTAGNOLI = 0x82F63B78
_BLOCK = 4096
_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_BYTES_LIST, _INT64_LIST = 1, 3


class Damaged(ValueError):
    """A record or an example that is not as it was written; says in what way."""


def read(path: Path) -> Iterator[bytes | Damaged]:
    """Yield the data of each record, or what is wrong with it.

    Behind a damaged length nobody knows where the next record begins, so the file ends there;
    damaged data costs one record. Files compressed with gzip are read too.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        is_zipped = file.read(2) == _GZIP
        file.seek(0)
        if not is_zipped:
            yield from _records(file)
            return
        with gzip.GzipFile(fileobj=file) as unzipped:
            yield from _records(unzipped)


def write(file: IO[bytes], data: bytes) -> None:
    """Append one record."""
    length = struct.pack("<Q", len(data))
    file.write(length + _masked(length) + data + _masked(data))


def example(features: Mapping[str, Value]) -> bytes:
    """Return a tf.Example with one value a feature, in the order of the names."""
    entries = b""
    for name, value in sorted(features.items()):
        if isinstance(value, bytes):
            held = _delimited(_BYTES_LIST, _delimited(1, value))
        else:
            held = _delimited(_INT64_LIST, _delimited(1, _varint(value)))
        entries += _delimited(1, _delimited(1, name.encode()) + _delimited(2, held))
    return _delimited(1, entries)


def features(data: bytes) -> dict[str, list[Value]]:
    r"""Return what a tf.Example holds by name, lists of bytes or of whole numbers; no floats.

    >>> features(example({"label": 7, "image": b"\xff"}))
    {'image': [b'\xff'], 'label': [7]}

    Raises:
        Damaged: it is none.
    """
    found: dict[str, list[Value]] = {}
    try:
        for entries in _inside(data, 1):
            for entry in _inside(entries, 1):
                name = b"".join(_inside(entry, 1)).decode()
                for feature in _inside(entry, 2):
                    found[name] = _values(feature)
    except (IndexError, UnicodeDecodeError, struct.error) as error:
        raise Damaged("it is no tf.Example") from error
    return found


def crc32c(data: bytes) -> int:
    """Return the checksum of RFC 3720, in blocks: each byte counts by its distance to the end.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    tables, state = _tables(), 0xFFFFFFFF
    for start in range(0, len(data), _BLOCK):
        block = np.frombuffer(data[start : start + _BLOCK], np.uint8).copy()
        count = min(len(block), 4)
        block[:count] ^= np.frombuffer(struct.pack("<I", state), np.uint8)[:count]
        reached = tables[np.arange(len(block))[::-1], block]
        state = (state >> 8 * count) ^ int(np.bitwise_xor.reduce(reached))
    return state ^ 0xFFFFFFFF


def _records(file: IO[bytes] | gzip.GzipFile) -> Iterator[bytes | Damaged]:
    try:
        while head := file.read(12):
            if len(head) < 12 or head[8:] != _masked(head[:8]):
                yield Damaged("its length is damaged; what follows in the file is passed over")
                return
            (length,) = struct.unpack("<Q", head[:8])
            if length > _MOST_BYTES:
                yield Damaged(f"{length:,} bytes are too many; what follows is passed over")
                return
            data, checksum = file.read(length), file.read(4)
            if len(data) < length or len(checksum) < 4:
                yield Damaged("the file ends before the record does")
                return
            yield data if checksum == _masked(data) else Damaged("its checksum is wrong")
    except (EOFError, gzip.BadGzipFile) as error:
        yield Damaged(f"the compressed file is damaged ({error})")


def _masked(data: bytes) -> bytes:
    checksum = crc32c(data)
    turned = (checksum >> 15 | checksum << 17) + 0xA282EAD8
    return struct.pack("<I", turned & 0xFFFFFFFF)


@cache
def _tables() -> NDArray[np.uint32]:
    """Return (distance, byte): what a byte changes of the checksum so many bytes before the end."""
    nearest = np.arange(256, dtype=np.uint32)
    for _bit in range(8):
        nearest = np.where(nearest & 1, nearest >> 1 ^ _CASTAGNOLI, nearest >> 1).astype(np.uint32)
    tables = np.empty((_BLOCK, 256), np.uint32)
    tables[0] = nearest
    for distance in range(1, _BLOCK):
        before = tables[distance - 1]
        tables[distance] = before >> 8 ^ nearest[before & 255]
    return tables


def _values(feature: bytes) -> list[Value]:
    found: list[Value] = []
    for number, _kind, held in _fields(feature):
        for inner, kind, value in _fields(held if isinstance(held, bytes) else b""):
            if inner == 1 and number == _BYTES_LIST and isinstance(value, bytes):
                found.append(value)
            elif inner == 1 and number == _INT64_LIST:
                found += _packed(value) if kind == _DELIMITED else [_signed(value)]
    return found


def _packed(value: Value) -> list[Value]:
    numbers: list[Value] = []
    data, at = bytes(value) if isinstance(value, bytes) else b"", 0
    while at < len(data):
        number, at = _read_varint(data, at)
        numbers.append(_signed(number))
    return numbers


def _signed(value: Value) -> int:
    number = int(value)
    return number - 2**64 if number >= 2**63 else number


def _inside(message: bytes, number: int) -> Iterator[bytes]:
    """Yield the texts and messages in a field."""
    for found, _kind, value in _fields(message):
        if found == number and isinstance(value, bytes):
            yield value


def _fields(message: bytes) -> Iterator[tuple[int, int, Value]]:
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _read_varint(message, at)
            yield number, kind, value
            continue
        if kind == _DELIMITED:
            length, at = _read_varint(message, at)
        else:
            length = {_FIXED64: 8, _FIXED32: 4}.get(kind, len(message))
        if at + length > len(message):
            raise Damaged("it is no tf.Example")
        yield number, kind, message[at : at + length]
        at += length


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise Damaged("it is no tf.Example")


def _varint(value: int) -> bytes:
    value &= 2**64 - 1
    encoded = b""
    while value >= 0x80:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def _delimited(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | _DELIMITED) + _varint(len(data)) + data
