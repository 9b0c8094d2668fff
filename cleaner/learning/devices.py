"""What training runs on: all graphics cards of this computer, or its processors.

On cards it computes in mixed precision, which is fast there. Several share each batch and keep
their weights alike (data parallelism, one process).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def cards() -> list[str]:
    """Return the names of the graphics cards there are."""
    return [device.name for device in tf.config.list_logical_devices("GPU")]


@cache
def strategy() -> tf.distribute.Strategy:
    """Return what shares the work out: among the cards where there are several."""
    found = cards()
    if len(found) > 1:
        return tf.distribute.MirroredStrategy(found)
    return tf.distribute.get_strategy()


@contextmanager
def best_precision() -> Iterator[None]:
    """Compute in mixed precision inside the block where there is a GPU, which is fast there."""
    before = keras.config.dtype_policy()
    if tf.config.list_physical_devices("GPU"):
        keras.config.set_dtype_policy("mixed_float16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def scaled(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Return the optimizer, kept from losing small gradients where precision is mixed."""
    if keras.config.dtype_policy().compute_dtype == "float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def shared_out(arrays: Sequence[np.ndarray]) -> list[Any]:
    """Return each array in equal parts, one a replica; rows of zeros fill the last part up."""
    replicas = strategy().num_replicas_in_sync
    if replicas == 1:
        return list(arrays)
    return [_split(array, replicas) for array in arrays]


def _split(array: np.ndarray, replicas: int) -> Any:
    rows = -(-len(array) // replicas)
    filled = np.zeros((rows * replicas, *array.shape[1:]), array.dtype)
    filled[: len(array)] = array

    def part(context: tf.distribute.ValueContext) -> Any:
        first = context.replica_id_in_sync_group * rows
        return tf.constant(filled[first : first + rows])

    return strategy().experimental_distribute_values_from_function(part)
