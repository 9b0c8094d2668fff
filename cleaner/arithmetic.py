"""How many multiplications a network takes for one photo, counted in the file that is run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from cleaner.errors import ModelError

Shape = tuple[int, ...]


def multiply_adds(flatbuffer: bytes) -> int:
    """Return the multiply-adds of convolutions and dense layers for one photo.

    What else a network does (activations, sums, pooling, scaling) costs next to nothing beside
    them and is not counted, as in the papers of MobileNet: Howard et al., arXiv 1704.04861.

    Raises:
        ModelError: these bytes are no TensorFlow Lite model.
    """
    from ai_edge_litert import schema_py_generated as schema

    if flatbuffer[4:8] != b"TFL3":
        raise ModelError("These bytes are no TensorFlow Lite model.")
    model = schema.Model.GetRootAs(flatbuffer)
    counts: dict[int, Callable[[Shape, Shape], int]] = {
        schema.BuiltinOperator.CONV_2D: _at_each_place,
        schema.BuiltinOperator.DEPTHWISE_CONV_2D: _at_each_place,
        schema.BuiltinOperator.FULLY_CONNECTED: _dense,
    }
    graph, total = model.Subgraphs(0), 0
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        count = counts.get(_kind(model.OperatorCodes(operator.OpcodeIndex())))
        if count is not None:
            total += count(_shape(graph, operator.Outputs(0)), _shape(graph, operator.Inputs(1)))
    return total


def _kind(code: Any) -> int:
    # Files of old converters have it in one byte.
    return max(int(code.BuiltinCode()), int(code.DeprecatedBuiltinCode()))


def _shape(graph: Any, tensor: int) -> Shape:
    return tuple(int(size) for size in graph.Tensors(tensor).ShapeAsNumpy())


def _at_each_place(output: Shape, kernel: Shape) -> int:
    """Count a convolution: its whole kernel, at each place of (photo, row, column, channel)."""
    return math.prod(output[1:3]) * math.prod(kernel)


def _dense(_output: Shape, kernel: Shape) -> int:
    return math.prod(kernel)
