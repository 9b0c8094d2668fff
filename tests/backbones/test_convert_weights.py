"""The converter reads a foreign pickle as data, and nothing in it can run."""

from __future__ import annotations

import importlib.util
import pickle
import struct
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "convert_weights.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("convert_weights", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "convert_weights", module)
    spec.loader.exec_module(module)
    return module


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('ran')",))


def test_a_pickle_that_names_a_function_is_refused(script: ModuleType) -> None:
    with pytest.raises(script.ConversionError, match=r"builtins\.exec; refused"):
        script._read_torch(pickle.dumps(_Harmful()))


def test_a_legacy_file_without_tensors_is_read_as_empty(script: ModuleType) -> None:
    parts: tuple[object, ...] = (script._LEGACY_MAGIC, script._LEGACY_PROTOCOL, {}, {}, [])

    assert script._read_torch(b"".join(pickle.dumps(part, protocol=2) for part in parts)) == {}


def test_a_file_that_is_not_pytorch_s_is_refused(script: ModuleType) -> None:
    parts: tuple[object, ...] = (1, 2, {}, {}, [])

    with pytest.raises(script.ConversionError, match="not a PyTorch file"):
        script._read_torch(b"".join(pickle.dumps(part, protocol=2) for part in parts))


def test_a_transposed_tensor_keeps_its_strides(script: ModuleType) -> None:
    storage = script._Storage("<f4", np.frombuffer(struct.pack("<7f", *range(7)), "<f4"))

    tensor = script._Tensor(storage, 1, (3, 2), (1, 3))

    np.testing.assert_array_equal(tensor.array(), [[1, 4], [2, 5], [3, 6]])


def test_every_package_belongs_to_a_network(script: ModuleType) -> None:
    assert set(script.PACKAGES) == set(script.NETWORKS)
