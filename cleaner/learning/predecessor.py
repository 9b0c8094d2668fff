"""The model that a training begins from: its network as it is, its last layer to go on with."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cleaner.backbones.base import Backbone, BackboneInfo, Extractor, NamedByUser
from cleaner.backbones.embedded import LiteRTExtractor
from cleaner.backbones.networks import keras_file
from cleaner.classifier import open_classifier
from cleaner.errors import BackboneError, ImageRejected, ModelError
from cleaner.estimates.intervals import wilson_interval
from cleaner.exporters import MODEL_FILES, tflite
from cleaner.items import shown_path
from cleaner.learning import new_rows
from cleaner.learning.architectures import open_architecture
from cleaner.learning.final_head import Featured, FinalHead
from cleaner.learning.new_rows import OLD, Known, Top
from cleaner.learning.training_set import Photo, TrainingSet
from cleaner.progress import Report
from cleaner.project import Project
from cleaner.settings import PUBLISHED, TrainSettings
from cleaner.store.models import FinalModel


def find(project: Project, model_id: str, cache_folder: Path) -> Predecessor:
    """Return the model of that name.

    Raises:
        ModelError: there is none, or its .keras file is gone.
    """
    models = {model.model_id: model for model in project.models()}
    if model_id not in models:
        raise ModelError(
            f"{shown_path(str(project.root))}: no model {shown_path(model_id)!r} to begin from. "
            f"Known: {', '.join(models) or 'none'}."
        )
    model = models[model_id]
    file = project.state / model.folder / MODEL_FILES["keras"]
    if not file.is_file():
        raise ModelError(
            f"{shown_path(str(file))}: it is gone, and a training begins from it. Train anew, "
            "without --from."
        )
    return Predecessor(model, file, cache_folder)


class Predecessor:
    """A trained model whose network is kept while its last layer learns other classes."""

    def __init__(self, model: FinalModel, file: Path, cache_folder: Path) -> None:
        self._model = model
        self._file = file
        self._cache_folder = cache_folder

    @property
    def is_tuned(self) -> bool:
        """Whether its network is another one than was published."""
        receipt = self._model.receipt
        inherited = (receipt.get("joined") or {}).get("is_tuned", False)
        return bool(inherited or receipt["epochs"]["kept_fine_tuning"])

    @cached_property
    def backbone(self) -> Backbone:
        """Return its network without the last layer.

        One that was not fine-tuned is the published one, whose features are kept already.
        """
        settings = TrainSettings.from_json(self._model.receipt["settings"])
        if not self.is_tuned and settings.weights == PUBLISHED:
            published = open_architecture(settings.model, self._cache_folder)
            # A file that somebody named may have other content by now.
            if not isinstance(published, NamedByUser):
                return published
        return TrainedNetwork(self._model, self._whole, self._cache_folder)

    @cached_property
    def _whole(self) -> keras.Model:
        try:
            return keras_file.load(self._file)
        except BackboneError as error:
            raise ModelError(f"{error} Train anew, without --from.") from error

    def last_layer(self, class_names: Sequence[str]) -> Top:
        """Return its rows for the classes that it knows; a new one begins as the middle of all."""
        kernel, bias = self._whole.layers[-1].get_weights()
        begin = Top(
            np.repeat(kernel.mean(axis=1, keepdims=True), len(class_names), axis=1),
            np.full(len(class_names), bias.mean(), np.float32),
        )
        for column, name in enumerate(class_names):
            if name in self._model.class_names:
                known = self._model.class_names.index(name)
                begin.kernel[:, column], begin.bias[column] = kernel[:, known], bias[known]
        return begin

    def widened(
        self, train: Featured, class_names: Sequence[str], settings: TrainSettings
    ) -> FinalHead | None:
        """Return its last layer with a row for each class that it lacks; None where it lacks none.

        The rows that it has stay as they are, so that an old answer can only change where a new
        row outbids all of them.
        """
        knew = np.isin(class_names, self._model.class_names)
        if knew.all() or not knew.any():
            return None
        top, new = self.last_layer(class_names), np.flatnonzero(~knew)
        labels = np.full(len(class_names), OLD, np.int64)
        labels[new] = np.arange(len(new))
        views, items, features = train.features.shape
        images = Known(
            train.features.reshape(-1, features),
            np.tile(labels[train.labels], views),
            np.tile(np.arange(items), views),
        )
        old = Top(top.kernel[:, knew], top.bias[knew])
        rows = new_rows.learnt_beside(old, images, len(new))
        top.kernel[:, new], top.bias[new] = rows.kernel, rows.bias
        return FinalHead(top.kernel, top.bias, {"loss": []}, settings.output_name)

    def compared(
        self, photos: TrainingSet, answers: Sequence[dict[str, Any]], report: Report
    ) -> dict[str, Any]:
        """Return how the new classes fare, and how many answers on old ones are others now.

        Both on the test images, which neither model has learnt from.

        Args:
            photos: what the new model was trained on.
            answers: what it says of the test images, as `evaluation.evaluate` gives them.
            report: told how far it is.
        """
        names, knew = photos.class_names, frozenset(self._model.class_names)
        now = {one["path"]: one["predicted"] for one in answers}
        seen = [photo for photo in photos.test if photo.path in now]
        new = [photo for photo in seen if names[photo.label] not in knew]
        before = self._answers([photo for photo in seen if names[photo.label] in knew], report)
        old = [photo for photo in seen if photo.path in before]
        changed = sum(before[photo.path] != now[photo.path] for photo in old)
        images = Counter(names[photo.label] for photo in new)
        hits = Counter(names[p.label] for p in new if now[p.path] == names[p.label])
        return {
            "model": self._model.model_id,
            "is_tuned": self.is_tuned,
            "new_classes": {
                name: {"images": images[name], "right": hits[name]}
                for name in names
                if name not in knew
            },
            "old_images": len(old),
            "old_changed": changed,
            "old_changed_share": changed / len(old) if old else None,
            "old_changed_interval": list(wilson_interval(changed, len(old))),
            "old_right_before": sum(before[p.path] == names[p.label] for p in old),
            "old_right": sum(now[photo.path] == names[photo.label] for photo in old),
        }

    def _answers(self, photos: Sequence[Photo], report: Report) -> dict[str, str]:
        classifier = open_classifier(self._file.parent)
        outcomes = classifier.predict_files([photo.source.path for photo in photos], report)
        return {
            photo.path: classifier.class_names[int(outcome.argmax())]
            for photo, (_path, outcome) in zip(photos, outcomes, strict=True)
            if not isinstance(outcome, ImageRejected)
        }


class TrainedNetwork:
    """The network of a model that was trained here, without its last layer."""

    uses_gpu = False

    def __init__(self, model: FinalModel, whole: keras.Model, cache_folder: Path) -> None:
        self._model = model
        self._base = whole.layers[1]
        self._flatbuffer = cache_folder / "networks" / f"{self.content_id}.tflite"
        self._converting = threading.Lock()

    @property
    def info(self) -> BackboneInfo:
        receipt = self._model.receipt
        return BackboneInfo(
            name=self._model.architecture,
            input_side_px=int(self._base.input_shape[1]),
            feature_count=int(self._base.output_shape[-1]),
            parameters=int(self._base.count_params()),
            multiply_adds=receipt["multiply_adds"],
            licence=receipt["weights"]["licence"],
            source=f"{receipt['weights']['source']}, as {self._model.model_id} has it",
            available=True,
        )

    @cached_property
    def content_id(self) -> str:
        """Name weights, side and runtime: models that joined one another share their features."""
        digest = hashlib.sha256()
        for weights in self._base.get_weights():
            digest.update(weights.tobytes())
        return (
            f"trained-{digest.hexdigest()[:16]}-{self._base.input_shape[1]}px-"
            f"keras-{version('keras')}-litert-{version('ai-edge-litert')}"
        )

    def extractor(self) -> Extractor:
        with self._converting:
            if not self._flatbuffer.is_file():
                self._flatbuffer.parent.mkdir(parents=True, exist_ok=True)
                beside = self._flatbuffer.with_suffix(".part")
                beside.write_bytes(tflite.flatbuffer(self._base))
                beside.replace(self._flatbuffer)
        return LiteRTExtractor(self._flatbuffer)

    def build(self, input_side_px: int | None = None) -> keras.Model:
        side_px = self._base.input_shape[1]
        if input_side_px not in (None, side_px):
            raise BackboneError(
                f"{self._model.model_id}: reads photos of side {side_px}, not {input_side_px}."
            )
        return self._base
