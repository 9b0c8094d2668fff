"""The curves of a training as TensorBoard reads them. TensorBoard itself need not be installed."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from cleaner.errors import CleanerError
from cleaner.progress import PHASE, Progress, Report

# In TensorFlow's summary.proto.
_SCALAR = 1


class EventLog:
    """A report that also writes curves into a folder of event files, an epoch a step."""

    def __init__(self, folder: Path, report: Report) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._writer = tf.summary.create_file_writer(str(folder))
        except (OSError, tf.errors.OpError) as error:
            raise CleanerError(
                f"{folder}: no logs can be written there ({error}). Name another folder."
            ) from error
        self._report = report
        self._epochs: dict[str, int] = {}
        # What `tf.summary.scalar` would say; that needs TensorBoard's own package.
        summary = tf.compat.v1.SummaryMetadata
        plugin = summary.PluginData(plugin_name="scalars")
        self._metadata = summary(plugin_data=plugin, data_class=_SCALAR)

    def __call__(self, progress: Progress) -> None:
        if progress.curves:
            self._write(progress)
        self._report(progress)

    def _write(self, progress: Progress) -> None:
        epoch = self._epochs[progress.stage] = self._epochs.get(progress.stage, 0) + 1
        part = progress.stage.lower().replace(" ", "_")
        with self._writer.as_default():
            for name, value in progress.curves.items():
                if name == PHASE:
                    continue  # the stage says it
                number = tf.constant(value, tf.float32)
                tf.summary.write(f"{part}/{name}", number, step=epoch, metadata=self._metadata)
        self._writer.flush()
