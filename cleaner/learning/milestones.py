"""Whole models kept on the way to the final one, for whoever wants to go back to one."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from cleaner.backbones import Backbone, short_name
from cleaner.learning.final_head import FinalHead
from cleaner.learning.finetune import Network, assembled
from cleaner.settings import TrainSettings


class Milestones:
    """Writes .keras files into a folder of one training, numbered by step or epoch.

    A run that goes on after a kill writes what it does anew under the same names.
    """

    def __init__(self, folder: Path, backbone: Backbone, output_name: str) -> None:
        self._folder = folder
        self._backbone = backbone
        self._output_name = output_name
        self._network: Network | None = None

    @classmethod
    def of(cls, settings: TrainSettings, backbone: Backbone, key: str) -> Milestones | None:
        """Return those that the settings ask for, in a sub-folder that only this training has."""
        if settings.checkpoints is None:
            return None
        folder = Path(settings.checkpoints) / f"{short_name(settings.model)}-{key}"
        return cls(folder, backbone, settings.output_name)

    def last_layer(self, step: int, kernel: np.ndarray, bias: np.ndarray) -> None:
        """Keep the pretrained network with the last layer as it is after a step."""
        if self._network is None:
            head = FinalHead(kernel, bias, {}, self._output_name)
            self._network = assembled(self._backbone, head)
        self._network.top.set_weights([kernel, bias])
        self._write(self._network.model, f"last_layer-step-{step:06d}.keras")

    def fine_tuned(self, epoch: int, model: keras.Model) -> None:
        """Keep the network as it is after an epoch of fine-tuning."""
        self._write(model, f"fine_tuning-epoch-{epoch:03d}.keras")

    def _write(self, model: keras.Model, name: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = self._folder / f".{name}"  # Keras goes by the ending
        model.save(beside, include_optimizer=False)
        beside.replace(self._folder / name)
