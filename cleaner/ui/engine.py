"""Where heavy work is done, asked of whoever has installed more than one engine."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from cleaner.settings import ENGINES, ScoreSettings


def is_chosen() -> bool:
    """Tell whether there is a choice."""
    return find_spec("ray") is not None


def ask(used: ScoreSettings, what: str, engine: Any, address: Any) -> dict[str, Any]:
    """Return the settings `engine` and `address`.

    Args:
        used: what is chosen before anybody chooses.
        what: is done there, in words.
        engine: the part of the page where the engine is asked for.
        address: likewise of its address.
    """
    chosen = engine.selectbox(
        "Engine",
        ENGINES,
        ENGINES.index(used.engine),
        help=f"{what}: on this machine, or on a cluster under Ray.",
    )
    place = address.text_input(
        "Address of the Ray cluster",
        used.address,
        placeholder="host:port; without it, one is started on this machine",
    )
    return {"engine": chosen, "address": place.strip() if chosen == "ray" else ""}
