"""What a model file says of itself changes nothing of what it does."""

from __future__ import annotations

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from cleaner import nameplates
from cleaner.backbones.embedded import weights_folder
from cleaner.errors import ModelError
from cleaner.nameplates import Nameplate

PLATE = Nameplate("Image classifier", "Tells 3 classes apart.", 224, "labels.txt")


@pytest.fixture(scope="module")
def plain() -> bytes:
    return (weights_folder() / "mobilenet_v2_1.0_224.int8.tflite").read_bytes()


def answer(flatbuffer: bytes) -> np.ndarray:
    interpreter = Interpreter(model_content=flatbuffer)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    photo = np.random.default_rng(0).integers(0, 256, given["shape"]).astype(given["dtype"])
    interpreter.set_tensor(given["index"], photo)
    interpreter.invoke()
    found: np.ndarray = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return found


def test_the_model_computes_as_before(plain: bytes) -> None:
    np.testing.assert_array_equal(answer(nameplates.put_on(plain, PLATE)), answer(plain))


def test_the_plate_is_read_back(plain: bytes) -> None:
    assert nameplates.read(plain) is None
    found = nameplates.read(nameplates.put_on(plain, PLATE))
    assert found is not None
    assert found[4:8] == b"M001"
    assert all(text in found for text in (b"Image classifier", b"labels.txt", b"RGB photo"))


def test_a_new_plate_takes_the_place_of_the_old_one(plain: bytes) -> None:
    once = nameplates.put_on(plain, PLATE)
    other = Nameplate("Another", "", 224, "labels.txt")
    found = nameplates.read(nameplates.put_on(once, other))
    assert found is not None
    assert b"Another" in found
    assert b"Image classifier" not in found


def test_weights_lie_where_the_runtime_can_read_them_at_once(plain: bytes) -> None:
    from ai_edge_litert import schema_py_generated as schema

    plated = nameplates.put_on(plain, PLATE)
    model = schema.Model.GetRootAs(plated)
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if buffer.DataLength():
            place = buffer._tab.Offset(flatbuffers.number_types.UOffsetTFlags.py_type(4))
            assert buffer._tab.Vector(place) % 16 == 0


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ModelError, match="no TensorFlow Lite model"):
        nameplates.put_on(b"something else", PLATE)
