"""Arrow's C data interface, read through ctypes: what any library of columns gives without a copy.

The structures are those of https://arrow.apache.org/docs/format/CDataInterface.html and …/CStreamInterface.html. A chunk
is released as soon as its successor is asked for, so that a stream of any length takes the memory of one chunk.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from lineage.errors import Invalid

__all__ = ["Array", "Field", "Stream", "arrays_of", "memory"]

MOST_FIELDS = 1_000_000
"""More children than any table has are a damaged structure."""


class _CSchema(ctypes.Structure):
    pass


class Array(ctypes.Structure):
    """A chunk of values, at `buffers`, or in children; the format says which."""


class _CStream(ctypes.Structure):
    pass


_CSchema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_CSchema))),
    ("dictionary", ctypes.POINTER(_CSchema)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_CSchema))),
    ("private_data", ctypes.c_void_p),
]
Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(Array))),
    ("dictionary", ctypes.POINTER(Array)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(Array))),
    ("private_data", ctypes.c_void_p),
]
_CStream._fields_ = [
    (
        "get_schema",
        ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_CStream), ctypes.POINTER(_CSchema)),
    ),
    (
        "get_next",
        ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_CStream), ctypes.POINTER(Array)),
    ),
    ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(_CStream))),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_CStream))),
    ("private_data", ctypes.c_void_p),
]

_pointer_in = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_in.restype = ctypes.c_void_p
_pointer_in.argtypes = [ctypes.py_object, ctypes.c_char_p]


class Field(NamedTuple):
    """A column's name and type: Arrow's format string, and those of its children and of what a dictionary holds."""

    name: str
    format: str
    children: tuple[Field, ...]
    dictionary: Field | None


class Stream:
    """The chunks of an object that has `__arrow_c_stream__`; to be read once, in one thread."""

    def __init__(self, source: Any) -> None:
        self._capsule = source.__arrow_c_stream__()  # lets go of the stream when it is collected
        address = _pointer_in(self._capsule, b"arrow_array_stream")
        self._stream = _CStream.from_address(address)
        schema = _CSchema()
        self._check(self._stream.get_schema(ctypes.byref(self._stream), ctypes.byref(schema)))
        try:
            self.field = _field(schema)
        finally:
            schema.release(ctypes.byref(schema))

    def __iter__(self) -> Iterator[Array]:
        while True:
            array = Array()
            self._check(self._stream.get_next(ctypes.byref(self._stream), ctypes.byref(array)))
            if not array.release:
                return
            try:
                yield array
            finally:
                array.release(ctypes.byref(array))

    def _check(self, code: int) -> None:
        if code:
            message = self._stream.get_last_error(ctypes.byref(self._stream))
            text = message.decode(errors="replace") if message else os.strerror(code)
            raise Invalid(f"the frame cannot be read: {text}")


def arrays_of(source: Any) -> tuple[Field, Iterator[Array]]:
    """Return the type and the chunks of what has `__arrow_c_stream__` or `__arrow_c_array__`.

    A chunk is to be used before the next one is asked for.
    """
    if hasattr(source, "__arrow_c_stream__"):
        stream = Stream(source)
        return stream.field, iter(stream)
    schema_capsule, array_capsule = source.__arrow_c_array__()
    schema = _CSchema.from_address(_pointer_in(schema_capsule, b"arrow_schema"))
    array = Array.from_address(_pointer_in(array_capsule, b"arrow_array"))
    return _field(schema), _one(array, array_capsule)


def _one(array: Array, capsule: object) -> Iterator[Array]:
    yield array
    del capsule  # it lets go of the array


def memory(address: int | None, size: int) -> memoryview:
    """Return bytes of a buffer without a copy; to be used only while its array is there."""
    if not address or size <= 0:
        return memoryview(b"")
    return memoryview((ctypes.c_char * size).from_address(address)).cast("B")


def _field(schema: _CSchema) -> Field:
    if not 0 <= schema.n_children <= MOST_FIELDS:
        raise Invalid("the frame cannot be read: its schema is damaged")
    children = tuple(_field(schema.children[at].contents) for at in range(schema.n_children))
    return Field(
        (schema.name or b"").decode(errors="replace"),
        schema.format.decode(),
        children,
        _field(schema.dictionary.contents) if schema.dictionary else None,
    )
