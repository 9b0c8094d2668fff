"""Where the receipt of a project lies, and how it is read and written whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cleaner.receipts.markdown import as_markdown
from cleaner.receipts.page import as_page

_FOLDER = "receipt"
_NAME = "receipt.json"


def folder_of(state: Path) -> Path:
    """Return where it lies: the JSON, and what is made from it for people."""
    return state / _FOLDER


def read(state: Path) -> dict[str, Any] | None:
    """Return the receipt that was made last, or None where there is none that can be read."""
    try:
        return dict(json.loads((folder_of(state) / _NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def write(state: Path, receipt: dict[str, Any]) -> dict[str, Path]:
    """Keep a receipt in place of the one before; return its files by what they are."""
    folder = folder_of(state)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "json": (_NAME, as_json(receipt)),
        "markdown": ("receipt.md", as_markdown(receipt)),
        "html": ("receipt.html", as_page(receipt)),
    }
    for name, text in texts.values():
        beside = folder / f".{name}.part"
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(folder / name)
    return {kind: folder / name for kind, (name, _text) in texts.items()}


def as_json(receipt: dict[str, Any]) -> str:
    """Return the receipt itself, in plain ASCII."""
    return json.dumps(receipt, indent=2, allow_nan=False) + "\n"
