"""How images are drawn at random and shown blind; a setting of each dataset."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from cleaner.errors import SettingsError
from cleaner.store import catalogue, lots

_SHARE, _ERROR = "sample_share", "reviewer_error"
_USUAL_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Sampling:
    """How images are drawn and shown blind.

    Attributes:
        size: how many are drawn.
        share: how many of the images that the queue shows are drawn ones, 0..0.9.
        reviewer_error: how often a decision is assumed to be wrong, 0..0.4.
    """

    size: int
    share: float = _USUAL_SHARE
    reviewer_error: float = 0.0

    def __post_init__(self) -> None:
        _check("size", self.size, 0, 1_000_000)
        _check("share", self.share, 0, 0.9)
        _check("reviewer error", self.reviewer_error, 0, 0.4)


def _check(name: str, value: int | float, low: int | float, high: int | float) -> None:
    if not low <= value <= high:
        raise SettingsError(f"The sample's {name} is {value:g}; give {low:g} to {high:g}.")


def sampling(connection: Connection) -> Sampling:
    """Return how images of this dataset are drawn."""
    return Sampling(
        size=lots.size(connection),
        share=float(catalogue.fact(connection, _SHARE) or _USUAL_SHARE),
        reviewer_error=float(catalogue.fact(connection, _ERROR) or 0),
    )


def set_sampling(connection: Connection, wanted: Sampling) -> None:
    """Draw images in this way from now on; which ones come first stays as it was drawn."""
    facts = {lots.SIZE: wanted.size, _SHARE: wanted.share, _ERROR: wanted.reviewer_error}
    catalogue.set_facts(connection, {name: str(value) for name, value in facts.items()})
