"""What happens to files on a disk that fails."""

from __future__ import annotations

import zipfile
from pathlib import Path


def damage_rows(shard: Path) -> None:
    """Change the last byte of a shard's rows; what they are rows of can still be read."""
    with zipfile.ZipFile(shard) as archive:
        rows = archive.getinfo("rows.npy")
    data = bytearray(shard.read_bytes())
    # Behind the numbers comes the directory, or the next member with its name.
    data[_end_of(data, rows) - 1] ^= 0x55
    shard.write_bytes(data)


def _end_of(data: bytearray, member: zipfile.ZipInfo) -> int:
    header = member.header_offset
    lengths = (int.from_bytes(data[at : at + 2], "little") for at in (header + 26, header + 28))
    return header + 30 + sum(lengths) + member.compress_size
