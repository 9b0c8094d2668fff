"""Addresses of what lies behind a protocol; they go wherever paths go."""

from __future__ import annotations

import os
import re
from pathlib import Path, PosixPath

PROTOCOLS = ("s3", "gs", "https", "http")

# A path has made one slash of two, wherever the address came through a `Path`.
_REMOTE = re.compile(rf"({'|'.join(PROTOCOLS)}):/+(?=[^/])", re.IGNORECASE)


class Address(PosixPath):
    """The address of an object or a page, such as ``s3://bucket/cats/1.jpg``.

    It goes wherever a path goes and is never opened as one: `cleaner.objects` reads it. It is
    the text that counts, since ``a//b`` and ``a/b`` are two objects.
    """

    text: str

    def __new__(cls, text: str) -> Address:
        """Hold the text as it was given."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    @property
    def protocol(self) -> str:
        """The part before the colon, one of `PROTOCOLS`."""
        return self.text.partition(":")[0]

    @property
    def server(self) -> str:
        """What comes before the path: protocol and host, or bucket."""
        return "/".join(self.text.split("/", 3)[:3])

    @property
    def parent(self) -> Address:
        """What relative addresses beside this one begin with."""
        return Address(self.text.rpartition("/")[0])

    def absolute(self) -> Address:
        return self

    def resolve(self, strict: bool = False) -> Address:  # noqa: ARG002, FBT001, FBT002 - as Path has it
        return self

    def __str__(self) -> str:
        return self.text

    def __fspath__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __reduce__(self) -> tuple[type[Address], tuple[str]]:
        return Address, (self.text,)


def address(text: str) -> Address | None:
    """Return the address that a text is, or None where it is none that is read.

    >>> str(address("S3:/bucket/pets.csv")), address("pets.csv")
    ('s3://bucket/pets.csv', None)
    """
    begun = _REMOTE.match(text)
    return None if begun is None else Address(f"{begun[1].lower()}://{text[begun.end() :]}")


def located(named: Path) -> Path:
    """Return the address that somebody named, or the path in full without ``..``."""
    remote = address(str(named))
    return remote or Path(os.path.normpath(named.expanduser().absolute()))
