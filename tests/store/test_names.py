from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from cleaner.store import Store, catalogue
from cleaner.store.tables import Name

_DIALECT = sqlite.dialect()


@given(st.binary(max_size=20).filter(lambda raw: b"\0" not in raw))
def test_any_file_name_comes_back_as_it_was(raw: bytes) -> None:
    name = os.fsdecode(raw)
    kept = Name().process_bind_param(name, _DIALECT)
    assert kept is not None
    kept.encode("utf-8")  # what a database asks of text
    assert Name().process_result_value(kept, _DIALECT) == name


@pytest.mark.every_store
@pytest.mark.parametrize("raw", [b"caf\xc3\xa9", b"caf\xe9", b"\xff\xfe", "日本".encode()])
def test_a_class_is_listed_under_its_own_name(store: Store, raw: bytes) -> None:
    with store.write() as connection:
        catalogue.set_classes(connection, [os.fsdecode(raw)])
    with store.read() as connection:
        assert catalogue.class_names(connection) == (os.fsdecode(raw),)


@given(st.text("/2f\udcff\udc80a", max_size=12))
def test_an_address_comes_back_as_it_was(name: str) -> None:
    kept = Name().process_bind_param(name, _DIALECT)
    assert Name().process_result_value(kept, _DIALECT) == name
