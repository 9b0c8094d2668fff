"""Manifests that are datasets: a CSV or Parquet table with a row for each image, uri and label.

In the code such a table is a listing, for `cleaner.manifests` are those of exports. A uri is told
to be a file or an address (`file_of`), and a label becomes the name of a class that can also be a
folder's (`class_name`). Reading and rewriting take a few rows at a time.
"""

from __future__ import annotations

import csv
import io
import os
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import SplitResult, unquote, urlsplit

from cleaner import objects
from cleaner.addresses import PROTOCOLS, Address, address
from cleaner.errors import DatasetError, ImageRejected
from cleaner.items import shown_path

URI_COLUMNS = ("uri", "path")
LABEL_COLUMN = "label"

_MOST_NAME_BYTES = 255
_ROWS_AT_ONCE = 16_384
_PROTOCOL = re.compile("([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
# A class may become a folder, in an export for instance: what would lead elsewhere looks like it.
_SLASH, _DOT = "\N{DIVISION SLASH}", "\N{ONE DOT LEADER}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row, as it is written.

    Attributes:
        number: counts from 1, without the heading.
        uri: "" where it is missing.
        label: "" where it is missing.
    """

    number: int
    uri: str
    label: str


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a new table has and the old one had otherwise."""

    rows: int
    relabelled: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What a new table says otherwise.

    Attributes:
        labels: the new label by uri, None for rows to leave out.
        uri: how a uri is written in the new table.
    """

    labels: Mapping[str, str | None]
    uri: Callable[[str], str] = str

    def of(self, uri: str, label: str) -> str:
        """Return what becomes of a row: ``kept``, ``relabelled`` or ``left out``."""
        new = self.labels.get(uri, label)
        if new is None:
            return "left out"
        return "kept" if new == label else "relabelled"

    def label(self, uri: str) -> str:
        """Return the new label of a row that is relabelled."""
        return self.labels[uri] or ""


def is_listing(root: Path) -> bool:
    """Tell by its name whether a path is that of a manifest."""
    return root.suffix.lower() in _FORMATS


def rows(listing: Path) -> Iterator[Row]:
    """Yield every row in order.

    Raises:
        DatasetError: the table cannot be read, or has no such columns.
    """
    with _opened(listing) as file:
        yield from _FORMATS[listing.suffix.lower()].rows(listing, file)


def rewrite(listing: Path, target: IO[bytes], changes: Changes) -> Rewritten:
    """Write the table anew, in its own format, with all columns and other labels.

    Raises:
        DatasetError: the table cannot be read, or its column takes no such label.
    """
    with _opened(listing) as file:
        return _FORMATS[listing.suffix.lower()].rewrite(listing, file, target, changes)


def version(listing: Path) -> str:
    """Return what differs as soon as the table was written to.

    Raises:
        DatasetError: it is gone, or cannot be asked for.
    """
    try:
        if isinstance(listing, Address):
            found = objects.version(listing)
            return f"{found.byte_size}-{found.number}"
        status = listing.stat()
    except (OSError, ImageRejected) as error:
        raise _unreadable(listing, error) from error
    return f"{status.st_size}-{status.st_mtime_ns}"


def class_name(label: str) -> str:
    r"""Return the name of the class that a label means; "" where it means none.

    In place of what no folder can be called stands a character that looks like it.

    >>> class_name(" cat "), ascii(class_name("pets/cat"))
    ('cat', "'pets\\u2215cat'")
    """
    name = label.strip().replace("/", _SLASH)
    return _DOT + name[1:] if name.startswith(".") else name


def problem_of(row: Row) -> str | None:
    """Return what is wrong with a row, whatever its uri leads to."""
    name = class_name(row.label)
    if not row.uri:
        return "The row has no uri."
    if not name:
        return "The row has no label."
    if _has_control(name) or _has_control(row.uri):
        return "The row holds control characters."
    if len(os.fsencode(name)) > _MOST_NAME_BYTES:
        return f"The label has more than {_MOST_NAME_BYTES} bytes, which is no name of a class."
    return None


def file_of(listing: Path, uri: str) -> Path:
    """Return the file or the address that a row of a listing means.

    Raises:
        ImageRejected: it has another protocol, or names a file of this machine from elsewhere.
    """
    begun = _PROTOCOL.match(uri)
    if begun is None and not uri.startswith("file:"):
        return _beside(listing, uri)
    protocol = begun[1].lower() if begun else "file"
    if protocol == "file":
        parts = _split(uri)
        if isinstance(listing, Address) or parts.netloc not in ("", "localhost"):
            raise _foreign()
        return Path(unquote(parts.path, errors="surrogateescape"))
    found = address(uri)
    if found is None:
        known = ", ".join(("file", *PROTOCOLS))
        raise ImageRejected("address", f"known: {known}.")
    # As written from here on: an object's name may begin with a slash.
    return Address(f"{protocol}{uri[len(protocol) :]}")


def in_full(listing: Path, uri: str) -> str:
    """Return a uri that means the same wherever the table lies; as it is where it means nothing."""
    try:
        return str(file_of(listing, uri)) if uri else uri
    except ImageRejected as rejected:
        # Where the new table lies, it would name a file of this machine.
        return f"{listing.parent}/{uri}" if rejected.reason == "outside" else uri


def _beside(listing: Path, uri: str) -> Path:
    if not isinstance(listing, Address):
        return listing.parent / uri
    if uri.startswith("/"):
        raise _foreign()
    base = urlsplit(listing.parent.text)
    # Upwards at most to where the bucket or the server begins.
    path = posixpath.normpath(f"/{base.path}/{uri}") if ".." in uri else f"{base.path}/{uri}"
    return Address(f"{base.scheme}://{base.netloc}/{path.lstrip('/')}")


def _split(uri: str) -> SplitResult:
    try:
        return urlsplit(uri)
    except ValueError as error:
        raise ImageRejected("address", f"{error}.") from error


def _foreign() -> ImageRejected:
    return ImageRejected("outside", "a manifest from elsewhere names no files of this machine.")


def _has_control(text: str) -> bool:
    return any(unicodedata.category(one) == "Cc" for one in text)


def _opened(listing: Path) -> AbstractContextManager[IO[bytes]]:
    if isinstance(listing, Address):
        return objects.opened(listing)
    try:
        return listing.open("rb")
    except OSError as error:
        raise _unreadable(listing, error) from error


def _unreadable(listing: Path, error: OSError | ImageRejected) -> DatasetError:
    said = error.strerror if isinstance(error, OSError) else error.detail.rstrip(".")
    return DatasetError(f"{shown_path(str(listing))}: cannot be read ({said}).")


def _rewritten(counted: Counter[str]) -> Rewritten:
    kept = counted["kept"] + counted["relabelled"]
    return Rewritten(kept, counted["relabelled"], counted["left out"])


# -- CSV -------------------------------------------------------------------------------


def _csv_rows(listing: Path, file: IO[bytes]) -> Iterator[Row]:
    with _as_text(file) as text:
        table = _csv_lines(listing, text)
        uri, label = _columns(listing, next(table, []))
        for number, line in enumerate(table, 1):
            yield Row(number, _cell(line, uri).strip(), _cell(line, label).strip())


def _csv_rewrite(listing: Path, file: IO[bytes], target: IO[bytes], changes: Changes) -> Rewritten:
    counted: Counter[str] = Counter()
    with _as_text(file) as text, _as_text(target, "utf-8") as new:
        table = _csv_lines(listing, text)
        heads = next(table, [])
        uri_at, label_at = _columns(listing, heads)
        # As the table has its lines, so that two of them can be compared.
        writer = csv.writer(new, lineterminator="\r\n" if text.newlines == "\r\n" else "\n")
        writer.writerow(heads)
        for line in table:
            uri = _cell(line, uri_at).strip()
            what = changes.of(uri, _cell(line, label_at).strip())
            counted[what] += 1
            if what != "left out":
                line += [""] * (max(uri_at, label_at) + 1 - len(line))
                line[uri_at] = changes.uri(uri)
                line[label_at] = changes.label(uri) if what == "relabelled" else line[label_at]
                writer.writerow(line)
    return _rewritten(counted)


@contextmanager
def _as_text(file: IO[bytes], encoding: str = "utf-8-sig") -> Iterator[io.TextIOWrapper]:
    text = io.TextIOWrapper(file, encoding, errors="surrogateescape", newline="")
    try:
        yield text
    finally:
        text.detach()  # whoever opened the file closes it


def _csv_lines(listing: Path, text: io.TextIOWrapper) -> Iterator[list[str]]:
    reader = csv.reader(text)
    try:
        yield from (line for line in reader if line)
    except csv.Error as error:
        raise DatasetError(
            f"{shown_path(str(listing))}: line {reader.line_num} is no line of a CSV file "
            f"({error}). Correct it, or write the table anew."
        ) from error


def _cell(line: Sequence[str], column: int) -> str:
    return line[column] if column < len(line) else ""


def _columns(listing: Path, heads: Sequence[str]) -> tuple[int, int]:
    """Return the places of uri and label.

    Raises:
        DatasetError: there are no such columns.
    """
    names = [head.strip().lower() for head in heads]
    uri = next((name for name in URI_COLUMNS if name in names), None)
    if uri is None or LABEL_COLUMN not in names:
        found = ", ".join(shown_path(head) for head in heads[:12]) or "none"
        raise DatasetError(
            f"{shown_path(str(listing))}: a manifest has the columns uri (or path) and label; "
            f"this table has {found[:200]}. Rename its columns."
        )
    return names.index(uri), names.index(LABEL_COLUMN)


# -- Parquet ---------------------------------------------------------------------------


def _parquet_rows(listing: Path, file: IO[bytes]) -> Iterator[Row]:
    table = _parquet(listing, file)
    heads = table.schema_arrow.names
    columns = [heads[place] for place in _columns(listing, heads)]
    number = 0
    for batch in _batches(listing, table, columns=columns):
        for uri, label in zip(
            *(_texts(listing, batch.column(name)) for name in columns), strict=True
        ):
            number += 1
            yield Row(number, uri, label)


def _parquet_rewrite(
    listing: Path, file: IO[bytes], target: IO[bytes], changes: Changes
) -> Rewritten:
    import pyarrow.parquet as pq

    table = _parquet(listing, file)
    places = _columns(listing, table.schema_arrow.names)
    counted: Counter[str] = Counter()
    with pq.ParquetWriter(target, table.schema_arrow) as writer:
        for batch in _batches(listing, table):
            writer.write_batch(_changed(listing, batch, places, changes, counted))
    return _rewritten(counted)


def _changed(
    listing: Path, batch: Any, places: tuple[int, int], changes: Changes, counted: Counter[str]
) -> Any:
    import pyarrow as pa

    uri_at, label_at = places
    uris, labels = _texts(listing, batch.column(uri_at)), _cells(listing, batch.column(label_at))
    what = [changes.of(uri, _text(label)) for uri, label in zip(uris, labels, strict=True)]
    counted.update(what)
    if "relabelled" in what:
        new = [
            changes.label(uri) if one == "relabelled" else label
            for uri, label, one in zip(uris, labels, what, strict=True)
        ]
        batch = _with(listing, batch, label_at, new)
    written = [changes.uri(uri) if uri else None for uri in uris]
    if written != uris:
        batch = _with(listing, batch, uri_at, written)
    return batch.filter(pa.array([one != "left out" for one in what]))


def _with(listing: Path, batch: Any, place: int, cells: Sequence[Any]) -> Any:
    """Return rows with other cells in one column, of the type that the column has."""
    import pyarrow as pa

    column = batch.schema.field(place)
    try:
        made = pa.array([_as(cell, column.type) for cell in cells], type=column.type)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise DatasetError(
            f"{shown_path(str(listing))}: the column {column.name} holds {column.type}, which "
            f"not every class of now can be written as ({error}). Make it a column of text."
        ) from error
    arrays = [made if at == place else batch.column(at) for at in range(batch.num_columns)]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _as(cell: Any, kind: Any) -> Any:
    import pyarrow.types as kinds

    if isinstance(cell, str) and kinds.is_integer(kind):
        return int(cell)
    # Whole numbers of which one is missing are written as 3.0 by others.
    if isinstance(cell, str) and kinds.is_floating(kind):
        return float(cell)
    return cell


def _texts(listing: Path, column: Any) -> list[str]:
    return [_text(cell) for cell in _cells(listing, column)]


def _cells(listing: Path, column: Any) -> list[Any]:
    try:
        found: list[Any] = column.to_pylist()
    except UnicodeDecodeError as error:
        raise _damaged(listing, error) from error
    return found


def _damaged(listing: Path, error: Exception) -> DatasetError:
    return DatasetError(f"{shown_path(str(listing))}: a damaged Parquet file ({error}).")


def _text(cell: Any) -> str:
    if isinstance(cell, bytes):
        return os.fsdecode(cell).strip()
    return "" if cell is None else str(cell).strip()


def _parquet(listing: Path, file: IO[bytes]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"{shown_path(str(listing))}: no Parquet file, or a damaged one ({error})."
        ) from error


def _batches(listing: Path, table: Any, **options: Any) -> Iterator[Any]:
    import pyarrow as pa

    try:
        yield from table.iter_batches(batch_size=_ROWS_AT_ONCE, **options)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(listing, error) from error


@dataclass(frozen=True, slots=True)
class _Format:
    rows: Callable[[Path, IO[bytes]], Iterator[Row]]
    rewrite: Callable[[Path, IO[bytes], IO[bytes], Changes], Rewritten]


_FORMATS = {
    ".csv": _Format(_csv_rows, _csv_rewrite),
    ".parquet": _Format(_parquet_rows, _parquet_rewrite),
}
