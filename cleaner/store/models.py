"""The final models that were trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from cleaner.store.tables import models


@dataclass(frozen=True, slots=True)
class FinalModel:
    """A trained MobileNet with its receipt.

    Attributes:
        model_id: names it; also the name of its folder.
        architecture: such as ``mobilenet_v2_1.0_224``.
        class_names: in the order of its outputs.
        folder: where its files lie.
        history: name -> one number an epoch.
        receipt: plain values: accuracy, its interval, sizes, speeds, settings.
        created_at: UTC, ISO 8601.
    """

    model_id: str
    architecture: str
    class_names: list[str]
    folder: str
    history: dict[str, list[float]]
    receipt: dict[str, Any]
    created_at: str


_COLUMNS = [models.c[name] for name in FinalModel.__slots__]


def add(connection: Connection, model: FinalModel) -> None:
    """Keep a trained model's record."""
    values = {name: getattr(model, name) for name in FinalModel.__slots__}
    connection.execute(insert(models).values(**values))


def all_models(connection: Connection) -> list[FinalModel]:
    """Return them, the latest first."""
    rows = connection.execute(select(*_COLUMNS).order_by(models.c.created_at.desc()))
    return [FinalModel(*row) for row in rows]


def get(connection: Connection, model_id: str) -> FinalModel | None:
    """Return one by its id."""
    row = connection.execute(select(*_COLUMNS).where(models.c.model_id == model_id)).first()
    return None if row is None else FinalModel(*row)
