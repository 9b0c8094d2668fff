"""Where heavy work is done, asked of whoever has installed more than one engine."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from cleaner.settings import ENGINES, ScoreSettings


def is_chosen() -> bool:
    """Tell whether there is a choice."""
    return find_spec("ray") is not None


def ask(used: ScoreSettings, what: str, columns: Sequence[Any]) -> dict[str, Any]:
    """Return the settings `engine` and `address`, and what each worker takes.

    Args:
        used: what is chosen before anybody chooses.
        what: is done there, in words.
        columns: three parts of the page, one for each, or four where networks may use GPUs.
    """
    engine, address, cores, *gpus = columns
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
    asked = {
        "address": place.strip(),
        "cores_per_worker": cores.number_input(
            "Cores a worker", 1, 1_024, used.cores_per_worker, help="Of the cluster."
        ),
    }
    for column in gpus:
        asked["gpus_per_worker"] = column.number_input(
            "GPUs a worker",
            0.0,
            1.0,
            used.gpus_per_worker,
            0.25,
            placeholder="auto",
            help="Of the cluster; with 0.25 four share one. Only networks that TensorFlow runs "
            "take any. auto is 1 where the cluster has GPUs.",
        )
    # What is said of a cluster holds for none.
    return {"engine": chosen} | (asked if chosen == "ray" else {})
