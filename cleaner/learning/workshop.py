"""The folder a training works in until its model is in its place, whatever ends it before."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from cleaner.learning import shipping
from cleaner.project import Project
from cleaner.store import models
from cleaner.store.models import FinalModel

_UNFINISHED = ".training-"
_SHIPPED = "shipped"
# What is about to be put in its place: who was killed before it was noted is noted from this.
_RECORD = "record.json"


class Workshop:
    """Holds the snapshot of one training and the files it ships, under a name nobody lists.

    What other trainings left unfinished goes: their labels or settings are no longer the ones
    asked for, and each takes as much room as a model.

    Args:
        project: whose model it will be.
        key: names all that decides what the training leads to.

    Attributes:
        snapshot: where the fine-tuning keeps how far it is.
        snapshot_of_the_given_labels: the same, of the model that shows what cleaning brought.
        shipped: where the files of the model are made; it does not exist yet.
        finished: the model that an earlier run with this key completed and did not live to tell.
    """

    def __init__(self, project: Project, key: str) -> None:
        self._project = project
        self._models = project.state / "models"
        self._folder = self._models / f"{_UNFINISHED}{key}"
        self.snapshot = self._folder / "fine_tune.npz"
        self.snapshot_of_the_given_labels = self._folder / "fine_tune_given.npz"
        self.shipped = self._folder / _SHIPPED
        self.finished = self._settled(self._folder)
        for other in self._models.glob(f"{_UNFINISHED}*"):
            if other != self._folder:
                self._settled(other)
                shutil.rmtree(other)
        self._folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.shipped, ignore_errors=True)

    def place(self, model: FinalModel) -> FinalModel:
        """Give a model its name and its place, note it in the store, and return it as noted.

        A kill in between leaves a folder that the next training notes, or nothing to be seen.
        """
        folder = self._free_folder(model.architecture)
        named = replace(
            model,
            model_id=folder.name,
            folder=str(folder),
            receipt={"model_id": folder.name, **model.receipt},
        )
        text = json.dumps(named.receipt, ensure_ascii=False, indent=2)
        (self.shipped / "receipt.json").write_text(text + "\n", encoding="utf-8")
        shipping.flush(self.shipped)
        self._keep(named)
        self.shipped.rename(folder)
        shipping.flush_folder(self._models)
        self._note(named)
        self.close()
        return named

    def close(self) -> None:
        """Remove the folder; the model is in its place."""
        shutil.rmtree(self._folder)

    def _free_folder(self, architecture: str) -> Path:
        name = f"{architecture}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        candidates = (name, *(f"{name}-{number}" for number in range(2, 1000)))
        return next(f for f in map(self._models.joinpath, candidates) if not f.exists())

    def _keep(self, model: FinalModel) -> None:
        beside = self._folder / f"{_RECORD}.part"
        with beside.open("w", encoding="ascii") as file:
            json.dump(asdict(model), file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._folder / _RECORD)

    def _settled(self, folder: Path) -> FinalModel | None:
        """Note the model that was put in its place from this folder, if one was."""
        try:
            record = json.loads((folder / _RECORD).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        model = FinalModel(**record)
        place = self._models / model.model_id
        if not place.is_dir():
            (folder / _RECORD).unlink()  # it was killed a moment before
            return None
        self._note(model)
        return replace(model, folder=str(place))

    def _note(self, model: FinalModel) -> None:
        with self._project.store.write() as connection:
            if models.get(connection, model.model_id) is None:
                models.add(connection, model)
