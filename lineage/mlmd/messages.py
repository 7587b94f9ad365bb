"""The messages of MLMD's service, made from the compiled `metadata_store.proto`.

They live in a descriptor pool of their own and are made at run time, so that neither the client's
package in the same process nor another version of protobuf's compiler can clash with them. What else
we need of protobuf, which is an extra, is imported here as well, so that one place says so.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeAlias

from lineage.errors import MissingExtra
from lineage.model.keys import Kind

try:
    from google.protobuf import __version__ as _installed
    from google.protobuf import any_pb2, field_mask_pb2, struct_pb2
    from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
    from google.protobuf.message import DecodeError
    from google.protobuf.message_factory import GetMessageClass
    from google.protobuf.unknown_fields import UnknownFieldSet
except ImportError as error:
    raise MissingExtra(
        "MLMD's messages need protobuf: pip install 'lineage-graph[mlmd]'"
    ) from error

_OLDEST = (5, 28)
"""The first protobuf that reads descriptors of editions as they are meant; older ones fail on the way."""
if tuple(map(int, _installed.split(".")[:2])) < _OLDEST:
    raise MissingExtra(
        f"MLMD's messages need protobuf 5.28 or newer, and {_installed} is installed, perhaps for the package "
        "ml-metadata: in an environment without it, pip install 'lineage-graph[mlmd]'"
    )

__all__ = [
    "METHODS",
    "SERVICE",
    "AnyMessage",
    "DecodeError",
    "Message",
    "MessageToDict",
    "ParseDict",
    "ParseError",
    "StructMessage",
    "UnknownFieldSet",
    "message",
    "node_class",
    "type_class",
]

Message: TypeAlias = Any
"""A message of any type; its fields are known to no type checker."""

AnyMessage: Final = any_pb2.Any
StructMessage: Final = struct_pb2.Struct

SERVICE: Final = "ml_metadata.MetadataStoreService"
"""What clients call the service."""


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for known in (any_pb2, field_mask_pb2, struct_pb2):
        copy = FileDescriptorProto()
        known.DESCRIPTOR.CopyToProto(copy)
        pool.Add(copy)
    compiled = files("lineage.mlmd").joinpath("metadata_store.binpb").read_bytes()
    for file in FileDescriptorSet.FromString(compiled).file:
        pool.Add(file)
    return pool


_POOL = _pool()
METHODS: Final[tuple[str, ...]] = tuple(
    method.name for method in _POOL.FindServiceByName("lineage.mlmd.MetadataStoreService").methods
)
"""The names of all calls."""


@cache
def message(name: str) -> type[Message]:
    """Return the class of the message of this name, such as `PutArtifactsRequest`."""
    return GetMessageClass(_POOL.FindMessageTypeByName(f"lineage.mlmd.{name}"))


def node_class(kind: Kind) -> type[Message]:
    """Return the class of the messages of a kind of node."""
    return message(kind.capitalize())


def type_class(kind: Kind) -> type[Message]:
    """Return the class of the messages of a kind's types."""
    return message(f"{kind.capitalize()}Type")
